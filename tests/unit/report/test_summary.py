from __future__ import annotations

from slipway.build.artifact import Artifact
from slipway.events import Event, Stage, Status
from slipway.kinds import Published
from slipway.report import summary
from slipway.rollout.vocabulary import Outcome

OURS = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def event(stage: Stage, status: Status, detail: str, time: float) -> Event:
    return Event(time=time, component="web", environment="staging", stage=stage, status=status, detail=detail)


def test_a_healthy_rollout() -> None:
    outcome = Outcome(
        ended="healthy",
        detail="What runs is our digest.",
        deployment="d-ABC",
        task_definition="arn:aws:ecs:eu-west-2:123456789012:task-definition/web:7",
        digest=OURS,
    )
    events = [
        event("checks", "started", "reading", 10),
        event("checks", "succeeded", "steady", 12),
        event("install", "started", "tasks start", 12),
        event("install", "warning", "one task was slow", 20),
        event("install", "succeeded", "2 tasks are healthy", 75),
        event("outcome", "succeeded", "What runs is our digest.", 130),
    ]
    assert summary.publish(
        component="web",
        environment="staging",
        commit="0123456789" * 4,
        published=Published(digest=OURS, tag="sha-" + "0123456789" * 4, outcome=outcome),
        url="https://www.staging.example.org",
        events=events,
    ) == (
        "### ✅ web is healthy in staging after 2 min 00 s\n\n"
        "What runs is our digest. The new version serves.\n\n"
        "| | |\n|---|---|\n"
        f"| serves now | <code>{OURS}</code> |\n"
        f"| tag | <code>sha-{'0123456789' * 4}</code> |\n"
        "| commit | <code>0123456</code> |\n"
        "| task definition | <code>web:7</code> |\n"
        "| deployment | <code>d-ABC</code> |\n"
        "| address | [https&#58;//www&#46;staging.example.org](https://www.staging.example.org) |\n\n"
        "| stage | | time | |\n|---|---|---:|---|\n"
        "| checks | ✔ | 2.0 s | steady |\n"
        "| install | ✔ | 1 min 03 s | 2 tasks are healthy |\n\n"
        "- ⚠️ one task was slow\n\n"
    )


def test_a_rollback_says_what_serves_and_shows_the_table() -> None:
    outcome = Outcome(
        ended="rolled-back",
        detail="AfterAllowTestTraffic failed: exit code 1.",
        digest=OTHER,
        table=(("Install", "Succeeded", ""), ("AfterAllowTestTraffic", "Failed", "a|b <script>\n::error::")),
    )
    assert summary.publish(
        component="web",
        environment="production",
        published=Published(digest=OURS, tag="", outcome=outcome),
        events=[],
        failed_notices=["Slack could not be reached."],
    ) == (
        "### ↩️ web was rolled back in production\n\n"
        "AfterAllowTestTraffic failed: exit code 1. The version before serves.\n\n"
        "| | |\n|---|---|\n"
        f"| serves now | <code>{OTHER}</code> |\n"
        f"| asked for | <code>{OURS}</code> |\n\n"
        "| event | status | detail |\n|---|---|---|\n"
        "| Install | Succeeded |  |\n"
        "| AfterAllowTestTraffic | Failed | a&#124;b &lt;script&gt; ::error:: |\n\n"
        "- ⚠️ Notice: Slack could not be reached.\n\n"
    )


def test_the_budget_keeps_the_verdict() -> None:
    rows = tuple((f"event {number}", "Failed", "x" * 900) for number in range(100))
    outcome = Outcome(ended="stuck", detail="Nothing came to its end.", table=rows)
    published = Published(digest=OURS, tag="", outcome=outcome)
    whole = summary.publish(component="web", environment="staging", published=published, events=[])
    assert len(whole.encode()) <= summary.BUDGET
    assert "| … | | 40 earlier rows are left out |" in whole
    cut = summary.publish(component="web", environment="staging", published=published, events=[], budget=1000)
    assert len(cut.encode()) <= 1000 + 60
    assert cut.startswith("### 🚨 web failed and was not rolled back in staging\n")
    assert cut.endswith("_The rest did not fit; the log has it all._\n\n")


def test_a_rollback_by_command() -> None:
    outcome = Outcome(ended="healthy", detail="web:6 serves.", task_definition="web:6", digest=OTHER)
    assert summary.rollback(component="web", environment="production", outcome=outcome, events=[]) == (
        "### ✅ web in production is back at its last good version\n\n"
        "web:6 serves.\n\n"
        "| | |\n|---|---|\n"
        f"| serves now | <code>{OTHER}</code> |\n"
        "| task definition | <code>web:6</code> |\n\n"
    )


def test_a_build() -> None:
    artifact = Artifact(
        component="web",
        kind="application",
        commit="c" * 40,
        digest=OURS,
        media_type="application/vnd.oci.image.manifest.v1+json",
        platforms=("linux/amd64",),
        archive="web.oci.tar",
        archive_sha256="d" * 64,
        created="2026-11-20T00:00:00Z",
    )
    assert summary.build(artifact, []) == (
        "### 📦 web is built\n\nEvery environment gets this digest.\n\n"
        "| | |\n|---|---|\n"
        f"| digest | <code>{OURS}</code> |\n"
        f"| commit | <code>{'c' * 40}</code> |\n"
        "| platforms | linux/amd64 |\n\n"
    )
