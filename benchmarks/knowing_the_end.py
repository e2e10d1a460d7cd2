"""How long after a deployment's end the job knows it, beside the official action's waiter.

The shipped follower runs against the emulated CodeDeploy, both on one fake clock on which every call to AWS
takes a tenth to half a second. The end is the moment at which the emulation's deployment got there: the
success of AfterAllowTraffic for `until: traffic`, `Succeeded` for `until: success`. The knowing is the clock
when `roll_out` returns, the check of the digest that runs included. Deployments are drawn by seed.
"""

from __future__ import annotations

import dataclasses
import os
import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import get_context

import waiter
from measuring import Figure, Result, Table, percentile, show, use_the_tests_world

use_the_tests_world()

from slipway import rollout  # noqa: E402
from slipway.aws.session import Aws, Keys  # noqa: E402
from slipway.events import Emitter  # noqa: E402
from slipway.rehearsal import emulation  # noqa: E402
from slipway.rehearsal.emulation.scripted import Behaviour, ScriptedRuntime  # noqa: E402
from slipway.rollout.vocabulary import Request  # noqa: E402

DEPLOYMENTS = 300
BUDGET_SECONDS = 120.0  # of wall time: what is not drawn by then is left out, and the number said
SHORTEST, LONGEST = 120.0, 600.0
BOUND_SECONDS = 5.0
REPOSITORY = "registry.example.org/web"
OLD, NEW = (f"sha256:{letter * 64}" for letter in "01")
CONFIGURATIONS = ("CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSCanary10Percent5Minutes")
CANARY_SECONDS = 300.0
OTHER_SECONDS = 15.0  # of the lifecycle events that only pass, and the calls before
BATCH = 2  # deployments that a process draws at once


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One deployment: how long it took, and how much later each follower knew."""

    until: str
    canary: bool
    length: float
    ours: float
    theirs: float
    polls: int


class CallingClock:
    """Time that passes when somebody sleeps, and with each call."""

    def __init__(self, chance: random.Random) -> None:
        self.time = 1_780_000_000.0 + chance.random()
        self._chance = chance

    def now(self) -> float:
        """The time that is played."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.time += seconds

    def called(self, _call: object) -> None:
        """A call to AWS takes its time."""
        self.time += self._chance.uniform(0.1, 0.5)


def draw(seed: int) -> Known:
    """Follow one deployment to its end."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    clock = CallingClock(chance)
    canary, until = seed % 3 == 2, ("traffic", "success")[seed % 2]
    least = SHORTEST + OTHER_SECONDS + (CANARY_SECONDS if canary else 0)
    wished = chance.uniform(min(least, LONGEST), LONGEST)
    left = wished - OTHER_SECONDS - (CANARY_SECONDS if canary else 0)
    minutes = chance.randint(0, int(left // 120)) if until == "success" else 5
    healthy_after = left - (60 * minutes if until == "success" else 0)
    runtime = ScriptedRuntime(
        clock=clock, behaviours={NEW: Behaviour(starts_after=healthy_after / 2, healthy_after=healthy_after)}
    )
    aws = emulation.start(
        runtime=runtime, clock=clock, settings=emulation.Settings(health_grace=3600, step=0.5)
    )
    try:
        emulation.seed(
            aws,
            emulation.Application(
                cluster="staging-cluster",
                service="staging-web",
                image=f"{REPOSITORY}@{OLD}",
                repository="web",
                deployment_config=CONFIGURATIONS[canary],
                termination_minutes=minutes,
            ),
        )
        return _follow(aws, clock, chance, until=until, canary=canary)
    finally:
        aws.stop()


def _follow(
    aws: emulation.Emulation, clock: CallingClock, chance: random.Random, *, until: str, canary: bool
) -> Known:
    os.environ["AWS_ENDPOINT_URL"] = aws.url
    aws.before_call = clock.called
    session = Aws(Keys(access_key_id="AKIDEXAMPLE", secret_access_key="not-a-secret"), "eu-west-2")  # noqa: S106
    request = Request(
        cluster="staging-cluster",
        service="staging-web",
        repository=REPOSITORY,
        digest=NEW,
        until="traffic" if until == "traffic" else "success",
    )
    emit = Emitter(stream=lambda _event: None, now=clock.now, component="web", environment="staging")
    prepared = rollout.prepare(request, session, clock=clock)
    outcome = rollout.roll_out(prepared, emit=emit, clock=clock, cancelled=threading.Event())
    known_at = clock.now()
    assert outcome.ended == "healthy", outcome
    deployment = aws.world().deployments[outcome.deployment]
    ended = deployment.events["AfterAllowTraffic"].ended if until == "traffic" else deployment.completed
    length = ended - deployment.created
    return Known(
        until=until,
        canary=canary,
        length=length,
        ours=known_at - ended,
        theirs=waiter.lag(length, chance),
        polls=sum(call.operation == "GetDeployment" for call in aws.calls),
    )


def _draw_some(seeds: list[int]) -> list[Known]:
    return [draw(seed) for seed in seeds]


def _draw_all(seconds: float) -> Iterator[Known]:
    """Draw on every processor until the time for it is over; moto's state is the process's, so no threads."""
    batches = [list(range(start, start + BATCH)) for start in range(0, DEPLOYMENTS, BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        going = [pool.submit(_draw_some, batch) for batch in batches]
        wait(going, timeout=seconds)
        for one in going:
            one.cancel()
        for one in going:
            if not one.cancelled():
                yield from one.result()


def measure(seconds: float = BUDGET_SECONDS) -> Result:
    """Draw the deployments, for so many seconds of wall time at most, and compare."""
    known = [one for one in _draw_all(seconds) if SHORTEST <= one.length <= LONGEST]
    ours, theirs = [one.ours for one in known], [one.theirs for one in known]
    mean_ours, mean_theirs = sum(ours) / len(ours), sum(theirs) / len(theirs)
    rows = tuple(
        (
            f"`until: {until}`, {'canary' if canary else 'all at once'}",
            str(len(some)),
            f"{sum(one.ours for one in some) / len(some):.1f} s",
            f"{max(one.ours for one in some):.1f} s",
            f"{sum(one.theirs for one in some) / len(some):.0f} s",
        )
        for until in ("traffic", "success")
        for canary in (False, True)
        if (some := [one for one in known if (one.until, one.canary) == (until, canary)])
    )
    lengths = sorted(one.length for one in known)
    return Result(
        name="Knowing the end of a deployment",
        figures=(
            Figure(name="deployments", value=len(known), unit=""),
            Figure(name="mean", value=mean_ours, unit="s"),
            Figure(name="95 of 100 within", value=percentile(ours, 0.95), unit="s"),
            Figure(name="worst", value=max(ours), unit="s", bound=BOUND_SECONDS),
            Figure(name="the official waiter: mean", value=mean_theirs, unit="s"),
            Figure(name="the official waiter: 95 of 100 within", value=percentile(theirs, 0.95), unit="s"),
            Figure(name="the official waiter: worst", value=max(theirs), unit="s"),
            Figure(name="ratio of the means", value=mean_theirs / mean_ours, unit="times"),
        ),
        tables=(
            Table(
                heading=("deployments", "number", "ours: mean", "ours: worst", "the waiter: mean"), rows=rows
            ),
        ),
        notes=(
            (
                f"Lengths from {lengths[0]:.0f} to {lengths[-1]:.0f} s, drawn by seed. Each call to AWS "
                "takes 0.1 to 0.5 s of the clock for us, and no time at all for the waiter."
            ),
        ),
    )


def main() -> int:
    """Print the table; 1 where the bound isn't kept."""
    result = measure()
    show(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
