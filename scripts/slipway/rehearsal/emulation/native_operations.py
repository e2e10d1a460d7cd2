"""What can be asked of service deployments."""

from __future__ import annotations

import copy
from typing import Any

from slipway.rehearsal.emulation import native, service_operations, services
from slipway.rehearsal.emulation.native import ServiceDeployment
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import Fleet, World, page, present


def _find(world: World, parameters: dict[str, Any]) -> ServiceDeployment:
    deployment = world.service_deployments.get(str(parameters.get("serviceDeploymentArn")))
    if not isinstance(deployment, ServiceDeployment):
        raise RefusedError("ServiceDeploymentNotFoundException", "Service deployment not found.")
    return deployment


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListServiceDeployments, the newest first."""
    service = services.find(world, parameters)
    wanted, created = parameters.get("status") or [], parameters.get("createdAt") or {}
    found = [
        present(
            {
                "serviceDeploymentArn": each.arn,
                "serviceArn": service.arn,
                "clusterArn": world.arn("ecs", f"cluster/{service.cluster}"),
                "startedAt": each.started,
                "createdAt": each.created,
                "finishedAt": each.finished,
                "targetServiceRevisionArn": each.target.revision_arn,
                "status": each.status,
                "statusReason": each.reason or None,
            }
        )
        for each in reversed(world.service_deployments.values())
        if each.service is service
        and (not wanted or each.status in wanted)
        and created.get("after", 0.0) <= each.created <= created.get("before", float("inf"))
    ]
    return page(found, parameters, key="serviceDeployments")


def describe(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeServiceDeployments."""
    arns = parameters.get("serviceDeploymentArns") or []
    return {
        "serviceDeployments": [
            _show(world, world.service_deployments[arn]) for arn in arns if arn in world.service_deployments
        ],
        "failures": [
            {"arn": arn, "reason": "MISSING"} for arn in arns if arn not in world.service_deployments
        ],
    }


def _show(world: World, deployment: ServiceDeployment) -> dict[str, Any]:
    service = deployment.service
    blue_green = deployment.configuration["strategy"] != "ROLLING"
    return present(
        {
            "serviceDeploymentArn": deployment.arn,
            "serviceArn": service.arn,
            "clusterArn": world.arn("ecs", f"cluster/{service.cluster}"),
            "createdAt": deployment.created,
            "startedAt": deployment.started,
            "finishedAt": deployment.finished,
            "stoppedAt": deployment.stopped,
            "updatedAt": deployment.updated,
            "sourceServiceRevisions": [_revision(world, deployment.source)] if deployment.source else [],
            "targetServiceRevision": _revision(world, deployment.target),
            "status": deployment.status,
            "statusReason": deployment.reason or None,
            "lifecycleStage": deployment.stage if blue_green and deployment.stage else None,
            "lifecycleHookDetails": copy.deepcopy(deployment.hooks) or None,
            "deploymentConfiguration": service_operations.configuration(service) | deployment.configuration,
            "rollback": deployment.rollback,
            "deploymentCircuitBreaker": {
                "status": deployment.breaker,
                "failureCount": deployment.target.failures,
                "threshold": deployment.threshold,
            },
            "alarms": {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []},
        }
    )


def _revision(world: World, fleet: Fleet) -> dict[str, Any]:
    running, pending = services.counts(world, fleet)
    return {
        "arn": fleet.revision_arn,
        "requestedTaskCount": fleet.desired,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
        "requestedProductionTrafficWeight": fleet.weight,
        "requestedTestTrafficWeight": 0.0,
    }


def describe_revisions(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeServiceRevisions, with the digests that were resolved."""
    arns = parameters.get("serviceRevisionArns") or []
    shown = []
    for arn in arns:
        document = world.service_revisions.get(arn)
        if document is not None:
            service = next(each for each in world.services.values() if each.arn == document["serviceArn"])
            found = native.images(world, arn, service)
            known = document.setdefault("containerImages", found)
            if any("imageDigest" in each for each in found):
                known[:] = found
            shown.append(copy.deepcopy(document))
    missing = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in world.service_revisions]
    return {"serviceRevisions": shown, "failures": missing}


def stop(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:StopServiceDeployment: with ROLLBACK (also by default) the source serves again."""
    deployment = _find(world, parameters)
    if deployment.status not in {"PENDING", "IN_PROGRESS"}:
        raise RefusedError(
            "ConflictException", "The service deployment is already in a terminal or stopping state."
        )
    if parameters.get("stopType") == "ABORT":
        deployment.status, deployment.course = "STOPPED", None
        deployment.stopped = deployment.finished = deployment.updated = world.now
        deployment.service.deployment = ""
    else:
        deployment.status, deployment.stopped = "ROLLBACK_REQUESTED", world.now
    return {"serviceDeploymentArn": deployment.arn}


def resume(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ContinueServiceDeployment: end a pause hook, on or back."""
    deployment = _find(world, parameters)
    hook = next((each for each in deployment.hooks if each["hookId"] == parameters.get("hookId")), None)
    if hook is None or hook["status"] != "AWAITING_ACTION":
        raise RefusedError("InvalidParameterException", "The lifecycle hook is not awaiting an action.")
    hook["status"] = "FAILED" if parameters.get("action") == "ROLLBACK" else "SUCCEEDED"
    return {"serviceDeploymentArn": deployment.arn}
