"""What every deployment controller gives to the rest of `rollout`: one vocabulary of progress.

A new way to roll out is one module that has these, and one line in `controllers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from slipway.errors import SlipwayError
from slipway.events import Stage, Status
from slipway.rollout.service import Service

State = Literal[
    "going",
    "waiting",  # for somebody to continue it
    "shifted",  # the new version has all traffic; the old tasks are still there
    "succeeded",
    "failed",
    "stopped",
    "rolling-back",
    "rolled-back",
]
ENDED: frozenset[State] = frozenset({"succeeded", "failed", "stopped", "rolled-back"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a deployment, as the provider names it. `time` is the provider's, 0 when it gives none."""

    name: str
    stage: Stage
    status: Status
    detail: str = ""
    time: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A deployment at one moment."""

    state: State
    steps: tuple[Step, ...] = ()
    installing: bool = False  # replacement tasks are being started
    weight: float | None = None  # percent of the traffic that the new version gets
    tasks: tuple[int, int] | None = None  # of the new version: running, wanted
    reason: str = ""  # why it failed or stopped, by the provider
    failed_step: str = ""
    rollback: str = ""  # the deployment that rolls this one back
    leaves_at: float = 0  # when the old tasks go, where that is known


class Deployment(Protocol):
    """One deployment of a service, in progress or ended."""

    @property
    def identity(self) -> str:
        """The provider's id."""

    @property
    def task_definition(self) -> str:
        """The ARN of the task definition that it brings in; empty while that isn't known."""

    @property
    def description(self) -> str:
        """What whoever created it wrote beside it, where the provider keeps that."""

    @property
    def rolls_back(self) -> bool:
        """Whether it is itself the rollback of another one."""

    def look(self) -> Snapshot:
        """Read how far it is."""

    def stop(self, *, rollback: bool) -> None:
        """Stop it; one that has ended is no error."""

    def proceed(self, snapshot: Snapshot) -> str:
        """End a wait that is ours to end; says what was done, or what it waits for."""

    def finish(self) -> bool:
        """End the wait before the old tasks go, so that it blocks nobody; whether that can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A deployment of the past. `task_definition` is its ARN, `time` when it was created."""

    identity: str
    task_definition: str
    time: float


class Controller(Protocol):
    """A way to roll out one service; finding it read everything it needs."""

    @property
    def rollback_apart(self) -> bool:
        """Whether a rollback is a deployment of its own."""

    def notes(self) -> tuple[str, ...]:
        """What a person should know before a deployment is started."""

    def active(self, service: Service) -> Deployment | None:
        """The deployment in progress, if there is one."""

    def start(self, service: Service, task_definition: str, *, description: str) -> Deployment:
        """Create a deployment, once. Raises BusyError when another is in progress."""

    def attach(self, service: Service, identity: str, *, task_definition: str = "") -> Deployment:
        """Return a deployment that is there."""

    def overtaken(self, service: Service) -> bool:
        """Whether a new deployment may simply replace the one in progress."""

    def successor(self, deployment: Deployment) -> str:
        """The id of somebody's newer deployment of something else, empty when there is none."""

    def since(self, service: Service, time: float) -> Iterable[Deployment]:
        """The deployments created since `time`, newest first."""

    def successes(self, service: Service) -> Iterable[Past]:
        """The deployments that succeeded, newest first."""


class BusyError(SlipwayError):
    """Another deployment of the service is in progress."""
