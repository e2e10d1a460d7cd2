"""What can be asked of CodeDeploy's deployments."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from slipway.rehearsal.emulation import (
    applications,
    appspec,
    deployment_answers,
    deployment_configs,
    deployment_control,
    service_operations,
    task_definitions,
)
from slipway.rehearsal.emulation.deployments import ACTIVE, Deployment
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import World, few, letters, page

TOO_MANY = "BatchLimitExceededException"


def create(world: World, parameters: dict[str, Any], *, creator: str = "user") -> dict[str, Any]:
    """codedeploy:CreateDeployment. One deployment at a time holds a group."""
    group = applications.group(world, parameters)
    active = next((each for each in world.deployments.values() if each.group is group and each.active), None)
    name = group["deploymentGroupName"]
    if active is not None:
        raise RefusedError(
            "DeploymentLimitExceededException",
            f"The Deployment Group '{name}' already has an active Deployment '{active.id}'",
        )
    if not parameters.get("revision"):
        raise RefusedError("RevisionRequiredException", "The revision is required")
    config = parameters.get("deploymentConfigName") or group["deploymentConfigName"]
    deployment_configs.routing(config)
    spec = appspec.read(parameters["revision"])
    deployment = Deployment(
        id=f"d-{letters(9)}",
        application=group["applicationName"],
        group=group,
        service=_service(world, group),
        revision=copy.deepcopy(parameters["revision"]),
        spec=spec,
        task_definition=_revision(world, spec),
        config=config,
        created=world.now,
        creator=creator,
        description=parameters.get("description") or "",
        auto_rollback=_auto_rollback(group, parameters),
        previous_revision=_previous(world, group),
    )
    deployment_control.begin(world, deployment)
    return {"deploymentId": deployment.id}


def _service(world: World, group: dict[str, Any]) -> Any:
    named = group.get("ecsServices") or []
    found = (
        service_operations.service_named(world, named[0].get("clusterName", ""), named[0]["serviceName"])
        if named
        else None
    )
    if found is None or found.status != "ACTIVE":
        raise RefusedError("InvalidECSServiceException", "The Amazon ECS service identifier is not valid.")
    return found


def _revision(world: World, spec: appspec.AppSpec) -> Any:
    try:
        return task_definitions.runnable(world, spec.task_definition)
    except RefusedError as error:
        raise RefusedError("InvalidRevisionException", f"The AppSpec's TaskDefinition: {error}") from error


def _auto_rollback(group: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The deployment's own configuration stands in for the group's."""
    return copy.deepcopy(
        parameters.get("autoRollbackConfiguration") or group.get("autoRollbackConfiguration") or {}
    )


def _previous(world: World, group: dict[str, Any]) -> dict[str, Any] | None:
    done = [each for each in world.deployments.values() if each.group is group and each.status == "Succeeded"]
    return copy.deepcopy(done[-1].revision) if done else None


def find(world: World, parameters: dict[str, Any]) -> Deployment:
    """The deployment that a call names. Raises RefusedError when it isn't there."""
    identity = parameters.get("deploymentId")
    if not identity:
        raise RefusedError("DeploymentIdRequiredException", "The deployment ID is required")
    found = world.deployments.get(identity)
    if not isinstance(found, Deployment):
        raise RefusedError("DeploymentDoesNotExistException", f"The deployment {identity} could not be found")
    return found


def get(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:GetDeployment."""
    return {"deploymentInfo": deployment_answers.info(find(world, parameters))}


def batch_get(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:BatchGetDeployments; what isn't there is left out."""
    identities = few(parameters, "deploymentIds", most=25, code=TOO_MANY)
    found = [world.deployments[each] for each in identities if each in world.deployments]
    return {"deploymentsInfo": [deployment_answers.info(each) for each in found]}


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ListDeployments, the newest first."""
    application, name = parameters.get("applicationName"), parameters.get("deploymentGroupName")
    if application and not name:
        raise RefusedError(
            "DeploymentGroupNameRequiredException",
            "If applicationName is specified, then deploymentGroupName must be specified.",
        )
    if name and not application:
        raise RefusedError(
            "ApplicationNameRequiredException",
            "If deploymentGroupName is specified, applicationName must be specified.",
        )
    group = applications.group(world, parameters) if name else None
    statuses = parameters.get("includeOnlyStatuses") or []
    created = parameters.get("createTimeRange") or {}
    start, end = _seconds(created.get("start"), 0.0), _seconds(created.get("end"), float("inf"))
    identities = [
        each.id
        for each in reversed(world.deployments.values())
        if (group is None or each.group is group)
        and (not statuses or each.status in statuses)
        and start <= each.created <= end
    ]
    return page(identities, parameters, key="deployments")


def _seconds(value: Any, default: float) -> float:
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value).timestamp()
    return default if value is None else float(value)


def stop(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:StopDeployment; without `autoRollbackEnabled` the deployment's configuration decides."""
    deployment = find(world, parameters)
    if deployment.status not in ACTIVE:
        raise RefusedError(
            "DeploymentAlreadyCompletedException", f"The deployment {deployment.id} is already completed"
        )
    asked = parameters.get("autoRollbackEnabled")
    configured = deployment.auto_rollback
    if asked is None:
        asked = bool(configured.get("enabled")) and "DEPLOYMENT_STOP_ON_REQUEST" in configured.get(
            "events", []
        )
    deployment.stop = "rollback" if asked else "keep"
    return {
        "status": "Pending",
        "statusMessage": "Stopping deployment. Lifecycle events may still be running.",
    }


def resume(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ContinueDeployment: end the wait before the traffic, or before the original's end."""
    deployment = find(world, parameters)
    kind = parameters.get("deploymentWaitType") or "READY_WAIT"
    if kind not in {"READY_WAIT", "TERMINATION_WAIT"}:
        raise RefusedError("InvalidDeploymentWaitTypeException", f"The wait type is invalid: {kind}")
    if deployment.status not in ACTIVE:
        raise RefusedError(
            "DeploymentAlreadyCompletedException", f"The deployment {deployment.id} is already completed"
        )
    waiting = deployment.status == "Ready" if kind == "READY_WAIT" else deployment.terminating
    if not waiting:
        raise RefusedError(
            "DeploymentIsNotInReadyStateException",
            f"The deployment {deployment.id} is not in a state in which it can be continued",
        )
    deployment.continued.add(kind)
    return {}


def list_targets(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ListDeploymentTargets."""
    return {"targetIds": [deployment_answers.target_id(_started(world, parameters))]}


def _started(world: World, parameters: dict[str, Any]) -> Deployment:
    deployment = find(world, parameters)
    if deployment.status == "Created":
        raise RefusedError("DeploymentNotStartedException", f"The deployment {deployment.id} has not started")
    return deployment


def get_target(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:GetDeploymentTarget."""
    deployment = find(world, parameters)
    _check_target(deployment, parameters.get("targetId"))
    return {"deploymentTarget": deployment_answers.target(world, deployment)}


def _check_target(deployment: Deployment, identity: Any) -> None:
    known = {deployment_answers.target_id(deployment), deployment.service.arn}
    if identity not in known:
        raise RefusedError(
            "DeploymentTargetDoesNotExistException",
            f"The deployment target {identity} of {deployment.id} does not exist",
        )


def batch_get_targets(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:BatchGetDeploymentTargets."""
    deployment = _started(world, parameters)
    for identity in parameters.get("targetIds") or []:
        _check_target(deployment, identity)
    return {"deploymentTargets": [deployment_answers.target(world, deployment)]}
