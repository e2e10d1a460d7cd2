"""GitHub Actions: the only module that speaks workflow commands and writes GitHub's command files.

Limits are those of the runner: 10 annotations of a type and 1 MiB of summary for a step, 4,096 characters of
a message. act is alike but leaves fields of events out: then git is asked.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from slipway.ci.system import Level, Run, Trigger
from slipway.git import NOTHING, Repository

ANNOTATIONS = 10
MESSAGE = 4_000
SUMMARY = 1_000_000  # bytes; a larger file than 1 MiB is dropped whole
CUT = "\n\n… cut here: the step's log has the rest.\n"
TRIGGERS: Mapping[str, Trigger] = {
    "push": "push",
    "pull_request": "pull_request",
    "pull_request_target": "pull_request",
    "merge_group": "merge_group",
    "workflow_dispatch": "workflow_dispatch",
}


def escaped(text: str) -> str:
    """Escape a command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Escape a command's property."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")


class GitHubActions:
    """One step of a job. The tenth annotation of a level is held back: it may have to say how many more."""

    name = "github-actions"

    def __init__(self, environ: Mapping[str, str], stdout: TextIO | None = None) -> None:
        self._environ = environ
        self._stdout = stdout
        self._count: dict[Level, int] = {}
        self._held: dict[Level, str] = {}

    # -- in -------------------------------------------------------------------------------------------

    def run(self, root: Path | None = None) -> Run:
        """What triggered us, from the event; what it lacks is asked of git in `root` or the workspace."""
        environ, event = self._environ, self._event()
        git = Repository(root=root or Path(environ.get("GITHUB_WORKSPACE") or "."))
        trigger = TRIGGERS.get(environ.get("GITHUB_EVENT_NAME", ""), "local")
        server, number = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_RUN_ID", "")
        repository = environ.get("GITHUB_REPOSITORY", "")
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
        default = _text(event, "repository", "default_branch") or git.default_branch()
        return Run(
            trigger=trigger,
            commit=environ.get("GITHUB_SHA") or git.commit(),
            before=self._before(trigger, event, git),
            branch=self._branch(event),
            default_branch=default,
            environment=_text(event, "inputs", "environment") if trigger == "workflow_dispatch" else "",
            repository=repository,
            actor=environ.get("GITHUB_ACTOR", ""),
            url=f"{server}/{repository}/actions/runs/{number}" if server and number else "",
            number=number,
            attempt=int(attempt) if attempt.isdecimal() else 1,
            event=environ.get("GITHUB_EVENT_NAME", ""),
        )

    def _event(self) -> Any:
        try:
            return json.loads(Path(self._environ.get("GITHUB_EVENT_PATH") or "/dev/null").read_bytes())
        except (OSError, ValueError):
            return {}

    def _before(self, trigger: Trigger, event: Any, git: Repository) -> str:
        match trigger:
            case "push":
                before = _text(event, "before")
                return "" if before == NOTHING else before
            case "merge_group":
                return _text(event, "merge_group", "base_sha")
            case "pull_request":
                base = self._environ.get("GITHUB_BASE_REF", "")
                return _text(event, "pull_request", "base", "sha") or (git.known(base) if base else "")
        return ""

    def _branch(self, event: Any) -> str:
        """The branch; empty for a tag, and for a branch that was deleted."""
        if self._environ.get("GITHUB_HEAD_REF"):
            return self._environ["GITHUB_HEAD_REF"]
        reference = self._environ.get("GITHUB_REF", "")
        deleted = isinstance(event, dict) and event.get("deleted") is True
        return (
            reference.removeprefix("refs/heads/")
            if reference.startswith("refs/heads/") and not deleted
            else ""
        )

    # -- out ------------------------------------------------------------------------------------------

    def leave_standard_output(self) -> None:
        """Print commands on standard error, where the runner reads them too.

        In a redirected standard output a mask would hide nothing, and write the secret into a file.
        """
        self._stdout = sys.stderr

    def set_output(self, name: str, value: str) -> None:
        """Give `value` to later steps, in a form that no value can leave."""
        path = self._environ.get("GITHUB_OUTPUT")
        if not path:
            return
        delimiter = f"slipway-{secrets.token_hex(16)}"
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def annotate(
        self, level: Level, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0
    ) -> None:
        """Annotate; past nine of a level they go to the log, and the tenth says how many more there are."""
        place = {"file": file, "line": line, "col": column} if file else {}
        given = {**place, "title": title}
        properties = ",".join(
            f"{key}={escaped_property(str(value))}" for key, value in given.items() if value
        )
        short = message if len(message) <= MESSAGE else f"{message[:MESSAGE]}…"
        command = f"::{level}{' ' if properties else ''}{properties}::{escaped(short)}"
        self._count[level] = count = self._count.get(level, 0) + 1
        if count < ANNOTATIONS:
            self._print(command)
        elif count == ANNOTATIONS:
            self._held[level] = command
            self._log(level, message, file, line, column)
        else:
            self._log(level, message, file, line, column)

    def _log(self, level: Level, message: str, file: str, line: int, column: int) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part)
        self.quote(": ".join(word for word in (level, place, message) if word))

    def finish(self) -> None:
        """Print each level's last annotation: the tenth itself, or how many more there are."""
        for level, command in self._held.items():
            more = self._count[level] - ANNOTATIONS + 1
            self._print(command if more == 1 else f"::{level}::and {more} more: the step's log has them all")
        self._held.clear()
        self._count.clear()

    def finish_at_exit(self) -> None:
        """Finish when the process ends, whatever ended it but a kill."""
        atexit.register(self.finish)

    def add_summary(self, markdown: str) -> None:
        """Append to the step's summary; what passes its limit is cut at a line, and says so."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        data = f"{markdown.rstrip()}\n\n".encode()
        size = os.path.getsize(path) if os.path.exists(path) else 0  # noqa: PTH110, PTH202
        room = SUMMARY - size
        if len(data) > room:
            room -= len(CUT.encode())
            if room <= 0:
                return
            data = data[:room].rpartition(b"\n")[0] + CUT.encode()
        with Path(path).open("ab") as file:
            file.write(data)

    def quote(self, text: str) -> None:
        """Print text from outside between marks that stop commands."""
        token = secrets.token_hex(16)
        self._print(f"::stop-commands::{token}\n{text}\n::{token}::")

    def mask(self, value: str) -> None:
        """Hide `value`; of several lines each, but those so short that they would hide everything."""
        lines = [line.strip() for line in value.splitlines() if line.strip()]
        short = 3  # the braces of a JSON secret, for example
        for line in lines if len(lines) == 1 else [line for line in lines if len(line) > short]:
            self._print(f"::add-mask::{escaped(line)}")

    def _print(self, line: str) -> None:
        print(line, file=self._stdout or sys.stdout, flush=True)


def _text(event: Any, *keys: str) -> str:
    """The text at a path of an event, or an empty one."""
    for key in keys:
        event = event.get(key) if isinstance(event, dict) else None
    return event if isinstance(event, str) else ""
