"""What to do when another deployment of the service is in progress."""

from __future__ import annotations

import threading

from slipway.clock import Clock
from slipway.errors import SlipwayError
from slipway.events import Emitter
from slipway.rollout.checks import Prepared
from slipway.rollout.controller import ENDED, Deployment
from slipway.rollout.follow import POLL_SECONDS, pause

TELL_SECONDS = 30


def make_room(
    prepared: Prepared,
    active: Deployment,
    *,
    emit: Emitter,
    clock: Clock,
    cancelled: threading.Event,
    deadline: float,
) -> None:
    """Wait for the deployment in progress, or end it, as `on-active` says.

    One that has shifted its traffic and only keeps the old tasks is ended whatever it says: its version
    serves. A rollback is always waited for. Raises SlipwayError when it isn't over at `deadline`, or the job
    is cancelled.
    """
    stopped = finished = False
    told = 0.0
    while True:
        seen = active.look()
        if seen.state in ENDED:
            return
        if seen.state == "shifted" and not finished and (finished := active.finish()):
            emit("hand-off", "progress", f"{active.identity} has shifted its traffic: its old tasks go now")
        elif finished:
            pass
        elif prepared.request.on_active == "supersede" and not stopped and not active.rolls_back:
            # Before there are replacement tasks, nothing is there to be rolled back.
            begun = bool(seen.steps) or seen.tasks is not None
            emit("hand-off", "warning", f"stopping {active.identity}, which was in progress")
            active.stop(rollback=begun)
            stopped = True
        elif clock.now() - told >= TELL_SECONDS:
            told = clock.now()
            emit("hand-off", "progress", f"waiting for {active.identity}, which is in progress")
        check_wait(cancelled, clock.now() >= deadline, active.identity)
        pause(clock, POLL_SECONDS, cancelled)


def check_wait(cancelled: threading.Event, late: bool, what: str) -> None:
    """Raise SlipwayError when a wait before the hand-off must end."""
    if cancelled.is_set():
        raise SlipwayError("The job was cancelled before the hand-off: nothing of ours runs.")
    if late:
        raise SlipwayError(
            f"{what} was still in progress at the time limit; nothing of ours was begun.",
            remedy="Run it again when that is over, set `on-active: supersede`, or raise `timeout-minutes`.",
        )
