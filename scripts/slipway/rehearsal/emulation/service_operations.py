"""What can be asked of services: create, describe, update, list, delete; and task sets, to look at."""

from __future__ import annotations

import copy
from typing import Any

from slipway.rehearsal.emulation import native, services, task_definitions, tasks
from slipway.rehearsal.emulation.clusters import existing, name_of
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import Fleet, Service, World, few, page, present

USE_CODEDEPLOY = (
    "on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
)
# What UpdateService may change without a deployment.
KEPT = (
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "availabilityZoneRebalancing",
    "networkConfiguration",
    "loadBalancers",
    "platformVersion",
    "serviceRegistries",
    "capacityProviderStrategy",
)


def create(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:CreateService."""
    cluster, name = existing(world, parameters), str(parameters.get("serviceName"))
    if (cluster, name) in world.services and world.services[cluster, name].status == "ACTIVE":
        raise RefusedError("InvalidParameterException", "Creation of service was not idempotent.")
    revision = task_definitions.runnable(world, str(parameters.get("taskDefinition")))
    controller = (parameters.get("deploymentController") or {}).get("type", "ECS")
    service = Service(
        name=name,
        cluster=cluster,
        arn=world.arn("ecs", f"service/{cluster}/{name}"),
        controller=controller,
        desired=int(parameters.get("desiredCount") or 0),
        revision=revision,
        parameters=copy.deepcopy(parameters),
        health_path=world.settings.health_path,
        created=world.now,
    )
    world.services[cluster, name] = service
    if controller == "CODE_DEPLOY":
        groups = services.target_groups(service)
        group = groups[0] if groups else f"{name}-blue"
        services.add_fleet(
            world,
            service,
            revision,
            status="PRIMARY",
            desired=service.desired,
            weight=100.0,
            target_group=group,
        )
    else:
        native.deploy(world, service, revision)
    return {"service": show(world, service)}


def update(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:UpdateService."""
    service = services.find(world, parameters)
    wanted, forced = parameters.get("taskDefinition"), bool(parameters.get("forceNewDeployment"))
    if service.controller == "CODE_DEPLOY":
        if wanted:
            raise RefusedError(
                "InvalidParameterException", f"Unable to update task definition {USE_CODEDEPLOY}"
            )
        if forced:
            raise RefusedError("InvalidParameterException", f"Cannot force a new deployment {USE_CODEDEPLOY}")
    revision = task_definitions.runnable(world, wanted) if wanted else service.revision
    for key in KEPT:
        if parameters.get(key) is not None:
            service.parameters[key] = copy.deepcopy(parameters[key])
    if parameters.get("desiredCount") is not None:
        service.desired, service.steady = int(parameters["desiredCount"]), False
        if service.primary is not None:
            service.primary.desired = service.desired
    if revision.arn != service.revision.arn or forced:
        native.deploy(world, service, revision)
    return {"service": show(world, service)}


def delete(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DeleteService."""
    service = services.find(world, parameters)
    if service.desired and not parameters.get("force"):
        raise RefusedError(
            "InvalidParameterException", "The service cannot be stopped while it is scaled above 0."
        )
    service.status = "INACTIVE"
    native.forget(world, service)
    for fleet in service.fleets:
        fleet.desired, fleet.status, fleet.weight = 0, "DRAINING", 0.0
    return {"service": show(world, service)}


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListServices."""
    cluster = existing(world, parameters)
    arns = [
        each.arn for each in world.services.values() if each.cluster == cluster and each.status == "ACTIVE"
    ]
    return page(arns, parameters, key="serviceArns")


def describe(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeServices."""
    cluster = existing(world, parameters)
    found, failures = [], []
    for value in few(parameters, "services", most=10):
        name = value.rpartition("/")[2]
        service = world.services.get((cluster, name))
        if service is not None:
            shown = show(world, service)
            if "TAGS" not in (parameters.get("include") or []):
                shown.pop("tags", None)
            found.append(shown)
        else:
            failures.append({"arn": world.arn("ecs", f"service/{cluster}/{name}"), "reason": "MISSING"})
    return {"services": found, "failures": failures}


def describe_task_sets(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeTaskSets."""
    service = services.find(world, parameters)
    wanted = parameters.get("taskSets")
    shown = [_task_set(world, service, fleet) for fleet in service.fleets if not wanted or fleet.id in wanted]
    return {"taskSets": shown, "failures": []}


def show(world: World, service: Service) -> dict[str, Any]:
    """One service as DescribeServices shows it."""
    given = service.parameters
    by_fleet = [services.counts(world, fleet) for fleet in service.fleets]
    native_shown = native.shown(world, service) if service.controller == "ECS" else {}
    return present(
        {
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": world.arn("ecs", f"cluster/{service.cluster}"),
            "status": service.status,
            "desiredCount": service.desired,
            "runningCount": sum(running for running, _ in by_fleet),
            "pendingCount": sum(pending for _, pending in by_fleet),
            "taskDefinition": service.revision.arn,
            "launchType": given.get("launchType") or "FARGATE",
            "platformVersion": given.get("platformVersion") or "LATEST",
            "platformFamily": "Linux",
            "loadBalancers": given.get("loadBalancers") or [],
            "serviceRegistries": given.get("serviceRegistries") or [],
            "deploymentConfiguration": configuration(service),
            "deploymentController": {"type": service.controller},
            "deployments": [],
            "taskSets": (
                [_task_set(world, service, fleet) for fleet in service.fleets]
                if service.controller == "CODE_DEPLOY"
                else None
            ),
            "events": copy.deepcopy(service.events),
            "createdAt": service.created,
            "placementConstraints": given.get("placementConstraints") or [],
            "placementStrategy": given.get("placementStrategy") or [],
            "networkConfiguration": given.get("networkConfiguration"),
            "healthCheckGracePeriodSeconds": given.get("healthCheckGracePeriodSeconds") or 0,
            "schedulingStrategy": given.get("schedulingStrategy") or "REPLICA",
            "enableECSManagedTags": bool(given.get("enableECSManagedTags")),
            "propagateTags": given.get("propagateTags") or "NONE",
            "enableExecuteCommand": bool(given.get("enableExecuteCommand")),
            "tags": given.get("tags"),
        }
        | native_shown
    )


def configuration(service: Service) -> dict[str, Any]:
    """The deployment configuration with what ECS adds to it."""
    defaults: dict[str, Any] = {"maximumPercent": 200, "minimumHealthyPercent": 100}
    if service.controller == "ECS":
        defaults |= {
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
            "strategy": "ROLLING",
        }
    return defaults | (service.parameters.get("deploymentConfiguration") or {})


def _deployment_of(world: World, fleet: Fleet) -> str | None:
    """The CodeDeploy deployment that made a task set; none for the service's first."""
    made = (each for each in world.deployments.values() if each.green is fleet)
    return next((each.id for each in made if each.creator != "codeDeployRollback"), None)


def _task_set(world: World, service: Service, fleet: Fleet) -> dict[str, Any]:
    running, pending = services.counts(world, fleet)
    steady = services.healthy(world, fleet) == fleet.desired and pending == 0
    balancers = service.parameters.get("loadBalancers") or []
    own = [
        {**each, "targetGroupArn": tasks.target_group_arn(world, fleet.target_group)}
        for each in balancers[:1]
        if fleet.target_group
    ]
    return present(
        {
            "id": fleet.id,
            "taskSetArn": world.arn("ecs", f"task-set/{service.cluster}/{service.name}/{fleet.id}"),
            "serviceArn": service.arn,
            "clusterArn": world.arn("ecs", f"cluster/{service.cluster}"),
            "startedBy": "CODE_DEPLOY",
            "externalId": _deployment_of(world, fleet),
            "status": fleet.status,
            "taskDefinition": fleet.revision.arn,
            "computedDesiredCount": fleet.desired,
            "pendingCount": pending,
            "runningCount": running,
            "createdAt": fleet.created,
            "updatedAt": fleet.updated,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "networkConfiguration": service.parameters.get("networkConfiguration"),
            "loadBalancers": own,
            "serviceRegistries": [],
            "scale": {"value": 100.0, "unit": "PERCENT"},
            "stabilityStatus": "STEADY_STATE" if steady else "STABILIZING",
            "stabilityStatusAt": fleet.updated,
        }
    )


def service_named(world: World, cluster: str, name: str) -> Service | None:
    """The service that CodeDeploy's `ecsServices` names, while it is there."""
    return world.services.get((name_of(cluster), name.rpartition("/")[2]))
