"""What Slipway needs from a CI system: what triggered us in; outputs, annotations, summary, masks out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Trigger = Literal["push", "pull_request", "merge_group", "workflow_dispatch", "local"]
Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What triggered us. Commits are 40 hex digits; unknown text is empty."""

    trigger: Trigger
    commit: str
    before: str = ""  # the default branch's commit before a push; the base of a pull request
    branch: str = ""
    default_branch: str = ""
    environment: str = ""  # a workflow_dispatch's choice
    repository: str = ""  # OWNER/NAME
    actor: str = ""
    url: str = ""  # of the run's page
    number: str = ""  # the run's identifier
    attempt: int = 1
    event: str = ""  # the CI system's own word for the trigger, such as `schedule`


class System(Protocol):
    """One CI system, or a person's terminal."""

    name: str

    def run(self, root: Path | None = None) -> Run:
        """What triggered us; what the system leaves out is asked of git in `root`, else where we are."""

    def leave_standard_output(self) -> None:
        """From now on print on standard error alone: standard output is somebody's JSON document."""

    def set_output(self, name: str, value: str) -> None:
        """Give `value` to later steps; never one that may hold a secret or a registry's address."""

    def annotate(
        self, level: Level, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0
    ) -> None:
        """Show `message` at its place; past the system's limit the last says how many more there are."""

    def add_summary(self, markdown: str) -> None:
        """Append to the job's summary, cut at the system's limit."""

    def quote(self, text: str) -> None:
        """Print text from outside, so that nothing in it is taken for a command."""

    def mask(self, value: str) -> None:
        """Hide `value`, line by line, in every log from now on."""
