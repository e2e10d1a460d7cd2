"""The job summary: Markdown for one build, publish or rollback. Pure; text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slipway.build.artifact import Artifact
from slipway.events import Event
from slipway.kinds import Published
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


def publish(
    *,
    component: str,
    environment: str,
    published: Published,
    events: Sequence[Event],
    commit: str = "",
    url: str = "",
    failed_notices: Sequence[str] = (),
    budget: int = BUDGET,
) -> str:
    """Return the summary of publishing one component to one environment, the verdict first.

    `url` is where the component answers; `failed_notices` are sentences on what could not be told.
    Nothing given here may be a secret; all of it may be text from outside.
    """
    outcome = published.outcome
    verdict = f"{markup.markdown(component)} {VERDICT[outcome.ended]} {markup.markdown(environment)}"
    facts = [
        *_serving(outcome, asked=published.digest),
        ("tag", markup.code(published.tag) if published.tag else ""),
        ("commit", markup.code(commit[:SHORT]) if commit else ""),
        *_deployed(outcome),
        ("address", markup.link(url, url) if url else ""),
    ]
    return _fit(
        [
            f"### {SIGN[outcome.ended]} {verdict}{_after(events)}",
            _sentences(outcome.detail, SERVES[outcome.ended]),
            _facts(facts),
            _failure(outcome),
            _stages(events),
            _warnings(events, failed_notices),
        ],
        budget,
    )


def rollback(
    *,
    component: str,
    environment: str,
    outcome: Outcome,
    events: Sequence[Event],
    failed_notices: Sequence[str] = (),
    budget: int = BUDGET,
) -> str:
    """Return the summary of going back to the last rollout that succeeded.

    `healthy` and `rolled-back` mean here that the earlier version serves again.
    """
    where = f"{markup.markdown(component)} in {markup.markdown(environment)}"
    verdicts: Mapping[Ended, str] = {
        "healthy": f"### ✅ {where} is back at its last good version",
        "rolled-back": f"### ✅ {where} is back at its last good version",
        "already-out": f"### ✅ {where} was at its last good version already",
    }
    verdict = verdicts.get(
        outcome.ended, f"### {SIGN[outcome.ended]} {where}: the rollback ended as {outcome.ended}"
    )
    return _fit(
        [
            f"{verdict}{_after(events)}",
            _sentences(outcome.detail),
            _facts([*_serving(outcome, asked=""), *_deployed(outcome)]),
            _failure(outcome),
            _stages(events),
            _warnings(events, failed_notices),
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


def _serving(outcome: Outcome, *, asked: str) -> list[tuple[str, str]]:
    """Say which digest serves, and which was asked for where that is another."""
    if outcome.ended == "published" or not outcome.digest:
        return [("digest", markup.code(asked) if asked else "")]
    rows = [("serves now", markup.code(outcome.digest))]
    # A task may run the manifest of one platform out of the index that was asked for.
    if asked and asked != outcome.digest:
        rows.append(("asked for", markup.code(asked)))
    return rows


def _deployed(outcome: Outcome) -> list[tuple[str, str]]:
    # The last part is the name; the whole ARN tells the account to whoever reads the summary.
    definition, deployment = (
        name.rpartition("/")[2] for name in (outcome.task_definition, outcome.deployment)
    )
    return [
        ("task definition", markup.code(definition) if definition else ""),
        ("deployment", markup.code(deployment) if deployment else ""),
    ]


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


def _warnings(events: Sequence[Event], failed_notices: Sequence[str]) -> str:
    said = [event.detail for event in events if event.status == "warning"]
    unique = dict.fromkeys([*said, *(f"Notice: {sentence}" for sentence in failed_notices)])
    return "\n".join(f"- ⚠️ {markup.markdown(text)}" for text in unique)


def _sentences(*sentences: str) -> str:
    return " ".join(markup.markdown(sentence, 600) for sentence in sentences if sentence)


def _after(events: Sequence[Event]) -> str:
    if len(events) < 2:  # noqa: PLR2004 - a length of time needs two
        return ""
    times = [event.time for event in events]
    return f" after {markup.duration(max(times) - min(times))}"


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
