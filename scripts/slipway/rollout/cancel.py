"""What a cancelled job does to the deployment that it left behind."""

from __future__ import annotations

import threading
from typing import Literal

from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.events import Emitter
from slipway.rollout import controllers
from slipway.rollout import service as services
from slipway.rollout.checks import brings
from slipway.rollout.conclude import conclude
from slipway.rollout.controller import Deployment
from slipway.rollout.follow import Followed
from slipway.rollout.run import Run
from slipway.rollout.service import name_of
from slipway.rollout.status import commit_in
from slipway.rollout.vocabulary import Outcome, Request


def stop(
    *,
    cluster: str,
    service: str,
    aws: Aws,
    emit: Emitter,
    clock: Clock,
    commit: str = "",
    repository: str = "",
    digest: str = "",
    container_name: str | None = None,
    on_cancel: Literal["rollback", "detach"] = "rollback",
    application: str | None = None,
    deployment_group: str | None = None,
) -> Outcome:
    """Apply `on-cancel` to the deployment in progress of this `commit`, or of `repository@digest`.

    For a step of its own that runs when the job was cancelled: the one that followed the deployment may have
    been killed before it could stop it. CodeDeploy keeps the commit beside the deployment; ECS's own
    controller keeps none: there the digest decides. Without one in progress nothing is done (`already-out`).
    Raises SlipwayError when the service isn't there, AwsError when AWS refuses.
    """
    request = Request(
        cluster=cluster,
        service=service,
        repository=repository,
        digest=digest,
        container_name=container_name,
        on_cancel=on_cancel,
        commit=commit,
    )
    found = services.find(aws, cluster, service)
    controller = controllers.find(
        aws, found, application=application, deployment_group=deployment_group, clock=clock
    )
    active = controller.active(found)
    if active is None or not _ours(aws, active, request, clock=clock):
        return Outcome(
            ended="already-out",
            detail=f"No deployment of ours is in progress: {name_of(found.running)} serves.",
            task_definition=found.running,
        )
    cancelled = threading.Event()
    cancelled.set()
    run = Run(
        request=request,
        aws=aws,
        service=found,
        controller=controller,
        emit=emit,
        clock=clock,
        cancelled=cancelled,
        deadline=clock.now() + request.timeout_minutes * 60,
    )
    return conclude(run, active, Followed(snapshot=active.look(), cut="cancelled"))


def _ours(aws: Aws, active: Deployment, request: Request, *, clock: Clock) -> bool:
    if active.rolls_back:
        return False
    if request.commit and request.commit.startswith(commit_in(active.description) or "-"):
        return True
    return bool(request.digest) and brings(aws, active.task_definition, request, clock=clock)
