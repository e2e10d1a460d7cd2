"""Services: as many tasks as wanted in each fleet, and the traffic to those that may take it."""

from __future__ import annotations

from typing import Any

from slipway.rehearsal.emulation import tasks
from slipway.rehearsal.emulation.clusters import existing
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import Fleet, Revision, Service, Task, World, digits, hexadecimal

EVENTS_KEPT = 100  # ECS shows the latest hundred
SLOWEST_RESTART = 60.0  # AWS's seconds; ECS starts ever more slowly what keeps failing


def find(world: World, parameters: dict[str, Any]) -> Service:
    """The service that a call names. Raises RefusedError when it, or its cluster, isn't there."""
    cluster = existing(world, parameters)
    name = str(parameters.get("service")).rpartition("/")[2]
    service = world.services.get((cluster, name))
    if service is None:
        raise RefusedError("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        raise RefusedError("ServiceNotActiveException", "Service was not ACTIVE.")
    return service


def say(world: World, service: Service, message: str) -> None:
    """Add to the service's events, newest first."""
    event = {"id": hexadecimal(32), "createdAt": world.now, "message": f"(service {service.name}) {message}"}
    service.events.insert(0, event)
    del service.events[EVENTS_KEPT:]


def add_fleet(
    world: World,
    service: Service,
    revision: Revision,
    *,
    status: str,
    desired: int,
    weight: float = 0.0,
    target_group: str = "",
) -> Fleet:
    """Add tasks of a revision to a service; they start on the next moments."""
    fleet = Fleet(
        id=f"ecs-svc/{digits(19)}",
        revision=revision,
        desired=desired,
        status=status,
        created=world.now,
        updated=world.now,
        weight=weight,
        target_group=target_group,
    )
    service.fleets.insert(0, fleet)
    return fleet


def counts(world: World, fleet: Fleet) -> tuple[int, int]:
    """How many tasks of the fleet run, and how many are on their way."""
    own = [task for task in tasks.of_fleet(world, fleet) if task.alive]
    running = sum(task.status == "RUNNING" for task in own)
    return running, len(own) - running


def healthy(world: World, fleet: Fleet) -> int:
    """How many tasks of the fleet may take traffic."""
    return sum(task.healthy for task in tasks.of_fleet(world, fleet))


def target_groups(service: Service) -> list[str]:
    """Names of the service's target groups."""
    arns = [each.get("targetGroupArn", "") for each in service.parameters.get("loadBalancers") or []]
    return [arn.rpartition("targetgroup/")[2].partition("/")[0] for arn in arns if "targetgroup/" in arn]


def reconcile(world: World, service: Service) -> None:
    """Bring each fleet to its size; the traffic moves before a task goes and after one is healthy."""
    for fleet in service.fleets:
        _count_failures(world, service, fleet)
        _grow(world, service, fleet)
        _shrink(world, service, fleet)
    _send_traffic(world, service)
    for fleet in [fleet for fleet in service.fleets if fleet.status == "DRAINING"]:
        if all(task.status == "STOPPED" for task in tasks.of_fleet(world, fleet)):
            service.fleets.remove(fleet)
    _settle(world, service)


def _count_failures(world: World, service: Service, fleet: Fleet) -> None:
    for task in tasks.of_fleet(world, fleet):
        if task.counted or not _failed(task):
            continue
        task.counted = True
        fleet.failures += 1
        delay = min(2.0 ** (fleet.failures - 1), SLOWEST_RESTART)
        fleet.next_start = max(fleet.next_start, world.now + world.scaled(delay))
        say(world, service, _failure(task))


def _failed(task: Task) -> bool:
    by_scheduler = task.stop_code == "ServiceSchedulerInitiated" and "health checks" in task.stopped_reason
    return task.stop_code in {"TaskFailedToStart", "EssentialContainerExited"} or by_scheduler


def _failure(task: Task) -> str:
    identity = task.arn.rpartition("/")[2]
    if task.stop_code == "TaskFailedToStart":
        return f"was unable to start (task {identity}): {task.stopped_reason}"
    if task.stop_code == "EssentialContainerExited":
        return f"has stopped 1 running tasks: (task {identity}): {task.stopped_reason}"
    detail = f" due to (reason {task.health_detail})" if task.health_detail else ""
    return f"(task {identity}) is unhealthy{detail}"


def _grow(world: World, service: Service, fleet: Fleet) -> None:
    alive = [task for task in tasks.of_fleet(world, fleet) if task.alive]
    if len(alive) >= fleet.desired or world.now < fleet.next_start - 1e-9:
        return
    for _ in range(fleet.desired - len(alive)):
        task = tasks.start(
            world, fleet.revision, cluster=service.cluster, service=service.name, fleet=fleet.id
        )
        say(world, service, f"has started 1 tasks: (task {task.arn.rpartition('/')[2]}).")
        fleet.updated, service.steady = world.now, False


def _shrink(world: World, service: Service, fleet: Fleet) -> None:
    alive = [task for task in tasks.of_fleet(world, fleet) if task.alive]
    # Those that don't serve go first, then the youngest.
    alive.sort(key=lambda task: (task.healthy, -task.created))
    for task in alive[: max(0, len(alive) - fleet.desired)]:
        reason = f"Scaling activity initiated by (deployment {fleet.id})"
        tasks.stop(world, task, code="ServiceSchedulerInitiated", reason=reason)
        say(world, service, f"has stopped 1 running tasks: (task {task.arn.rpartition('/')[2]}).")
        fleet.updated, service.steady = world.now, False


def _send_traffic(world: World, service: Service) -> None:
    weights: dict[str, int] = {}
    for fleet in service.fleets:
        serving = [task for task in tasks.of_fleet(world, fleet) if task.healthy]
        for task in serving:
            container = tasks.front(service, task)
            if container is not None and fleet.weight > 0:
                weights[container.runtime_id] = max(1, round(fleet.weight / len(serving)))
    if weights != service.traffic:
        service.traffic = weights
        world.runtime.shift(service.name, weights)


def _settle(world: World, service: Service) -> None:
    if service.steady or service.deployment:
        return
    if all(healthy(world, fleet) == fleet.desired for fleet in service.fleets):
        service.steady = True
        say(world, service, "has reached a steady state.")
