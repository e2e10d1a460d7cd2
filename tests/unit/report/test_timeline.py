from __future__ import annotations

from slipway.events import Event, Stage, Status
from slipway.report.timeline import Step, ending, is_final, steps_of, weight_of


def event(stage: Stage, status: Status, detail: str, time: float, **data: str | float) -> Event:
    return Event(
        time=time,
        component="web",
        environment="staging",
        stage=stage,
        status=status,
        detail=detail,
        data=data,
    )


def test_stages_in_the_order_they_began() -> None:
    events = [
        event("install", "started", "Install", 10),
        event("shift-traffic", "started", "AllowTraffic", 20),
        event("install", "failed", "a task died", 15),
        event("install", "succeeded", "Install", 8),
        event("shift-traffic", "warning", "waits for somebody", 30),
        event("outcome", "failed", "rolled back", 40),
    ]
    assert steps_of(events) == (
        Step(stage="install", status="failed", started=8, last=15, detail="a task died"),
        Step(stage="shift-traffic", status="started", started=20, last=30, detail="AllowTraffic"),
    )
    assert [step.seconds for step in steps_of(events)] == [7, 10]


def test_a_stage_that_begins_with_a_warning_goes_on() -> None:
    assert [step.status for step in steps_of([event("checks", "warning", "newer revision", 1)])] == [
        "progress"
    ]


def test_what_an_event_tells() -> None:
    assert weight_of(event("shift-traffic", "progress", "", 1, weight=10)) == 10
    assert weight_of(event("shift-traffic", "progress", "", 1)) is None
    assert ending(event("outcome", "failed", "", 1, outcome="rolled-back")) == "rolled-back"
    assert ending(event("outcome", "failed", "", 1)) == ""
    assert is_final(event("outcome", "warning", "", 1))
    assert not is_final(event("verify", "failed", "", 1))
