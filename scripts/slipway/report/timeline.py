"""Events of one component in one environment, as what became of each stage. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from slipway.events import Event, Stage, Status

ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "skipped"})

SIGNS: Mapping[Status, str] = {
    "started": "▸",
    "progress": "·",
    "succeeded": "✔",
    "failed": "✘",
    "skipped": "-",
    "warning": "!",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage: how it stands, since when, until when (seconds since 1970), what was said last."""

    stage: Stage
    status: Status
    started: float
    last: float
    detail: str

    @property
    def seconds(self) -> float:
        """From the stage's first event to its last."""
        return max(0.0, self.last - self.started)


def add(steps: Mapping[Stage, Step], event: Event) -> dict[Stage, Step]:
    """Return `steps` with `event` counted in; a warning changes no status."""
    earlier = steps.get(event.stage)
    if earlier is None:
        status: Status = "progress" if event.status == "warning" else event.status
        step = Step(
            stage=event.stage, status=status, started=event.time, last=event.time, detail=event.detail
        )
    elif event.status == "warning":
        step = replace(earlier, last=max(earlier.last, event.time))
    else:
        # A stage that failed stays failed, whatever is said about it afterwards.
        status = "failed" if earlier.status == "failed" else event.status
        detail = earlier.detail if earlier.status == "failed" else event.detail
        step = replace(
            earlier,
            status=status,
            # A provider's own times can lie before what was said already.
            started=min(earlier.started, event.time),
            last=max(earlier.last, event.time),
            detail=detail,
        )
    return {**steps, event.stage: step}


def steps_of(events: Iterable[Event]) -> tuple[Step, ...]:
    """Return the stages in the order they began; `outcome` is none of them."""
    steps: dict[Stage, Step] = {}
    for event in events:
        steps = add(steps, event)
    return tuple(step for step in steps.values() if step.stage != "outcome")


def weight_of(event: Event) -> float | None:
    """Return how much of the traffic the new version gets, in percent, where the event tells it."""
    weight = event.data.get("weight")
    return float(weight) if isinstance(weight, int | float) else None


def is_final(event: Event) -> bool:
    """Say whether `event` is the last of its component in its environment."""
    return event.stage == "outcome" and event.status not in {"started", "progress"}


def ending(event: Event) -> str:
    """Return the word for how a rollout ended, such as `rolled-back`; empty where the event has none."""
    word = event.data.get("ended") or event.data.get("outcome")
    return word if isinstance(word, str) else ""
