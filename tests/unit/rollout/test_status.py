from __future__ import annotations

from slipway import rollout
from unit.rollout.stage import NEW, OLD, Stage


def test_what_runs(stage: Stage) -> None:
    outcome = stage.roll_out(until="success")

    running = rollout.status(cluster="staging-cluster", service="staging-web", aws=stage.aws)

    assert running == rollout.Running(
        task_definition=outcome.task_definition,
        digests=(NEW,),
        deployment=outcome.deployment,
        desired=2,
        running=2,
        controller="CODE_DEPLOY",
        commit="c" * 40,
    )


def test_tasks_that_only_wait_for_their_end_serve_nothing(stage: Stage) -> None:
    stage.roll_out()
    assert stage.served() == f"{OLD},{NEW}"

    running = rollout.status(cluster="staging-cluster", service="staging-web", aws=stage.aws)

    assert running.digests == (NEW,)
