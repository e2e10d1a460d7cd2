"""How CodeDeploy shows deployments and their targets."""

from __future__ import annotations

import copy
from typing import Any

from slipway.rehearsal.emulation import services
from slipway.rehearsal.emulation.deployments import Deployment, LifecycleEvent
from slipway.rehearsal.emulation.world import Fleet, World, present

TARGET_STATUS = {
    "Created": "Pending",
    "Queued": "Pending",
    "Ready": "Ready",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Skipped",
}


def info(deployment: Deployment) -> dict[str, Any]:
    """The `deploymentInfo` of GetDeployment."""
    code, message = deployment.error or ("", "")
    overview = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
    overview[TARGET_STATUS.get(deployment.status, "InProgress")] = 1
    back = deployment.rollback.get("rollbackDeploymentId")
    group = deployment.group
    return present(
        {
            "applicationName": deployment.application,
            "deploymentGroupName": group["deploymentGroupName"],
            "deploymentConfigName": deployment.config,
            "deploymentId": deployment.id,
            "previousRevision": copy.deepcopy(deployment.previous_revision),
            "revision": copy.deepcopy(deployment.revision),
            "status": deployment.status,
            "errorInformation": {"code": code, "message": message} if code else None,
            "createTime": deployment.created,
            "startTime": deployment.started,
            "completeTime": deployment.completed,
            "deploymentOverview": overview,
            "description": deployment.description or None,
            "creator": deployment.creator,
            "ignoreApplicationStopFailures": False,
            "autoRollbackConfiguration": copy.deepcopy(deployment.auto_rollback)
            or {"enabled": False, "events": []},
            "updateOutdatedInstancesOnly": False,
            "rollbackInfo": dict(deployment.rollback) if deployment.rollback else None,
            "deploymentStyle": copy.deepcopy(group.get("deploymentStyle")),
            "instanceTerminationWaitTimeStarted": deployment.terminating,
            "blueGreenDeploymentConfiguration": copy.deepcopy(group.get("blueGreenDeploymentConfiguration")),
            "loadBalancerInfo": copy.deepcopy(group.get("loadBalancerInfo")),
            "fileExistsBehavior": "DISALLOW",
            "deploymentStatusMessages": [],
            "computePlatform": "ECS",
            "relatedDeployments": {"autoUpdateOutdatedInstancesDeploymentIds": []} if back else None,
        }
    )


def target_id(deployment: Deployment) -> str:
    """The id of the deployment's one target."""
    return f"{deployment.service.cluster}:{deployment.service.name}"


def target(world: World, deployment: Deployment) -> dict[str, Any]:
    """The `deploymentTarget` of GetDeploymentTarget."""
    sets = [(deployment.blue, "Blue"), (deployment.green, "Green")]
    return {
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": deployment.id,
            "targetId": target_id(deployment),
            "targetArn": deployment.service.arn,
            "lastUpdatedAt": deployment.updated,
            "lifecycleEvents": [_event(each) for each in deployment.events.values()],
            "status": TARGET_STATUS.get(deployment.status, "InProgress"),
            "taskSetsInfo": [
                _task_set(world, deployment, fleet, label) for fleet, label in sets if fleet is not None
            ],
        },
    }


def _event(event: LifecycleEvent) -> dict[str, Any]:
    return present(
        {
            "lifecycleEventName": event.name,
            "diagnostics": dict(event.diagnostics) if event.diagnostics else None,
            "startTime": event.started,
            "endTime": event.ended,
            "status": event.status,
        }
    )


def _task_set(world: World, deployment: Deployment, fleet: Fleet, label: str) -> dict[str, Any]:
    running, pending = services.counts(world, fleet)
    return {
        "identifer": fleet.id,  # spelled so in CodeDeploy's own model
        "desiredCount": fleet.desired,
        "pendingCount": pending,
        "runningCount": running,
        "status": fleet.status if fleet in deployment.service.fleets else "DRAINING",
        "trafficWeight": float(fleet.weight),
        "targetGroup": {"name": fleet.target_group},
        "taskSetLabel": label,
    }
