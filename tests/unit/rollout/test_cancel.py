from __future__ import annotations

from collections.abc import Callable

import pytest

from slipway import rollout
from unit.rollout.stage import NEW, NEWER, OLD, REPOSITORY, Stage


def stop(stage: Stage, **more: object) -> rollout.Outcome:
    return rollout.stop(
        cluster="staging-cluster",
        service="staging-web",
        aws=stage.aws,
        emit=stage.emit,
        clock=stage.clock,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "ECS"])
def test_the_deployment_left_behind_is_rolled_back(staged: Callable[..., Stage], controller: str) -> None:
    stage = staged(controller=controller)
    stage.create(NEW)
    stage.clock.sleep(2)

    outcome = stop(stage, repository=REPOSITORY, digest=NEW)

    assert outcome.ended == "rolled-back"
    assert stage.served() == OLD


def test_or_left_going(stage: Stage) -> None:
    stage.create(NEW)

    assert stop(stage, repository=REPOSITORY, digest=NEW, on_cancel="detach").ended == "detached"
    assert "StopDeployment" not in stage.calls()


def test_somebody_elses_deployment_is_let_be(stage: Stage) -> None:
    stage.create(NEW)

    assert stop(stage, repository=REPOSITORY, digest=NEWER).ended == "already-out"
    assert "StopDeployment" not in stage.calls()


def test_codedeploy_keeps_the_commit(stage: Stage) -> None:
    prepared = stage.prepare()
    stage.clock.after(4, stage.cancelled.set)
    rollout.roll_out(
        rollout.prepare(stage.request(on_cancel="detach"), stage.aws, clock=stage.clock),
        emit=stage.emit,
        clock=stage.clock,
        cancelled=stage.cancelled,
    )

    assert prepared.active is None
    assert stop(stage, commit="d" * 40).ended == "already-out"
    assert stop(stage, commit="c" * 40).ended == "rolled-back"


def test_nothing_in_progress(stage: Stage) -> None:
    outcome = stop(stage, repository=REPOSITORY, digest=NEW)

    assert outcome.ended == "already-out"
    assert outcome.detail == "No deployment of ours is in progress: staging-web:1 serves."
