"""Following the deployment that AWS starts by itself when an image is pushed."""

from __future__ import annotations

import threading

from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.errors import SlipwayError
from slipway.events import Emitter
from slipway.rollout import service as services
from slipway.rollout.checks import Prepared, brings
from slipway.rollout.controller import Controller, Deployment
from slipway.rollout.digest_check import judge, running_tasks
from slipway.rollout.follow import POLL_SECONDS, pause
from slipway.rollout.run import Run
from slipway.rollout.service import Service, name_of
from slipway.rollout.start import watch
from slipway.rollout.vocabulary import Outcome, Request

SKEW_SECONDS = 5  # between this machine's clock and AWS's
WITHIN_SECONDS = 300  # EventBridge, then a pipeline or a function, then CodeDeploy


def follow_event(
    prepared: Prepared,
    *,
    pushed_at: float,
    pushed: bool = True,
    within_seconds: float = WITHIN_SECONDS,
    tags: tuple[str, ...] = (),
    emit: Emitter,
    clock: Clock,
    cancelled: threading.Event,
) -> Outcome:
    """Find the deployment that AWS starts for our digest within the bound, and follow it to its end.

    A deployment is ours when its task definition pins the digest, or names one of `tags`, which the push
    moved to it. When every task runs the digest already, that is the answer. Without anything `pushed`, as in
    a run that is repeated, the deployment in progress is ours too. Raises SlipwayError when no deployment of
    ours appears in time.
    """
    request, aws, controller = prepared.request, prepared.aws, prepared.controller
    service = services.find(aws, request.cluster, request.service)
    active = controller.active(service)
    if active is None and (outcome := _already_out(aws, service, request)):
        return outcome
    end = clock.now() + within_seconds
    deployment = _joined(aws, active, request, tags=() if pushed else tags, clock=clock)
    if deployment is None:
        emit("hand-off", "started", "waiting for the deployment that AWS starts on the push")
    judged: dict[str, bool] = {}
    while deployment is None:
        deployment = _find(
            aws, service, controller, request, since=pushed_at, tags=tags, clock=clock, judged=judged
        )
        if deployment is not None:
            break
        if clock.now() >= end:
            raise _none(request, within_seconds, pushed=pushed)
        if cancelled.is_set():
            raise SlipwayError(
                "The job was cancelled before AWS's deployment was found: it may still come.",
                remedy="Run it again to follow it, or stop it on AWS's side.",
            )
        pause(clock, POLL_SECONDS, cancelled)
        service = services.find(aws, request.cluster, request.service)
    emit("hand-off", "succeeded", deployment.identity, deployment=deployment.identity)
    run = Run(
        request=request,
        aws=aws,
        service=service,
        controller=controller,
        emit=emit,
        clock=clock,
        cancelled=cancelled,
        deadline=clock.now() + request.timeout_minutes * 60,
    )
    return watch(run, deployment)


def _joined(
    aws: Aws, active: Deployment | None, request: Request, *, tags: tuple[str, ...], clock: Clock
) -> Deployment | None:
    """Return the deployment in progress if it brings our image in: a run before this one has pushed it."""
    if active is None or active.rolls_back:
        return None
    return active if brings(aws, active.task_definition, request, clock=clock, tags=tags) else None


def _already_out(aws: Aws, service: Service, request: Request) -> Outcome | None:
    """Return the outcome when every running task has the digest."""
    if not service.settled:
        return None
    tasks = running_tasks(aws, service)
    accepted = frozenset({request.digest, *request.child_digests})
    if judge(tasks, accepted, repository=request.repository, container_name=request.container_name):
        return None
    return Outcome(
        ended="already-out",
        detail=f"{name_of(service.running)} runs {request.digest} already: nothing to do.",
        task_definition=service.running,
        digest=request.digest,
    )


def _find(
    aws: Aws,
    service: Service,
    controller: Controller,
    request: Request,
    *,
    since: float,
    tags: tuple[str, ...],
    clock: Clock,
    judged: dict[str, bool],
) -> Deployment | None:
    """Return the newest deployment since the push that brings our image in."""
    for deployment in controller.since(service, since - SKEW_SECONDS):
        arn = deployment.task_definition
        if arn and arn not in judged:
            judged[arn] = brings(aws, arn, request, clock=clock, tags=tags)
        if judged.get(arn) and not deployment.rolls_back:
            return deployment
    return None


def _none(request: Request, within_seconds: float, *, pushed: bool) -> SlipwayError:
    if not pushed:
        return SlipwayError(
            f"AWS started no deployment of the service `{request.service}` for {request.digest}: nothing was "
            "pushed, since the image and its tags were there already.",
            remedy=(
                "A deployment that failed is not started again by itself. Publish once with "
                "`--handoff deploy`, or start it on AWS's side."
            ),
        )
    return SlipwayError(
        f"AWS started no deployment of the service `{request.service}` for {request.digest} within "
        f"{within_seconds:g} seconds of the push.",
        remedy=(
            "Look at the EventBridge rule for `ECR Image Action`: is it enabled, does it name this "
            "repository and a tag that is pushed (each tag is an event of its own), and did its target fail? "
            "`handoff: deploy` needs no rule."
        ),
    )
