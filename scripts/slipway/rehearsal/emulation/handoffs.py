"""AWS's side of an event hand-off: the push of a named tag starts CodeDeploy by itself."""

from __future__ import annotations

import copy
import json
from typing import Any

from slipway.rehearsal.emulation import (
    applications,
    deployment_operations,
    service_operations,
    task_definitions,
)
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.settings import Handoff
from slipway.rehearsal.emulation.world import Service, World


def pushed(world: World, repository: str, tag: str, digest: str) -> None:
    """Note a push; what it starts comes `event_delay` later."""
    world.pushes.append((world.now + world.scaled(world.settings.event_delay), repository, tag, digest))


def progress(world: World) -> None:
    """Start the deployments that are due."""
    due = [push for push in world.pushes if push[0] <= world.now + 1e-9]
    for push in due:
        _, repository, tag, digest = push
        waits = False
        for handoff in world.settings.handoffs:
            if (handoff.repository, handoff.tag) == (repository, tag):
                waits = not _deploy(world, handoff, digest)
        if not waits:
            world.pushes.remove(push)


def _deploy(world: World, handoff: Handoff, digest: str) -> bool:
    """Register a revision with the pushed image and deploy it; False while another deployment is on."""
    names = {"applicationName": handoff.application, "deploymentGroupName": handoff.deployment_group}
    try:
        group = applications.group(world, names)
    except RefusedError:
        return True  # a rule that names nothing does nothing
    if any(each.group is group and each.active for each in world.deployments.values()):
        return False
    named = group["ecsServices"][0]
    service = service_operations.service_named(world, named["clusterName"], named["serviceName"])
    if service is None:
        return True
    arn = _register(world, service, handoff, digest)
    front = (service.parameters.get("loadBalancers") or [{}])[0]
    info = {"ContainerName": front.get("containerName"), "ContainerPort": front.get("containerPort")}
    properties = {"TaskDefinition": arn, "LoadBalancerInfo": info}
    target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    content = json.dumps({"version": 0.0, "Resources": [target]})
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
    described = {"description": f"Started by the push of {handoff.repository}:{handoff.tag}"}
    deployment_operations.create(world, {**names, **described, "revision": revision})
    return True


def _register(world: World, service: Service, handoff: Handoff, digest: str) -> str:
    document: dict[str, Any] = copy.deepcopy(service.revision.document)
    uri = world.repositories.get(handoff.repository, {}).get("repositoryUri", handoff.repository)
    image = f"{uri}@{digest}" if handoff.pinned else f"{uri}:{handoff.tag}"
    for container in document["containerDefinitions"]:
        repository = container["image"].partition("@")[0]
        if repository in {uri, f"{uri}:{handoff.tag}"} or repository.startswith(f"{uri}:"):
            container["image"] = image
    for made in ("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities"):
        document.pop(made, None)
    for made in ("registeredAt", "registeredBy", "deregisteredAt"):
        document.pop(made, None)
    arn: str = task_definitions.register(world, document)["taskDefinition"]["taskDefinitionArn"]
    return arn
