from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.emulation.scripted import EXITS, NEVER_HEALTHY
from unit.rehearsal.emulation.conftest import HOST, NEW, OLD

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 2}
PAUSE = {
    "targetType": "PAUSE",
    "lifecycleStages": ["POST_SCALE_UP"],
    "timeoutConfiguration": {"timeoutInMinutes": 10, "action": "ROLLBACK"},
}
DONE = {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}


def update(cloud, arn, **more):
    return cloud.client("ecs").update_service(
        cluster="staging-cluster", service="staging-web", taskDefinition=arn, **more
    )["service"]


def described(cloud, arn):
    return cloud.client("ecs").describe_service_deployments(serviceDeploymentArns=[arn])[
        "serviceDeployments"
    ][0]


def finish(cloud, arn):
    cloud.until(lambda: described(cloud, arn)["status"] in DONE, step=5)
    return described(cloud, arn)


def begin(cloud, configuration=None, behaviour=None, desired=1):
    seeded = cloud.seed(controller="ECS", deployment_configuration=configuration, desired=desired)
    if behaviour is not None:
        cloud.runtime.behaviours = {NEW: behaviour}
    arn = cloud.register(seeded)
    return seeded, arn, update(cloud, arn)["currentServiceDeployment"]


def test_rolling_replaces_every_task_and_completes(cloud):
    _, arn, deployment = begin(cloud, desired=2)
    assert finish(cloud, deployment)["status"] == "SUCCESSFUL"
    service = cloud.service()
    assert (service["taskDefinition"], service["runningCount"]) == (arn, 2)
    assert [(each["status"], each["rolloutState"]) for each in service["deployments"]] == [
        ("PRIMARY", "COMPLETED")
    ]
    assert "currentServiceDeployment" not in service
    assert set(cloud.runtime.running()) == {f"{HOST}/example-web@{NEW}"}
    # There was always somebody to answer.
    assert all(weights for _, _, weights in cloud.runtime.shifts[1:])


def test_tells_old_and_new_while_rolling(cloud):
    seeded, arn, _ = begin(cloud, behaviour=NEVER_HEALTHY)
    cloud.clock.sleep(10)
    service = cloud.service()
    assert [(each["status"], each["taskDefinition"]) for each in service["deployments"]] == [
        ("PRIMARY", arn),
        ("ACTIVE", seeded.task_definition),
    ]
    assert cloud.runtime.shifts[-1][2] == {"scripted-1": 100}


def test_breaker_trips_and_rolls_back(cloud):
    seeded, _, deployment = begin(cloud, BREAKER, EXITS)
    found = finish(cloud, deployment)
    assert found["status"] == "ROLLBACK_SUCCESSFUL"
    assert found["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert found["rollback"]["serviceRevisionArn"] == found["sourceServiceRevisions"][0]["arn"]
    service = cloud.service()
    assert service["taskDefinition"] == seeded.task_definition
    messages = [each["message"] for each in service["events"]]
    assert any("deployment failed: tasks failed to start" in message for message in messages)
    assert any("rolling back to deployment" in message for message in messages)
    assert [each for _, _, each in cloud.runtime.shifts] == [{}, {"scripted-1": 100}]


def test_blue_green_goes_through_its_stages(cloud):
    _, _, deployment = begin(cloud, BLUE_GREEN)
    stages, weights = [], []
    while (found := described(cloud, deployment))["status"] not in DONE:
        stage = found.get("lifecycleStage")
        if stage and stage not in stages:
            stages.append(stage)
        weight = found["targetServiceRevision"]["requestedProductionTrafficWeight"]
        if weight not in weights:
            weights.append(weight)
        cloud.clock.sleep(0.5)
    assert found["status"] == "SUCCESSFUL"
    assert weights == [0.0, 100.0]
    assert [each for each in stages if each != "PRODUCTION_TRAFFIC_SHIFT"] == [
        "RECONCILE_SERVICE",
        "PRE_SCALE_UP",
        "SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
        "BAKE_TIME",
        "CLEAN_UP",
    ]
    revision = found["targetServiceRevision"]["arn"]
    known = cloud.client("ecs").describe_service_revisions(serviceRevisionArns=[revision])[
        "serviceRevisions"
    ][0]
    assert [each["imageDigest"] for each in known["containerImages"]] == [NEW]


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (
            {
                "strategy": "CANARY",
                "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 1},
            },
            [20, 100],
        ),
        (
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 1}},
            [25, 50, 75, 100],
        ),
    ],
)
def test_linear_and_canary_move_traffic_in_steps(cloud, configuration, expected):
    _, _, deployment = begin(cloud, configuration)
    assert finish(cloud, deployment)["status"] == "SUCCESSFUL"
    weights = [each["scripted-2"] for _, _, each in cloud.runtime.shifts if "scripted-2" in each]
    assert weights == expected


@pytest.mark.parametrize(
    ("action", "status"), [("CONTINUE", "SUCCESSFUL"), ("ROLLBACK", "ROLLBACK_SUCCESSFUL")]
)
def test_pause_hook_waits_for_an_answer(cloud, action, status):
    _, _, deployment = begin(cloud, {**BLUE_GREEN, "lifecycleHooks": [PAUSE]})
    cloud.until(lambda: bool(described(cloud, deployment).get("lifecycleHookDetails")))
    hook = described(cloud, deployment)["lifecycleHookDetails"][0]
    assert (hook["status"], hook["timeoutAction"]) == ("AWAITING_ACTION", "ROLLBACK")
    cloud.client("ecs").continue_service_deployment(
        serviceDeploymentArn=deployment, hookId=hook["hookId"], action=action
    )
    assert finish(cloud, deployment)["status"] == status


def test_pause_hook_times_out(cloud):
    _, _, deployment = begin(cloud, {**BLUE_GREEN, "lifecycleHooks": [PAUSE]})
    found = finish(cloud, deployment)
    assert found["status"] == "ROLLBACK_SUCCESSFUL"
    assert [each["status"] for each in found["lifecycleHookDetails"]] == ["TIMED_OUT"]


def test_stop_rolls_back_from_the_bake_time(cloud):
    seeded, _, deployment = begin(cloud, BLUE_GREEN)
    cloud.until(lambda: described(cloud, deployment).get("lifecycleStage") == "BAKE_TIME")
    ecs = cloud.client("ecs")
    ecs.stop_service_deployment(serviceDeploymentArn=deployment, stopType="ROLLBACK")
    assert finish(cloud, deployment)["status"] == "ROLLBACK_SUCCESSFUL"
    assert cloud.service()["taskDefinition"] == seeded.task_definition
    assert cloud.runtime.shifts[-1][2] == {"scripted-1": 100}
    with pytest.raises(ClientError, match="ConflictException"):
        ecs.stop_service_deployment(serviceDeploymentArn=deployment)


def test_a_newer_update_supersedes(cloud):
    seeded, _, first = begin(cloud, behaviour=NEVER_HEALTHY)
    cloud.clock.sleep(5)
    newest = cloud.register(seeded, "sha256:" + "c" * 64)
    second = update(cloud, newest)["currentServiceDeployment"]
    assert described(cloud, first)["status"] == "STOPPED"
    assert finish(cloud, second)["status"] == "SUCCESSFUL"
    assert cloud.service()["taskDefinition"] == newest
    assert set(cloud.runtime.running()) == {f"{HOST}/example-web@sha256:{'c' * 64}"}


def test_lists_service_deployments_the_newest_first(cloud):
    _, _, deployment = begin(cloud)
    ecs = cloud.client("ecs")
    names = {"cluster": "staging-cluster", "service": "staging-web"}
    listed = ecs.list_service_deployments(**names)["serviceDeployments"]
    assert [each["status"] for each in listed] == ["PENDING", "SUCCESSFUL"]
    going = ecs.list_service_deployments(**names, status=["PENDING", "IN_PROGRESS"])["serviceDeployments"]
    assert [each["serviceDeploymentArn"] for each in going] == [deployment]


def test_same_revision_is_no_deployment_unless_forced(cloud):
    seeded = cloud.seed(controller="ECS")
    assert "currentServiceDeployment" not in update(cloud, seeded.task_definition)
    assert "currentServiceDeployment" in update(cloud, seeded.task_definition, forceNewDeployment=True)


def test_a_family_means_its_latest_active_revision(cloud):
    seeded = cloud.seed(controller="ECS")
    arn = cloud.register(seeded)
    assert update(cloud, "staging-web")["taskDefinition"] == arn
    cloud.client("ecs").deregister_task_definition(taskDefinition=arn)
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        update(cloud, arn)


def test_scaling_is_no_deployment(cloud):
    cloud.seed(controller="ECS")
    service = cloud.client("ecs").update_service(
        cluster="staging-cluster", service="staging-web", desiredCount=3
    )
    assert "currentServiceDeployment" not in service["service"]
    cloud.until(lambda: cloud.service()["runningCount"] == 3)
    assert set(cloud.runtime.running()) == {f"{HOST}/example-web@{OLD}"}
