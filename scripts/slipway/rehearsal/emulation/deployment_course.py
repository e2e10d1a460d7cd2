"""What CodeDeploy does in each lifecycle event of a deployment to ECS."""

from __future__ import annotations

from typing import Any

from slipway.rehearsal.emulation import deployment_configs, services
from slipway.rehearsal.emulation.deployments import Deployment, FailedError, LifecycleEvent, StoppedError
from slipway.rehearsal.emulation.world import Course, Fleet, Service, World


def wait(world: World, deployment: Deployment, seconds: float, *, until: str = "") -> Course:
    """Wait for AWS's seconds, or until a ContinueDeployment of that type; a stop ends it."""
    end = world.now + world.scaled(seconds)
    while world.now < end - 1e-9 and not (until and until in deployment.continued):
        if deployment.stop:
            raise StoppedError
        yield
    if deployment.stop:
        raise StoppedError


def _event(world: World, deployment: Deployment, name: str) -> LifecycleEvent:
    event = deployment.events[name]
    event.status, event.started = "InProgress", world.now
    deployment.updated = world.now
    return event


def _done(world: World, deployment: Deployment, event: LifecycleEvent, status: str = "Succeeded") -> None:
    event.status, event.ended = status, world.now
    deployment.updated = world.now


def _brief(world: World, deployment: Deployment, name: str) -> Course:
    """An event of which the AppSpec decides what happens: a function is called, or nothing."""
    if name not in deployment.events:
        return
    event = _event(world, deployment, name)
    yield from wait(world, deployment, world.settings.event_seconds)
    function = deployment.spec.hooks.get(name, "")
    if world.settings.hook_results.get(function) == "Failed":
        message = f"The deployment failed because a Lambda function of the hook {name} failed: {function}"
        event.diagnostics = {
            "errorCode": "ScriptFailed",
            "scriptName": function,
            "message": message,
            "logTail": "",
        }
        raise FailedError("HOOK_EXECUTION_FAILURE", message)
    event.diagnostics = {"errorCode": "Success", "scriptName": function, "message": "", "logTail": ""}
    _done(world, deployment, event)


def replace(world: World, deployment: Deployment) -> Course:
    """The whole way of a replacement beside the original, to the original's end."""
    service = deployment.service
    deployment.blue = service.primary
    for leftover in [fleet for fleet in service.fleets if fleet.status == "ACTIVE"]:
        _terminate(leftover)  # of a deployment that was stopped without rollback
    yield from _brief(world, deployment, "BeforeInstall")
    yield from _install(world, deployment)
    for name in ("AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic"):
        yield from _brief(world, deployment, name)
    yield from _ready(world, deployment)
    yield from _brief(world, deployment, "BeforeAllowTraffic")
    yield from _allow_traffic(world, deployment)
    yield from _brief(world, deployment, "AfterAllowTraffic")
    yield from _finish(world, deployment)


def _install(world: World, deployment: Deployment) -> Course:
    service, event = deployment.service, _event(world, deployment, "Install")
    groups = services.target_groups(service)
    names = _pair(deployment.group) or groups or [f"{service.name}-blue", f"{service.name}-green"]
    used = deployment.blue.target_group if deployment.blue else ""
    free = next((name for name in names if name != used), names[-1])
    green = services.add_fleet(
        world,
        service,
        deployment.task_definition,
        status="ACTIVE",
        desired=service.desired,
        target_group=free,
    )
    deployment.green = green
    minutes = world.settings.install_timeout_minutes
    limit = world.now + world.scaled(minutes * 60)
    while services.healthy(world, green) < service.desired:
        green.desired = service.desired
        if deployment.stop:
            raise StoppedError
        if world.now >= limit - 1e-9:
            message = (
                "The deployment timed out while waiting for the replacement task set to become healthy. "
                f"This time out period is {minutes:g} minutes."
            )
            event.diagnostics = {
                "errorCode": "UnknownError",
                "scriptName": "",
                "message": message,
                "logTail": "",
            }
            raise FailedError("TIMEOUT", message)
        yield
    event.diagnostics = {"errorCode": "Success", "scriptName": "", "message": "", "logTail": ""}
    _done(world, deployment, event)


def _pair(group: dict[str, Any]) -> list[str]:
    pairs = (group.get("loadBalancerInfo") or {}).get("targetGroupPairInfoList") or []
    return [each["name"] for pair in pairs[:1] for each in pair.get("targetGroups", [])]


def _ready(world: World, deployment: Deployment) -> Course:
    option = _blue_green(deployment).get("deploymentReadyOption") or {}
    if option.get("actionOnTimeout") != "STOP_DEPLOYMENT":
        return
    deployment.status, deployment.updated = "Ready", world.now
    minutes = float(option.get("waitTimeInMinutes") or 0)
    yield from wait(world, deployment, minutes * 60, until="READY_WAIT")
    if "READY_WAIT" not in deployment.continued:
        message = f"The deployment was stopped: it was not continued within {minutes:g} minutes."
        deployment.error = ("MANUAL_STOP", message)
        raise StoppedError
    deployment.status, deployment.updated = "InProgress", world.now


def _blue_green(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = deployment.group.get("blueGreenDeploymentConfiguration") or {}
    return found


def _allow_traffic(world: World, deployment: Deployment) -> Course:
    event = _event(world, deployment, "AllowTraffic")
    for weight, minutes in deployment_configs.steps(deployment.config):
        if deployment.green is not None:
            deployment.green.weight = weight
        if deployment.blue is not None:
            deployment.blue.weight = 100.0 - weight
        deployment.updated = world.now
        yield from wait(world, deployment, minutes * 60)
    yield from wait(world, deployment, world.settings.event_seconds)
    if deployment.green is not None:
        _promote(deployment.service, deployment.green)
    _done(world, deployment, event)


def _promote(service: Service, fleet: Fleet) -> None:
    for other in service.fleets:
        if other.status == "PRIMARY":
            other.status = "ACTIVE"
    fleet.status, service.revision = "PRIMARY", fleet.revision


def _finish(world: World, deployment: Deployment) -> Course:
    """The original waits for its end, and goes."""
    option = _blue_green(deployment).get("terminateBlueInstancesOnDeploymentSuccess") or {}
    if deployment.blue is None or option.get("action") == "KEEP_ALIVE":
        return
    deployment.terminating, deployment.updated = True, world.now
    minutes = float(option.get("terminationWaitTimeInMinutes") or 0)
    yield from wait(world, deployment, minutes * 60, until="TERMINATION_WAIT")
    _terminate(deployment.blue)
    while services.counts(world, deployment.blue) != (0, 0):
        yield


def _terminate(fleet: Fleet) -> None:
    fleet.desired, fleet.weight, fleet.status = 0, 0.0, "DRAINING"


def reroute(world: World, deployment: Deployment, cause: Deployment) -> Course:
    """A rollback while the original is still there: the traffic goes back at once, the replacement goes."""
    deployment.blue, deployment.green = cause.green, cause.blue
    for name in ("BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic"):
        if name in deployment.events:
            deployment.events[name].status = "Skipped"
    event = _event(world, deployment, "AllowTraffic")
    deployment.events["BeforeAllowTraffic"].status = "Skipped"
    if deployment.green is not None:
        deployment.green.weight, deployment.green.desired = 100.0, deployment.service.desired
        _promote(deployment.service, deployment.green)
    if deployment.blue is not None:
        deployment.blue.weight = 0.0
    while (
        deployment.green is not None
        and services.healthy(world, deployment.green) < deployment.service.desired
    ):
        yield
    yield from wait(world, deployment, world.settings.event_seconds)
    _done(world, deployment, event)
    deployment.events["AfterAllowTraffic"].status = "Skipped"
    if deployment.blue is not None:
        _terminate(deployment.blue)
