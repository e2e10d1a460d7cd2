from __future__ import annotations

from collections.abc import Callable

import pytest

from slipway import rollout
from slipway.errors import AwsError, SlipwayError
from slipway.rollout.vocabulary import Request
from unit.rollout.stage import NEW, Stage

WRITES = ("Register", "Create", "Update", "Stop", "Continue", "Deregister")


def refused(stage: Stage, **more: object) -> str:
    """What `prepare` says; that it wrote nothing is checked."""
    with pytest.raises(SlipwayError) as raised:
        stage.prepare(**more)
    assert not [name for name in stage.calls() if name.startswith(WRITES)]
    return raised.value.message


def test_a_cluster_that_is_not_there(stage: Stage) -> None:
    request = Request(cluster="stagin-cluster", service="staging-web", repository="r", digest=NEW)
    with pytest.raises(SlipwayError) as raised:
        rollout.prepare(request, stage.aws, clock=stage.clock)
    assert raised.value.message == (
        "There is no cluster `stagin-cluster` in eu-west-2; there is `staging-cluster`. "
        "Did you mean `staging-cluster`?"
    )


def test_a_service_that_is_not_there(stage: Stage) -> None:
    request = Request(cluster="staging-cluster", service="staging-wed", repository="r", digest=NEW)
    with pytest.raises(SlipwayError) as raised:
        rollout.prepare(request, stage.aws, clock=stage.clock)
    assert raised.value.message == (
        "The cluster `staging-cluster` has no service `staging-wed`; it has `staging-web`. "
        "Did you mean `staging-web`?"
    )


def test_a_container_that_is_not_there(stage: Stage) -> None:
    assert "no container named `wob`; it has `web`" in refused(stage, container_name="wob")


def test_an_application_that_is_not_there(stage: Stage) -> None:
    said = refused(stage, application="nothing", deployment_group="nobody")
    assert said == (
        "There is no CodeDeploy application `nothing` with a deployment group; there is `staging-web`."
    )


def test_a_group_that_is_not_there(stage: Stage) -> None:
    said = refused(stage, application="staging-web", deployment_group="staging-wob")
    assert said == (
        "The CodeDeploy application `staging-web` has no deployment group `staging-wob`; "
        "it has `staging-web`. Did you mean `staging-web`?"
    )


def test_names_given_need_no_search(stage: Stage) -> None:
    stage.prepare(application="staging-web", deployment_group="staging-web")

    assert "ListApplications" not in stage.calls()


def test_an_image_for_another_processor(staged: Callable[..., Stage]) -> None:
    stage = staged(task_definition={"runtimePlatform": {"cpuArchitecture": "ARM64"}})

    said = refused(stage, platforms=("linux/amd64",))

    assert said == ("The image is for linux/amd64, but the tasks of `staging-web` run on linux/arm64.")
    assert stage.prepare(platforms=("linux/amd64", "linux/arm64/v8")).already_out is False


def test_a_controller_of_somebody_else(staged: Callable[..., Stage]) -> None:
    stage = staged()
    stage.emulation.world().services["staging-cluster", "staging-web"].controller = "EXTERNAL"

    assert "deployment controller EXTERNAL" in refused(stage)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ecs", "DescribeServices"),
        ("ecs", "DescribeTaskDefinition"),
        ("codedeploy", "BatchGetDeploymentGroups"),
        ("codedeploy", "ListDeployments"),
    ],
)
def test_what_aws_refuses_names_the_permission(stage: Stage, service: str, operation: str) -> None:
    stage.emulation.inject(service, operation, "access-denied", times=9)

    with pytest.raises(AwsError) as raised:
        stage.prepare()
    assert f'"Action": "{service}:{operation}"' in raised.value.remedy
    assert stage.calls().count(operation) == 1
