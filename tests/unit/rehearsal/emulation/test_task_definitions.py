from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.task_definitions import LIMIT

CONTAINER = {
    "name": "web",
    "image": "example:1",
    "cpu": 0,
    "essential": True,
    "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
    "fieldOfTomorrow": {"nested": [1, 2.5, None, "é"]},
}
GIVEN = {
    "family": "web",
    "containerDefinitions": [CONTAINER],
    "volumes": [],
    "placementConstraints": [],
    "enableFaultInjection": True,
    "anotherFieldOfTomorrow": {"a": ""},
}


def test_every_field_comes_back_also_the_unknown(cloud):
    cloud.emulation.perform("ecs", "RegisterTaskDefinition", **GIVEN)
    shown = cloud.emulation.perform("ecs", "DescribeTaskDefinition", taskDefinition="web")["taskDefinition"]
    assert {name: shown[name] for name in GIVEN} == GIVEN
    assert sorted(set(shown) - set(GIVEN)) == [
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    ]


def test_registering_what_was_described_changes_nothing(cloud):
    seeded = cloud.seed()
    made = {"taskDefinitionArn", "revision", "registeredAt"}
    first = cloud.emulation.perform("ecs", "DescribeTaskDefinition", taskDefinition=seeded.task_definition)
    second = cloud.emulation.perform("ecs", "RegisterTaskDefinition", **first["taskDefinition"])
    assert {key: value for key, value in second["taskDefinition"].items() if key not in made} == {
        key: value for key, value in first["taskDefinition"].items() if key not in made
    }


def test_a_burst_then_one_a_second(launch):
    cloud = launch(registrations_burst=3)
    codes = []
    for _ in range(5):
        try:
            cloud.emulation.perform("ecs", "RegisterTaskDefinition", **GIVEN)
            codes.append("")
        except RefusedError as error:
            codes.append(error.message)
    assert codes == ["", "", "", LIMIT, LIMIT]
    cloud.clock.sleep(1)
    cloud.emulation.advance()
    cloud.emulation.perform("ecs", "RegisterTaskDefinition", **GIVEN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"containerDefinitions": []}, "Container list cannot be empty."),
        ({"containerDefinitions": [{"name": "web"}]}, "Container.image should not be null or empty."),
        ({"containerDefinitions": [CONTAINER, CONTAINER]}, "Container names must be unique."),
        (
            {"requiresCompatibilities": ["FARGATE"]},
            "Fargate requires that 'cpu' be defined at the task level.",
        ),
    ],
)
def test_refuses_what_ecs_refuses(cloud, change, message):
    with pytest.raises(RefusedError) as refused:
        cloud.emulation.perform("ecs", "RegisterTaskDefinition", **{**GIVEN, **change})
    assert (refused.value.code, refused.value.message) == ("ClientException", message)


def test_lists_in_both_orders_and_by_status(cloud):
    seeded = cloud.seed()
    second = cloud.register(seeded)
    ecs = cloud.client("ecs")

    def listed(**filters):
        return ecs.list_task_definitions(familyPrefix="staging-web", **filters)["taskDefinitionArns"]

    assert listed() == [seeded.task_definition, second]
    assert listed(sort="DESC", maxResults=1) == [second]
    ecs.deregister_task_definition(taskDefinition=second)
    assert (listed(), listed(status="INACTIVE")) == ([seeded.task_definition], [second])


def test_absent_ones(cloud):
    ecs = cloud.client("ecs")
    with pytest.raises(ClientError, match="Unable to describe task definition"):
        ecs.describe_task_definition(taskDefinition="nothing")
    cloud.seed()
    with pytest.raises(ClientError, match="TaskDefinition not found"):
        ecs.run_task(cluster="staging-cluster", taskDefinition="staging-web:9")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"taskDefinition": "staging-web"}, "Unable to update task definition"),
        ({"forceNewDeployment": True}, "Cannot force a new deployment"),
    ],
)
def test_codedeploy_services_are_not_updated(cloud, change, message):
    cloud.seed()
    with pytest.raises(ClientError) as refused:
        cloud.client("ecs").update_service(cluster="staging-cluster", service="staging-web", **change)
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterException",
        "Message": f"{message} on services with a CODE_DEPLOY deployment controller. "
        "Use AWS CodeDeploy to trigger a new deployment.",
    }
