"""The live display on a terminal: stages with seconds, traffic as a bar, the last lines. Needs `rich`."""

from __future__ import annotations

import atexit
import time
from collections import deque
from collections.abc import Mapping
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from slipway.events import Event, Stage, Status
from slipway.report import markup
from slipway.report.console import Lines, name_of
from slipway.report.timeline import ENDED, SIGNS, Step, add, is_final, weight_of

STYLES: Mapping[Status, str] = {
    "started": "cyan",
    "progress": "cyan",
    "succeeded": "green",
    "failed": "red",
    "skipped": "dim",
    "warning": "yellow",
}
# While these run, other programs write to the terminal themselves.
LOUD: frozenset[Stage] = frozenset({"plan", "build", "verify"})
BAR = 30
LAST_LINES = 4


class Display:
    """Shows one rollout at a time; its last picture stays when it ends."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._console = Console(file=stream, no_color=not colour, highlight=False)
        self._lines = Lines(stream, colour=colour)
        self._live: Live | None = None
        self._picture = Picture(who="")
        self._ended = ("", "")
        atexit.register(self.close)

    def __call__(self, event: Event) -> None:
        """Count `event` in and show it."""
        if event.stage in LOUD:
            self.close()
            self._lines(event)
            return
        if is_final(event) and self._ended == (name_of(event), event.detail):
            return  # said already
        if self._picture.who != name_of(event) or self._live is None:
            self.close()
            self._picture = Picture(who=name_of(event))
            self._live = Live(
                get_renderable=self._picture.render, console=self._console, refresh_per_second=4
            )
            self._live.start()
        self._picture.take(event)
        if is_final(event):
            self._ended = (name_of(event), event.detail)
            self.close()

    def close(self) -> None:
        """Leave the last picture and give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Picture:
    """What is known of one component in one environment, and how it looks."""

    def __init__(self, who: str) -> None:
        self.who = who
        self._steps: dict[Stage, Step] = {}
        self._weight: float | None = None
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._outcome: Event | None = None

    def take(self, event: Event) -> None:
        """Count `event` in."""
        if is_final(event):
            self._outcome = event
            return
        self._steps = add(self._steps, event)
        weight = weight_of(event)
        self._weight = self._weight if weight is None else weight
        line = f"{time.strftime('%H:%M:%S', time.gmtime(event.time))} {markup.one_line(event.detail, 160)}"
        if not self._last or self._last[-1] != line:
            self._last.append(line)

    def render(self) -> RenderableType:
        """Return the picture as it is now."""
        table = Table.grid(padding=(0, 2))
        for step in self._steps.values():
            table.add_row(*_row(step, over=self._outcome is not None))
        parts: list[RenderableType] = [Text(self.who, style="bold"), table]
        if self._weight is not None:
            parts.append(bar(self._weight))
        if self._outcome is None:
            parts.extend(Text(f"  {line}", style="dim") for line in self._last)
        else:
            status = self._outcome.status
            parts.append(
                Text(f"{SIGNS[status]} {markup.one_line(self._outcome.detail)}", style=STYLES[status])
            )
        return Group(*parts)


def _row(step: Step, *, over: bool) -> tuple[RenderableType, RenderableType, RenderableType, RenderableType]:
    ended = step.status in ENDED or over
    seconds = step.seconds if ended else max(step.seconds, time.time() - step.started)
    sign: RenderableType = (
        Text(f"  {SIGNS[step.status]}", style=STYLES[step.status]) if ended else Spinner("line", style="cyan")
    )
    return (
        sign,
        Text(step.stage),
        Text(markup.duration(seconds), style="dim"),
        Text(markup.one_line(step.detail, 100)),
    )


def bar(weight: float) -> Text:
    """Return the traffic of the old and the new version as a bar; `weight` is the new one's in percent."""
    new = max(0.0, min(100.0, weight))
    filled = round(BAR * new / 100)
    return Text.assemble(
        "  old ",
        (f"{100 - new:3.0f} % ", "dim"),
        ("━" * (BAR - filled), "blue"),
        ("━" * filled, "green"),
        (f" {new:3.0f} %", "dim"),
        " new",
    )
