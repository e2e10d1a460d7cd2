"""The state of one region: everything that the added operations read and change, under the one lock."""

from __future__ import annotations

import random
import string
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from slipway.rehearsal.emulation.settings import RegistryReader, Settings
from slipway.rehearsal.runtime import Runtime

Course = Generator[None, None, None]  # what happens over time: each `yield` waits for the next moment


@dataclass(slots=True, kw_only=True, eq=False)
class Revision:
    """One revision of a task definition. `document` is what AWS would show, unknown fields included."""

    family: str
    number: int
    arn: str
    document: dict[str, Any]
    tags: list[dict[str, str]]
    status: str = "ACTIVE"

    @property
    def containers(self) -> list[dict[str, Any]]:
        """The container definitions."""
        containers: list[dict[str, Any]] = self.document["containerDefinitions"]
        return containers


@dataclass(slots=True, kw_only=True)
class Container:
    """One container of a task."""

    name: str
    image: str
    runtime_id: str
    status: str = "PENDING"
    exit_code: int | None = None
    reason: str = ""
    digest: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Task:
    """One task: really running containers, as far as the runtime does."""

    arn: str
    cluster: str
    service: str
    fleet: str  # what started it: the id of a task set or deployment; empty for RunTask
    revision: Revision
    containers: list[Container]
    created: float
    status: str = "PENDING"
    desired: str = "RUNNING"
    health: str = "UNKNOWN"
    started: float | None = None
    stopping: float | None = None
    stopped: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    started_by: str = ""
    passed: int = 0  # health checks in a row
    failed: int = 0
    next_check: float = 0.0
    health_detail: str = ""
    group: str = ""
    counted: bool = False  # its failure, among its fleet's

    @property
    def alive(self) -> bool:
        """Whether it runs or is on its way there."""
        return self.desired == "RUNNING" and self.status != "STOPPED"

    @property
    def healthy(self) -> bool:
        """Whether it may take traffic."""
        return self.alive and self.status == "RUNNING" and self.health == "HEALTHY"


@dataclass(slots=True, kw_only=True, eq=False)
class Fleet:
    """The tasks of one revision in one service: a task set (CodeDeploy) or a deployment (ECS)."""

    id: str
    revision: Revision
    desired: int
    status: str  # PRIMARY | ACTIVE | DRAINING
    created: float
    updated: float
    target_group: str = ""
    weight: float = 0.0  # percent of the production traffic
    failures: int = 0
    next_start: float = 0.0
    rollout: str = "IN_PROGRESS"
    rollout_reason: str = ""
    revision_arn: str = ""  # of the service revision


@dataclass(slots=True, kw_only=True, eq=False)
class Service:
    """One ECS service. `parameters` is what CreateService and UpdateService gave."""

    name: str
    cluster: str
    arn: str
    controller: str
    desired: int
    revision: Revision
    parameters: dict[str, Any]
    health_path: str
    created: float
    status: str = "ACTIVE"
    fleets: list[Fleet] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    traffic: dict[str, int] | None = None  # what the runtime was told last
    steady: bool = False
    deployment: str = ""  # ARN of the service deployment in progress

    @property
    def primary(self) -> Fleet | None:
        """The fleet that counts as the service's own."""
        return next((fleet for fleet in self.fleets if fleet.status == "PRIMARY"), None)

    def fleet(self, identity: str) -> Fleet | None:
        """The fleet with this id, while it is there."""
        return next((fleet for fleet in self.fleets if fleet.id == identity), None)


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """One region of the account."""

    settings: Settings
    region: str
    runtime: Runtime
    registry: RegistryReader | None
    now: float
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    families: dict[str, list[Revision]] = field(default_factory=dict)
    registrations: dict[str, float] = field(default_factory=dict)  # tokens left, and since when
    services: dict[tuple[str, str], Service] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    fleet_tasks: dict[str, list[Task]] = field(default_factory=dict)  # the same, by what started them
    service_deployments: dict[str, Any] = field(default_factory=dict)
    service_revisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    deployments: dict[str, Any] = field(default_factory=dict)
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    public_repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)  # key id -> ARN, expiry
    pushes: list[tuple[float, str, str, str]] = field(default_factory=list)  # due, repository, tag, digest

    def scaled(self, seconds: float) -> float:
        """Seconds of the clock that so many of AWS's seconds take."""
        return seconds / self.settings.speed

    def pause(self, seconds: float) -> Course:
        """Wait for so many of AWS's seconds."""
        until = self.now + self.scaled(seconds)
        while self.now < until - 1e-9:
            yield

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """An ARN in this account."""
        place = self.region if region else ""
        return f"arn:aws:{service}:{place}:{self.settings.account}:{resource}"


def letters(count: int) -> str:
    """Random capital letters and digits, as in CodeDeploy's ids."""
    return "".join(random.choices(string.ascii_uppercase + string.digits, k=count))  # noqa: S311


def digits(count: int) -> str:
    """Random digits, as in ECS's deployment ids."""
    return "".join(random.choices(string.digits, k=count))  # noqa: S311


def hexadecimal(count: int) -> str:
    """Random hexadecimal digits, as in ECS's task ids."""
    return "".join(random.choices("0123456789abcdef", k=count))  # noqa: S311


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without those that are None: AWS leaves out what there isn't."""
    return {name: value for name, value in fields.items() if value is not None}


def few(
    parameters: dict[str, Any], field: str, *, most: int, code: str = "InvalidParameterException"
) -> list[Any]:
    """The list under `field`. Raises RefusedError when it is empty or longer than AWS takes."""
    from slipway.rehearsal.emulation.refusals import RefusedError

    items = list(parameters.get(field) or [])
    name = field[0].upper() + field[1:]
    if not items:
        raise RefusedError("InvalidParameterException", f"{name} cannot be empty.")
    if len(items) > most:
        raise RefusedError(code, f"{name} cannot have more than {most} elements.")
    return items


def page(items: list[Any], parameters: dict[str, Any], *, size: int = 100, key: str) -> dict[str, Any]:
    """One page of a list under `key`, with `nextToken` when there is more."""
    first = int(parameters.get("nextToken") or 0)
    limit = min(size, int(parameters.get("maxResults") or size))
    more = {"nextToken": str(first + limit)} if len(items) > first + limit else {}
    return {key: items[first : first + limit], **more}
