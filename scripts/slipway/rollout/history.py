"""Back to the last rollout that succeeded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.aws import ecs, raw
from slipway.aws.raw import Revision
from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.errors import AwsError, SlipwayError, StuckError
from slipway.events import Emitter
from slipway.rollout import controllers
from slipway.rollout import service as services
from slipway.rollout.conclude import settle
from slipway.rollout.controller import Deployment, Past
from slipway.rollout.diagnose import LONGEST
from slipway.rollout.follow import Followed, follow
from slipway.rollout.run import Run
from slipway.rollout.service import Service, name_of
from slipway.rollout.start import watch
from slipway.rollout.task_definition import digest_of, images_of, repository_of
from slipway.rollout.vocabulary import Outcome, Request


def roll_back(
    *,
    cluster: str,
    service: str,
    aws: Aws,
    emit: Emitter,
    clock: Clock,
    cancelled: threading.Event,
    application: str | None = None,
    deployment_group: str | None = None,
    timeout_minutes: int = 60,
    of: str = "",
    repository: str = "",
    container_name: str | None = None,
    otherwise: str = "",
) -> Outcome:
    """Go back to the last rollout that succeeded before the one that serves, with another image.

    `repository` and `container_name` say whose digest the outcome names; `otherwise` is the task
    definition to go back to where no rollout before is known, as after a service's first. A deployment in
    progress is stopped with rollback instead. With `of`, the ARN of a task definition, only that one is
    gone back from: where something else serves or comes, the outcome is `superseded`. `healthy` means
    that the version gone back to serves, `stuck` that it doesn't. Raises SlipwayError when there is
    nothing to go back to, AwsError when AWS refuses before anything was done, StuckError after that.
    """
    found = services.find(aws, cluster, service)
    controller = controllers.find(
        aws, found, application=application, deployment_group=deployment_group, clock=clock
    )
    request = Request(
        cluster=cluster,
        service=service,
        repository=repository,
        digest="",
        container_name=container_name,
        timeout_minutes=timeout_minutes,
    )
    run = Run(
        request=request,
        aws=aws,
        service=found,
        controller=controller,
        emit=emit,
        clock=clock,
        cancelled=cancelled,
        deadline=clock.now() + timeout_minutes * 60,
    )
    active = controller.active(found)
    if of and (newer := _taken_over(found, active, of)):
        said = f"{newer} took over from {name_of(of)}: nothing was rolled back."
        return Outcome(ended="superseded", detail=said, task_definition=found.running)
    if active is not None:
        return _stop(run, active)
    running = raw.describe(aws, found.running, clock=clock)
    target = _target(run, running, controller.successes(found), otherwise)
    return _deploy(run, running, target)


def before(successes: Iterable[Past], running: str) -> tuple[str, ...]:
    """Return the task definitions to go back to, newest first. Pure.

    Going back uses a revision again, so what stands before the *oldest* success of the running revision was
    there before it; what stands between is what somebody went back from.
    """
    arns = [past.task_definition for past in successes]
    oldest = max((place for place, arn in enumerate(arns) if arn == running), default=-1)
    return tuple(dict.fromkeys(arn for arn in arns[oldest + 1 :] if arn != running))


def _taken_over(found: Service, active: Deployment | None, of: str) -> str:
    """Return what serves or comes in place of `of`; empty when that is it."""
    if active is None:
        return "" if found.running == of else name_of(found.running)
    return "" if active.rolls_back or active.task_definition == of else active.identity


def _target(run: Run, running: Revision, successes: Iterable[Past], otherwise: str) -> Revision:
    known = before(successes, running.arn)
    for arn in (*known, *([otherwise] if otherwise not in {"", running.arn, *known} else ())):
        revision = raw.describe(run.aws, arn, clock=run.clock)
        if images_of(revision.body) != images_of(running.body):
            return revision
    raise SlipwayError(
        f"No rollout of the service `{run.service.name}` with another image has succeeded before "
        f"{running.name}.",
        remedy="Publish the commit that shall run instead.",
    )


def _stop(run: Run, active: Deployment) -> Outcome:
    """Stop what is in progress, with rollback, and follow that."""
    if not active.rolls_back:
        run.emit(
            "rollback", "started", f"stopping {active.identity} with rollback", deployment=active.identity
        )
        active.stop(rollback=True)
    try:
        return _stopped(run, active)
    except AwsError as error:
        raise StuckError(
            f"{active.identity} was stopped with rollback, which can't be followed. {error.message}",
            remedy=f"{error.remedy} `slipway status` says what serves.".strip(),
        ) from error


def _stopped(run: Run, active: Deployment) -> Outcome:
    followed = follow(
        active,
        emit=run.emit,
        clock=run.clock,
        cancelled=run.cancelled,
        deadline=run.deadline,
        stage="rollback" if active.rolls_back else None,
    )
    if active.rolls_back and followed.snapshot.state == "succeeded":
        now = services.find(run.aws, run.service.cluster, run.service.name)
        return _back(now, active, "")
    ended = settle(
        run,
        active,
        Followed(snapshot=followed.snapshot, dead=followed.dead),
        cause="Stopped as asked",
    )
    now = services.find(run.aws, run.service.cluster, run.service.name)
    return _back(now, active, ended.digest) if ended.ended == "rolled-back" else ended


def _back(now: Service, active: Deployment, digest: str) -> Outcome:
    return Outcome(
        ended="healthy",
        detail=f"Rolled back: {name_of(now.running)} serves.",
        deployment=active.identity,
        task_definition=now.running,
        digest=digest,
    )


def _deploy(run: Run, running: Revision, target: Revision) -> Outcome:
    """Roll the old revision out again, as it is."""
    import dataclasses

    run.emit("rollback", "started", f"from {running.name} to {target.name}", task_definition=target.name)
    registered = target.status != "ACTIVE"
    if registered:  # it was deregistered: the same content, as a new revision
        target = raw.register(run.aws, target.body, clock=run.clock)
    name, image = _changed(running.body, target.body)
    request = dataclasses.replace(
        run.request, repository=repository_of(image), digest=digest_of(image), container_name=name
    )
    try:
        deployment = run.controller.start(
            run.service, target.arn, description=f"slipway rollback from {running.name}"
        )
    except AwsError as error:
        if registered and not raw.transient(error):
            ecs.deregister(run.aws, target.arn)
        raise
    run.emit("hand-off", "succeeded", deployment.identity, deployment=deployment.identity)
    ended = watch(dataclasses.replace(run, request=request), deployment)
    if ended.ended != "rolled-back":
        return ended
    # The deployment went back: to the version that was to be left.
    detail = f"{target.name} could not be gone back to. {ended.detail}"[:LONGEST]
    return dataclasses.replace(ended, ended="stuck", detail=detail)


def _changed(running: Mapping[str, Any], target: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first container whose image differs, and its image in the target."""
    there = images_of(running)
    return next((name, image) for name, image in images_of(target).items() if there.get(name) != image)
