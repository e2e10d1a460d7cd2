from __future__ import annotations

from collections.abc import Callable

import pytest

from slipway import rollout
from slipway.errors import SlipwayError
from slipway.rehearsal.emulation import Handoff, Settings
from unit.rollout.stage import BAD, NEW, NEWER, OLD, REPOSITORY, Stage

HANDOFF = Handoff(repository="web", tag="latest", application="staging-web", deployment_group="staging-web")


def follow(stage: Stage, digest: str, **more: object) -> rollout.Outcome:
    return rollout.follow_event(
        stage.prepare(digest),
        pushed_at=stage.clock.now(),
        emit=stage.emit,
        clock=stage.clock,
        cancelled=stage.cancelled,
        **{"within_seconds": 60, **more},  # type: ignore[arg-type]
    )


@pytest.fixture(params=[True, False], ids=["by-digest", "by-tag"])
def handed_off(request: pytest.FixtureRequest, staged: Callable[..., Stage]) -> Stage:
    import dataclasses

    handoff = dataclasses.replace(HANDOFF, pinned=request.param)
    stage = staged(settings=Settings(handoffs=(handoff,), event_delay=8))
    stage.emulation.world().repositories["web"]["repositoryUri"] = REPOSITORY
    return stage


def test_the_deployment_that_aws_starts_is_found_and_followed(handed_off: Stage) -> None:
    stage = handed_off
    stage.emulation._runtime.behaviours = {"latest": _digest(NEW)}  # type: ignore[attr-defined]
    stage.emulation.image_pushed("web", "latest", NEW)

    outcome = follow(stage, NEW, tags=("latest",))

    assert outcome.ended == "healthy"
    assert "CreateDeployment" not in stage.calls()
    assert stage.served() == f"{OLD},{NEW}"


def test_its_rollback_is_no_success(handed_off: Stage) -> None:
    stage = handed_off
    import dataclasses

    bad = dataclasses.replace(_digest(BAD), healthy_after=None)
    stage.emulation._runtime.behaviours = {"latest": bad, BAD: bad}  # type: ignore[attr-defined]
    stage.emulation.image_pushed("web", "latest", BAD)

    assert follow(stage, BAD, tags=("latest",)).ended == "rolled-back"
    assert stage.served() == OLD


def test_ecs_own_controller_is_followed_too(staged: Callable[..., Stage]) -> None:
    stage = staged(controller="ECS")
    stage.clock.after(10, lambda: stage.create(NEW) and None)

    outcome = follow(stage, NEW)

    assert outcome.ended == "healthy"
    assert stage.served() == NEW


def test_already_out_is_an_answer(stage: Stage) -> None:
    outcome = follow(stage, OLD)

    assert outcome.ended == "already-out"
    assert stage.told("hand-off") == []


def test_a_deployment_that_never_comes(stage: Stage) -> None:
    with pytest.raises(SlipwayError) as raised:
        follow(stage, NEW)

    assert raised.value.message == (
        f"AWS started no deployment of the service `staging-web` for {NEW} within 60 seconds of the push."
    )


def test_a_run_that_is_repeated_joins_what_the_first_one_started(handed_off: Stage) -> None:
    stage = handed_off
    stage.emulation._runtime.behaviours = {"latest": _digest(NEW)}  # type: ignore[attr-defined]
    stage.emulation.image_pushed("web", "latest", NEW)
    stage.clock.sleep(14)

    outcome = follow(stage, NEW, tags=("latest",), pushed=False)

    assert outcome.ended == "healthy"
    assert stage.calls().count("CreateDeployment") == 0


def test_a_tag_that_was_just_moved_makes_no_older_deployment_ours(handed_off: Stage) -> None:
    stage = handed_off
    stage.emulation._runtime.behaviours = {"latest": _digest(NEW)}  # type: ignore[attr-defined]
    stage.emulation.image_pushed("web", "latest", NEW)
    stage.clock.sleep(14)

    with pytest.raises(SlipwayError, match="AWS started no deployment"):
        follow(stage, NEWER, tags=("latest",))


def test_nothing_was_pushed_so_nothing_starts(stage: Stage) -> None:
    with pytest.raises(SlipwayError, match="nothing was pushed, since the image and its tags were there"):
        follow(stage, NEW, pushed=False)


def test_a_job_that_is_cancelled_while_it_waits(stage: Stage) -> None:
    stage.clock.after(5, stage.cancelled.set)

    with pytest.raises(SlipwayError, match="it may still come"):
        follow(stage, NEW)


def _digest(digest: str) -> object:
    from slipway.rehearsal.emulation.scripted import Behaviour

    return Behaviour(digest=digest)
