"""Task definitions: every field that was given comes back, also those that nobody knows yet."""

from __future__ import annotations

import copy
from typing import Any

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import Revision, World, page

# What ECS writes into a container definition that doesn't say.
DEFAULTS: dict[str, Any] = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
LIMIT = "Too many concurrent attempts to create a new revision of the specified family."


def register(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """Make a new revision: ecs:RegisterTaskDefinition."""
    family = parameters.get("family") or ""
    if not family:
        raise RefusedError("ClientException", "Family should not be null or empty.")
    _check(parameters)
    _limit(world)
    document = copy.deepcopy({key: value for key, value in parameters.items() if key != "tags"})
    revisions = world.families.setdefault(family, [])
    number = len(revisions) + 1
    arn = world.arn("ecs", f"task-definition/{family}:{number}")
    for container in document["containerDefinitions"]:
        for name, value in DEFAULTS.items():
            container.setdefault(name, copy.deepcopy(value))
        for mapping in container["portMappings"]:
            mapping.setdefault("hostPort", mapping["containerPort"])
            mapping.setdefault("protocol", "tcp")
    document.setdefault("volumes", [])
    document.setdefault("placementConstraints", [])
    document |= {
        "taskDefinitionArn": arn,
        "revision": number,
        "status": "ACTIVE",
        "requiresAttributes": [],
        "compatibilities": sorted({"EC2", *document.get("requiresCompatibilities", [])}),
        "registeredAt": world.now,
        "registeredBy": world.arn("iam", "user/rehearsal", region=False),
    }
    revision = Revision(
        family=family, number=number, arn=arn, document=document, tags=list(parameters.get("tags") or [])
    )
    revisions.append(revision)
    tags = {"tags": revision.tags} if revision.tags else {}
    return {"taskDefinition": show(revision), **tags}


def _check(parameters: dict[str, Any]) -> None:
    containers = parameters.get("containerDefinitions")
    if not containers:
        raise RefusedError("ClientException", "Container list cannot be empty.")
    for container in containers:
        if not container.get("image"):
            raise RefusedError("ClientException", "Container.image should not be null or empty.")
        if not container.get("name"):
            raise RefusedError("ClientException", "Container.name should not be null or empty.")
    names = [container["name"] for container in containers]
    if len(names) != len(set(names)):
        raise RefusedError("ClientException", "Container names must be unique.")
    if "FARGATE" in parameters.get("requiresCompatibilities", []):
        for field in ("cpu", "memory"):
            if not parameters.get(field):
                raise RefusedError(
                    "ClientException", f"Fargate requires that '{field}' be defined at the task level."
                )


def _limit(world: World) -> None:
    """So many at once, then one a second (the limit as users met it; AWS's text is a ClientException)."""
    burst, rate = world.settings.registrations_burst, world.settings.registrations_per_second
    left = world.registrations.get("left", float(burst))
    left = min(burst, left + (world.now - world.registrations.get("since", world.now)) * rate)
    world.registrations["since"] = world.now
    world.registrations["left"] = left if left < 1 else left - 1
    if left < 1:
        raise RefusedError("ClientException", LIMIT)


def show(revision: Revision) -> dict[str, Any]:
    """The `taskDefinition` of an answer."""
    return copy.deepcopy(revision.document)


def find(world: World, name: str) -> Revision | None:
    """The revision that a family, family:revision or ARN names; a bare family is its latest active one."""
    name = name.rpartition("task-definition/")[2]
    family, _, number = name.partition(":")
    revisions = world.families.get(family, [])
    if not number:
        active = [revision for revision in revisions if revision.status == "ACTIVE"]
        return active[-1] if active else None
    return next((revision for revision in revisions if str(revision.number) == number), None)


def runnable(world: World, name: str) -> Revision:
    """The revision to run. Raises RefusedError when it is absent or inactive."""
    revision = find(world, name)
    if revision is None:
        raise RefusedError("ClientException", "TaskDefinition not found.")
    if revision.status != "ACTIVE":
        raise RefusedError("ClientException", "TaskDefinition is inactive")
    return revision


def describe(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DescribeTaskDefinition."""
    revision = find(world, str(parameters.get("taskDefinition")))
    if revision is None:
        raise RefusedError("ClientException", "Unable to describe task definition.")
    tags = {"tags": list(revision.tags)} if "TAGS" in parameters.get("include", []) else {}
    return {"taskDefinition": show(revision), **tags}


def listed(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListTaskDefinitions."""
    family, status = parameters.get("familyPrefix"), parameters.get("status", "ACTIVE")
    arns = [
        revision.arn
        for name in sorted(world.families)
        if family in {None, name}
        for revision in world.families[name]
        if revision.status == status
    ]
    if parameters.get("sort") == "DESC":
        arns.reverse()
    return page(arns, parameters, key="taskDefinitionArns")


def families(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:ListTaskDefinitionFamilies."""
    prefix, status = parameters.get("familyPrefix") or "", parameters.get("status", "ACTIVE")
    names = [
        name
        for name, revisions in sorted(world.families.items())
        if name.startswith(prefix)
        and (
            status == "ALL"
            or any(revision.status == "ACTIVE" for revision in revisions) == (status == "ACTIVE")
        )
    ]
    return page(names, parameters, key="families")


def deregister(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecs:DeregisterTaskDefinition."""
    revision = find(world, str(parameters.get("taskDefinition")))
    if revision is None:
        raise RefusedError("ClientException", "The specified task definition does not exist.")
    if revision.status != "ACTIVE":
        raise RefusedError("ClientException", "The specified task definition is inactive.")
    revision.status = "INACTIVE"
    revision.document |= {"status": "INACTIVE", "deregisteredAt": world.now}
    return {"taskDefinition": show(revision)}
