"""Why a rollout failed, in under 300 characters and as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slipway.rollout.controller import Snapshot
from slipway.rollout.task_failures import DeadTask, summary

LONGEST = 299
ROW = 500


def explain(cause: str, snapshot: Snapshot, dead: Sequence[DeadTask], ending: str) -> str:
    """Return what failed, why, and what serves, under 300 characters; the ending is never cut."""
    # Where we stopped it ourselves, the provider only says that it was stopped.
    why = _sentences(cause or _cause(snapshot), "" if cause else snapshot.reason, summary(dead))
    room = LONGEST - len(ending) - 1
    if len(why) > room:
        why = why[: max(room - 1, 0)].rstrip() + "…"
    return f"{why} {ending}".strip()[:LONGEST]


def table(
    snapshot: Snapshot, dead: Iterable[DeadTask] = (), rollback: Snapshot | None = None
) -> tuple[tuple[str, str, str], ...]:
    """Return (event, status, detail) rows for the summary: steps, tasks that died, the rollback's steps."""
    rows = [(step.name, step.status, step.detail[:ROW]) for step in snapshot.steps]
    if snapshot.weight is not None:
        rows.append(("traffic", "progress", f"{snapshot.weight:g}% went to the new version"))
    rows += [(f"task {task.name}", "failed", str(task)[:ROW]) for task in dead]
    if rollback is not None:
        rows += [(f"rollback: {step.name}", step.status, step.detail[:ROW]) for step in rollback.steps]
    return tuple(rows)


def _cause(snapshot: Snapshot) -> str:
    if snapshot.failed_step:
        return f"`{snapshot.failed_step}` failed"
    return "The deployment was stopped" if snapshot.state == "stopped" else "The deployment failed"


def _sentences(*parts: str) -> str:
    said: list[str] = []
    for part in parts:
        clean = " ".join(part.split()).rstrip(".")
        if clean and not any(clean in other for other in said):
            said.append(clean)
    head, *rest = said
    return f"{head}: {'. '.join(rest)}." if rest else f"{head}."
