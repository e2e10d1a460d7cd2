"""A runtime without containers: images behave as a script says, on the clock that is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.clock import Clock
from slipway.rehearsal.runtime import Health, TaskSpec, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What the containers of an image do. Seconds are of the clock, counted from the start."""

    starts_after: float = 0.5  # pulled, and running
    healthy_after: float | None = 1.0  # None: its health path never answers well
    exits_after: float | None = None  # None: it goes on
    exit_code: int = 1
    pull_error: str = ""  # such as CannotPullContainerError: …
    digest: str = ""  # that a tag resolves to


HEALTHY = Behaviour()
NEVER_HEALTHY = Behaviour(healthy_after=None)
EXITS = Behaviour(healthy_after=None, exits_after=1.0)
UNPULLABLE = Behaviour(
    pull_error="CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"
)
VARIABLE = "SCRIPTED_BEHAVIOUR"  # an environment variable of the task that names a behaviour
NAMED = {"healthy": HEALTHY, "never-healthy": NEVER_HEALTHY, "exits": EXITS, "unpullable": UNPULLABLE}


@dataclass(slots=True, kw_only=True)
class _Scripted:
    spec: TaskSpec
    behaviour: Behaviour
    began: float
    stopped: bool = False
    reason: str = ""


@dataclass(slots=True)
class ScriptedRuntime:
    """Implements `Runtime`. An image's behaviour is found by its digest, its tag or its whole name."""

    clock: Clock
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    default: Behaviour = HEALTHY
    named: Mapping[str, Behaviour] = field(default_factory=lambda: dict(NAMED))
    shifts: list[tuple[float, str, dict[str, int]]] = field(default_factory=list)  # when, service, weights
    tasks: dict[str, _Scripted] = field(default_factory=dict)
    _now: float | None = None

    def at(self, now: float) -> None:
        """From here on it is `now`: the emulation plays every moment in order."""
        self._now = now

    def _time(self) -> float:
        return self.clock.now() if self._now is None else self._now

    def _behaviour(self, spec: TaskSpec) -> Behaviour:
        digest, tag = spec.image.rpartition("@")[2], spec.image.rpartition(":")[2]
        for key in (spec.image, digest, tag):
            if key in self.behaviours:
                return self.behaviours[key]
        return self.named.get(spec.environment.get(VARIABLE, ""), self.default)

    def start(self, spec: TaskSpec) -> str:
        """Begin a task; returns its id."""
        identity = f"scripted-{len(self.tasks) + 1}"
        self.tasks[identity] = _Scripted(spec=spec, behaviour=self._behaviour(spec), began=self._time())
        return identity

    def state(self, task: str) -> TaskState:
        """What became of the task."""
        it = self.tasks[task]
        age, behaviour = self._time() - it.began, it.behaviour
        if it.stopped:
            return TaskState(running=False, exit_code=143, reason=it.reason)
        if age < behaviour.starts_after - 1e-9:
            return TaskState(running=False)
        if behaviour.pull_error:
            return TaskState(running=False, reason=behaviour.pull_error)
        digest = behaviour.digest or (it.spec.image.partition("@")[2])
        if behaviour.exits_after is not None and age >= behaviour.exits_after - 1e-9:
            return TaskState(running=False, exit_code=behaviour.exit_code, image_digest=digest)
        return TaskState(running=True, image_digest=digest)

    def health(self, task: str, path: str) -> Health:
        """What the health path answers now."""
        it = self.tasks[task]
        if (
            it.behaviour.healthy_after is not None
            and self._time() - it.began >= it.behaviour.healthy_after - 1e-9
        ):
            return Health(state="healthy", detail=f"GET {path}: 200")
        if self._time() - it.began < it.behaviour.starts_after:
            return Health(state="starting")
        return Health(state="unhealthy", detail="Health checks failed with these codes: [503]")

    def stop(self, task: str, reason: str) -> None:
        """Stop the task; one that is gone is no error."""
        if task in self.tasks:
            self.tasks[task].stopped, self.tasks[task].reason = True, reason

    def shift(self, service: str, weights: Mapping[str, int]) -> None:
        """Note the traffic's new weights."""
        self.shifts.append((self._time(), service, dict(weights)))

    def running(self) -> tuple[str, ...]:
        """Images of the tasks that run now."""
        return tuple(it.spec.image for name, it in self.tasks.items() if self.state(name).running)
