"""Every check of a rollout before its first write: reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.aws import raw
from slipway.aws.raw import Revision, same
from slipway.aws.session import Aws, error_code
from slipway.clock import Clock
from slipway.errors import AwsError, SlipwayError
from slipway.rollout import controllers
from slipway.rollout import service as services
from slipway.rollout.controller import Controller, Deployment
from slipway.rollout.service import Service, family_of, name_of
from slipway.rollout.task_definition import (
    DIGEST,
    digest_of,
    images_of,
    platform_of,
    repository_of,
    targets,
    with_image,
)
from slipway.rollout.vocabulary import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A rollout that may begin: everything was read, nothing was written."""

    request: Request
    aws: Aws = field(repr=False)
    service: Service
    controller: Controller = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)  # what shall run; RegisterTaskDefinition takes it
    revision: str = ""  # the ARN of a revision that is that already
    active: Deployment | None = field(default=None, repr=False)  # in progress
    active_is_ours: bool = False
    already_out: bool = False
    notes: tuple[str, ...] = ()  # what a person should know before it begins


def prepare(request: Request, aws: Aws, *, clock: Clock) -> Prepared:
    """Check all that can be known before the first write.

    Raises SlipwayError (AwsError when AWS refuses a read) for a cluster, service, group or container that
    isn't there, a controller that we can't drive, an image for another platform, and with `on-active: fail`
    for a deployment in progress. Writes nothing.
    """
    if not DIGEST.fullmatch(request.digest):
        raise SlipwayError(
            f"`{request.digest}` is no digest.", remedy="A digest is sha256: and 64 hex digits."
        )
    service = services.find(aws, request.cluster, request.service)
    controller = controllers.find(
        aws, service, application=request.application, deployment_group=request.deployment_group, clock=clock
    )
    newest, running = _revisions(aws, service, clock=clock)
    base = newest if request.base == "latest" else running
    body = with_image(
        base.body, repository=request.repository, digest=request.digest, container_name=request.container_name
    )
    _check_platform(request, body)
    active = controller.active(service)
    ours = (
        active is not None
        and not active.rolls_back
        and brings(aws, active.task_definition, request, clock=clock)
    )
    _check_active(request, active, ours=ours)
    there = [one.arn for one in (newest, running) if one.status == "ACTIVE" and same(body, one.body)]
    return Prepared(
        request=request,
        aws=aws,
        service=service,
        controller=controller,
        body=body,
        revision=there[0] if there else "",
        active=active,
        active_is_ours=ours,
        already_out=active is None and _serves(service) and same(body, running.body),
        notes=(*_notes(request, service, newest, running), *controller.notes()),
    )


def brings(
    aws: Aws, task_definition: str, request: Request, *, clock: Clock, tags: tuple[str, ...] = ()
) -> bool:
    """Whether a task definition runs the request's image: by its digest, or by a tag that points to it."""
    if not task_definition:
        return False
    body = raw.describe(aws, task_definition, clock=clock).body
    try:
        chosen = targets(body, repository=request.repository, container_name=request.container_name)
    except SlipwayError:
        return False
    images = [images_of(body)[name] for name in chosen]
    by_tag = {f"{request.repository}:{tag}" for tag in tags}
    return all(digest_of(image) == request.digest or image in by_tag for image in images)


def _revisions(aws: Aws, service: Service, *, clock: Clock) -> tuple[Revision, Revision]:
    """Return the family's newest revision and the one that runs: mostly one, so mostly one call."""
    arn = service.running
    try:
        newest = raw.describe(aws, family_of(arn), clock=clock)
    except AwsError as error:
        cause = error.__cause__
        if not isinstance(cause, Exception) or error_code(cause) != "ClientException":
            raise
        newest = None  # every revision of the family was deregistered
    if newest is not None and newest.arn == arn:
        return newest, newest
    running = raw.describe(aws, arn, clock=clock)
    return newest or running, running


def _check_platform(request: Request, body: Mapping[str, Any]) -> None:
    """An image for another processor starts, and dies of `exec format error`."""
    needed = platform_of(body)
    built = {"/".join(platform.split("/")[:2]) for platform in request.platforms}
    if built and needed not in built:
        raise SlipwayError(
            f"The image is for {', '.join(sorted(built))}, but the tasks of `{body.get('family', '')}` "
            f"run on {needed}.",
            remedy=f"Set `platforms: [{needed}]` for the image, or `runtimePlatform` in the task definition.",
        )


def _serves(service: Service) -> bool:
    """Whether what is in place came to its end and runs, as far as tasks are wanted."""
    return service.settled and (service.running_count > 0 or not service.desired)


def _check_active(request: Request, active: Deployment | None, *, ours: bool) -> None:
    if active is None or ours or request.on_active != "fail":
        return
    if active.look().state != "shifted":
        raise SlipwayError(
            f"The deployment {active.identity} of the service `{request.service}` is in progress.",
            remedy="Wait for its end, or set `on-active` to `wait` or `supersede`.",
        )


def _notes(request: Request, service: Service, newest: Revision, running: Revision) -> tuple[str, ...]:
    """Say what is unusual: a newer revision of somebody else's, a service without tasks."""
    notes = []
    if newest.arn != running.arn and not _same_but_image(newest, running, request):
        taken = "is taken" if request.base == "latest" else "is left out; `base: latest` would take it"
        notes.append(
            f"{name_of(newest.arn)} is newer than {name_of(running.arn)}, which runs, and differs in more "
            f"than the image: it {taken} ({newest.arn})"
        )
    if not service.desired:
        notes.append(f"the service `{service.name}` has a desired count of 0: no task will run")
    return tuple(notes)


def _same_but_image(one: Revision, other: Revision, request: Request) -> bool:
    """Whether two revisions differ in nothing but this image's version."""

    def without(body: Mapping[str, Any]) -> dict[str, Any]:
        containers = [
            {**container, "image": repository_of(str(container.get("image", "")))}
            if container.get("name") == request.container_name
            or repository_of(str(container.get("image", ""))) == request.repository
            else container
            for container in body.get("containerDefinitions", [])
        ]
        return {**body, "containerDefinitions": containers}

    return same(without(one.body), without(other.body))
