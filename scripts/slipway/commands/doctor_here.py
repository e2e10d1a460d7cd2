"""What `slipway doctor` checks without AWS: tools, configuration, notices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from slipway.commands.doctor_check import Check, attempt
from slipway.errors import ToolError
from slipway.process import Run, run

OLDEST = {"skopeo": (1, 4), "docker": (20, 10)}  # what the tests run on, or older ones read of
# Command, what for, whether a publish can do without it.
TOOLS: tuple[tuple[str, tuple[str, ...], str, bool], ...] = (
    ("git", ("git", "--version"), "", False),
    ("docker", ("docker", "version", "--format", "{{.Server.Version}}"), "Start the Docker engine.", False),
    (
        "docker buildx",
        ("docker", "buildx", "version"),
        "Only images of several platforms need it: without it the engine's own builder is used.",
        True,
    ),
    ("skopeo", ("skopeo", "--version"), "", False),
)


def tools(root: Path, run: Run = run) -> Iterator[Check]:
    """Yield a check for each program that a build or a publish runs."""
    for name, command, remedy, optional in TOOLS:
        yield _tool(name, command, remedy, optional=optional, root=root, run=run)


def _tool(name: str, command: tuple[str, ...], remedy: str, *, optional: bool, root: Path, run: Run) -> Check:
    bad = Check(name=name, verdict="unknown" if optional else "bad", detail="not there", remedy=remedy)
    try:
        done = run(command, cwd=root)
    except ToolError as error:
        return Check(name=name, verdict=bad.verdict, detail=error.message, remedy=remedy or error.remedy)
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    if done.status != 0:
        detail = said[0] if said and not optional else "not there"
        return Check(name=name, verdict=bad.verdict, detail=detail, remedy=remedy)
    version = re.search(r"\d+(?:\.\d+)+", said[0] if said else "")
    found = version[0] if version else "there"
    if version and name in OLDEST and tuple(map(int, found.split(".")[:2])) < OLDEST[name]:
        oldest = ".".join(map(str, OLDEST[name]))
        return Check(
            name=name, verdict="bad", detail=f"{found} is too old", remedy=f"Install {oldest} or newer."
        )
    return Check(name=name, verdict="good", detail=found)


def configuration(root: Path) -> Check:
    """Return a check of slipway.yml alone, for no environment."""
    from slipway import config

    document, check = attempt("configuration", lambda: config.read(root), "valid")
    if document is None:
        return check
    return Check(name=check.name, verdict="good", detail="; ".join(("valid", *document.notes)))


def notices(environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield a check of who gets notices; a bot's token is tried (auth.test), a webhook can't be."""
    from slipway.config import values_from
    from slipway.notify import slack
    from slipway.notify.notices import NoticeError
    from slipway.notify.posting import post

    token = environ.get("SLACK_BOT_TOKEN", "")
    if not token:
        told = "a webhook is set; it is tried at the first notice" if environ.get("SLACK_WEBHOOK_URL") else ""
        yield Check(name="notices", verdict="good", detail=told or "none are configured")
        return
    channel = values_from(environ).get("SLACK_CHANNEL", "")
    try:
        team = slack.authenticate(token, environ.get("SLACK_API_URL") or slack.API, post=post)
    except NoticeError as error:
        yield Check(name="notices", verdict="bad", detail=str(error), remedy="See docs/notices.md.")
        return
    if not channel and not environ.get("SLACK_WEBHOOK_URL"):
        detail = f"the token is Slack's for {team}, but there is no channel"
        remedy = "Set the variable SLACK_CHANNEL on the environment's page."
        yield Check(name="notices", verdict="bad", detail=detail, remedy=remedy)
        return
    yield Check(name="notices", verdict="good", detail=f"Slack ({team})")
