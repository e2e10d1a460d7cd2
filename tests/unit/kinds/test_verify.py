"""What a verify suite does to what was rolled out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway import process
from slipway.config.model import Suite
from slipway.errors import SlipwayError
from slipway.kinds import Publication, Tools, application
from slipway.rehearsal.emulation.scripted import NEVER_HEALTHY
from slipway.rollout.vocabulary import Outcome
from unit.rollout.conftest import stage, staged
from unit.rollout.stage import NEW, NEWER, OLD, Stage

__all__ = ["stage", "staged"]


@pytest.fixture
def verify(stage: Stage, tmp_path: Path) -> Callable[..., Outcome]:
    """Run the suite `command` on `outcome`, as a publish does."""
    component: Any = type("Component", (), {"name": "web", "verify": "smoke", "url": ""})

    def run(outcome: Outcome, command: str, served: str = "", **more: Any) -> Outcome:
        publication = Publication(
            component=component,
            environment="staging",
            commit="c" * 40,
            artifacts=None,
            digest="",
            until="handed-off",
            alone=False,
            dry_run=False,
            verify=Suite(run=command),
            root=tmp_path,
            environ={"PATH": "/usr/bin:/bin"},
        )
        tools = Tools(
            aws=stage.aws, emit=stage.emit, clock=stage.clock, run=process.run, cancelled=stage.cancelled
        )
        return application._verified(publication, tools, stage.request(**more), outcome, served)

    return run


def test_green_keeps_the_outcome(stage: Stage, verify: Callable[..., Outcome]) -> None:
    outcome = stage.roll_out()

    assert verify(outcome, "exit 0") == outcome


def test_red_rolls_back(stage: Stage, verify: Callable[..., Outcome]) -> None:
    outcome = verify(stage.roll_out(), "exit 7")

    assert outcome.ended == "rolled-back"
    assert outcome.detail == "verify `smoke` ended with status 7; Rolled back: staging-web:1 serves."


def test_red_after_a_first_rollout_goes_back_to_what_served(
    stage: Stage, verify: Callable[..., Outcome]
) -> None:
    first = stage.seeded.task_definition
    ours = stage.roll_out(until="success")  # the old tasks are gone, and no rollout before is known

    outcome = verify(ours, "exit 7", served=first)

    assert (outcome.ended, outcome.task_definition) == ("rolled-back", first)


def test_red_whose_rollback_fails_is_no_rollback(stage: Stage, verify: Callable[..., Outcome]) -> None:
    stage.roll_out(NEWER, until="success")
    ours = stage.roll_out(until="success")
    stage.emulation._runtime.behaviours = {NEWER: NEVER_HEALTHY}  # type: ignore[attr-defined]

    outcome = verify(ours, "exit 7")

    assert outcome.ended == "stuck"
    assert len(outcome.detail) < 300
    assert stage.served() == NEW


def test_red_takes_nothing_of_somebody_else_back(stage: Stage, verify: Callable[..., Outcome]) -> None:
    ours = stage.roll_out(until="success")
    stage.roll_out(NEWER, until="success")

    assert verify(ours, "exit 7").ended == "superseded"
    assert stage.served() == NEWER


def test_red_on_what_was_out_before_takes_nothing_back(stage: Stage, verify: Callable[..., Outcome]) -> None:
    with pytest.raises(SlipwayError, match="on what was out before this run"):
        verify(stage.roll_out(OLD), "exit 7")


@pytest.mark.parametrize("until", ["traffic", "success"])
def test_a_job_that_is_cancelled_meanwhile_goes_back_to_the_end(
    stage: Stage, verify: Callable[..., Outcome], until: str
) -> None:
    stage.roll_out(NEWER, until="success")
    ours = stage.roll_out(until=until)
    timer = threading.Timer(0.2, stage.cancelled.set)
    timer.start()

    outcome = verify(ours, "sleep 60")

    assert outcome.ended == "rolled-back"
    assert outcome.detail.startswith("the job was cancelled during verify `smoke`; ")
    assert stage.served().startswith(NEWER) or stage.served().endswith(NEWER)


def test_a_job_that_is_cancelled_meanwhile_detaches_where_it_shall(
    stage: Stage, verify: Callable[..., Outcome]
) -> None:
    ours = stage.roll_out()
    threading.Timer(0.2, stage.cancelled.set).start()

    assert verify(ours, "sleep 60", on_cancel="detach").ended == "detached"
    assert "StopDeployment" not in stage.calls()
