from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slipway.aws.session import Aws, Keys
from slipway.rehearsal.emulation import Application, Emulation, Settings, seed, start
from slipway.rehearsal.emulation.scripted import ScriptedRuntime
from unit.rollout.stage import BEHAVIOURS, OLD, REPOSITORY, PlayedClock, Stage


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Make a stage; arguments are the emulation's `Settings`, and what differs in its `Application`."""
    emulations: list[Emulation] = []

    def make(*, settings: Settings | None = None, **differs: Any) -> Stage:
        clock = PlayedClock()
        runtime = ScriptedRuntime(clock=clock, behaviours=BEHAVIOURS)
        emulation = start(runtime=runtime, clock=clock, settings=settings or Settings(event_seconds=0.5))
        emulations.append(emulation)
        wished = Application(
            cluster="staging-cluster",
            service="staging-web",
            image=f"{REPOSITORY}@{OLD}",
            repository="web",
            **{"termination_minutes": 1, "desired": 2, **differs},
        )
        seeded = seed(emulation, wished)
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulation.url)
        keys = Keys(access_key_id="AKIDEXAMPLE", secret_access_key="not-a-secret")
        aws = Aws(keys, "eu-west-2", connect_timeout=5, read_timeout=6)
        return Stage(emulation=emulation, clock=clock, aws=aws, seeded=seeded)

    yield make
    for emulation in emulations:
        emulation.stop()


@pytest.fixture
def stage(staged: Callable[..., Stage]) -> Stage:
    """CodeDeploy with two tasks; the old ones stay for a minute."""
    return staged()
