"""A person's terminal: git says what there is, messages go where people read them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from slipway.ci.system import Level, Run
from slipway.git import Repository


class Terminal:
    """No CI system: outputs, summaries and masks have nobody to take them."""

    name = "terminal"

    def __init__(self) -> None:
        self._quotes: TextIO | None = None  # standard output, as it is when something is quoted

    def run(self, root: Path | None = None) -> Run:
        """What git says about `root`, by default the folder we are in."""
        git = Repository(root=root or Path.cwd())
        default = git.default_branch()
        return Run(
            trigger="local",
            commit=git.commit(),
            before=git.known(default) if default else "",
            branch=git.branch(),
            default_branch=default,
            repository=git.repository(),
        )

    def leave_standard_output(self) -> None:
        """Print what is quoted on standard error; the rest is there anyway."""
        self._quotes = sys.stderr

    def set_output(self, name: str, value: str) -> None:
        """Do nothing: there is no later step."""

    def annotate(
        self, level: Level, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0
    ) -> None:
        """Print `error: file:line:column: message` on standard error."""
        place = ":".join(str(part) for part in (file, line, column) if part)
        words = [word for word in (level, place, title, message) if word]
        print(": ".join(words), file=sys.stderr, flush=True)

    def add_summary(self, markdown: str) -> None:
        """Do nothing: the console says the same."""

    def quote(self, text: str) -> None:
        """Print text from outside, its control characters made visible."""
        print("".join(_visible(character) for character in text), file=self._quotes, flush=True)

    def mask(self, value: str) -> None:
        """Do nothing: a terminal keeps no log."""


def _visible(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    return f"\\x{ord(character):02x}"
