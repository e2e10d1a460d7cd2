"""The stream of events. The core emits and never knows who listens; sinks subscribe."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal[
    "plan",
    "checks",  # everything that is read before the first write
    "build",
    "push",
    "register",  # a new task-definition revision
    "hand-off",  # the deployment is created, or waited for
    "install",  # replacement tasks start and become healthy
    "test-traffic",
    "shift-traffic",
    "bake",  # the new version serves and is watched
    "cleanup",  # the old version goes
    "verify",
    "rollback",
    "outcome",  # the last event of a component in an environment
]
Status = Literal["started", "progress", "succeeded", "failed", "skipped", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `time` is seconds since 1970; `data` holds facts for machines, no secrets."""

    time: float
    component: str
    environment: str
    stage: Stage
    status: Status
    detail: str
    data: Mapping[str, str | float] = field(default_factory=dict)


Sink = Callable[[Event], None]


class Stream:
    """Hands each event to every sink, in the order they subscribed."""

    def __init__(self, sinks: tuple[Sink, ...] = ()) -> None:
        self._sinks = list(sinks)

    def subscribe(self, sink: Sink) -> None:
        """Add `sink`; it gets the events from now on."""
        self._sinks.append(sink)

    def __call__(self, event: Event) -> None:
        """Hand the event to every sink; what one of them can't do doesn't stop the others."""
        for sink in self._sinks:
            # A sink is somebody who listens: what it can't do must not fail a deployment.
            with _forgiving(sink):
                sink(event)


@contextlib.contextmanager
def _forgiving(sink: Sink) -> Iterator[None]:
    import sys

    try:
        yield
    except Exception as error:  # noqa: BLE001
        name = getattr(sink, "__qualname__", type(sink).__qualname__)
        print(f"warning: {name} could not take an event: {type(error).__name__}", file=sys.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """Emits events of one component in one environment."""

    stream: Sink
    now: Callable[[], float]
    component: str
    environment: str

    def __call__(self, stage: Stage, status: Status, detail: str, **data: str | float) -> None:
        """Emit one event with the time it is now."""
        self.stream(
            Event(
                time=self.now(),
                component=self.component,
                environment=self.environment,
                stage=stage,
                status=status,
                detail=detail,
                data=data,
            )
        )
