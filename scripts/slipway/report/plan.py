"""A plan in words: lines for a terminal, Markdown for a job's summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.plan import Part, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What runs in an environment, against what would. `changes` is None where it could not be read."""

    component: str
    environment: str
    changes: bool | None
    running: str  # such as `4f2a91c03b1d`, or why it isn't known
    planned: str

    def __str__(self) -> str:
        if self.changes is None:
            return f"{self.component} in {self.environment}: {self.running}"
        if not self.changes:
            return f"{self.component} in {self.environment}: {self.running} runs already"
        return f"{self.component} in {self.environment}: {self.running} -> {self.planned}"


def render(plan: Plan, differences: Sequence[Difference] = ()) -> str:
    """The plan for a terminal, or a log."""
    lines = [f"Commit {plan.commit or '(none)'}", plan.why.replace("`", ""), ""]
    width = max((len(part.name) for part in plan.parts), default=0)
    for part in plan.parts:
        verb = _verb(plan, part)
        lines.append(
            f"  {_sign(verb)} {part.name:<{width}}  {part.kind:<11}  {verb}: {_plain(_reason(part))}"
        )
    if not plan.parts:
        lines.append("  (no component)")
    if differences:
        lines += ["", "What runs, and what would:", *(f"  {difference}" for difference in differences)]
    if plan.notes:
        lines += ["", *(f"Note: {_plain(note)}" for note in plan.notes)]
    return "\n".join(lines) + "\n"


def to_markdown(plan: Plan, differences: Sequence[Difference] = ()) -> str:
    """The plan for a job's summary."""
    lines = [f"### Plan for `{plan.commit[:12] or 'no commit'}`", "", plan.why, ""]
    if plan.parts:
        lines += ["| component | kind | plan | because |", "|---|---|---|---|"]
        lines += [
            f"| `{part.name}` | {part.kind} | {_verb(plan, part)} | {_cell(_reason(part))} |"
            for part in plan.parts
        ]
    else:
        lines.append("There is no component.")
    if differences:
        lines += ["", "| component | environment | runs | would run |", "|---|---|---|---|"]
        lines += [_difference_row(difference) for difference in differences]
    if plan.notes:
        lines += ["", *(f"- {note}" for note in plan.notes)]
    return "\n".join(lines) + "\n"


def _difference_row(difference: Difference) -> str:
    planned = {None: "?", False: "the same", True: difference.planned}[difference.changes]
    row = f"| `{difference.component}` | {difference.environment} | {_cell(difference.running)} "
    return f"{row}| {_cell(planned)} |"


def _verb(plan: Plan, part: Part) -> str:
    """What becomes of a component, in a word or two."""
    if not part.supported:
        return "not published"
    if not part.touched:
        return "untouched"
    if plan.environments:
        return "published"
    return "would be published" if plan.would else "not published"


def _reason(part: Part) -> str:
    return part.because if part.supported else "this version of Slipway doesn't know the kind yet"


def _sign(verb: str) -> str:
    return {"published": "+", "would be published": "+", "untouched": "="}.get(verb, "-")


def _plain(text: str) -> str:
    return text.replace("`", "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
