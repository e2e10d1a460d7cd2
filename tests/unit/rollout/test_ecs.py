from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from slipway import rollout
from slipway.errors import StuckError
from slipway.rollout.controller import Snapshot
from slipway.rollout.ecs import ServiceDeployment
from unit.rollout.stage import BAD, CRASHES, NEW, NEWER, OLD, Stage

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 2}
LINEAR = {
    "strategy": "LINEAR",
    "bakeTimeInMinutes": 1,
    "linearConfiguration": {"stepPercent": 50.0, "stepBakeTimeInMinutes": 1},
}
CANARY = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 1,
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
}


def show(stage: Stage) -> None:
    for event in stage.events:
        print(round(event.time - 1.78e9, 1), event.stage, event.status, event.detail)


def test_rolling(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS", deployment_configuration=BREAKER)

    outcome = stage.roll_out()
    show(stage)
    print(outcome, stage.calls())

    assert outcome.ended == "healthy"
    assert outcome.detail == "staging-web:2 serves."
    assert stage.served() == NEW


def test_what_runs_already_needs_no_write(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")
    stage.roll_out()
    stage.emulation.calls.clear()

    assert stage.roll_out().ended == "already-out"
    assert stage.calls() == ["DescribeServices", "DescribeTaskDefinition", "ListServiceDeployments"]


@pytest.mark.parametrize("digest", [BAD, CRASHES])
@pytest.mark.parametrize("configuration", [BREAKER, {}, BLUE_GREEN, LINEAR])
def test_a_bad_version_is_rolled_back_and_that_is_no_success(
    staged: Callable[..., Stage], digest: str, configuration: dict[str, object]
) -> None:
    stage = staged(controller="ECS", deployment_configuration=configuration)

    outcome = stage.roll_out(digest)
    show(stage)
    print(outcome, stage.calls())

    assert outcome.ended == "rolled-back"
    assert outcome.detail.endswith("staging-web:1 serves.")
    assert len(outcome.detail) < 300
    assert stage.served() == OLD


@pytest.mark.parametrize("configuration", [BLUE_GREEN, LINEAR, CANARY])
def test_with_traffic_shift(staged: Callable[..., Stage], configuration: dict[str, object]) -> None:
    stage = staged(controller="ECS", deployment_configuration=configuration)

    outcome = stage.roll_out()
    show(stage)
    print(outcome, stage.calls())

    assert outcome.ended == "healthy"
    assert "bake" in {event.stage for event in stage.events}
    assert [event.data["weight"] for event in stage.events if "weight" in event.data][-1] == 100.0


def test_until_success_bakes_to_the_end(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS", deployment_configuration=BLUE_GREEN)

    assert stage.roll_out(until="success").ended == "healthy"
    assert stage.served() == NEW


def test_a_cancelled_job_stops_with_rollback(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS", deployment_configuration=BLUE_GREEN)
    stage.clock.after(4, stage.cancelled.set)

    outcome = stage.roll_out()

    assert outcome.ended == "rolled-back"
    assert outcome.detail == "The job was cancelled. staging-web:1 serves."
    assert stage.served() == OLD


def test_a_rerun_attaches(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")
    identity = stage.create(NEW)

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert outcome.deployment == identity
    assert stage.calls().count("UpdateService") == 1


@pytest.mark.parametrize("on_active", ["wait", "supersede"])
@pytest.mark.parametrize("configuration", [{}, BLUE_GREEN])
def test_another_deployment_is_in_progress(
    staged: Callable[..., Stage], on_active: str, configuration: dict[str, object]
) -> None:
    stage = staged(controller="ECS", deployment_configuration=configuration)
    stage.create(NEW)
    stage.clock.sleep(2)

    outcome = stage.roll_out(NEWER, on_active=on_active)

    assert outcome.ended == "healthy"
    assert outcome.digest == NEWER
    assert outcome.task_definition.endswith("staging-web:3")


def test_being_superseded(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")

    def somebody_else() -> None:
        ecs = stage.aws.client("ecs")
        body = {"name": "web", "image": f"registry.example.org/web@{NEWER}", "memory": 64}
        arn = ecs.register_task_definition(family="staging-web", containerDefinitions=[body])[
            "taskDefinition"
        ]["taskDefinitionArn"]
        ecs.update_service(cluster="staging-cluster", service="staging-web", taskDefinition=arn)

    stage.clock.after(4, somebody_else)

    outcome = stage.roll_out(BAD)

    assert outcome.ended == "superseded"


@pytest.mark.parametrize("fault", ["error500", "timeout-after", "dropped-after", "timeout-before"])
def test_an_update_without_an_answer_is_looked_after(staged: Callable[..., Stage], fault: str) -> None:
    stage = staged(controller="ECS")
    stage.emulation.inject("ecs", "UpdateService", fault)  # type: ignore[arg-type]

    assert stage.roll_out().ended == "healthy"
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


@pytest.mark.parametrize("operation", ["ListServiceDeployments", "DescribeServiceRevisions"])
def test_what_was_begun_and_cannot_be_found_is_no_success_and_keeps_its_revision(
    staged: Callable[..., Stage], operation: str
) -> None:
    stage = staged(controller="ECS")
    prepared = stage.prepare()
    stage.emulation.inject("ecs", operation, "access-denied", times=99)

    with pytest.raises(StuckError, match=f"ecs:{operation}"):
        rollout.roll_out(prepared, emit=stage.emit, clock=stage.clock, cancelled=stage.cancelled)

    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


def test_a_failed_version_can_be_tried_again(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS", deployment_configuration=BREAKER)
    assert stage.roll_out(CRASHES).ended == "rolled-back"

    assert stage.roll_out(CRASHES).ended == "rolled-back"
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


def test_a_hook_that_waits_for_a_person_is_told(staged: Callable[..., Stage]) -> None:

    info = {
        "lifecycleHookDetails": [
            {
                "hookId": "hook-1",
                "status": "AWAITING_ACTION",
                "timeoutAction": "ROLLBACK",
                "expiresAt": datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
            }
        ]
    }
    deployment = ServiceDeployment(staged().aws, info, task_definition="")

    assert deployment.proceed(Snapshot(state="going")) == (
        "the hook hook-1 waits for somebody to continue it until 2026-11-20 12:00 UTC, then: rollback"
    )


def test_an_update_that_was_made_keeps_its_revision(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")
    prepared = stage.prepare()
    stage.emulation.inject("ecs", "ListServiceDeployments", "access-denied", times=99)

    with pytest.raises(StuckError, match="its deployment can't be found"):
        rollout.roll_out(prepared, emit=stage.emit, clock=stage.clock, cancelled=stage.cancelled)

    assert stage.revisions() == ["staging-web:1", "staging-web:2"]
