"""CodeDeploy's deployments to ECS: what one is, and what its target shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slipway.rehearsal.emulation.appspec import AppSpec
from slipway.rehearsal.emulation.world import Course, Fleet, Revision, Service

ACTIVE = frozenset({"Created", "Queued", "InProgress", "Baking", "Ready"})
EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
TEST_EVENTS = frozenset({"AllowTestTraffic", "AfterAllowTestTraffic"})


class FailedError(Exception):
    """The deployment failed: CodeDeploy's error code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StoppedError(Exception):
    """Somebody stopped the deployment."""


@dataclass(slots=True, kw_only=True)
class LifecycleEvent:
    """One lifecycle event of the target."""

    name: str
    status: str = "Pending"
    started: float | None = None
    ended: float | None = None
    diagnostics: dict[str, str] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Deployment:
    """One deployment. `blue` served before it, `green` is what it brings."""

    id: str
    application: str
    group: dict[str, Any]
    service: Service
    revision: dict[str, Any]
    spec: AppSpec
    task_definition: Revision
    config: str
    created: float
    creator: str = "user"
    description: str = ""
    auto_rollback: dict[str, Any] = field(default_factory=dict)
    previous_revision: dict[str, Any] | None = None
    status: str = "Created"
    started: float | None = None
    completed: float | None = None
    updated: float = 0.0
    error: tuple[str, str] | None = None
    rollback: dict[str, str] = field(default_factory=dict)
    information: str = ""
    events: dict[str, LifecycleEvent] = field(default_factory=dict)
    blue: Fleet | None = None
    green: Fleet | None = None
    terminating: bool = False  # the wait before the original's end has begun
    continued: set[str] = field(default_factory=set)
    stop: str = ""  # "" | "keep" | "rollback"
    rolls_back: Deployment | None = None
    course: Course | None = None

    @property
    def active(self) -> bool:
        """Whether it holds its group."""
        return self.status in ACTIVE
