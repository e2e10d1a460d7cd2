from __future__ import annotations

from collections.abc import Callable

import pytest

from slipway.errors import SlipwayError
from slipway.rehearsal.emulation.scripted import NEVER_HEALTHY
from slipway.rollout.controller import Past
from slipway.rollout.history import before
from unit.rollout.stage import BAD, NEW, NEWER, OLD, Stage


def past(*arns: str) -> list[Past]:
    return [Past(identity=f"d-{place}", task_definition=arn, time=-place) for place, arn in enumerate(arns)]


@pytest.mark.parametrize(
    ("newest_first", "running", "expected"),
    [
        (past("web:3", "web:2", "web:1"), "web:3", ("web:2", "web:1")),
        # web:2 was gone back to from web:3: another rollback goes further back, not to web:3 again
        (past("web:2", "web:3", "web:2", "web:1"), "web:2", ("web:1",)),
        (past("web:4", "web:2", "web:3", "web:2", "web:1"), "web:4", ("web:2", "web:3", "web:1")),
        # what runs never came out of a rollout that succeeded
        (past("web:2", "web:1"), "web:9", ("web:2", "web:1")),
        (past("web:1"), "web:1", ()),
        ((), "web:1", ()),
    ],
)
def test_the_rollouts_before(newest_first: list[Past], running: str, expected: tuple[str, ...]) -> None:
    assert before(newest_first, running) == expected


def test_rollback_goes_to_the_last_rollout_that_succeeded(stage: Stage) -> None:
    for digest in (NEW, BAD, NEWER):
        stage.roll_out(digest, until="success")
    assert stage.served() == NEWER

    outcome = stage.roll_back()

    assert outcome.ended == "healthy"
    assert outcome.digest == NEW
    assert outcome.task_definition.endswith("staging-web:2")
    assert NEW in stage.served()


def test_a_second_rollback_goes_further_back(stage: Stage) -> None:
    for digest in (OLD, NEW, NEWER):
        stage.roll_out(digest, until="success")
    stage.roll_back()
    stage.clock.sleep(90)

    with pytest.raises(SlipwayError, match="has succeeded before"):
        stage.roll_back()


def test_rollback_stops_a_deployment_in_progress(stage: Stage) -> None:
    stage.create(NEW)
    stage.clock.sleep(5)

    outcome = stage.roll_back()

    assert outcome.ended == "healthy"
    assert outcome.detail == "Rolled back: staging-web:1 serves."
    assert stage.served() == OLD


def test_after_the_shift_the_old_tasks_take_the_traffic_back(stage: Stage) -> None:
    assert stage.roll_out().ended == "healthy"

    outcome = stage.roll_back()

    assert outcome.ended == "healthy"
    assert outcome.task_definition.endswith("staging-web:1")
    assert stage.clock.now() < 1_780_000_100


def test_rollback_of_ecs_own_controller(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")
    for digest in (NEW, NEWER):
        assert stage.roll_out(digest).ended == "healthy"

    outcome = stage.roll_back()

    assert outcome.ended == "healthy"
    assert outcome.digest == NEW
    assert stage.served() == NEW


def break_down(stage: Stage, digest: str) -> None:
    """From now on no new task of `digest` becomes healthy."""
    stage.emulation._runtime.behaviours = {digest: NEVER_HEALTHY}  # type: ignore[attr-defined]


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "ECS"])
def test_a_rollback_that_fails_leaves_what_it_was_to_leave(
    staged: Callable[..., Stage], controller: str
) -> None:
    stage = staged(controller=controller)
    for digest in (NEW, NEWER):
        assert stage.roll_out(digest, until="success").ended == "healthy"
    break_down(stage, NEW)

    outcome = stage.roll_back()

    assert outcome.ended == "stuck"
    assert outcome.detail.startswith("staging-web:2 could not be gone back to.")
    assert outcome.detail.endswith("staging-web:3 serves.")
    assert stage.served() == NEWER


def test_a_rollback_of_one_version_leaves_what_somebody_else_began_alone(stage: Stage) -> None:
    ours = stage.roll_out(until="success")
    theirs = stage.create(NEWER)
    stage.clock.sleep(5)

    outcome = stage.roll_back(of=ours.task_definition)

    assert outcome.ended == "superseded"
    assert outcome.detail == f"{theirs} took over from staging-web:2: nothing was rolled back."
    assert "StopDeployment" not in stage.calls()


def test_a_rollback_of_one_version_leaves_what_came_after_it_alone(stage: Stage) -> None:
    ours = stage.roll_out(until="success")
    stage.roll_out(NEWER, until="success")

    assert stage.roll_back(of=ours.task_definition).ended == "superseded"
    assert stage.served() == NEWER


@pytest.mark.parametrize("until", ["traffic", "success"])
def test_a_rollback_of_one_version_goes_back_from_it(stage: Stage, until: str) -> None:
    stage.roll_out(OLD, until="success")
    stage.roll_out(NEWER, until="success")
    ours = stage.roll_out(until=until)

    assert stage.roll_back(of=ours.task_definition).ended == "healthy"
