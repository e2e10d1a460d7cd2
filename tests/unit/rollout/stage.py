"""A stage: the emulated AWS on a clock that is played, with one application on it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import Any

from slipway import rollout
from slipway.aws.session import Aws
from slipway.events import Emitter, Event
from slipway.rehearsal.emulation import Emulation, Seeded
from slipway.rehearsal.emulation.scripted import Behaviour
from slipway.rollout import service as services
from slipway.rollout.digest_check import digests_of, running_tasks
from slipway.rollout.vocabulary import Outcome, Request

REPOSITORY = "registry.example.org/web"
OLD, NEW, NEWER, BAD, CRASHES, HANGS, ODD = (f"sha256:{letter * 64}" for letter in "0123456")
START = 1_780_000_000.0


class PlayedClock:
    """Time that passes when somebody sleeps; `at` lets something happen at a moment."""

    def __init__(self) -> None:
        self.time = START
        self._planned: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self._planned and self._planned[0][0] <= end:
            moment, act = self._planned.pop(0)
            self.time = max(self.time, moment)
            act()
        self.time = max(self.time, end)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._planned.append((self.time + seconds, act))
        self._planned.sort(key=lambda plan: plan[0])


BEHAVIOURS: Mapping[str, Behaviour] = {
    BAD: Behaviour(healthy_after=None),
    CRASHES: Behaviour(healthy_after=None, exits_after=2.0, exit_code=3),
    HANGS: Behaviour(starts_after=1e9),
    ODD: Behaviour(digest=f"sha256:{'f' * 64}"),
}


@dataclasses.dataclass
class Stage:
    """What a test needs."""

    emulation: Emulation
    clock: PlayedClock
    aws: Aws
    seeded: Seeded
    events: list[Event] = dataclasses.field(default_factory=list)
    cancelled: threading.Event = dataclasses.field(default_factory=threading.Event)

    @property
    def emit(self) -> Emitter:
        return Emitter(stream=self.events.append, now=self.clock.now, component="web", environment="staging")

    def request(self, digest: str = NEW, **more: Any) -> Request:
        return Request(
            cluster="staging-cluster",
            service="staging-web",
            repository=REPOSITORY,
            digest=digest,
            **{"commit": "c" * 40, **more},
        )

    def prepare(self, digest: str = NEW, **more: Any) -> rollout.Prepared:
        return rollout.prepare(self.request(digest, **more), self.aws, clock=self.clock)

    def roll_out(self, digest: str = NEW, **more: Any) -> Outcome:
        prepared = self.prepare(digest, **more)
        return rollout.roll_out(prepared, emit=self.emit, clock=self.clock, cancelled=self.cancelled)

    def roll_back(self, **more: Any) -> Outcome:
        return rollout.roll_back(
            cluster="staging-cluster",
            service="staging-web",
            aws=self.aws,
            emit=self.emit,
            clock=self.clock,
            cancelled=self.cancelled,
            **more,
        )

    def create(self, digest: str) -> str:
        """Begin a deployment as somebody else does; returns its id."""
        prepared = self.prepare(digest)
        from slipway.aws import raw

        revision = prepared.revision or raw.register(self.aws, prepared.body, clock=self.clock).arn
        return prepared.controller.start(prepared.service, revision, description="by hand").identity

    def calls(self) -> list[str]:
        """The operations called so far, without those of the seeding."""
        return [call.operation for call in self.emulation.calls]

    def revisions(self) -> list[str]:
        """`family:revision` of every ACTIVE revision."""
        answer = self.aws.client("ecs").list_task_definitions(familyPrefix="staging-web")
        return [arn.rpartition("/")[2] for arn in answer["taskDefinitionArns"]]

    def served(self) -> str:
        """The digests that the service's running tasks have, old ones too."""
        service = services.find(self.aws, "staging-cluster", "staging-web")
        return ",".join(digests_of(running_tasks(self.aws, service)))

    def told(self, stage: str) -> list[tuple[str, str]]:
        return [(event.status, event.detail) for event in self.events if event.stage == stage]
