"""What every way to roll out has in common: what is asked for, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Ended = Literal[
    "healthy",  # what runs is our digest
    "already-out",  # it was, before we did anything
    "rolled-back",  # the old version serves
    "stuck",  # neither: a person must look
    "superseded",  # a newer deployment took over
    "detached",  # a cancelled job left it going
    "published",  # nothing was handed off, as asked
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A rollout that is asked for. `repository` has no tag; `digest` is `sha256:<64 hex>`."""

    cluster: str
    service: str
    repository: str
    digest: str
    platforms: tuple[str, ...] = ()  # of the image, such as linux/amd64; empty when unknown
    container_name: str | None = None
    base: Literal["running", "latest"] = "running"
    on_active: Literal["wait", "supersede", "fail"] = "wait"
    on_cancel: Literal["rollback", "detach"] = "rollback"
    until: Literal["traffic", "success"] = "traffic"
    max_failed_tasks: int = 3
    timeout_minutes: int = 60
    application: str | None = None
    deployment_group: str | None = None
    commit: str = ""
    child_digests: tuple[str, ...] = ()  # manifests of an index: tasks may report one of these
    description: str = ""  # shown by AWS beside the deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a rollout ended, and what serves now."""

    ended: Ended
    detail: str  # one sentence; on failure under 300 characters
    deployment: str = ""  # CodeDeploy's id or ECS's service-deployment ARN
    task_definition: str = ""  # the revision that serves
    digest: str = ""  # that serves, when known
    table: tuple[tuple[str, str, str], ...] = field(
        default=()
    )  # (event, status, detail) rows for the summary
