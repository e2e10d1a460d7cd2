"""What really runs: the digests of a service's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.aws import ecs
from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.rollout import service as services
from slipway.rollout.service import Service, name_of
from slipway.rollout.task_definition import digest_of, repository_of

LOOKS = 8  # tasks and task sets trail behind their deployment by seconds
LOOK_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`problem` is empty when what runs is ours; `note` says what a success should not hide."""

    service: Service
    problem: str = ""
    note: str = ""


def check(
    aws: Aws,
    service: Service,
    *,
    task_definition: str,
    digest: str,
    children: tuple[str, ...],
    repository: str,
    container_name: str | None,
    shifted: bool,
    clock: Clock,
) -> Checked:
    """Look until what serves is `task_definition` and its tasks run `digest`, or one of its manifests.

    With `shifted` the deployment itself said that the new tasks have all traffic: ECS calls a deployment of
    its own completed only when it has baked.
    """
    accepted = frozenset({digest, *children} - {""})
    for look in range(LOOKS):
        now = services.find(aws, service.cluster, service.name)
        problem = note = ""
        if now.running != task_definition and not shifted:
            problem = f"What serves is {name_of(now.running)}, not {name_of(task_definition)}"
        elif not now.desired:
            note = "The service's desired count is 0: no task runs"
        else:
            tasks = _tasks(aws, now, task_definition)
            problem = judge(tasks, accepted, repository=repository, container_name=container_name)
        if not problem:
            return Checked(service=now, note=note)
        if look < LOOKS - 1:
            clock.sleep(LOOK_SECONDS)
    return Checked(service=now, problem=problem)


def judge(
    tasks: list[Mapping[str, Any]],
    accepted: frozenset[str],
    *,
    repository: str,
    container_name: str | None,
) -> str:
    """Return what is wrong with the running tasks' digests; empty when nothing is. Pure.

    ECS reports a container's digest as it was pulled: the index's or the platform's manifest. Where it
    reports none (public ECR may give none) the pinned reference in the task definition stands for it. With
    nothing `accepted` (a revision of the past that names a tag) it is enough that tasks run.
    """
    if not tasks:
        return "No task of the new revision runs"
    if not accepted:
        return ""
    found = {
        reported
        for task in tasks
        for container in task.get("containers") or []
        if _takes(container, repository, container_name)
        for reported in [
            str(container.get("imageDigest") or "") or digest_of(str(container.get("image", "")))
        ]
    }
    if not found:
        return "No running task has the container"
    strangers = sorted(found - accepted)
    return f"A running task has {strangers[0] or 'an image without a digest'}" if strangers else ""


def digests_of(tasks: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the digests that the tasks' containers run, each once."""
    found = {
        str(container.get("imageDigest") or "") or digest_of(str(container.get("image", "")))
        for task in tasks
        for container in task.get("containers") or []
    }
    return tuple(sorted(found - {""}))


def _takes(container: Mapping[str, Any], repository: str, container_name: str | None) -> bool:
    if container_name is not None:
        return container.get("name") == container_name
    return repository_of(str(container.get("image", ""))) == repository


def _tasks(aws: Aws, service: Service, task_definition: str) -> list[Mapping[str, Any]]:
    """Return the running tasks of one task definition."""
    return [task for task in running_tasks(aws, service) if task.get("taskDefinitionArn") == task_definition]


def running_tasks(aws: Aws, service: Service) -> list[Mapping[str, Any]]:
    """Return the service's running tasks, of whatever task definition."""
    tasks = ecs.describe_tasks(aws, service.cluster, ecs.list_tasks(aws, service.cluster, service.name))
    return [task for task in tasks if task.get("lastStatus") == "RUNNING"]
