"""What runs where: reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.aws import codedeploy
from slipway.aws.session import Aws
from slipway.rollout import service as services
from slipway.rollout.digest_check import digests_of, running_tasks

COMMIT = re.compile(r"\b[0-9a-f]{12,40}\b")  # whole, or the short form that people see


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a service runs. `digests` are what the tasks that serve report; `commit` is empty when unknown."""

    task_definition: str
    digests: tuple[str, ...]
    deployment: str  # that brought it in, when known
    desired: int
    running: int
    controller: str
    commit: str = ""


def status(*, cluster: str, service: str, aws: Aws) -> Running:
    """Read what the service runs. Raises SlipwayError when it isn't there."""
    found = services.find(aws, cluster, service)
    deployment = str(found.serving.get("externalId") or "")
    info = (codedeploy.get_deployment(aws, deployment) if deployment else None) or {}
    return Running(
        task_definition=found.running,
        digests=digests_of(_serving(running_tasks(aws, found), found.running)),
        deployment=deployment or str(found.described.get("currentServiceDeployment") or ""),
        desired=found.desired,
        running=found.running_count,
        controller=found.controller,
        commit=commit_in(str(info.get("description") or "")),
    )


def _serving(tasks: list[Mapping[str, Any]], task_definition: str) -> list[Mapping[str, Any]]:
    """Return the tasks of what serves: those of the version before may still be there. All, where none is."""
    return [task for task in tasks if task.get("taskDefinitionArn") == task_definition] or tasks


def commit_in(description: str) -> str:
    """Return the commit that a deployment's description names; empty when it names none."""
    found = COMMIT.search(description)
    return found.group() if found else ""
