"""What a person sees of a rehearsal: steps with their seconds; on a terminal also who answers right now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from slipway.rehearsal.traffic import Answer

Answers = Callable[[], list[Answer]]
Name = Callable[[str], str]  # of a version, for people


class Display:
    """Plain lines, in colour on a terminal, where a live line of answers stands below them."""

    def __init__(self, stream: TextIO, *, live: bool, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._live: Any = None
        self._wants_live = live
        self.steps: list[tuple[str, float]] = []

    def watch(self, answers: Answers, name: Name) -> None:
        """Show the client's counters from now on, where somebody watches."""
        if not self._wants_live:
            return
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:  # the extra `terminal` is not installed
            return
        self._live = Live(
            get_renderable=lambda: _counters(answers(), name),
            console=Console(file=self._stream),
            refresh_per_second=5,
            transient=True,
        )
        self._live.start()

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, text: str = "") -> None:
        """Print one line."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text.from_ansi(text), soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def detail(self, text: str) -> None:
        """Print one line of what a command says."""
        self.say(self._painted("2", f"    {text}"))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a step's title, and its seconds at its end."""
        self.say(self._painted("1", f"▸ {title}"))
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(self._painted("31", f"  ✘ after {time.monotonic() - began:.1f} s"))
            raise
        seconds = time.monotonic() - began
        self.steps.append((title, seconds))
        self.say(self._painted("32", f"  ✔ {seconds:.1f} s"))

    def verdict(self, *, passed: bool, text: str) -> None:
        """Print one fact with PASS or FAIL."""
        self.say(f"  {self._painted('32', 'PASS') if passed else self._painted('31;1', 'FAIL')}  {text}")

    def _painted(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def _counters(answers: list[Answer], name: Name) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), title=f"{len(answers)} answers", title_justify="left")
    for heading in ("environment", "answered", "failed", "in the last second"):
        table.add_column(heading)
    now = time.time()
    for environment in dict.fromkeys(answer.environment for answer in answers):
        own = [answer for answer in answers if answer.environment == environment]
        failed = sum(bool(answer.fault) for answer in own)
        latest = Counter(name(answer.version) for answer in own[-200:] if answer.time > now - 1)
        shown = ", ".join(f"{version} {count}" for version, count in latest.most_common())
        table.add_row(environment, str(len(own)), f"[red]{failed}[/]" if failed else "0", shown)
    return table
