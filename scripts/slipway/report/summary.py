"""The job summary: Markdown for one build, publish or rollback. Pure; text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slipway.build.artifact import Artifact
from slipway.events import Event
from slipway.report import markup
from slipway.report.timeline import SIGNS, Step, steps_of
from slipway.rollout.vocabulary import Ended, Outcome

# A step's summary over 1 MiB is dropped whole, and a matrix leg may publish several components.
BUDGET = 60_000
ROWS = 60  # of a table: the newest tell most
SHORT = 7  # hex digits of a commit, as git shows it

SIGN: Mapping[Ended, str] = {
    "healthy": "✅",
    "already-out": "✅",
    "published": "✅",
    "rolled-back": "↩️",
    "stuck": "🚨",
    "superseded": "⏭️",
    "detached": "⏸️",
}
VERDICT: Mapping[Ended, str] = {
    "healthy": "is healthy in",
    "already-out": "was already out in",
    "published": "is published to",
    "rolled-back": "was rolled back in",
    "stuck": "failed and was not rolled back in",
    "superseded": "was superseded in",
    "detached": "is still rolling out to",
}
SERVES: Mapping[Ended, str] = {
    "healthy": "The new version serves.",
    "already-out": "This version was serving already; nothing was pushed, registered or deployed.",
    "published": "Nothing was handed off, as asked: what served before still does.",
    "rolled-back": "The version before serves.",
    "stuck": "Look at the service now: neither the new version nor a rollback came to its end.",
    "superseded": "A newer deployment took over.",
    "detached": "The deployment goes on without this job.",
}
FAILED: frozenset[Ended] = frozenset({"rolled-back", "stuck"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a summary states beside the events: no secrets; all of it may be text from outside."""

    component: str
    environment: str
    commit: str = ""
    digest: str = ""  # that was asked for
    tag: str = ""
    url: str = ""  # where the component answers
    deployment_url: str = ""  # the deployment's page in the AWS console
    failed_notices: tuple[str, ...] = ()  # one sentence each


def render(facts: Facts, events: Sequence[Event], outcome: Outcome, *, budget: int = BUDGET) -> str:
    """Return the summary of publishing one component to one environment, the verdict first."""
    verdict = (
        f"{markup.markdown(facts.component)} {VERDICT[outcome.ended]} {markup.markdown(facts.environment)}"
    )
    return _fit(
        [
            f"### {SIGN[outcome.ended]} {verdict}{_after(events)}",
            _sentences(outcome.detail, SERVES[outcome.ended]),
            _published_facts(facts, outcome),
            _failure(outcome),
            _stages(events),
            _warnings(events, facts.failed_notices),
        ],
        budget,
    )


def rollback(facts: Facts, events: Sequence[Event], outcome: Outcome, *, budget: int = BUDGET) -> str:
    """Return the summary of going back to the last rollout that succeeded.

    `healthy` means here that the earlier version serves again.
    """
    where = f"{markup.markdown(facts.component)} in {markup.markdown(facts.environment)}"
    verdict = {
        "healthy": f"### ✅ {where} is back at its last good version",
        "already-out": f"### ✅ {where} was at its last good version already",
    }.get(outcome.ended, f"### {SIGN[outcome.ended]} {where}: the rollback ended as {outcome.ended}")
    return _fit(
        [
            f"{verdict}{_after(events)}",
            _sentences(outcome.detail),
            _published_facts(facts, outcome),
            _failure(outcome),
            _stages(events),
            _warnings(events, facts.failed_notices),
        ],
        budget,
    )


def build(artifact: Artifact, events: Sequence[Event], *, tag: str = "", budget: int = BUDGET) -> str:
    """Return the summary of building one component."""
    rows = [
        ("digest", markup.code(artifact.digest)),
        ("tag", markup.code(tag) if tag else ""),
        ("commit", markup.code(artifact.commit)),
        ("platforms", markup.markdown(", ".join(artifact.platforms))),
    ]
    title = f"### 📦 {markup.markdown(artifact.component)} is built{_after(events)}"
    sentence = "Every environment gets this digest."
    return _fit([title, sentence, _facts(rows), _stages(events), _warnings(events, ())], budget)


def _published_facts(facts: Facts, outcome: Outcome) -> str:
    deployment = markup.code(outcome.deployment) if outcome.deployment else ""
    if deployment and facts.deployment_url:
        deployment = f"{deployment} ({markup.link('console', facts.deployment_url)})"
    other = outcome.digest and facts.digest and outcome.digest != facts.digest
    return _facts(
        [
            ("serves now", markup.code(outcome.digest) if outcome.digest else ""),
            ("asked for" if other else "digest", _asked(facts, outcome, other=bool(other))),
            ("tag", markup.code(facts.tag) if facts.tag else ""),
            ("commit", markup.code(facts.commit[:SHORT]) if facts.commit else ""),
            ("task definition", markup.code(outcome.task_definition) if outcome.task_definition else ""),
            ("deployment", deployment),
            ("address", markup.link(facts.url, facts.url) if facts.url else ""),
        ]
    )


def _asked(facts: Facts, outcome: Outcome, *, other: bool) -> str:
    return markup.code(facts.digest) if facts.digest and (other or not outcome.digest) else ""


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    given = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(["| | |", "|---|---|", *given]) if given else ""


def _failure(outcome: Outcome) -> str:
    if not outcome.table:
        return ""
    shown = outcome.table[-ROWS:]
    left = len(outcome.table) - len(shown)
    rows = [
        f"| {markup.markdown(event)} | {markup.markdown(status)} | {markup.markdown(detail, 1000)} |"
        for event, status, detail in shown
    ]
    note = [f"| … | | {left} earlier rows are left out |"] if left else []
    return "\n".join(["| event | status | detail |", "|---|---|---|", *note, *rows])


def _stages(events: Sequence[Event]) -> str:
    steps = steps_of(events)
    if not steps:
        return ""
    rows = [_stage_row(step) for step in steps]
    return "\n".join(["| stage | | time | |", "|---|---|---:|---|", *rows])


def _stage_row(step: Step) -> str:
    cells = (step.stage, SIGNS[step.status], markup.duration(step.seconds), markup.markdown(step.detail, 200))
    return f"| {' | '.join(cells)} |"


def _warnings(events: Sequence[Event], failed_notices: tuple[str, ...]) -> str:
    said = [event.detail for event in events if event.status == "warning"]
    unique = dict.fromkeys([*said, *(f"Notice: {sentence}" for sentence in failed_notices)])
    return "\n".join(f"- ⚠️ {markup.markdown(text)}" for text in unique)


def _sentences(*sentences: str) -> str:
    return " ".join(markup.markdown(sentence, 600) for sentence in sentences if sentence)


def _after(events: Sequence[Event]) -> str:
    if len(events) < 2:  # noqa: PLR2004 - a length of time needs two
        return ""
    return f" after {markup.duration(events[-1].time - events[0].time)}"


def _fit(parts: Sequence[str], budget: int) -> str:
    """Join the parts, the most useful first, and leave out whole parts that pass `budget` bytes."""
    text = ""
    left_out = False
    for part in filter(None, parts):
        more = f"{text}{part}\n\n"
        if len(more.encode()) > budget:
            left_out = True
            continue
        text = more
    return f"{text}_The rest did not fit; the log has it all._\n\n" if left_out else text
