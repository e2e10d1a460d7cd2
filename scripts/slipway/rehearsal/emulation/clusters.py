"""Clusters, and what is said about tasks outside services."""

from __future__ import annotations

from typing import Any

from slipway.rehearsal.emulation import task_definitions, tasks
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import Task, World, few, page


def create(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:CreateCluster; one that is there is returned."""
    name = parameters.get("clusterName") or "default"
    if name not in world.clusters:
        world.clusters[name] = {"tags": list(parameters.get("tags") or [])}
    return {"cluster": _show(world, name)}


def _show(world: World, name: str) -> dict[str, Any]:
    running = [task for task in world.tasks.values() if task.cluster == name]
    return {
        "clusterArn": world.arn("ecs", f"cluster/{name}"),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(task.status == "RUNNING" for task in running),
        "pendingTasksCount": sum(task.status == "PENDING" for task in running),
        "activeServicesCount": sum(cluster == name for cluster, _ in world.services),
        "statistics": [],
        "tags": list(world.clusters[name]["tags"]),
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def name_of(value: str | None) -> str:
    """The name in a cluster's name or ARN."""
    return (value or "default").rpartition("cluster/")[2]


def existing(world: World, parameters: dict[str, Any]) -> str:
    """The cluster that a call names. Raises RefusedError when it isn't there."""
    name = name_of(parameters.get("cluster"))
    if name not in world.clusters:
        raise RefusedError("ClusterNotFoundException", "Cluster not found.")
    return name


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListClusters."""
    arns = [world.arn("ecs", f"cluster/{name}") for name in world.clusters]
    return page(arns, parameters, key="clusterArns")


def describe(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeClusters."""
    names = [name_of(value) for value in parameters.get("clusters") or ["default"]]
    return {
        "clusters": [_show(world, name) for name in names if name in world.clusters],
        "failures": [
            {"arn": world.arn("ecs", f"cluster/{name}"), "reason": "MISSING"}
            for name in names
            if name not in world.clusters
        ],
    }


def list_tasks(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListTasks; tasks that run unless `desiredStatus` says otherwise."""
    cluster = existing(world, parameters)
    service = (parameters.get("serviceName") or "").rpartition("/")[2]
    if service and (cluster, service) not in world.services:
        raise RefusedError("ServiceNotFoundException", "Service not found.")
    wanted = parameters.get("desiredStatus") or "RUNNING"

    def fits(task: Task) -> bool:
        return (
            task.cluster == cluster
            and task.desired == wanted
            and (not service or task.service == service)
            and parameters.get("family") in {None, task.revision.family}
            and parameters.get("startedBy") in {None, task.started_by}
        )

    arns = [task.arn for task in world.tasks.values() if fits(task)]
    return page(arns, parameters, key="taskArns")


def describe_tasks(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeTasks."""
    cluster = existing(world, parameters)
    shown, failures = [], []
    for name in few(parameters, "tasks", most=100):
        try:
            shown.append(tasks.show(world, tasks.find(world, cluster, name)))
        except RefusedError:
            arn = name if name.startswith("arn:") else world.arn("ecs", f"task/{cluster}/{name}")
            failures.append({"arn": arn, "reason": "MISSING"})
    return {"tasks": shown, "failures": failures}


def run_task(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:RunTask."""
    cluster = existing(world, parameters)
    revision = task_definitions.runnable(world, str(parameters.get("taskDefinition")))
    started = [
        tasks.start(
            world,
            revision,
            cluster=cluster,
            started_by=parameters.get("startedBy") or "",
            overrides=parameters.get("overrides"),
        )
        for _ in range(int(parameters.get("count") or 1))
    ]
    return {"tasks": [tasks.show(world, task) for task in started], "failures": []}


def stop_task(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:StopTask."""
    task = tasks.find(world, existing(world, parameters), str(parameters.get("task")))
    reason = parameters.get("reason") or "Task stopped by user"
    tasks.stop(world, task, code="UserInitiated", reason=reason)
    return {"task": tasks.show(world, task)}
