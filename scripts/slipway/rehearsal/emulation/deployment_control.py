"""A deployment of CodeDeploy from created to its end, and the rollback that follows one that failed."""

from __future__ import annotations

import copy
from typing import Any

from slipway.rehearsal.emulation import deployment_course
from slipway.rehearsal.emulation.deployments import (
    EVENTS,
    TEST_EVENTS,
    Deployment,
    FailedError,
    LifecycleEvent,
    StoppedError,
)
from slipway.rehearsal.emulation.world import Course, World, letters


def begin(world: World, deployment: Deployment) -> Deployment:
    """Let it run from the next moment on."""
    tested = _has_test_traffic(deployment.group)
    names = [name for name in EVENTS if tested or name not in TEST_EVENTS]
    deployment.events = {name: LifecycleEvent(name=name) for name in names}
    deployment.updated = world.now
    deployment.course = _course(world, deployment)
    world.deployments[deployment.id] = deployment
    return deployment


def _has_test_traffic(group: dict[str, Any]) -> bool:
    pairs = (group.get("loadBalancerInfo") or {}).get("targetGroupPairInfoList") or []
    return any((pair.get("testTrafficRoute") or {}).get("listenerArns") for pair in pairs)


def progress(world: World) -> None:
    """Play one moment of every deployment."""
    for deployment in list(world.deployments.values()):
        if deployment.course is not None:
            finished = next(deployment.course, StopIteration)
            if finished is StopIteration:
                deployment.course = None


def _course(world: World, deployment: Deployment) -> Course:
    try:
        yield from deployment_course.wait(world, deployment, world.settings.event_seconds)
        deployment.status, deployment.started = "InProgress", world.now
        cause = deployment.rolls_back
        if cause is not None and cause.blue is not None and cause.blue.status != "DRAINING":
            yield from deployment_course.reroute(world, deployment, cause)
        else:
            yield from deployment_course.replace(world, deployment)
    except FailedError as error:
        deployment.error = (error.code, error.message)
        _close(world, deployment, "Failed")
        _roll_back(world, deployment, "DEPLOYMENT_FAILURE")
    except StoppedError:
        if deployment.error is None:
            deployment.error = ("MANUAL_STOP", "The deployment was stopped.")
        _close(world, deployment, "Stopped")
        _roll_back(world, deployment, "DEPLOYMENT_STOP_ON_REQUEST")
    else:
        _close(world, deployment, "Succeeded")


def _close(world: World, deployment: Deployment, status: str) -> None:
    deployment.status, deployment.completed, deployment.updated = status, world.now, world.now
    ended = "Skipped" if status != "Failed" else "Failed"
    for event in deployment.events.values():
        if event.status == "InProgress":
            event.status, event.ended = ended, world.now
        elif event.status == "Pending":
            event.status = "Skipped"


def _roll_back(world: World, deployment: Deployment, occasion: str) -> None:
    """Create the deployment that goes back, when this one's configuration or its stop asks for it."""
    configured = deployment.auto_rollback
    asked = configured.get("enabled") and occasion in configured.get("events", [])
    if deployment.stop:
        asked = deployment.stop == "rollback"
    last = _last_successful(world, deployment)
    if not asked or deployment.creator == "codeDeployRollback" or deployment.green is None:
        _leave(deployment)
        return
    back = Deployment(
        id=f"d-{letters(9)}",
        application=deployment.application,
        group=deployment.group,
        service=deployment.service,
        revision=copy.deepcopy(
            last.revision if last else deployment.previous_revision or deployment.revision
        ),
        spec=last.spec if last else deployment.spec,
        task_definition=deployment.blue.revision if deployment.blue else deployment.task_definition,
        config=deployment.config,
        created=world.now,
        creator="codeDeployRollback",
        description=f"Deployment created by rollback of {deployment.id}",
        previous_revision=copy.deepcopy(deployment.revision),
        rolls_back=deployment,
    )
    begin(world, back)
    message = f"Deployment {back.id} is triggered to roll back deployment {deployment.id}."
    deployment.rollback = {"rollbackDeploymentId": back.id, "rollbackMessage": message}
    back.rollback = {"rollbackTriggeringDeploymentId": deployment.id, "rollbackMessage": message}


def _leave(deployment: Deployment) -> None:
    """Nothing is rolled back: a replacement that never took traffic doesn't stay counted as healthy."""
    green = deployment.green
    if green is not None and green.status == "ACTIVE" and green.weight == 0:
        green.next_start = float("inf")  # what has failed isn't started again


def _last_successful(world: World, deployment: Deployment) -> Deployment | None:
    own = [
        each
        for each in world.deployments.values()
        if each.group is deployment.group and each.status == "Succeeded" and each is not deployment
    ]
    return own[-1] if own else None
