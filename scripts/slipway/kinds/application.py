"""Applications: a Docker image, published to ECR by digest, rolled out on ECS, verified."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from slipway import rollout
from slipway.build import artifact, image, login, registry
from slipway.build.artifact import Artifact
from slipway.config.model import Component
from slipway.errors import PublishError, SlipwayError
from slipway.events import Emitter
from slipway.kinds import Publication, Published, Tools
from slipway.process import run
from slipway.rollout.vocabulary import Ended, Outcome, Request
from slipway.suites import command

LONGEST = 299  # characters of an outcome
# How a publish whose verify suite was red ended, by how its rollback did.
WENT_BACK: Mapping[Ended, Ended] = {"healthy": "rolled-back", "superseded": "superseded"}


def build(component: Component, *, source: image.Source, root: Path, output: Path, emit: Emitter) -> Artifact:
    """Build the component's image into `output`; raises ToolError where docker or skopeo fail."""
    import os

    return image.build(
        component, root=root, output=output, source=source, run=run, emit=emit, environ=os.environ
    )


def publish(publication: Publication, tools: Tools) -> Published:
    """Publish the image and roll it out; every check comes before the first write.

    Raises SlipwayError for what can't be published; how a rollout ended, failures too, is in the outcome.
    """
    component, tag = publication.component, f"sha-{publication.commit}"
    login.sweep(login.base_folder(publication.environ))  # what a killed run left
    made, archive = _artifact(publication)
    digest = publication.digest or (made.digest if made else "")
    repository = component.repository or ""
    presence = registry.inspect(
        tools.aws, repository, digest=digest, tag=tag, tags=component.tags, first_wins=publication.alone
    )
    if digest and presence.digest != digest:
        tools.emit(
            "checks",
            "warning",
            f"{tag} is there from an earlier build of this commit, which is the one published",
        )
    digest = presence.digest
    if not digest:
        raise PublishError(
            f"`{repository}` has no image tagged `{tag}`, and no artifact was given for `{component.name}`.",
            remedy="Build it first: `slipway build`, then `slipway publish --artifacts DIR`.",
        )
    if made and made.digest != digest:
        made, archive = None, None
    request = _request(publication, repository, digest, made)
    hands_off = component.deploy.handoff != "none" and publication.until != "published"
    prepared = rollout.prepare(request, tools.aws, clock=tools.clock) if hands_off else None
    if publication.dry_run:
        detail = "dry run: every check passed, nothing was written"
        return Published(
            digest=digest, tag=tag, outcome=Outcome(ended="published", detail=detail, digest=digest)
        )
    _unless_cancelled(tools)
    pushed_at = tools.clock.now()
    if archive is not None or presence.missing:
        registry.push(tools.aws, archive, presence, run=tools.run, emit=tools.emit)
    _unless_cancelled(tools)
    if prepared is None:
        outcome = Outcome(
            ended="published", detail="published, nothing was handed off, as asked", digest=digest
        )
    elif component.deploy.handoff == "event":
        outcome = rollout.follow_event(
            prepared,
            pushed_at=pushed_at,
            pushed=bool(presence.missing),
            tags=component.tags,
            emit=tools.emit,
            clock=tools.clock,
            cancelled=tools.cancelled,
        )
    else:
        outcome = rollout.roll_out(prepared, emit=tools.emit, clock=tools.clock, cancelled=tools.cancelled)
    served = prepared.service.running if prepared else ""
    return Published(digest=digest, tag=tag, outcome=_verified(publication, tools, request, outcome, served))


def _unless_cancelled(tools: Tools) -> None:
    if tools.cancelled.is_set():
        raise PublishError(
            "Cancelled before the hand-off: nothing was deployed.",
            remedy="Run the job again; what was pushed stays.",
        )


def _artifact(publication: Publication) -> tuple[Artifact | None, Path | None]:
    if publication.artifacts is None:
        return None, None
    made, archive = artifact.read(publication.artifacts, publication.component.name)
    if made.dirty:
        raise PublishError(
            f"The artifact in `{publication.artifacts}` was built from files that no commit has.",
            remedy="Commit them, build again and publish that.",
        )
    if made.commit != publication.commit:
        raise PublishError(
            f"The artifact in `{publication.artifacts}` was built from commit {made.commit[:12]}, "
            f"not from {publication.commit[:12]}.",
            remedy="Publish what this commit's build made: run `slipway build` again.",
        )
    return made, archive


def _request(publication: Publication, repository: str, digest: str, made: Artifact | None) -> Request:
    deploy = publication.component.deploy
    return Request(
        cluster=deploy.cluster or "",
        service=deploy.service or "",
        repository=repository,
        digest=digest,
        platforms=made.platforms if made else (),
        child_digests=made.child_digests if made else (),
        container_name=deploy.container_name,
        base=deploy.base,
        on_active=deploy.on_active,
        on_cancel=deploy.on_cancel,
        until=deploy.until,
        max_failed_tasks=deploy.max_failed_tasks,
        timeout_minutes=deploy.timeout_minutes,
        application=deploy.application,
        deployment_group=deploy.deployment_group,
        commit=publication.commit,
        # The commit first: AWS takes so many characters, and who reads it needs the whole commit.
        description=f"slipway: {publication.commit} of {publication.component.name}",
    )


def _verified(
    publication: Publication, tools: Tools, request: Request, outcome: Outcome, served: str
) -> Outcome:
    """Run the verify suite against what serves now; red rolls back, if need be to what `served` before."""
    suite = publication.verify
    if suite is None or outcome.ended not in {"healthy", "already-out"}:
        return outcome
    tools.emit("verify", "started", suite.run)
    status = command.run(
        suite,
        root=publication.root,
        environ=publication.environ,
        given={
            "ENVIRONMENT": publication.environment,
            "SLIPWAY_COMPONENT": publication.component.name,
            "SLIPWAY_COMMIT": publication.commit,
            "SLIPWAY_URL": publication.component.url or "",
        },
        cancelled=tools.cancelled,
    )
    if status == 0:
        tools.emit("verify", "succeeded", "passed")
        return outcome
    why = f"verify `{publication.component.verify}` ended with status {status}"
    if status == command.CANCELLED and tools.cancelled.is_set():
        why = f"the job was cancelled during verify `{publication.component.verify}`"
        if request.on_cancel == "detach" and outcome.ended == "healthy":
            tools.emit("verify", "warning", why)
            return replace(outcome, ended="detached", detail=f"{why}; {outcome.detail}"[:LONGEST])
    tools.emit("verify", "failed", why)
    if outcome.ended == "already-out":
        # Nothing was changed by this run, so there is nothing of its own to take back.
        raise SlipwayError(
            f"{why}, on what was out before this run.",
            remedy="`slipway rollback` goes back to the rollout before.",
        )
    try:
        back = rollout.roll_back(
            cluster=request.cluster,
            service=request.service,
            aws=tools.aws,
            emit=tools.emit,
            clock=tools.clock,
            cancelled=threading.Event(),  # also a job that was cancelled sees this to its end
            application=request.application,
            deployment_group=request.deployment_group,
            timeout_minutes=request.timeout_minutes,
            repository=request.repository,
            container_name=request.container_name,
            of=outcome.task_definition,
            otherwise=served,
        )
    except SlipwayError as error:
        return Outcome(
            ended="stuck", detail=f"{why}; {error.message}"[:LONGEST], deployment=outcome.deployment
        )
    return Outcome(
        ended=WENT_BACK.get(back.ended, "stuck"),
        detail=f"{why}; {back.detail}"[:LONGEST],
        deployment=outcome.deployment,
        task_definition=back.task_definition,
        digest=back.digest,
        table=outcome.table,
    )
