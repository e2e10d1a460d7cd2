"""What stays of a rehearsal: one page without network, and its summary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from slipway import __version__
from slipway.rehearsal import charts
from slipway.rehearsal.story import ENVIRONMENTS, Rollout, Told
from slipway.rehearsal.traffic import Answer

ABOUT = (
    "A real image, registry, load balancer and containers on one machine; AWS's APIs were emulated. "
    "The commands are the ones that a job runs."
)
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #fff; --line: #dde3ea; --v0:
  #9aa7b6; --v1: #2f7de1; --v2: #b36ae2; --v3: #2aa198; --good: #1f8a4c; --bad: #d1242f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf2; --soft: #98a5b5; --paper: #12171e; --line:
  #2b3542; --v0: #66758a; --v1: #58a0ff; --v2: #c792ea; --good: #3fb56f; --bad: #ff6b66; }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1060px; padding: 28px 20px 60px; font: 15px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper) }
h1 { font-size: 25px; margin: 0 }
h2 { font-size: 18px; margin: 34px 0 8px }
h3 { font-size: 15px; margin: 20px 0 4px }
p { margin: 6px 0 }
.soft { color: var(--soft) }
.good { color: var(--good) }
.bad { color: var(--bad) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align:
  top }
th { color: var(--soft); font-weight: 500; font-size: 13px }
td.verdict { font-weight: 700; width: 60px }
code, pre { font: 12.5px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { overflow-x: auto; margin: 6px 0 }
svg { width: 100%; min-width: 640px; height: auto; display: block }
svg text { font: 11px system-ui; fill: var(--soft) }
svg .name { fill: var(--ink) }
.grid { stroke: var(--line) }
.v0 { fill: var(--v0) }
.v1 { fill: var(--v1) }
.v2 { fill: var(--v2) }
.v3 { fill: var(--v3) }
.failed { fill: var(--bad) }
.succeeded { fill: var(--good) }
.inprogress, .pending, .unknown, .skipped { fill: var(--v0) }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 14px }
details { margin: 6px 0 }
summary { cursor: pointer; color: var(--soft) }
"""


def write(path: Path, told: Told, answers: Sequence[Answer]) -> None:
    """Write the page: facts, digests, answers over time, each deployment's events, what each job printed."""
    passed = sum(fact.passed for fact in told.facts)
    verdict = (
        "All of it was seen" if passed == len(told.facts) else f"{passed} of {len(told.facts)} were seen"
    )
    when = datetime.fromtimestamp(told.began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Rehearsal of {escape(told.name)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Rehearsal of {escape(told.name)}</h1>",
        f'<p class="{"good" if passed == len(told.facts) else "bad"}"><b>{verdict}</b>',
        f'<span class="soft">· {told.ended - told.began:.0f} s · {when} · Slipway {__version__}</span></p>',
        f'<p class="soft">{ABOUT}</p>',
        f"<h2>Facts</h2>{_facts(told)}",
        f"<h2>Answers over time</h2>{_legend(told)}<div class=scroll>{_answers(told, answers)}</div>",
        f"<h2>Digests</h2>{_digests(told)}",
        "<h2>Deployments</h2>",
        *(_rollout(rollout, told) for rollout in told.rollouts),
        "</body></html>\n",
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def summary(told: Told) -> str:
    """Return the same in Markdown, in short."""
    rows = "\n".join(
        f"| {'✅' if fact.passed else '❌'} | {_cell(fact.claim)} | {_cell(fact.seen)} |"
        for fact in told.facts
    )
    jobs = "\n".join(
        f"| {_cell(rollout.title)} | {rollout.done.outputs.get('outcome', '')} "
        f"| {rollout.done.seconds:.1f} s | {rollout.done.outputs.get('deployment-id', '')} |"
        for rollout in told.rollouts
    )
    digests = "\n".join(
        f"| {told.commits.get(commit, commit)} | `{digest}` |" for commit, digest in told.digests.items()
    )
    return (
        f"## Rehearsal of {told.name}\n\n|  | fact | seen |\n| --- | --- | --- |\n{rows}\n\n"
        f"| job | outcome | time | deployment |\n| --- | --- | --- | --- |\n{jobs}\n\n"
        f"| version | digest |\n| --- | --- |\n{digests}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _facts(told: Told) -> str:
    rows = "".join(
        f'<tr><td class="verdict {"good" if fact.passed else "bad"}">{"PASS" if fact.passed else "FAIL"}</td>'
        f"<td>{escape(fact.claim)}</td><td>{escape(fact.seen)}</td></tr>"
        for fact in told.facts
    )
    return f"<table><tr><th></th><th>fact</th><th>seen</th></tr>{rows}</table>"


def _legend(told: Told) -> str:
    keys = "".join(
        '<svg class=key style="min-width:0" viewBox="0 0 1 1">'
        f'<rect class="v{number % 4}" width="1" height="1"/></svg>'
        f"{escape(name)}"
        for number, name in enumerate(told.commits.values())
    )
    return f'<p class="soft">Who answered{keys}. A failed answer would be red.</p>'


def _answers(told: Told, answers: Sequence[Answer]) -> str:
    if not answers:
        return "<p>Nobody was asked.</p>"
    return charts.answers(
        answers, began=answers[0].time, ended=told.ended, names=told.commits, environments=ENVIRONMENTS
    )


def _digests(told: Told) -> str:
    rows = "".join(
        f"<tr><td>{escape(told.commits.get(commit, commit))}</td><td>built</td>"
        f"<td><code>{digest}</code></td></tr>"
        for commit, digest in told.digests.items()
    )
    rows += "".join(
        f"<tr><td>the new version</td><td>in {escape(name)}</td><td><code>{digest}</code></td></tr>"
        for name, digest in told.registry.items()
    )
    return f"<table><tr><th>version</th><th>where</th><th>digest</th></tr>{rows}</table>"


def _rollout(rollout: Rollout, told: Told) -> str:
    outputs = rollout.done.outputs
    head = (
        f"<h3>{escape(rollout.title)}</h3><p class=soft>{escape(told.commits.get(rollout.commit, ''))}: "
        f"{escape(outputs.get('outcome', ''))} in {rollout.done.seconds:.1f} s"
        f"{' · ' + escape(outputs['deployment-id']) if outputs.get('deployment-id') else ''}</p>"
    )
    printed = escape(shown(rollout.done.printed))
    log = f"<details><summary>What the job printed</summary><pre>{printed}</pre></details>"
    events = _events(rollout)
    if not events:
        return head + log
    ended = max(until for *_, until in events)
    table = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(status)}</td><td>{_clock(since)}</td>"
        f"<td>{until - since:.1f} s</td></tr>"
        for name, status, since, until in events
    )
    return (
        f"{head}<div class=scroll>{charts.events(events, began=rollout.done.began, ended=ended)}</div>"
        "<details><summary>Lifecycle events</summary><table><tr><th>event</th><th>status</th>"
        f"<th>began (UTC)</th><th>took</th></tr>{table}</table></details>{log}"
    )


def _events(rollout: Rollout) -> list[tuple[str, str, float, float]]:
    listed = rollout.deployment.get("target", {}).get("lifecycleEvents", [])
    return [
        (
            each["lifecycleEventName"],
            each["status"],
            each["startTime"],
            each.get("endTime") or each["startTime"],
        )
        for each in listed
        if each.get("startTime")
    ]


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S")


def shown(printed: str) -> str:
    """Return what a job printed without the runner's commands for masking."""
    return re.sub(r"^::add-mask::.*\n?", "", printed, flags=re.MULTILINE)
