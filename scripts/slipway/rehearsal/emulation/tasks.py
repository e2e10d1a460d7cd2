"""Tasks: started and stopped through the runtime, looked at on every moment, shown as ECS shows them."""

from __future__ import annotations

from typing import Any

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import (
    Container,
    Fleet,
    Revision,
    Service,
    Task,
    World,
    hexadecimal,
    present,
)
from slipway.rehearsal.runtime import TaskSpec, TaskState

GONE_AFTER = 3600.0  # seconds that ECS shows a stopped task for


def start(
    world: World,
    revision: Revision,
    *,
    cluster: str,
    service: str = "",
    fleet: str = "",
    started_by: str = "",
    overrides: dict[str, Any] | None = None,
) -> Task:
    """Start one task of a revision."""
    changed = {each["name"]: each for each in (overrides or {}).get("containerOverrides", [])}
    containers = []
    for definition in revision.containers:
        spec = specification(definition, changed.get(definition["name"], {}))
        containers.append(Container(name=spec.name, image=spec.image, runtime_id=world.runtime.start(spec)))
    task = Task(
        arn=world.arn("ecs", f"task/{cluster}/{hexadecimal(32)}"),
        cluster=cluster,
        service=service,
        fleet=fleet,
        revision=revision,
        containers=containers,
        created=world.now,
        started_by=started_by or fleet,
        group=f"service:{service}" if service else f"family:{revision.family}",
    )
    world.tasks[task.arn] = task
    if fleet:
        world.fleet_tasks.setdefault(fleet, []).append(task)
    return task


def specification(definition: dict[str, Any], override: dict[str, Any]) -> TaskSpec:
    """What the runtime starts for a container definition."""
    ports = definition.get("portMappings") or []
    environment = {
        each["name"]: each.get("value", "")
        for each in [*definition.get("environment", []), *override.get("environment", [])]
    }
    return TaskSpec(
        name=definition["name"],
        image=definition["image"],
        port=ports[0]["containerPort"] if ports else None,
        environment=environment,
        command=tuple(override.get("command") or definition.get("command") or ()),
    )


def stop(world: World, task: Task, *, code: str, reason: str, drain: bool = True) -> None:
    """Ask a task to stop. It is out of the traffic before its containers go."""
    if task.desired == "STOPPED":
        return
    task.desired, task.stop_code, task.stopped_reason = "STOPPED", code, reason
    task.stopping = world.now + (world.settings.drain if drain and task.status == "RUNNING" else 0)
    task.status = "DEACTIVATING" if task.status == "RUNNING" else "STOPPING"


def observe(world: World) -> None:
    """Look at every task once: its containers, what its health path answers, whether it is due to go."""
    for task in list(world.tasks.values()):
        if task.status == "STOPPED":
            if task.stopped is not None and world.now - task.stopped > GONE_AFTER:
                del world.tasks[task.arn]
                if task.fleet:
                    world.fleet_tasks[task.fleet].remove(task)
            continue
        if task.desired == "STOPPED":
            _finish(world, task)
        else:
            _look(world, task)


def _finish(world: World, task: Task) -> None:
    if task.stopping is not None and world.now < task.stopping - 1e-9:
        return
    for container in task.containers:
        if container.status != "STOPPED":
            ran = container.status == "RUNNING"
            world.runtime.stop(container.runtime_id, task.stopped_reason)
            container.status = "STOPPED"
            container.exit_code = 143 if ran else None  # 128 + SIGTERM
    task.status, task.stopped, task.health = "STOPPED", world.now, "UNKNOWN"


def _look(world: World, task: Task) -> None:
    states = [(container, world.runtime.state(container.runtime_id)) for container in task.containers]
    for container, state in states:
        _note(container, state)
    essential = {each["name"] for each in task.revision.containers if each.get("essential", True)}
    ended = [container for container in task.containers if container.status == "STOPPED"]
    if any(container.name in essential for container in ended):
        _ended(world, task, ended)
        return
    if task.status == "PENDING" and all(state.running for _, state in states):
        task.status, task.started = "RUNNING", world.now
        task.next_check = world.now
    if task.status == "RUNNING":
        _check(world, task)


def _note(container: Container, state: TaskState) -> None:
    container.digest = state.image_digest or container.digest
    if not container.digest and "@" in container.image and state.running:
        container.digest = container.image.partition("@")[2]
    if state.running:
        container.status = "RUNNING"
    elif state.exit_code is not None or state.reason:
        container.status = "STOPPED"
        container.exit_code, container.reason = state.exit_code, state.reason


def _ended(world: World, task: Task, ended: list[Container]) -> None:
    failed_to_start = task.started is None and all(container.exit_code is None for container in ended)
    code = "TaskFailedToStart" if failed_to_start else "EssentialContainerExited"
    reason = ended[0].reason if failed_to_start else "Essential container in task exited"
    stop(world, task, code=code, reason=reason, drain=False)
    _finish(world, task)


def _check(world: World, task: Task) -> None:
    service = world.services.get((task.cluster, task.service))
    container = front(service, task)
    if service is None or not service.health_path or container is None:
        task.health = "HEALTHY"
        return
    if world.now < task.next_check - 1e-9:
        return
    task.next_check = world.now + world.scaled(world.settings.health_interval)
    health = world.runtime.health(container.runtime_id, service.health_path)
    task.health_detail = health.detail
    if health.state == "healthy":
        task.passed, task.failed = task.passed + 1, 0
        if task.passed >= world.settings.healthy_checks:
            task.health = "HEALTHY"
        return
    task.passed, task.failed = 0, task.failed + 1
    asked = service.parameters.get("healthCheckGracePeriodSeconds")
    grace = world.settings.health_grace if asked is None else asked
    young = world.now - (task.started or world.now) < world.scaled(grace)
    if task.failed >= world.settings.unhealthy_checks and not young:
        task.health = "UNHEALTHY"
        _unhealthy(world, service, task)


def _unhealthy(world: World, service: Service, task: Task) -> None:
    fleet = service.fleet(task.fleet)
    group = target_group_arn(world, fleet.target_group) if fleet and fleet.target_group else "none"
    stop(
        world,
        task,
        code="ServiceSchedulerInitiated",
        reason=f"Task failed ELB health checks in (target-group {group})",
        drain=False,
    )


def front(service: Service | None, task: Task) -> Container | None:
    """The container that takes the traffic: the load balancer's, or the first with a port."""
    named = next(
        (
            each["containerName"]
            for each in (service.parameters.get("loadBalancers") or [])
            if "containerName" in each
        )
        if service
        else iter(()),
        None,
    )
    with_port = {each["name"] for each in task.revision.containers if each.get("portMappings")}
    return next(
        (
            each
            for each in task.containers
            if each.name == named or (named is None and each.name in with_port)
        ),
        None,
    )


def target_group_arn(world: World, name: str) -> str:
    """The ARN of a target group of ours."""
    return world.arn("elasticloadbalancing", f"targetgroup/{name}/0123456789abcdef")


def of_fleet(world: World, fleet: Fleet) -> list[Task]:
    """All tasks that a fleet started and ECS still shows."""
    return world.fleet_tasks.get(fleet.id, [])


def show(world: World, task: Task) -> dict[str, Any]:
    """One task as DescribeTasks shows it."""
    identity = task.arn.rpartition("/")[2]
    stopped = task.status == "STOPPED"
    return present(
        {
            "taskArn": task.arn,
            "clusterArn": world.arn("ecs", f"cluster/{task.cluster}"),
            "taskDefinitionArn": task.revision.arn,
            "availabilityZone": f"{world.region}a",
            "lastStatus": task.status,
            "desiredStatus": task.desired,
            "healthStatus": task.health if _checked(task) else "UNKNOWN",
            "containers": [_container(world, task, each, identity) for each in task.containers],
            "cpu": task.revision.document.get("cpu", "256"),
            "memory": task.revision.document.get("memory", "512"),
            "createdAt": task.created,
            "startedAt": task.started,
            "stoppingAt": task.stopping,
            "stoppedAt": task.stopped,
            "stopCode": task.stop_code or None,
            "stoppedReason": task.stopped_reason or None,
            "executionStoppedAt": task.stopped if stopped and task.started else None,
            "startedBy": task.started_by or None,
            "group": task.group,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "connectivity": "CONNECTED" if task.status == "RUNNING" else None,
            "version": 1,
            "attachments": [],
            "attributes": [],
            "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
            "inferenceAccelerators": [],
            "enableExecuteCommand": False,
            "tags": [],
        }
    )


def _checked(task: Task, name: str = "") -> bool:
    """Whether a container has a health check of its own: ECS shows nothing of the load balancer's here."""
    return any("healthCheck" in each and name in {"", each["name"]} for each in task.revision.containers)


def _container(world: World, task: Task, container: Container, identity: str) -> dict[str, Any]:
    return present(
        {
            "containerArn": world.arn("ecs", f"container/{task.cluster}/{identity}/{container.name}"),
            "taskArn": task.arn,
            "name": container.name,
            "image": container.image,
            "imageDigest": (container.digest or None) if world.settings.image_digests else None,
            "runtimeId": f"{identity}-{container.name}",
            "lastStatus": container.status,
            "exitCode": container.exit_code,
            "reason": container.reason or None,
            "healthStatus": task.health if _checked(task, container.name) else "UNKNOWN",
            "networkBindings": [],
            "networkInterfaces": [],
            "cpu": "0",
        }
    )


def find(world: World, cluster: str, name: str) -> Task:
    """The task with this ARN or id. Raises RefusedError when it isn't there."""
    arn = name if name.startswith("arn:") else world.arn("ecs", f"task/{cluster}/{name}")
    if arn not in world.tasks:
        raise RefusedError("InvalidParameterException", "The referenced task was not found.")
    return world.tasks[arn]
