from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ReadTimeoutError

from slipway.errors import AwsError
from slipway.events import Emitter, Event
from slipway.rollout.controller import Snapshot, Step
from slipway.rollout.follow import follow
from unit.rollout.stage import PlayedClock

INSTALL = Step(name="Install", stage="install", status="started", time=7.0)
INSTALLED = Step(name="Install", stage="install", status="succeeded", time=9.0)


def unanswered() -> AwsError:
    error = AwsError("no answer")
    error.__cause__ = ReadTimeoutError(endpoint_url="https://codedeploy")
    return error


class Scripted:
    """A deployment that shows one thing after another."""

    identity, task_definition, description, rolls_back = "d-1", "web:2", "", False

    def __init__(self, *shows: Snapshot | Exception) -> None:
        self._shows = list(shows)
        self.looks = 0

    def look(self) -> Snapshot:
        self.looks += 1
        show = self._shows.pop(0) if len(self._shows) > 1 else self._shows[0]
        if isinstance(show, Exception):
            raise show
        return show

    def stop(self, *, rollback: bool) -> None:  # noqa: ARG002
        raise AssertionError

    def proceed(self, snapshot: Snapshot) -> str:  # noqa: ARG002
        return ""

    def finish(self) -> bool:
        return False


def followed(deployment: Scripted, clock: PlayedClock, deadline: float = 3600) -> tuple[str, list[Event]]:
    events: list[Event] = []
    emit = Emitter(stream=events.append, now=clock.now, component="web", environment="staging")
    done = follow(
        deployment,
        emit=emit,
        clock=clock,
        cancelled=threading.Event(),
        deadline=clock.now() + deadline,
        until="traffic",
    )
    return done.cut or done.snapshot.state, events


def test_steps_are_told_once_with_their_own_time() -> None:
    going = Snapshot(state="going", steps=(INSTALL,))
    done = Snapshot(state="succeeded", steps=(INSTALL, INSTALLED))

    state, events = followed(Scripted(going, going, done), PlayedClock())

    assert state == "succeeded"
    assert [(event.status, event.time) for event in events] == [("started", 7.0), ("succeeded", 9.0)]


@pytest.mark.parametrize("minutes", [2, 3, 5, 10])
def test_the_end_is_known_within_two_seconds(minutes: int) -> None:
    clock = PlayedClock()
    end = clock.now() + minutes * 60 + 0.1

    class Timed(Scripted):
        def look(self) -> Snapshot:
            self.looks += 1
            return Snapshot(state="succeeded" if clock.now() >= end else "going")

    state, _ = followed(Timed(Snapshot(state="going")), clock)

    assert state == "succeeded"
    assert clock.now() - end <= 2


def test_an_aws_that_does_not_answer_for_a_while_loses_nothing() -> None:
    deployment = Scripted(unanswered(), unanswered(), Snapshot(state="succeeded"))

    assert followed(deployment, PlayedClock())[0] == "succeeded"
    assert deployment.looks == 3


def test_but_not_for_ever() -> None:
    with pytest.raises(AwsError, match="no answer"):
        followed(Scripted(unanswered()), PlayedClock())


def test_what_is_refused_is_not_asked_again() -> None:
    deployment = Scripted(AwsError("denied"))

    with pytest.raises(AwsError, match="denied"):
        followed(deployment, PlayedClock())
    assert deployment.looks == 1


def test_the_time_limit() -> None:
    assert followed(Scripted(Snapshot(state="going")), PlayedClock(), deadline=60)[0] == "timed-out"
