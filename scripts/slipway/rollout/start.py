"""A rollout from its checks to its end."""

from __future__ import annotations

import threading

from slipway.aws import ecs, raw
from slipway.clock import Clock
from slipway.errors import AwsError, SlipwayError, StuckError
from slipway.events import Emitter
from slipway.rollout.active import check_wait, make_room
from slipway.rollout.checks import Prepared, prepare
from slipway.rollout.conclude import conclude
from slipway.rollout.controller import BusyError, Deployment
from slipway.rollout.follow import follow
from slipway.rollout.run import Run
from slipway.rollout.service import name_of
from slipway.rollout.task_failures import Watch
from slipway.rollout.vocabulary import Outcome

ROUNDS = 20  # other deployments that may come in between


def roll_out(prepared: Prepared, *, emit: Emitter, clock: Clock, cancelled: threading.Event) -> Outcome:
    """Register what changed, hand off, follow to the end, and verify what runs.

    Returns the outcome, whatever it is. Raises SlipwayError before the hand-off only (then nothing was
    changed), AwsError when AWS refuses a call for good, and StuckError when a deployment can't be found
    again.
    """
    left: list[str] = []  # revisions of ours that no deployment uses
    try:
        prepared, deployment = _begin(prepared, left, emit=emit, clock=clock, cancelled=cancelled)
    except SlipwayError as error:
        # What surely was refused leaves no orphan; what may have been done keeps its revision.
        if not isinstance(error, StuckError) and not (isinstance(error, AwsError) and raw.transient(error)):
            _take_back(prepared, left)
        raise
    if deployment is None:
        _take_back(prepared, [one for one in left if one != prepared.service.running])
        return _already_out(prepared)
    return watch(_run(prepared, emit, clock, cancelled), deployment)


def _begin(
    prepared: Prepared, left: list[str], *, emit: Emitter, clock: Clock, cancelled: threading.Event
) -> tuple[Prepared, Deployment | None]:
    """Hand off when there is room; None for what is out already. Others may come in between."""
    deadline = clock.now() + prepared.request.timeout_minutes * 60
    told: set[str] = set()
    for _ in range(ROUNDS):
        _tell_checks(prepared, emit, told)
        if prepared.already_out:
            return prepared, None
        check_wait(cancelled, late=False, what="")
        if prepared.active is not None and not prepared.active_is_ours and not _overtaken(prepared):
            make_room(
                prepared, prepared.active, emit=emit, clock=clock, cancelled=cancelled, deadline=deadline
            )
        else:
            try:
                return prepared, _hand_off(prepared, left, emit=emit, clock=clock)
            except BusyError:
                emit("hand-off", "warning", "another deployment of the service came in between")
        prepared = prepare(prepared.request, prepared.aws, clock=clock)
        if prepared.active_is_ours:
            left.clear()  # it was begun after all, with what we registered
    raise SlipwayError(
        f"Other deployments of the service `{prepared.request.service}` kept coming in between.",
        remedy="Look who else deploys this service.",
    )


def _take_back(prepared: Prepared, left: list[str]) -> None:
    for revision in left:
        ecs.deregister(prepared.aws, revision)


def watch(run: Run, deployment: Deployment) -> Outcome:
    """Follow a deployment that is there to its end."""
    dying = None
    if deployment.task_definition:
        dying = Watch(run.aws, run.service, deployment.task_definition, run.clock, since=run.clock.now())
    try:
        followed = follow(
            deployment,
            emit=run.emit,
            clock=run.clock,
            cancelled=run.cancelled,
            deadline=run.deadline,
            until=run.request.until,
            watch=dying,
            max_failed_tasks=run.request.max_failed_tasks,
        )
        return conclude(run, deployment, followed)
    except AwsError as error:
        raise StuckError(
            f"The deployment {deployment.identity} was begun and can't be followed. {error.message}",
            remedy=f"{error.remedy} It goes on, with its own rollback: run this again to follow it.".strip(),
        ) from error


def description(prepared: Prepared) -> str:
    """Return what AWS shows beside the deployment; `status` reads the commit from it."""
    request = prepared.request
    return request.description or f"slipway {request.commit}".strip()


def _hand_off(prepared: Prepared, left: list[str], *, emit: Emitter, clock: Clock) -> Deployment:
    """Return the deployment of ours that is in progress, or a new one."""
    if prepared.active is not None and prepared.active_is_ours:
        active = prepared.active
        emit("hand-off", "succeeded", f"joined {active.identity}, in progress", deployment=active.identity)
        return active
    revision = prepared.revision
    if revision:
        emit(
            "register", "skipped", f"{name_of(revision)} is what shall run", task_definition=name_of(revision)
        )
    else:
        revision = raw.register(prepared.aws, prepared.body, clock=clock).arn
        left.append(revision)
        emit("register", "succeeded", name_of(revision), task_definition=name_of(revision))
    deployment = prepared.controller.start(prepared.service, revision, description=description(prepared))
    emit("hand-off", "succeeded", deployment.identity, deployment=deployment.identity)
    return deployment


def _overtaken(prepared: Prepared) -> bool:
    return prepared.request.on_active == "supersede" and prepared.controller.overtaken(prepared.service)


def _run(prepared: Prepared, emit: Emitter, clock: Clock, cancelled: threading.Event) -> Run:
    return Run(
        request=prepared.request,
        aws=prepared.aws,
        service=prepared.service,
        controller=prepared.controller,
        emit=emit,
        clock=clock,
        cancelled=cancelled,
        deadline=clock.now() + prepared.request.timeout_minutes * 60,
    )


def _tell_checks(prepared: Prepared, emit: Emitter, told: set[str]) -> None:
    service = prepared.service
    for note in prepared.notes:
        if note not in told:
            told.add(note)
            emit("checks", "warning", note)
    said = f"{service.cluster}/{service.name} runs {name_of(service.running)}"
    if said not in told:
        told.add(said)
        emit("checks", "succeeded", said, controller=service.controller)


def _already_out(prepared: Prepared) -> Outcome:
    service = prepared.service
    detail = f"{name_of(service.running)} runs {prepared.request.digest} already: nothing to do."
    if not service.desired:
        detail += " The service's desired count is 0: no task runs."
    return Outcome(
        ended="already-out",
        detail=detail,
        deployment=str(service.serving.get("externalId") or ""),
        task_definition=service.running,
        digest=prepared.request.digest,
    )
