from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from slipway.rollout.codedeploy import snapshot
from slipway.rollout.controller import Snapshot, Step
from unit.rollout.stage import NEW, NEWER, Stage

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def event(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"lifecycleEventName": name, "status": status, "startTime": AT, "endTime": AT, **more}


def green(weight: float, running: int = 2) -> dict[str, Any]:
    sets = {"taskSetLabel": "Green", "trafficWeight": weight, "runningCount": running, "desiredCount": 2}
    return {"taskSetsInfo": [{"taskSetLabel": "Blue", "trafficWeight": 100 - weight}, sets]}


def waits(minutes: int) -> dict[str, Any]:
    end = {"action": "TERMINATE", "terminationWaitTimeInMinutes": minutes}
    return {"blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": end}}


def test_before_it_has_begun() -> None:
    assert snapshot({"status": "Created"}, {}) == Snapshot(state="going", installing=True)


def test_a_failure_with_its_diagnostics() -> None:
    diagnostics = {"errorCode": "UnknownError", "message": "No task became healthy", "logTail": ""}
    target = {"lifecycleEvents": [event("Install", "Failed", diagnostics=diagnostics)], **green(0, 0)}
    info = {
        "status": "Failed",
        "errorInformation": {"code": "TIMEOUT", "message": "it timed out"},
        "rollbackInfo": {"rollbackDeploymentId": "d-2"},
    }

    assert snapshot(info, target) == Snapshot(
        state="failed",
        steps=(
            Step(
                name="Install",
                stage="install",
                status="failed",
                detail="No task became healthy",
                time=AT.timestamp(),
            ),
        ),
        weight=0,
        tasks=(0, 2),
        reason="No task became healthy",
        failed_step="Install",
        rollback="d-2",
    )


def test_all_traffic_shifted_and_the_old_tasks_stay_for_a_while() -> None:
    target = {"lifecycleEvents": [event("AfterAllowTraffic", "Succeeded")], **green(100)}

    seen = snapshot({"status": "InProgress", **waits(5)}, target)

    assert (seen.state, seen.leaves_at) == ("shifted", AT.timestamp() + 300)
    # some describe the same moment as Ready: nobody is waited for
    assert snapshot({"status": "Ready", **waits(5)}, target).state == "shifted"


def test_without_a_wait_the_end_is_near_and_followed() -> None:
    target = {"lifecycleEvents": [event("AfterAllowTraffic", "Succeeded")], **green(100)}

    assert snapshot({"status": "InProgress", **waits(0)}, target).state == "going"


def test_half_the_traffic_is_not_all() -> None:
    target = {"lifecycleEvents": [event("AllowTraffic", "InProgress")], **green(50)}

    assert snapshot({"status": "InProgress", **waits(5)}, target).state == "going"


def asked(stage: Stage, place: int = -1) -> dict[str, Any]:
    created = [call for call in stage.emulation.calls if call.operation == "CreateDeployment"]
    parameters: dict[str, Any] = dict(created[place].parameters)
    return parameters


def test_the_deployment_carries_its_own_rollback_and_says_the_commit(stage: Stage) -> None:
    stage.roll_out()

    sent = asked(stage)
    assert sent["autoRollbackConfiguration"] == {
        "enabled": True,
        "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
    }
    assert sent["description"] == f"slipway {'c' * 40}"


def test_alarms_that_the_group_watches_roll_back_too(stage: Stage) -> None:
    stage.aws.client("codedeploy").update_deployment_group(
        applicationName="staging-web",
        currentDeploymentGroupName="staging-web",
        alarmConfiguration={"enabled": True, "alarms": [{"name": "5xx"}]},
    )

    stage.roll_out()

    assert asked(stage)["autoRollbackConfiguration"]["events"][-1] == "DEPLOYMENT_STOP_ON_ALARM"


def test_hooks_of_the_last_deployment_are_kept(stage: Stage) -> None:
    stage.roll_out(until="success")
    first = asked(stage)
    document = json.loads(first["revision"]["appSpecContent"]["content"])
    prepared = stage.prepare(NEWER)
    from slipway.aws import raw

    revision = raw.register(stage.aws, prepared.body, clock=stage.clock)
    properties = document["Resources"][0]["TargetService"]["Properties"]
    properties["TaskDefinition"] = revision.arn
    document["Hooks"] = [{"BeforeAllowTraffic": "check-web"}]
    stage.aws.client("codedeploy").create_deployment(
        applicationName="staging-web",
        deploymentGroupName="staging-web",
        revision={
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": json.dumps(document)},
        },
    )
    stage.clock.sleep(120)

    stage.roll_out(NEW)

    sent = json.loads(asked(stage)["revision"]["appSpecContent"]["content"])
    assert sent["Hooks"] == [{"BeforeAllowTraffic": "check-web"}]
    network = sent["Resources"][0]["TargetService"]["Properties"]["NetworkConfiguration"]
    assert network["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
