"""CodeDeploy's applications, deployment groups and registered revisions."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from slipway.rehearsal.emulation import appspec, deployment_configs, service_operations
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import World, few, page, present

GROUP_FIELDS = (
    "serviceRoleArn",
    "triggerConfigurations",
    "alarmConfiguration",
    "autoRollbackConfiguration",
    "deploymentStyle",
    "outdatedInstancesStrategy",
    "blueGreenDeploymentConfiguration",
    "loadBalancerInfo",
    "ecsServices",
    "deploymentConfigName",
)


def create(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:CreateApplication."""
    name = str(parameters.get("applicationName"))
    if name in world.applications:
        raise RefusedError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
    world.applications[name] = {
        "applicationId": str(uuid.uuid4()),
        "applicationName": name,
        "createTime": world.now,
        "linkedToGitHub": False,
        "computePlatform": parameters.get("computePlatform") or "Server",
    }
    return {"applicationId": world.applications[name]["applicationId"]}


def application(world: World, name: Any) -> dict[str, Any]:
    """The application. Raises RefusedError when it isn't there."""
    if not name:
        raise RefusedError("ApplicationNameRequiredException", "Application name is required")
    if name not in world.applications:
        raise RefusedError("ApplicationDoesNotExistException", f"No application found for name: {name}")
    return world.applications[name]


def group(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """The deployment group that a call names. Raises RefusedError when it isn't there."""
    name = parameters.get("deploymentGroupName") or parameters.get("currentDeploymentGroupName")
    owner = application(world, parameters.get("applicationName"))["applicationName"]
    if not name:
        raise RefusedError("DeploymentGroupNameRequiredException", "Deployment group name is required")
    if (owner, name) not in world.groups:
        raise RefusedError(
            "DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}"
        )
    return world.groups[owner, name]


def get(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:GetApplication."""
    return {"application": dict(application(world, parameters.get("applicationName")))}


def batch_get(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:BatchGetApplications."""
    names = parameters.get("applicationNames") or []
    return {"applicationsInfo": [dict(application(world, name)) for name in names]}


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ListApplications."""
    return page(list(world.applications), parameters, key="applications")


def create_group(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:CreateDeploymentGroup."""
    owner = application(world, parameters.get("applicationName"))
    name = str(parameters.get("deploymentGroupName"))
    if (owner["applicationName"], name) in world.groups:
        raise RefusedError(
            "DeploymentGroupAlreadyExistsException", f"Deployment group already exists: {name}"
        )
    _check(world, parameters)
    world.groups[owner["applicationName"], name] = {
        "applicationName": owner["applicationName"],
        "deploymentGroupId": str(uuid.uuid4()),
        "deploymentGroupName": name,
        "deploymentConfigName": deployment_configs.ALL_AT_ONCE,
        "computePlatform": owner["computePlatform"],
        **_given(parameters),
    }
    return {"deploymentGroupId": world.groups[owner["applicationName"], name]["deploymentGroupId"]}


def update_group(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:UpdateDeploymentGroup."""
    found = group(world, parameters)
    _check(world, parameters)
    found |= _given(parameters)
    return {"hooksNotCleanedUp": []}


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(
        {name: parameters[name] for name in GROUP_FIELDS if parameters.get(name) is not None}
    )


def _check(world: World, parameters: dict[str, Any]) -> None:
    if parameters.get("deploymentConfigName"):
        deployment_configs.routing(parameters["deploymentConfigName"])
    ready = (parameters.get("blueGreenDeploymentConfiguration") or {}).get("deploymentReadyOption") or {}
    if ready.get("actionOnTimeout") == "CONTINUE_DEPLOYMENT" and ready.get("waitTimeInMinutes"):
        raise RefusedError(
            "InvalidBlueGreenDeploymentConfigurationException",
            "Deployment ready action cannot be set to 'CONTINUE_DEPLOYMENT' when timeout is specified",
        )
    for each in parameters.get("ecsServices") or []:
        service = service_operations.service_named(world, each.get("clusterName", ""), each["serviceName"])
        if service is None or service.controller != "CODE_DEPLOY":
            raise RefusedError(
                "InvalidECSServiceException",
                f"The ECS service {each['serviceName']} must exist and be deployed by CODE_DEPLOY",
            )


def get_group(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:GetDeploymentGroup."""
    return {"deploymentGroupInfo": _show(world, group(world, parameters))}


def batch_get_groups(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:BatchGetDeploymentGroups; groups that aren't there are left out, and said."""
    owner = application(world, parameters.get("applicationName"))["applicationName"]
    names = few(parameters, "deploymentGroupNames", most=100, code="BatchLimitExceededException")
    missing = [name for name in names if (owner, name) not in world.groups]
    error = {"errorMessage": f"No Deployment Group found for name: {missing[0]}"} if missing else {}
    shown = [_show(world, world.groups[owner, name]) for name in names if name not in missing]
    return {"deploymentGroupsInfo": shown, **error}


def list_groups(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ListDeploymentGroups."""
    owner = application(world, parameters.get("applicationName"))["applicationName"]
    names = [name for application_name, name in world.groups if application_name == owner]
    return {"applicationName": owner, **page(names, parameters, key="deploymentGroups")}


def _show(world: World, found: dict[str, Any]) -> dict[str, Any]:
    own = [each for each in world.deployments.values() if each.group is found]
    succeeded = [each for each in own if each.status == "Succeeded"]

    def last(deployments: list[Any]) -> dict[str, Any] | None:
        if not deployments:
            return None
        each = deployments[-1]
        times = {"endTime": each.completed, "createTime": each.created}
        return present({"deploymentId": each.id, "status": each.status, **times})

    empty: dict[str, Any] = {
        "ec2TagFilters": [],
        "onPremisesInstanceTagFilters": [],
        "autoScalingGroups": [],
        "triggerConfigurations": [],
        "outdatedInstancesStrategy": "UPDATE",
        "terminationHookEnabled": False,
        "autoRollbackConfiguration": {"enabled": False, "events": []},
    }
    lasting = {
        "targetRevision": copy.deepcopy(succeeded[-1].revision) if succeeded else None,
        "lastSuccessfulDeployment": last(succeeded),
        "lastAttemptedDeployment": last(own),
    }
    return present(empty | copy.deepcopy(found) | lasting)


def register_revision(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:RegisterApplicationRevision."""
    application(world, parameters.get("applicationName"))
    appspec.read(parameters.get("revision") or {})
    return {}
