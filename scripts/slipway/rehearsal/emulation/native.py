"""ECS's own deployment controller: one service deployment at a time, in each of its four strategies."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

from slipway.rehearsal.emulation import services, tasks
from slipway.rehearsal.emulation.world import Course, Fleet, Revision, Service, World, hexadecimal, present

GOING = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)


class RollbackError(Exception):
    """The deployment goes back, for this reason."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServiceDeployment:
    """One service deployment of ECS's own controller."""

    arn: str
    service: Service
    target: Fleet
    source: Fleet | None
    source_revision: Revision
    configuration: dict[str, Any]
    created: float
    status: str = "PENDING"
    reason: str = ""
    stage: str = ""
    started: float | None = None
    finished: float | None = None
    stopped: float | None = None
    updated: float = 0.0
    rollback: dict[str, Any] | None = None
    hooks: list[dict[str, Any]] = field(default_factory=list)
    breaker: str = "DISABLED"
    threshold: int = 0
    course: Course | None = None


def deploy(world: World, service: Service, revision: Revision) -> ServiceDeployment:
    """Begin a service deployment to `revision`; one in progress is superseded."""
    from slipway.rehearsal.emulation import native_strategies

    source = _supersede(world, service)
    given = copy.deepcopy(service.parameters.get("deploymentConfiguration") or {})
    strategy = given.setdefault("strategy", "ROLLING")
    first = source is None
    target = services.add_fleet(
        world,
        service,
        revision,
        status="PRIMARY",
        desired=service.desired if strategy == "ROLLING" else 0,
        weight=100.0 if first or strategy == "ROLLING" else 0.0,
    )
    groups = services.target_groups(service)
    target.target_group = groups[0] if groups else ""
    if source is not None:
        source.status = "ACTIVE"
    target.revision_arn = _service_revision(world, service, revision)
    breaker = given.get("deploymentCircuitBreaker") or {}
    deployment = ServiceDeployment(
        arn=world.arn("ecs", f"service-deployment/{service.cluster}/{service.name}/{hexadecimal(21)}"),
        service=service,
        target=target,
        source=source,
        source_revision=source.revision if source else revision,
        configuration=given,
        created=world.now,
        updated=world.now,
        breaker="MONITORING" if breaker.get("enable") else "DISABLED",
        threshold=threshold(breaker, service.desired),
    )
    deployment.course = native_strategies.course(world, deployment)
    world.service_deployments[deployment.arn] = deployment
    service.deployment, service.revision, service.steady = deployment.arn, revision, False
    return deployment


def threshold(breaker: dict[str, Any], desired: int) -> int:
    """How many failed tasks trip the breaker: half of the wanted ones, from 3 to 200, or as configured."""
    given = breaker.get("thresholdConfiguration") or {}
    if given.get("type") == "COUNT":
        return int(given["value"])
    percent = float(given.get("value") or 50)
    share = math.ceil(desired * percent / 100)
    return max(1, share) if given.get("type") == "UNBOUNDED_PERCENT" else min(200, max(3, share))


def _supersede(world: World, service: Service) -> Fleet | None:
    """End what is in progress; return the fleet that serves, which the next deployment starts from."""
    current = world.service_deployments.get(service.deployment)
    if current is None:
        return service.primary
    current.status, current.course = "STOPPED", None
    current.reason = "Service deployment stopped because a new service deployment was started."
    current.stopped = current.finished = current.updated = world.now
    if current.source is None or current.source not in service.fleets:
        return service.primary
    drop(service, current.target)
    current.source.desired, current.source.weight = service.desired, 100.0
    source: Fleet = current.source
    return source


def drop(service: Service, fleet: Fleet) -> None:
    """Take a fleet out of the traffic and let its tasks go."""
    fleet.weight, fleet.desired, fleet.status = 0.0, 0, "DRAINING"
    if fleet in service.fleets:  # shown last from now on
        service.fleets.remove(fleet)
        service.fleets.append(fleet)


def forget(world: World, service: Service) -> None:
    """A deleted service has no deployment in progress."""
    current = world.service_deployments.get(service.deployment)
    if current is not None:
        current.status, current.course, current.finished = "STOPPED", None, world.now
    service.deployment = ""


def _service_revision(world: World, service: Service, revision: Revision) -> str:
    number = "".join(character for character in hexadecimal(40) if character.isdigit())[:19]
    arn = world.arn("ecs", f"service-revision/{service.cluster}/{service.name}/{number}")
    world.service_revisions[arn] = present(
        {
            "serviceRevisionArn": arn,
            "serviceArn": service.arn,
            "clusterArn": world.arn("ecs", f"cluster/{service.cluster}"),
            "taskDefinition": revision.arn,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": copy.deepcopy(service.parameters.get("loadBalancers") or []),
            "networkConfiguration": service.parameters.get("networkConfiguration"),
            "guardDutyEnabled": False,
            "createdAt": world.now,
        }
    )
    return arn


def progress(world: World) -> None:
    """Play one moment of every service deployment."""
    for deployment in world.service_deployments.values():
        if deployment.course is not None:
            next(deployment.course, None)


def shown(world: World, service: Service) -> dict[str, Any]:
    """What DescribeServices adds for this controller."""
    return {
        "deployments": [_fleet(world, fleet) for fleet in service.fleets if fleet.status != "DRAINING"],
        "currentServiceDeployment": service.deployment or None,
        "currentServiceRevisions": [
            {
                "arn": fleet.revision_arn,
                "requestedTaskCount": fleet.desired,
                "runningTaskCount": services.counts(world, fleet)[0],
                "pendingTaskCount": services.counts(world, fleet)[1],
            }
            for fleet in service.fleets
            if fleet.status != "DRAINING"
        ],
    }


def _fleet(world: World, fleet: Fleet) -> dict[str, Any]:
    running, pending = services.counts(world, fleet)
    return present(
        {
            "id": fleet.id,
            "status": fleet.status,
            "taskDefinition": fleet.revision.arn,
            "desiredCount": fleet.desired,
            "pendingCount": pending,
            "runningCount": running,
            "failedTasks": fleet.failures,
            "createdAt": fleet.created,
            "updatedAt": fleet.updated,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "rolloutState": fleet.rollout,
            "rolloutStateReason": fleet.rollout_reason or f"ECS deployment {fleet.id} in progress.",
        }
    )


def images(world: World, fleet_revision_arn: str, service: Service) -> list[dict[str, Any]]:
    """The images of a service revision with the digests that its tasks resolved."""
    fleet = next((each for each in service.fleets if each.revision_arn == fleet_revision_arn), None)
    found: dict[str, str] = {}
    for task in tasks.of_fleet(world, fleet) if fleet else []:
        found |= {each.name: each.digest for each in task.containers if each.digest}
    arn = world.service_revisions[fleet_revision_arn]["taskDefinition"]
    revision = next(each for revisions in world.families.values() for each in revisions if each.arn == arn)
    return [
        present(
            {
                "containerName": each["name"],
                "image": each["image"],
                "imageDigest": found.get(each["name"]) or each["image"].partition("@")[2] or None,
            }
        )
        for each in revision.containers
    ]
