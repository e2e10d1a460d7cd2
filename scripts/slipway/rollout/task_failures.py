"""Replacement tasks that died, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.aws import ecs
from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.rollout.service import Service

PACE_SECONDS = 10  # tasks take longer than that to start and die
# Stops that say nothing about the new version.
TARGET_GROUP = re.compile(r"\(target-group \S*?targetgroup/([^/]+)/\w+\)")  # 100 characters, of which a name
OTHERS = frozenset({"UserInitiated", "SpotInterruption", "TerminationNotice", "ServiceSchedulerScaleIn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTask:
    """One task that stopped, with what AWS says of it."""

    name: str
    reason: str
    exits: tuple[tuple[str, str], ...]  # (container, exit code or the reason it has none)

    def __str__(self) -> str:
        codes = ", ".join(f"`{name}` {said}" for name, said in self.exits)
        return " — ".join(part for part in (self.reason, codes) if part)


class Watch:
    """Looks for stopped tasks of one task definition, at a pace of its own."""

    def __init__(
        self, aws: Aws, service: Service, task_definition: str, clock: Clock, *, since: float
    ) -> None:
        self._aws = aws
        self._service = service
        self._task_definition = task_definition
        self._clock = clock
        self._since = since
        self._due = since + PACE_SECONDS
        self._seen: set[str] = set()
        self.dead: tuple[DeadTask, ...] = ()

    def look(self, *, now: bool = False) -> tuple[DeadTask, ...]:
        """Return the tasks that died so far; asks AWS when it is time, or `now`."""
        if not now and self._clock.now() < self._due:
            return self.dead
        self._due = self._clock.now() + PACE_SECONDS
        listed = ecs.list_tasks(self._aws, self._service.cluster, self._service.name, stopped=True)
        fresh = [arn for arn in listed if arn not in self._seen]
        self._seen.update(fresh)
        tasks = ecs.describe_tasks(self._aws, self._service.cluster, fresh)
        self.dead += tuple(dead(task) for task in tasks if self._ours(task))
        return self.dead

    def _ours(self, task: Mapping[str, Any]) -> bool:
        created = task.get("createdAt")
        return (
            task.get("taskDefinitionArn") == self._task_definition
            and died(task)
            and (created is None or created.timestamp() >= self._since - 1)
        )


def died(task: Mapping[str, Any]) -> bool:
    """Whether a stopped task stopped for a reason of its own, and nobody scaled in or stopped it."""
    reason = str(task.get("stoppedReason") or "")
    return str(task.get("stopCode") or "") not in OTHERS and not reason.startswith("Scaling activity")


def dead(task: Mapping[str, Any]) -> DeadTask:
    """Read what AWS says of a stopped task. Pure."""
    exits = []
    for container in task.get("containers") or []:
        name = str(container.get("name", ""))
        if (code := container.get("exitCode")) is not None:
            exits.append((name, f"exit code {code}"))
        elif said := container.get("reason"):
            exits.append((name, str(said)))
    name = str(task.get("taskArn", "")).rpartition("/")[2]
    reason = TARGET_GROUP.sub(r"(target group \1)", str(task.get("stoppedReason") or ""))
    return DeadTask(name=name, reason=reason, exits=tuple(exits))


def summary(tasks: Sequence[DeadTask]) -> str:
    """Return the commonest way the tasks died, in one clause; empty without any."""
    if not tasks:
        return ""
    said, _ = Counter(str(task) for task in tasks).most_common(1)[0]
    counted = "1 replacement task stopped" if len(tasks) == 1 else f"{len(tasks)} replacement tasks stopped"
    return f"{counted}: {said}" if said else counted
