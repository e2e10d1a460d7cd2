"""Following a deployment to its end: each step told once, with the provider's own time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from slipway.aws.raw import transient
from slipway.clock import Clock
from slipway.errors import AwsError
from slipway.events import Emitter, Event, Stage, Status
from slipway.rollout.controller import ENDED, Deployment, Snapshot
from slipway.rollout.task_failures import DeadTask, Watch

POLL_SECONDS = 2.0
SLICE_SECONDS = 0.5  # how soon a cancelled job is noticed
LONGEST = 299  # characters of an event
PATIENCE_SECONDS = 120  # with an AWS that doesn't answer, beyond botocore's own retries

Cut = Literal["", "cancelled", "timed-out", "failed-tasks"]


class Teller:
    """Emits what is new in each snapshot. `stage` replaces the steps' own, for a rollback.

    Steps that were skipped say nothing; they stand in the outcome's table.
    """

    def __init__(self, emit: Emitter, identity: str, *, stage: Stage | None = None) -> None:
        self._emit = emit
        self._identity = identity
        self._stage = stage
        self._told: set[tuple[str, str]] = set()
        self._tasks: tuple[int, int] | None = None
        self._weight: float | None = None

    def tell(self, snapshot: Snapshot) -> None:
        """Emit each step once, and each change of tasks and of traffic."""
        for step in snapshot.steps:
            if step.status != "skipped" and (step.name, step.status) not in self._told:
                self._told.add((step.name, step.status))
                said = f"{step.name}: {step.detail}" if step.detail else step.name
                self.say(step.stage, step.status, said, at=step.time, step=step.name)
        if snapshot.installing and snapshot.tasks not in {None, self._tasks}:
            self._tasks = snapshot.tasks
            running, wanted = snapshot.tasks or (0, 0)
            said = f"{running} of {wanted} replacement tasks running"
            self.say("install", "progress", said, running=running, desired=wanted)
        if snapshot.weight is not None and snapshot.weight != (self._weight or 0):
            where = "is back on the old version" if self._stage == "rollback" else "goes to the new version"
            said = f"{snapshot.weight:g}% of the traffic {where}"
            self.say("shift-traffic", "progress", said, weight=snapshot.weight)
        self._weight = snapshot.weight if snapshot.weight is not None else self._weight

    def once(self, stage: Stage, status: Status, detail: str) -> None:
        """Emit an event unless it was said before."""
        if (detail, status) not in self._told:
            self._told.add((detail, status))
            self.say(stage, status, detail[:LONGEST])

    def say(self, stage: Stage, status: Status, detail: str, *, at: float = 0, **data: str | float) -> None:
        """Emit one event, with the time given or the time it is."""
        at_emitter(
            self._emit,
            self._stage or stage,
            status,
            detail,
            at=at,
            data={"deployment": self._identity, **data},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How far a deployment was followed: to where it was to be, or `cut` short."""

    snapshot: Snapshot
    cut: Cut = ""
    dead: tuple[DeadTask, ...] = ()
    teller: Teller | None = None  # that goes on where the following is taken up again


def at_emitter(
    emit: Emitter, stage: Stage, status: Status, detail: str, *, at: float, data: Mapping[str, str | float]
) -> None:
    """Emit an event with a time of its own (0: now)."""
    emit.stream(
        Event(
            time=at or emit.now(),
            component=emit.component,
            environment=emit.environment,
            stage=stage,
            status=status,
            detail=detail,
            data=data,
        )
    )


def follow(
    deployment: Deployment,
    *,
    emit: Emitter,
    clock: Clock,
    cancelled: threading.Event,
    deadline: float,
    until: Literal["traffic", "success"] = "success",
    watch: Watch | None = None,
    max_failed_tasks: int = 0,
    stage: Stage | None = None,
    teller: Teller | None = None,
) -> Followed:
    """Poll until the deployment has ended (or all traffic shifted, as asked), or a reason to cut it short.

    Nothing is stopped here: who called decides what a cut means. Raises AwsError when AWS refuses for good.
    """
    teller = teller or Teller(emit, deployment.identity, stage=stage)
    waited_for = ""
    while True:
        snapshot = _look(deployment, clock)
        teller.tell(snapshot)
        dead = _dead(watch, snapshot, teller)
        if snapshot.state in ENDED or (snapshot.state == "shifted" and until == "traffic"):
            return Followed(snapshot=snapshot, dead=dead, teller=teller)
        if cut := _cut(cancelled, clock.now() >= deadline, 0 < max_failed_tasks <= len(dead)):
            return Followed(snapshot=snapshot, cut=cut, dead=dead, teller=teller)
        said = deployment.proceed(snapshot)
        if said and said != waited_for:
            teller.say("shift-traffic", "warning", said)
        waited_for = said
        pause(clock, POLL_SECONDS, cancelled)


def _dead(watch: Watch | None, snapshot: Snapshot, teller: Teller) -> tuple[DeadTask, ...]:
    """Return the replacement tasks that died; where AWS doesn't say, following goes on."""
    if watch is None or not snapshot.installing:
        return watch.dead if watch else ()
    try:
        return watch.look()
    except AwsError as error:
        teller.once("install", "warning", f"Tasks that die are not counted. {error.message}")
        return watch.dead


def pause(clock: Clock, seconds: float, cancelled: threading.Event) -> None:
    """Sleep in slices, so that a cancelled job doesn't sleep on."""
    end = clock.now() + seconds
    while not cancelled.is_set() and (left := end - clock.now()) > 0:
        clock.sleep(min(SLICE_SECONDS, left))


def _look(deployment: Deployment, clock: Clock) -> Snapshot:
    """Read the deployment; an AWS that doesn't answer for a while must not lose it."""
    end = clock.now() + PATIENCE_SECONDS
    while True:
        try:
            return deployment.look()
        except AwsError as error:
            if not transient(error) or clock.now() >= end:
                raise
            clock.sleep(POLL_SECONDS)


def _cut(cancelled: threading.Event, late: bool, dying: bool) -> Cut:
    if cancelled.is_set():
        return "cancelled"
    if dying:
        return "failed-tasks"
    return "timed-out" if late else ""
