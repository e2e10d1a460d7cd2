"""What the emulated AWS needs from a container runtime: tasks that really start, answer and stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One container of a task, as its task definition says."""

    name: str
    image: str  # repository@sha256:… or repository:tag
    port: int | None  # that the container listens on
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """What became of a task: `exit_code` and `reason` once it has stopped."""

    running: bool
    exit_code: int | None = None
    reason: str = ""
    image_digest: str = ""  # sha256:… that was pulled, when known


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the health path answered: `starting` while nothing can be said yet."""

    state: Literal["starting", "healthy", "unhealthy"]
    detail: str = ""


class Runtime(Protocol):
    """Starts, asks and stops containers, and shifts traffic between them. Calls return quickly."""

    def start(self, spec: TaskSpec) -> str:
        """Begin to pull and start a task, without waiting; returns its id. A failed pull shows in `state`."""

    def state(self, task: str) -> TaskState:
        """What became of the task."""

    def health(self, task: str, path: str) -> Health:
        """Ask the task's health path over HTTP, once."""

    def stop(self, task: str, reason: str) -> None:
        """Stop and remove the task; stopping one that is gone is no error."""

    def shift(self, service: str, weights: Mapping[str, int]) -> None:
        """Send the service's traffic to tasks by weight (task id -> 0 to 100; what isn't named gets none)."""
