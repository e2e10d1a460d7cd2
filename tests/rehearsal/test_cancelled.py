"""The step that runs when a job was cancelled: it ends what a killed publish left going."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from rehearsal.stage import OLD_IMAGE, Stage, stage
from slipway.rehearsal.emulation import Call
from slipway.rehearsal.emulation.scripted import Behaviour


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("cancelled") / "stage") as made:
        yield made


def kill_after(world: Stage, environment: str, operation: str) -> None:
    """Publish, and kill the job as soon as the rollout has begun."""
    words = ("publish", "--environment", environment, "--artifacts", str(world.artifacts))
    command, environ = world.command(words, environment)
    process = subprocess.Popen(
        command, cwd=world.repository, env=environ, stdout=subprocess.DEVNULL, start_new_session=True
    )

    def hook(call: Call) -> None:
        if call.operation == operation:
            os.killpg(process.pid, signal.SIGKILL)

    world.aws.after_call = hook
    try:
        assert process.wait(timeout=60) == -signal.SIGKILL
    finally:
        world.aws.after_call = None


@pytest.mark.parametrize("denied", [False, True], ids=["allowed", "denied"])
@pytest.mark.parametrize(
    ("controller", "operation"), [("CODE_DEPLOY", "CreateDeployment"), ("ECS", "UpdateService")]
)
def test_a_killed_publish_is_stopped(world: Stage, controller: str, operation: str, *, denied: bool) -> None:
    environment = f"{controller.lower().replace('_', '')}-{'denied' if denied else 'allowed'}"
    world.seed(environment, controller=controller)
    quick, world.runtime.default = world.runtime.default, Behaviour(starts_after=60)
    kill_after(world, environment, operation)
    if denied:
        world.aws.inject("ecr", "BatchGetImage", "access-denied", times=9)
    done = world.run("rollback", "--environment", environment, "--in-progress", environment=environment)
    world.aws.forget_faults()
    world.runtime.default = quick
    # ECS keeps no commit beside a deployment: without the image it can't be told from somebody else's.
    known = controller == "CODE_DEPLOY" or not denied
    assert (done.status, done.outputs["outcome"]) == (0, "rolled-back" if known else "already-out"), done.text
    assert (world.serving(environment)[:1] == (OLD_IMAGE,)) or not known, done.text
    assert ("can't be looked up" in done.text) == denied
