from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from slipway.clock import SystemClock
from slipway.rehearsal.emulation import Settings, start
from slipway.rehearsal.emulation.scripted import ScriptedRuntime
from slipway.rehearsal.emulation.task_definitions import LIMIT

GIVEN = {"family": "web", "containerDefinitions": [{"name": "web", "image": "example:1"}]}


def registered(cloud):
    return len(cloud.emulation.world().families.get("web", []))


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("throttled", "ThrottlingException", 400),
        ("error500", "ServerException", 500),
        ("access-denied", "AccessDeniedException", 400),
        ("too-many-concurrent", "ClientException", 400),
    ],
)
def test_refusals_come_as_often_as_asked_and_do_nothing(cloud, fault, code, status):
    ecs = cloud.client("ecs")
    cloud.emulation.inject("ecs", "RegisterTaskDefinition", fault, times=2, skip=1)
    ecs.register_task_definition(**GIVEN)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            ecs.register_task_definition(**GIVEN)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    ecs.register_task_definition(**GIVEN)
    assert registered(cloud) == 2
    assert [(each.fault, each.status) for each in cloud.emulation.calls] == [
        ("", 200),
        (fault, status),
        (fault, status),
        ("", 200),
    ]


def test_the_registration_limit_in_aws_words(cloud):
    cloud.emulation.inject("ecs", "RegisterTaskDefinition", "too-many-concurrent")
    with pytest.raises(ClientError) as refused:
        cloud.client("ecs").register_task_definition(**GIVEN)
    assert refused.value.response["Error"]["Message"] == LIMIT


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        ("timeout-before", ReadTimeoutError, 0),
        ("timeout-after", ReadTimeoutError, 1),
        ("dropped-before", ConnectionClosedError, 0),
        ("dropped-after", ConnectionClosedError, 1),
    ],
)
def test_unanswered_calls(cloud, fault, error, done):
    cloud.emulation.inject("ecs", "RegisterTaskDefinition", fault)
    with pytest.raises(error):
        cloud.client("ecs", read_timeout=0.3).register_task_definition(**GIVEN)
    assert registered(cloud) == done
    assert [each.status for each in cloud.emulation.calls] == [0]


def test_access_denied_of_the_query_protocol(cloud):
    cloud.emulation.inject("sts", "GetCallerIdentity", "access-denied")
    with pytest.raises(ClientError) as refused:
        cloud.client("sts").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert "is not authorized to perform: sts:GetCallerIdentity" in refused.value.response["Error"]["Message"]


def test_hooks_stand_before_and_after_the_effect(cloud):
    seen = []
    cloud.emulation.before_call = lambda call: seen.append(("before", call.action, registered(cloud)))
    cloud.emulation.after_call = lambda call: seen.append(("after", call.action, registered(cloud)))
    cloud.client("ecs").register_task_definition(**GIVEN)
    assert seen == [("before", "ecs:RegisterTaskDefinition", 0), ("after", "ecs:RegisterTaskDefinition", 1)]


def test_calls_name_their_resources(cloud):
    seeded = cloud.seed()
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    cloud.info(deployment)
    cloud.service()
    cloud.client("ecr").describe_repositories(repositoryNames=["example-web"])
    assert [(each.action, each.resources) for each in cloud.emulation.calls] == [
        ("ecs:DescribeTaskDefinition", ("*",)),
        (
            "ecs:RegisterTaskDefinition",
            ("arn:aws:ecs:eu-west-2:123456789012:task-definition/staging-web:*",),
        ),
        (
            "codedeploy:CreateDeployment",
            ("arn:aws:codedeploy:eu-west-2:123456789012:deploymentgroup:staging-web/staging-web",),
        ),
        (
            "codedeploy:GetDeployment",
            ("arn:aws:codedeploy:eu-west-2:123456789012:deploymentgroup:staging-web/staging-web",),
        ),
        ("ecs:DescribeServices", ("arn:aws:ecs:eu-west-2:123456789012:service/staging-cluster/staging-web",)),
        ("ecr:DescribeRepositories", ("arn:aws:ecr:eu-west-2:123456789012:repository/example-web",)),
    ]


def test_what_is_not_emulated_says_so_at_once(cloud):
    with pytest.raises(ClientError) as refused:
        cloud.client("codedeploy").list_git_hub_account_token_names()
    assert refused.value.response["Error"] == {
        "Code": "NotImplemented",
        "Message": "The emulated AWS doesn't know codedeploy:ListGitHubAccountTokenNames",
    }


def test_moto_answers_the_rest(cloud):
    assert cloud.client("elbv2").describe_target_groups()["TargetGroups"] == []
    cloud.client("s3").create_bucket(
        Bucket="example", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    assert [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]] == ["example"]


def test_time_passes_by_itself_on_the_machines_clock():
    clock = SystemClock()
    runtime = ScriptedRuntime(clock=clock)
    settings = Settings(speed=20, health_path="", tick=0.02)
    emulation = start(runtime=runtime, settings=settings)
    try:
        emulation.seed_application(cluster="c", service="s", image="example:1", repository="example")
        assert emulation.calls == []
        assert [weights for _, _, weights in runtime.shifts] == [{}, {"scripted-1": 100}]
    finally:
        emulation.stop()
    assert runtime.running() == ()
    assert [each for each in threading.enumerate() if each.name.startswith("emulation")] == []


def test_calls_from_many_threads(cloud):
    cloud.seed()
    ecs = cloud.client("ecs")

    def ask():
        ecs.describe_services(cluster="staging-cluster", services=["staging-web"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.status for each in cloud.emulation.calls] == [200] * 8
