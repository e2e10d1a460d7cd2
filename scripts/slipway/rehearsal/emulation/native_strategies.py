"""How a service deployment goes: rolling, or blue/green with its stages, hooks, steps and bake time."""

from __future__ import annotations

from typing import Any

from slipway.rehearsal.emulation import native, services
from slipway.rehearsal.emulation.native import RollbackError, ServiceDeployment
from slipway.rehearsal.emulation.world import Course, World, hexadecimal

FULL = 100.0  # percent of the traffic
STOPPED_BY_USER = "Service deployment rolled back because a user called StopServiceDeployment."


def course(world: World, deployment: ServiceDeployment) -> Course:
    """The whole deployment, from pending to its end."""
    yield from world.pause(world.settings.event_seconds)
    deployment.status, deployment.started = "IN_PROGRESS", world.now
    rolling = deployment.configuration["strategy"] == "ROLLING" or deployment.source is None
    try:
        yield from (_rolling if rolling else _blue_green)(world, deployment)
    except RollbackError as error:
        yield from _roll_back(world, deployment, str(error))
        return
    _succeeded(world, deployment)


def _succeeded(world: World, deployment: ServiceDeployment) -> None:
    deployment.status, deployment.stage = "SUCCESSFUL", ""
    deployment.finished = deployment.updated = world.now
    if deployment.breaker == "MONITORING":
        deployment.breaker = "MONITORING_COMPLETE"
    deployment.target.rollout = "COMPLETED"
    deployment.target.rollout_reason = f"ECS deployment {deployment.target.id} completed."
    deployment.service.deployment = ""
    services.say(world, deployment.service, f"(deployment {deployment.target.id}) deployment completed.")


def _watch(deployment: ServiceDeployment) -> None:
    """Raise RollbackError when the deployment must not go on; nothing but the breaker and users end it."""
    if deployment.status == "ROLLBACK_REQUESTED":
        raise RollbackError(STOPPED_BY_USER)
    breaker = deployment.configuration.get("deploymentCircuitBreaker") or {}
    if breaker.get("enable") and deployment.target.failures >= deployment.threshold:
        deployment.breaker = "TRIGGERED"
        raise RollbackError(
            "Service deployment rolled back because the circuit breaker threshold was exceeded."
        )


def _rolling(world: World, deployment: ServiceDeployment) -> Course:
    service, target, source = deployment.service, deployment.target, deployment.source
    while True:
        _watch(deployment)
        target.desired = service.desired
        ready = services.healthy(world, target)
        if source is not None and source in service.fleets:
            source.desired = max(0, service.desired - ready)
        gone = source is None or services.counts(world, source) == (0, 0)
        if ready >= service.desired and gone:
            break
        yield
    if source is not None:
        native.drop(service, source)


def _roll_back(world: World, deployment: ServiceDeployment, reason: str) -> Course:
    service, target, source = deployment.service, deployment.target, deployment.source
    breaker = deployment.configuration.get("deploymentCircuitBreaker") or {}
    target.rollout = "FAILED"
    target.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
    tripped = deployment.breaker == "TRIGGERED"
    if tripped:
        services.say(world, service, f"(deployment {target.id}) deployment failed: tasks failed to start.")
    if source is None or (tripped and not breaker.get("rollback")):
        deployment.status = "STOPPED" if tripped else "ROLLBACK_FAILED"
        deployment.reason = reason.replace("rolled back", "stopped") if tripped else reason
        deployment.finished = deployment.updated = world.now
        target.desired, service.deployment = 0, ""
        return
    deployment.status, deployment.reason = "ROLLBACK_IN_PROGRESS", reason
    deployment.rollback = {
        "reason": reason,
        "startedAt": world.now,
        "serviceRevisionArn": source.revision_arn,
    }
    services.say(world, service, f"rolling back to deployment {source.id}.")
    source.status, source.desired, source.weight = "PRIMARY", service.desired, 100.0
    source.rollout = "IN_PROGRESS"
    service.revision = source.revision
    if deployment.configuration["strategy"] != "ROLLING":
        deployment.stage = "PRODUCTION_TRAFFIC_SHIFT"
    target.status = "ACTIVE"
    while services.healthy(world, source) < service.desired:
        yield
    native.drop(service, target)
    if source in service.fleets:
        service.fleets.remove(source)
    service.fleets.insert(0, source)
    yield from world.pause(world.settings.event_seconds)
    source.rollout, source.rollout_reason = "COMPLETED", f"ECS deployment {source.id} completed."
    deployment.status, deployment.finished = "ROLLBACK_SUCCESSFUL", world.now
    deployment.updated, deployment.stage, service.deployment = world.now, "", ""


def _blue_green(world: World, deployment: ServiceDeployment) -> Course:
    for stage in native.STAGES:
        deployment.stage, deployment.updated = stage, world.now
        if stage == "SCALE_UP":
            yield from _scale_up(world, deployment)
        elif stage == "PRODUCTION_TRAFFIC_SHIFT":
            yield from _hooks(world, deployment, stage)
            yield from _shift(world, deployment)
        elif stage == "BAKE_TIME":
            yield from _minutes(world, deployment, deployment.configuration.get("bakeTimeInMinutes") or 0)
        elif stage == "CLEAN_UP":
            yield from _clean_up(world, deployment)
        else:
            yield from _minutes(world, deployment, world.settings.event_seconds / 60)
            yield from _hooks(world, deployment, stage)


def _minutes(world: World, deployment: ServiceDeployment, minutes: float) -> Course:
    until = world.now + world.scaled(minutes * 60)
    while world.now < until - 1e-9:
        _watch(deployment)
        yield


def _scale_up(world: World, deployment: ServiceDeployment) -> Course:
    deployment.target.desired = deployment.service.desired
    while services.healthy(world, deployment.target) < deployment.service.desired:
        _watch(deployment)
        yield


def _shift(world: World, deployment: ServiceDeployment) -> Course:
    source = deployment.source
    for weight, minutes in steps(deployment.configuration):
        deployment.target.weight = weight
        if source is not None:
            source.weight = 100.0 - weight
        deployment.updated = world.now
        yield from _minutes(world, deployment, minutes)


def steps(configuration: dict[str, Any]) -> list[tuple[float, float]]:
    """Weights of the new version, each with the minutes it stays."""
    if configuration["strategy"] == "CANARY":
        canary = configuration.get("canaryConfiguration") or {}
        return [
            (float(canary.get("canaryPercent", 5.0)), float(canary.get("canaryBakeTimeInMinutes", 10))),
            (FULL, 0.0),
        ]
    if configuration["strategy"] == "LINEAR":
        linear = configuration.get("linearConfiguration") or {}
        step, minutes = float(linear.get("stepPercent", 10.0)), float(linear.get("stepBakeTimeInMinutes", 6))
        weights = [step * number for number in range(1, int(100 // step) + 1)]
        before = [(weight, minutes) for weight in weights if weight < FULL]
        return [*before, (FULL, 0.0)]
    return [(FULL, 0.0)]


def _clean_up(world: World, deployment: ServiceDeployment) -> Course:
    source = deployment.source
    if source is not None:
        native.drop(deployment.service, source)
        while services.counts(world, source) != (0, 0):
            yield
    yield from world.pause(world.settings.event_seconds)


def _hooks(world: World, deployment: ServiceDeployment, stage: str) -> Course:
    for hook in deployment.configuration.get("lifecycleHooks") or []:
        if stage in hook.get("lifecycleStages", []):
            yield from (_pause_hook if hook.get("targetType") == "PAUSE" else _lambda_hook)(
                world, deployment, hook
            )


def _pause_hook(world: World, deployment: ServiceDeployment, hook: dict[str, Any]) -> Course:
    timeout = hook.get("timeoutConfiguration") or {}
    detail = {
        "hookId": hexadecimal(32),
        "targetType": "PAUSE",
        "status": "AWAITING_ACTION",
        "expiresAt": world.now + world.scaled(float(timeout.get("timeoutInMinutes", 1440)) * 60),
        "timeoutAction": timeout.get("action", "ROLLBACK"),
    }
    deployment.hooks.append(detail)
    while detail["status"] == "AWAITING_ACTION":
        _watch(deployment)
        if world.now >= detail["expiresAt"]:
            detail["status"] = "TIMED_OUT"
            if detail["timeoutAction"] == "ROLLBACK":
                raise RollbackError("Service deployment rolled back because a lifecycle hook timed out.")
        yield
    if detail["status"] == "FAILED":
        raise RollbackError("Service deployment rolled back because a lifecycle hook failed.")


def _lambda_hook(world: World, deployment: ServiceDeployment, hook: dict[str, Any]) -> Course:
    target = hook.get("hookTargetArn", "")
    detail = {
        "hookId": hexadecimal(32),
        "targetType": "AWS_LAMBDA",
        "targetArn": target,
        "status": "IN_PROGRESS",
    }
    deployment.hooks.append(detail)
    yield from _minutes(world, deployment, world.settings.event_seconds / 60)
    result = world.settings.hook_results.get(target.rpartition(":")[2], "Succeeded")
    detail["status"] = "SUCCEEDED" if result == "Succeeded" else "FAILED"
    if result == "Failed":
        raise RollbackError("Service deployment rolled back because a lifecycle hook failed.")
