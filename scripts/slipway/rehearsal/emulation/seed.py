"""What the infrastructure of an application is before its first deployment of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.rehearsal.emulation import services
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.server import Emulation

LONGEST_START = 300.0  # seconds of the clock for a first version to become healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application that is wished for. `image` is what runs first; names left out are made from others."""

    cluster: str
    service: str
    image: str
    repository: str
    family: str = ""
    container: str = "web"
    port: int = 8000
    environment: Mapping[str, str] | None = None
    health_path: str = "/"
    desired: int = 1
    controller: Literal["CODE_DEPLOY", "ECS"] = "CODE_DEPLOY"
    deployment_configuration: Mapping[str, Any] | None = None  # of ECS's own controller
    application: str = ""
    deployment_group: str = ""
    deployment_config: str = "CodeDeployDefault.ECSAllAtOnce"
    termination_minutes: int = 5
    ready_minutes: int | None = None  # wait for ContinueDeployment before the traffic
    auto_rollback: tuple[str, ...] = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST")
    test_traffic: bool = False
    mutability: Literal["IMMUTABLE", "MUTABLE"] = "MUTABLE"
    task_definition: Mapping[str, Any] | None = None  # more fields, known to boto3 or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What was made."""

    cluster: str
    service: str
    application: str
    deployment_group: str
    repository: str
    repository_uri: str
    task_definition: str  # ARN


def seed(emulation: Emulation, wished: Application, *, running: bool = True) -> Seeded:
    """Make an application's infrastructure; with `running` wait on the clock until it is healthy."""
    perform = emulation.perform
    perform("ecs", "CreateCluster", clusterName=wished.cluster)
    with contextlib.suppress(RefusedError):  # it is there: environments of one account share it
        perform(
            "ecr",
            "CreateRepository",
            repositoryName=wished.repository,
            imageTagMutability=wished.mutability,
        )
    uri = perform("ecr", "DescribeRepositories", repositoryNames=[wished.repository])["repositories"][0]
    registered = perform("ecs", "RegisterTaskDefinition", **_task_definition(wished))
    arn = registered["taskDefinition"]["taskDefinitionArn"]
    perform("ecs", "CreateService", **_service(emulation, wished, arn))
    emulation.world().services[wished.cluster, wished.service].health_path = wished.health_path
    if wished.controller == "CODE_DEPLOY":
        _codedeploy(emulation, wished)
    seeded = Seeded(
        cluster=wished.cluster,
        service=wished.service,
        application=_names(wished)[0] if wished.controller == "CODE_DEPLOY" else "",
        deployment_group=_names(wished)[1] if wished.controller == "CODE_DEPLOY" else "",
        repository=wished.repository,
        repository_uri=uri["repositoryUri"],
        task_definition=arn,
    )
    if running:
        wait_until_steady(emulation, cluster=wished.cluster, service=wished.service)
    return seeded


def wait_until_steady(emulation: Emulation, *, cluster: str, service: str) -> None:
    """Wait on the clock until every task of the service is healthy. Raises TimeoutError."""
    found = emulation.world().services[cluster, service]
    end = emulation.clock.now() + LONGEST_START
    while emulation.clock.now() < end:
        emulation.advance()
        world = emulation.world()
        if found.steady and all(services.healthy(world, each) == each.desired for each in found.fleets):
            return
        emulation.clock.sleep(0.1)
    raise TimeoutError(f"The tasks of {service} did not become healthy: {found.events[:3]}")


def _names(wished: Application) -> tuple[str, str]:
    return wished.application or wished.service, wished.deployment_group or wished.service


def _task_definition(wished: Application) -> dict[str, Any]:
    environment = [{"name": key, "value": value} for key, value in (wished.environment or {}).items()]
    container = {
        "name": wished.container,
        "image": wished.image,
        "essential": True,
        "portMappings": [{"containerPort": wished.port, "hostPort": wished.port, "protocol": "tcp"}],
        "environment": environment,
    }
    return {
        "family": wished.family or wished.service,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
        **(wished.task_definition or {}),
    }


def _balancer(emulation: Emulation, wished: Application, colour: str) -> dict[str, Any]:
    group = f"targetgroup/{wished.service}-{colour}/0123456789abcdef"
    return {
        "targetGroupArn": emulation.world().arn("elasticloadbalancing", group),
        "containerName": wished.container,
        "containerPort": wished.port,
    }


def _service(emulation: Emulation, wished: Application, arn: str) -> dict[str, Any]:
    network = {"subnets": ["subnet-0123456789abcdef0"], "assignPublicIp": "DISABLED"}
    more = {"deploymentConfiguration": dict(wished.deployment_configuration or {})}
    return {
        "cluster": wished.cluster,
        "serviceName": wished.service,
        "taskDefinition": arn,
        "desiredCount": wished.desired,
        "launchType": "FARGATE",
        "deploymentController": {"type": wished.controller},
        "loadBalancers": [_balancer(emulation, wished, "blue")],
        "networkConfiguration": {"awsvpcConfiguration": network},
        **(more if wished.deployment_configuration else {}),
    }


def _codedeploy(emulation: Emulation, wished: Application) -> None:
    application, group = _names(wished)
    with contextlib.suppress(RefusedError):
        emulation.perform(
            "codedeploy", "CreateApplication", applicationName=application, computePlatform="ECS"
        )
    ready: dict[str, Any] = {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0}
    if wished.ready_minutes is not None:
        ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": wished.ready_minutes}
    listener = emulation.world().arn("elasticloadbalancing", f"listener/app/{wished.cluster}/50dc/f2f7")
    pair: dict[str, Any] = {
        "targetGroups": [{"name": f"{wished.service}-{colour}"} for colour in ("blue", "green")],
        "prodTrafficRoute": {"listenerArns": [listener]},
    }
    if wished.test_traffic:
        pair["testTrafficRoute"] = {"listenerArns": [f"{listener}-test"]}
    emulation.perform(
        "codedeploy",
        "CreateDeploymentGroup",
        applicationName=application,
        deploymentGroupName=group,
        deploymentConfigName=wished.deployment_config,
        serviceRoleArn=emulation.world().arn("iam", "role/codedeploy", region=False),
        deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        ecsServices=[{"clusterName": wished.cluster, "serviceName": wished.service}],
        loadBalancerInfo={"targetGroupPairInfoList": [pair]},
        autoRollbackConfiguration={
            "enabled": bool(wished.auto_rollback),
            "events": list(wished.auto_rollback),
        },
        blueGreenDeploymentConfiguration={
            "deploymentReadyOption": ready,
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE",
                "terminationWaitTimeInMinutes": wished.termination_minutes,
            },
        },
    )
