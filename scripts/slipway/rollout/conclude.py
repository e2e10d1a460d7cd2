"""How a followed rollout ended: verified, rolled back, or worse, decided by what runs."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime

from slipway.aws import raw
from slipway.errors import SlipwayError
from slipway.events import Status
from slipway.rollout import service as services
from slipway.rollout.controller import ENDED, Deployment, Snapshot
from slipway.rollout.diagnose import explain, table
from slipway.rollout.digest_check import check
from slipway.rollout.follow import POLL_SECONDS, Cut, Followed, follow
from slipway.rollout.run import Run
from slipway.rollout.service import Service, name_of
from slipway.rollout.task_definition import digest_of, images_of, repository_of
from slipway.rollout.task_failures import DeadTask, Watch
from slipway.rollout.vocabulary import Outcome

ROLLBACK_SECONDS = 30 * 60
CANCELLED_SECONDS = 60  # a runner kills a cancelled job soon
ROLLBACK_APPEARS_SECONDS = 30


def conclude(run: Run, deployment: Deployment, followed: Followed) -> Outcome:
    """Return the outcome of `deployment`, after stopping it if it was cut short."""
    state = followed.snapshot.state
    if followed.cut == "cancelled" and run.request.on_cancel == "detach":
        said = f"The job was cancelled and, as `on-cancel` says, left {deployment.identity} going."
        return _outcome(deployment, Outcome(ended="detached", detail=said))
    if state == "shifted" and followed.cut == "timed-out":
        run.emit(
            "cleanup", "warning", "the new version serves; the old tasks are still there at the time limit"
        )
    elif followed.cut:
        return _cut_short(run, deployment, followed)
    if state in {"succeeded", "shifted"}:
        return _verified(run, deployment, followed)
    return settle(run, deployment, followed)


def settle(run: Run, deployment: Deployment, followed: Followed, *, cause: str = "") -> Outcome:
    """Follow what failed or was stopped until its rollback has ended, and say what serves."""
    if followed.snapshot.state == "stopped" and not cause and (newer := run.controller.successor(deployment)):
        said = f"The deployment {deployment.identity} was stopped and {newer} took over."
        return _outcome(deployment, Outcome(ended="superseded", detail=said))
    dead = _dead(run, deployment, followed)
    back = _follow_rollback(
        run, deployment, followed.snapshot, cancelled=bool(cause) and run.cancelled.is_set()
    )
    now = services.find(run.aws, run.service.cluster, run.service.name)
    ours = now.running == deployment.task_definition
    serves = now.running_count > 0 or now.desired == 0
    if not ours and serves:
        ending = f"{name_of(now.running)} serves."
        ended = "rolled-back"
    else:
        what = f"{name_of(now.running)} is still in place" if ours else "no task of the old version runs"
        ending = f"Not rolled back: {what}. A person must look."
        ended = "stuck"
    detail = explain(cause, followed.snapshot, dead, ending)
    return _outcome(
        deployment,
        Outcome(
            ended="rolled-back" if ended == "rolled-back" else "stuck",
            detail=detail,
            task_definition=now.running,
            digest=digest_of_running(run, now),
            table=table(followed.snapshot, dead, back),
        ),
    )


def digest_of_running(run: Run, now: Service) -> str:
    """Return the digest that what serves is pinned to; empty when it isn't pinned or can't be read."""
    try:
        body = raw.describe(run.aws, now.running, clock=run.clock).body
    except SlipwayError:
        return ""
    images = images_of(body)
    wanted = run.request.container_name
    chosen = [
        image
        for name, image in images.items()
        if name == wanted or (wanted is None and repository_of(image) == run.request.repository)
    ]
    return next((digest_of(image) for image in chosen if digest_of(image)), "")


def _cut_short(run: Run, deployment: Deployment, followed: Followed) -> Outcome:
    """Stop with rollback, follow that, and explain."""
    cause = _because(run, followed.cut)
    run.emit("rollback", "started", f"{cause}: stopping {deployment.identity} with rollback")
    deployment.stop(rollback=True)
    seconds = CANCELLED_SECONDS if followed.cut == "cancelled" else ROLLBACK_SECONDS
    stopped = follow(
        deployment,
        emit=run.emit,
        clock=run.clock,
        cancelled=threading.Event(),  # a job that was cancelled already must still see this to its end
        deadline=run.clock.now() + seconds,
        teller=followed.teller,
    )
    if stopped.snapshot.state == "succeeded":
        return _verified(run, deployment, stopped)  # it was done before the stop arrived
    return settle(run, deployment, Followed(snapshot=stopped.snapshot, dead=followed.dead), cause=cause)


def _because(run: Run, cut: Cut) -> str:
    if cut == "cancelled":
        return "The job was cancelled"
    if cut == "failed-tasks":
        return f"`max-failed-tasks` ({run.request.max_failed_tasks}) reached"
    return f"Not done after {run.request.timeout_minutes} minutes"


def _dead(run: Run, deployment: Deployment, followed: Followed) -> tuple[DeadTask, ...]:
    """Return the tasks that died, looked up once more unless they are known. Never fails a diagnosis."""
    if followed.dead or not deployment.task_definition:
        return followed.dead
    since = run.deadline - run.request.timeout_minutes * 60
    try:
        return Watch(run.aws, run.service, deployment.task_definition, run.clock, since=since).look(now=True)
    except SlipwayError:
        return ()


def _follow_rollback(
    run: Run, deployment: Deployment, failed: Snapshot, *, cancelled: bool
) -> Snapshot | None:
    """Follow the deployment that rolls back, where it is one of its own."""
    deadline = run.clock.now() + (CANCELLED_SECONDS if cancelled else ROLLBACK_SECONDS)
    identity = failed.rollback or _rollback_of(run, deployment, failed)
    if not identity:
        return None
    run.emit("rollback", "started", f"the deployment {identity} rolls back", deployment=identity)
    back = follow(
        run.controller.attach(run.service, identity),
        emit=run.emit,
        clock=run.clock,
        cancelled=threading.Event(),
        deadline=deadline,
        until="traffic",
        stage="rollback",
    ).snapshot
    status: Status = "succeeded" if back.state in {"succeeded", "shifted"} else "failed"
    run.emit("rollback", status, f"the rollback {identity} is {back.state}", deployment=identity)
    return back


def _rollback_of(run: Run, deployment: Deployment, failed: Snapshot) -> str:
    """Wait a moment for the rollback's id, which CodeDeploy adds after the failure."""
    if failed.state not in ENDED or not run.controller.rollback_apart:
        return ""
    end = run.clock.now() + ROLLBACK_APPEARS_SECONDS
    while run.clock.now() < end:
        run.clock.sleep(POLL_SECONDS)
        if identity := deployment.look().rollback:
            return identity
    return ""


def _verified(run: Run, deployment: Deployment, followed: Followed) -> Outcome:
    """Check that what runs is our digest: a success without that is none."""
    request = run.request
    checked = check(
        run.aws,
        run.service,
        task_definition=deployment.task_definition,
        digest=request.digest,
        children=request.child_digests,
        repository=request.repository,
        container_name=request.container_name,
        shifted=followed.snapshot.state == "shifted",
        clock=run.clock,
    )
    rows = table(followed.snapshot, followed.dead)
    now = checked.service.running
    if checked.problem:
        run.emit("verify", "failed", checked.problem)
        back = now != deployment.task_definition and checked.service.running_count > 0
        ending = f"{name_of(now)} serves." if back else "A person must look."
        cause = f"The deployment ended, but: {checked.problem}"
        detail = explain(cause, Snapshot(state="failed"), followed.dead, ending)
        ended = Outcome(
            ended="rolled-back" if back else "stuck", detail=detail, task_definition=now, table=rows
        )
        return _outcome(deployment, ended)
    run.emit("verify", "succeeded", f"what runs is {request.digest}")
    ours = deployment.task_definition
    detail = " ".join(part for part in (f"{name_of(ours)} serves.", _leaving(followed), checked.note) if part)
    good = Outcome(ended="healthy", detail=detail, task_definition=ours, digest=request.digest, table=rows)
    return _outcome(deployment, good)


def _leaving(followed: Followed) -> str:
    """Say when the old tasks go, if they haven't."""
    if followed.snapshot.state != "shifted":
        return ""
    if not followed.snapshot.leaves_at:
        return "The old tasks go when the wait for them is over."
    at = datetime.fromtimestamp(followed.snapshot.leaves_at, tz=UTC)
    return f"The old tasks go at {at:%H:%M} UTC."


def _outcome(deployment: Deployment, outcome: Outcome) -> Outcome:
    """Return the outcome with the deployment's id."""
    return dataclasses.replace(outcome, deployment=deployment.identity)
