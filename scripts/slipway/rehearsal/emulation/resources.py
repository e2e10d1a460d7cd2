"""The ARNs that an IAM policy names for a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def named(
    service: str, operation: str, parameters: Mapping[str, Any], *, account: str, region: str
) -> tuple[str, ...]:
    """ARNs of the resources that the call names; `*` where IAM knows none for the operation."""
    prefix = f"arn:aws:{service}:{region}:{account}"
    found = {"ecs": _ecs, "codedeploy": _codedeploy, "ecr": _ecr}.get(service, _none)(
        prefix, operation, parameters
    )
    if service == "sts" and parameters.get("RoleArn"):
        found = [str(parameters["RoleArn"])]
    return tuple(found) or ("*",)


def _none(_prefix: str, _operation: str, _parameters: Mapping[str, Any]) -> list[str]:
    return []


def _ecs(prefix: str, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    def arn(kind: str, name: Any) -> str:
        return str(name) if str(name).startswith("arn:") else f"{prefix}:{kind}/{name}"

    cluster = str(parameters.get("cluster") or "default").rpartition("cluster/")[2]
    if operation == "RegisterTaskDefinition":
        return [f"{prefix}:task-definition/{parameters.get('family')}:*"]
    if operation in {"DescribeTaskDefinition", "ListTaskDefinitions", "DeregisterTaskDefinition"}:
        return []  # no resource-level permission
    if operation == "DescribeTasks":
        return [
            arn("task", f"{cluster}/{task}") if ":" not in task else task
            for task in parameters.get("tasks", [])
        ]
    if operation == "ListTasks":
        return [arn("cluster", cluster)]
    if "serviceDeploymentArns" in parameters or "serviceRevisionArns" in parameters:
        return list(parameters.get("serviceDeploymentArns") or parameters.get("serviceRevisionArns") or [])
    if "serviceDeploymentArn" in parameters:
        return [str(parameters["serviceDeploymentArn"])]
    services = [
        *parameters.get("services", []),
        *filter(None, [parameters.get("service"), parameters.get("serviceName")]),
    ]
    if services:
        return [arn("service", f"{cluster}/{name}") if ":" not in name else name for name in services]
    return [arn("cluster", cluster)] if "cluster" in parameters else []


def _codedeploy(prefix: str, _operation: str, parameters: Mapping[str, Any]) -> list[str]:
    if parameters.get("deploymentConfigName") and "applicationName" not in parameters:
        return [f"{prefix}:deploymentconfig:{parameters['deploymentConfigName']}"]
    application = parameters.get("applicationName")
    if not application:
        return []
    groups = [
        *filter(None, [parameters.get("deploymentGroupName")]),
        *parameters.get("deploymentGroupNames", []),
    ]
    if groups:
        return [f"{prefix}:deploymentgroup:{application}/{group}" for group in groups]
    return [f"{prefix}:application:{application}"]


def _ecr(prefix: str, _operation: str, parameters: Mapping[str, Any]) -> list[str]:
    names = [*filter(None, [parameters.get("repositoryName")]), *(parameters.get("repositoryNames") or [])]
    return [f"{prefix}:repository/{name}" for name in names]
