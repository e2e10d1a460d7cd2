from __future__ import annotations

import hashlib

import pytest
import yaml
from botocore.exceptions import ClientError

from slipway.rehearsal.emulation.scripted import EXITS, NEVER_HEALTHY, UNPULLABLE
from unit.rehearsal.emulation.conftest import HOST, NEW, OLD, app_spec


def events(target):
    return {each["lifecycleEventName"]: each["status"] for each in target["lifecycleEvents"]}


def test_succeeds_and_moves_the_primary_task_set(cloud):
    seeded = cloud.seed(termination_minutes=1)
    arn = cloud.register(seeded)
    deployment = cloud.deploy(seeded, arn, description="commit 1")

    info = cloud.finish(deployment)

    assert info["status"] == "Succeeded"
    assert info["description"] == "commit 1"
    assert info["deploymentOverview"]["Succeeded"] == 1
    assert deployment.startswith("d-")
    assert len(deployment) == 11
    service = cloud.service()
    assert service["taskDefinition"] == arn
    assert [(each["status"], each["taskDefinition"]) for each in service["taskSets"]] == [("PRIMARY", arn)]
    assert set(events(cloud.target(deployment)).values()) == {"Succeeded"}
    assert cloud.runtime.running() == (f"{HOST}/example-web@{NEW}",)


def test_tells_its_lifecycle_events_in_order_with_times(cloud):
    seeded = cloud.seed()
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.finish(deployment)
    found = cloud.target(deployment)["lifecycleEvents"]
    assert [each["lifecycleEventName"] for each in found] == [
        "BeforeInstall",
        "Install",
        "AfterInstall",
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ]
    times = [(each["startTime"], each["endTime"]) for each in found]
    assert times == sorted(times)
    assert all(start <= end for start, end in times)


def test_test_listener_adds_its_events(cloud):
    seeded = cloud.seed(test_traffic=True)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    assert {"AllowTestTraffic", "AfterAllowTestTraffic"} < set(events(cloud.target(deployment)))


def test_traffic_moves_only_to_a_healthy_task_and_the_old_one_stays_until_its_time(cloud):
    seeded = cloud.seed(termination_minutes=5)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.until(lambda: cloud.info(deployment).get("instanceTerminationWaitTimeStarted", False))
    weights = [weights for _, _, weights in cloud.runtime.shifts]
    assert weights == [{}, {"scripted-1": 100}, {"scripted-2": 100}]
    sets = {each["taskSetLabel"]: each for each in cloud.target(deployment)["taskSetsInfo"]}
    assert sets["Blue"]["trafficWeight"] == 0
    assert sets["Blue"]["runningCount"] == 1
    assert sets["Green"]["trafficWeight"] == 100
    waited = cloud.until(lambda: cloud.info(deployment)["status"] == "Succeeded")
    assert 295 <= waited <= 305


def test_end_is_at_its_own_time_however_rarely_one_looks(cloud):
    seeded = cloud.seed(termination_minutes=1)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.clock.sleep(3600)
    info = cloud.info(deployment)
    assert info["status"] == "Succeeded"
    assert 70 < (info["completeTime"] - info["createTime"]).total_seconds() < 80


@pytest.mark.parametrize(
    ("config", "weights", "seconds"),
    [
        ("CodeDeployDefault.ECSCanary10Percent5Minutes", [10, 100], 300),
        ("CodeDeployDefault.ECSLinear10PercentEvery1Minutes", [*range(10, 101, 10)], 540),
    ],
)
def test_canary_and_linear_steps(cloud, config, weights, seconds):
    seeded = cloud.seed(deployment_config=config, termination_minutes=0)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.finish(deployment)
    new = [each.get("scripted-2", 0) for _, _, each in cloud.runtime.shifts]
    assert [weight for weight in new if weight] == weights
    traffic = next(
        each
        for each in cloud.target(deployment)["lifecycleEvents"]
        if each["lifecycleEventName"] == "AllowTraffic"
    )
    assert seconds <= (traffic["endTime"] - traffic["startTime"]).total_seconds() <= seconds + 3


def test_speed_shortens_minutes(launch):
    cloud = launch(speed=60)
    seeded = cloud.seed(
        deployment_config="CodeDeployDefault.ECSCanary10Percent5Minutes", termination_minutes=5
    )
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    info = cloud.finish(deployment)
    assert 10 <= (info["completeTime"] - info["createTime"]).total_seconds() <= 14


def test_a_second_deployment_of_the_group_is_refused(cloud):
    seeded = cloud.seed()
    arn = cloud.register(seeded)
    first = cloud.deploy(seeded, arn)
    with pytest.raises(ClientError) as refused:
        cloud.deploy(seeded, arn)
    assert refused.value.response["Error"] == {
        "Code": "DeploymentLimitExceededException",
        "Message": f"The Deployment Group 'staging-web' already has an active Deployment '{first}'",
    }


def test_continue_ends_the_termination_wait(cloud):
    seeded = cloud.seed(termination_minutes=60)
    codedeploy = cloud.client("codedeploy")
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    with pytest.raises(ClientError, match="DeploymentIsNotInReadyState"):
        codedeploy.continue_deployment(deploymentId=deployment, deploymentWaitType="TERMINATION_WAIT")
    cloud.until(lambda: cloud.info(deployment).get("instanceTerminationWaitTimeStarted", False))
    codedeploy.continue_deployment(deploymentId=deployment, deploymentWaitType="TERMINATION_WAIT")
    assert cloud.until(lambda: cloud.info(deployment)["status"] == "Succeeded") <= 5


def test_waits_ready_for_a_continue_and_stops_without_one(cloud):
    seeded = cloud.seed(ready_minutes=10, termination_minutes=0)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.until(lambda: cloud.info(deployment)["status"] == "Ready")
    assert cloud.target(deployment)["status"] == "Ready"
    cloud.client("codedeploy").continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    assert cloud.finish(deployment)["status"] == "Succeeded"
    second = cloud.deploy(seeded, cloud.register(seeded, OLD))
    assert cloud.finish(second)["status"] == "Stopped"


def test_never_healthy_fails_after_the_hour_and_rolls_back(cloud):
    seeded = cloud.seed()
    cloud.runtime.behaviours = {NEW: NEVER_HEALTHY}
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.clock.sleep(3590)
    assert cloud.info(deployment)["status"] == "InProgress"
    info = cloud.finish(deployment)
    assert info["status"] == "Failed"
    assert info["errorInformation"]["message"] == (
        "The deployment timed out while waiting for the replacement task set to become healthy. "
        "This time out period is 60 minutes."
    )
    assert events(cloud.target(deployment))["Install"] == "Failed"
    back = info["rollbackInfo"]["rollbackDeploymentId"]
    second = cloud.finish(back)
    assert second["status"] == "Succeeded"
    assert second["creator"] == "codeDeployRollback"
    assert second["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    cloud.clock.sleep(5)
    service = cloud.service()
    assert service["taskDefinition"] == seeded.task_definition
    assert [each["status"] for each in service["taskSets"]] == ["PRIMARY"]
    assert cloud.runtime.running() == (f"{HOST}/example-web@{OLD}",)
    # The old version had all the traffic, all the time.
    assert [each for _, _, each in cloud.runtime.shifts] == [{}, {"scripted-1": 100}]


@pytest.mark.parametrize(
    ("behaviour", "code", "exit_code", "reason"),
    [
        (EXITS, "EssentialContainerExited", 1, "Essential container in task exited"),
        (UNPULLABLE, "TaskFailedToStart", None, UNPULLABLE.pull_error),
    ],
)
def test_dead_tasks_are_told_and_replaced(cloud, behaviour, code, exit_code, reason):
    seeded = cloud.seed()
    cloud.runtime.behaviours = {NEW: behaviour}
    cloud.deploy(seeded, cloud.register(seeded))
    ecs = cloud.client("ecs")
    stopped = []
    for _ in range(60):
        cloud.clock.sleep(1)
        stopped = ecs.list_tasks(cluster="staging-cluster", desiredStatus="STOPPED")["taskArns"]
        if len(stopped) >= 3:
            break
    task = ecs.describe_tasks(cluster="staging-cluster", tasks=stopped)["tasks"][0]
    green = next(each for each in cloud.service()["taskSets"] if each["status"] == "ACTIVE")
    assert (task["stopCode"], task["stoppedReason"]) == (code, reason)
    assert task["containers"][0].get("exitCode") == exit_code
    assert task["startedBy"] == green["id"]


@pytest.mark.parametrize(("rollback", "expected"), [(True, True), (False, False)])
def test_stop_rolls_back_when_asked(cloud, rollback, expected):
    seeded = cloud.seed(deployment_config="CodeDeployDefault.ECSCanary10Percent5Minutes")
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.until(
        lambda: any("scripted-2" in each for _, _, each in cloud.runtime.shifts) or not cloud.info(deployment)
    )
    answer = cloud.client("codedeploy").stop_deployment(deploymentId=deployment, autoRollbackEnabled=rollback)
    assert answer["status"] == "Pending"
    info = cloud.finish(deployment)
    assert info["status"] == "Stopped"
    assert ("rollbackInfo" in info) == expected
    if expected:
        assert cloud.finish(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
        assert cloud.runtime.shifts[-1][2] == {"scripted-1": 100}


def test_stop_during_the_termination_wait_goes_back_to_the_original(cloud):
    seeded = cloud.seed(termination_minutes=30)
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.until(lambda: cloud.info(deployment).get("instanceTerminationWaitTimeStarted", False))
    cloud.client("codedeploy").stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    back = cloud.finish(deployment)["rollbackInfo"]["rollbackDeploymentId"]
    assert cloud.finish(back)["status"] == "Succeeded"
    assert cloud.service()["taskDefinition"] == seeded.task_definition


def test_a_failing_hook_fails_the_deployment(launch):
    cloud = launch(hook_results={"check-tests": "Failed"})
    seeded = cloud.seed(auto_rollback=())
    content = app_spec(cloud.register(seeded), AfterInstall="check-tests")
    created = cloud.client("codedeploy").create_deployment(
        applicationName="staging-web",
        deploymentGroupName="staging-web",
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
    )
    info = cloud.finish(created["deploymentId"])
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert "rollbackInfo" not in info
    failed = [
        each
        for each in cloud.target(created["deploymentId"])["lifecycleEvents"]
        if each["status"] == "Failed"
    ]
    assert [each["diagnostics"]["scriptName"] for each in failed] == ["check-tests"]


@pytest.mark.parametrize("field", ["string", "appSpecContent"])
def test_takes_yaml_with_its_sha256(cloud, field):
    seeded = cloud.seed()
    content = yaml.safe_dump(yaml.safe_load(app_spec(cloud.register(seeded))))
    kind = {"string": "String", "appSpecContent": "AppSpecContent"}[field]
    location = {"content": content, "sha256": hashlib.sha256(content.encode()).hexdigest()}
    codedeploy = cloud.client("codedeploy")
    names = {"applicationName": "staging-web", "deploymentGroupName": "staging-web"}
    with pytest.raises(ClientError, match="InvalidRevisionException"):
        codedeploy.create_deployment(
            **names, revision={"revisionType": kind, field: {**location, "sha256": "0" * 64}}
        )
    created = codedeploy.create_deployment(**names, revision={"revisionType": kind, field: location})
    assert cloud.finish(created["deploymentId"])["status"] == "Succeeded"


def test_lists_the_newest_first_by_status_and_time(cloud):
    seeded = cloud.seed(termination_minutes=0)
    first = cloud.deploy(seeded, cloud.register(seeded))
    cloud.finish(first)
    cloud.clock.sleep(10)
    between = cloud.clock.now()
    cloud.clock.sleep(10)
    second = cloud.deploy(seeded, cloud.register(seeded, OLD))
    codedeploy = cloud.client("codedeploy")
    names = {"applicationName": "staging-web", "deploymentGroupName": "staging-web"}

    def found(**filters):
        return codedeploy.list_deployments(**names, **filters)["deployments"]

    assert found() == [second, first]
    assert found(includeOnlyStatuses=["Succeeded"]) == [first]
    assert found(createTimeRange={"start": between}) == [second]
    assert found(createTimeRange={"end": between}) == [first]
    group = codedeploy.get_deployment_group(**names)["deploymentGroupInfo"]
    assert group["lastSuccessfulDeployment"]["deploymentId"] == first
    assert group["lastAttemptedDeployment"]["deploymentId"] == second
