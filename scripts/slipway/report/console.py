"""Events on a console: plain lines in CI and pipes, a live display on a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol, TextIO

from slipway.events import Event, Sink, Status
from slipway.report import markup
from slipway.report.timeline import SIGNS

STAGE_WIDTH = 13  # of `shift-traffic`, the longest

COLOURS: Mapping[Status, str] = {
    "started": "36",
    "progress": "2",
    "succeeded": "32",
    "failed": "31",
    "skipped": "2",
    "warning": "33",
}
_ASCII = {"▸": ">", "·": ".", "✔": "+", "✘": "x", "│": "|", "…": "..."}


class Closable(Protocol):
    """A sink that holds the terminal until it is closed."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Give the terminal back; more events may follow."""


def sink(stream: TextIO, environ: Mapping[str, str]) -> Sink:
    """Return what shows events on `stream`: live on a person's terminal, else one line per event."""
    colour = has_colour(stream, environ)
    if is_live(stream, environ):
        try:
            from slipway.report.live import Display
        except ImportError:  # `rich` is an extra that CI never installs
            return Lines(stream, colour=colour)
        return Display(stream, colour=colour)
    return Lines(stream, colour=colour)


def has_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether to colour: NO_COLOR (no-color.org) first, then FORCE_COLOR, else on a terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] not in {"0", "false"}
    return stream.isatty() and environ.get("TERM") != "dumb"


def is_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether `stream` is a terminal that a person watches."""
    return stream.isatty() and environ.get("TERM") != "dumb" and not environ.get("CI")


class Lines:
    """Writes one line per event: time (UTC), component@environment, stage, sign, detail."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._width = 16
        self._last: dict[str, tuple[str, str, str]] = {}

    def __call__(self, event: Event) -> None:
        """Write `event`, unless it repeats what was said last about its component and environment."""
        who = name_of(event)
        said = (event.stage, event.status, event.detail)
        if self._last.get(who) == said:
            return
        self._last[who] = said
        self._width = max(self._width, len(who))
        for line in lines_of(event, width=self._width, colour=self._colour):
            print(encodable(line, self._stream), file=self._stream)
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held."""


def name_of(event: Event) -> str:
    """Return `component@environment`, or what there is of it."""
    return markup.one_line("@".join(part for part in (event.component, event.environment) if part), 60)


def lines_of(event: Event, *, width: int, colour: bool) -> tuple[str, ...]:
    """Return the lines that show `event`; a detail's further lines stand under its first."""
    moment = time.strftime("%H:%M:%S", time.gmtime(event.time))
    sign = SIGNS[event.status]
    if colour:
        sign = f"\x1b[{COLOURS[event.status]}m{sign}\x1b[0m"
    head = f"{moment}  {name_of(event):<{width}}  {event.stage:<{STAGE_WIDTH}}  {sign} "
    first, *rest = markup.plain(event.detail).splitlines() or [""]
    # The bar keeps a further line from starting with what a CI system takes for a command.
    indent = " " * (len(moment) + 2 + width + 2 + STAGE_WIDTH + 2)
    return tuple(
        markup.for_log(line).rstrip() for line in (head + first, *(f"{indent}│ {line}" for line in rest))
    )


def encodable(line: str, stream: TextIO) -> str:
    """Return `line` in characters that `stream` can take (a pipe under LANG=C has ASCII alone)."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        for character, plain in _ASCII.items():
            line = line.replace(character, plain)
        return line.encode(encoding, "replace").decode(encoding)
    return line
