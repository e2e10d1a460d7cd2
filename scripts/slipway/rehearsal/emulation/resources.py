"""The ARNs that an IAM policy names for a call (AWS's service authorization reference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.rehearsal.emulation.calls import Call
from slipway.rehearsal.emulation.world import World

# Operations that IAM grants on `*` alone.
UNNAMED = frozenset(
    {
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitions",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:DeregisterTaskDefinition",
        "ecs:ListClusters",
        "ecs:CreateCluster",
        "ecr:GetAuthorizationToken",
    }
)


def named(world: World, call: Call) -> tuple[str, ...]:
    """ARNs of the resources that the call names; `*` where IAM knows none for it."""
    if call.action in UNNAMED:
        return ("*",)
    finder = {"ecs": _ecs, "codedeploy": _codedeploy, "ecr": _ecr}.get(call.service)
    if finder is not None:
        return tuple(finder(world, call.operation, call.parameters)) or ("*",)
    if call.service == "sts" and call.parameters.get("RoleArn"):
        return (str(call.parameters["RoleArn"]),)
    return ("*",)


def _several(parameters: Mapping[str, Any], one: str, many: str) -> list[str]:
    return [*filter(None, [parameters.get(one)]), *(parameters.get(many) or [])]


def _ecs(world: World, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    def arns(kind: str, names: list[str]) -> list[str]:
        return [
            name if name.startswith("arn:") else world.arn("ecs", f"{kind}/{cluster}/{name}")
            for name in names
        ]

    cluster = str(parameters.get("cluster") or "default").rpartition("cluster/")[2]
    whole = [world.arn("ecs", f"cluster/{cluster}")]
    if operation == "RegisterTaskDefinition":
        return [world.arn("ecs", f"task-definition/{parameters.get('family')}:*")]
    if operation in {"DescribeTasks", "StopTask"}:
        return arns("task", _several(parameters, "task", "tasks"))
    if operation == "ListTasks":
        return whole
    by_arn = _several(parameters, "serviceDeploymentArn", "serviceDeploymentArns")
    by_arn += parameters.get("serviceRevisionArns") or []
    services = arns("service", _several(parameters, "service", "services"))
    services += arns("service", _several(parameters, "serviceName", ""))
    return by_arn or services or (whole if "cluster" in parameters else [])


def _codedeploy(world: World, _operation: str, parameters: Mapping[str, Any]) -> list[str]:
    application = parameters.get("applicationName")
    groups = [
        (application, name) for name in _several(parameters, "deploymentGroupName", "deploymentGroupNames")
    ]
    for identity in _several(parameters, "deploymentId", "deploymentIds"):
        deployment = world.deployments.get(identity)
        if deployment is not None:
            groups.append((deployment.application, deployment.group["deploymentGroupName"]))
    if groups:
        return list(
            dict.fromkeys(
                world.arn("codedeploy", f"deploymentgroup:{owner}/{name}") for owner, name in groups
            )
        )
    if application:
        return [world.arn("codedeploy", f"application:{application}")]
    config = parameters.get("deploymentConfigName")
    return [world.arn("codedeploy", f"deploymentconfig:{config}")] if config else []


def _ecr(world: World, _operation: str, parameters: Mapping[str, Any]) -> list[str]:
    names = _several(parameters, "repositoryName", "repositoryNames")
    return [world.arn("ecr", f"repository/{name}") for name in names]
