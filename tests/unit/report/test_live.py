from __future__ import annotations

import io
import re

import pytest

from slipway.events import Event, Stage, Status

pytest.importorskip("rich")

from slipway.report.live import Display, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(stage: Stage, status: Status, detail: str, *, time: float = 0, **data: str | float) -> Event:
    return Event(
        time=time,
        component="web",
        environment="staging",
        stage=stage,
        status=status,
        detail=detail,
        data=data,
    )


def shown(stream: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_the_last_picture_holds_stages_traffic_and_outcome() -> None:
    stream = Terminal()
    display = Display(stream, colour=False)
    display(event("checks", "started", "reading", time=0))
    display(event("checks", "succeeded", "service is [bold]steady[/bold]", time=2))
    display(event("shift-traffic", "progress", "half", time=4, weight=50))
    display(event("outcome", "succeeded", "what runs is our digest", time=64))
    last = [line.rstrip() for line in shown(stream).splitlines()[-5:]]
    assert last == [
        "web@staging",
        "  ✔  checks         2.0 s  service is [bold]steady[/bold]",
        "  ·  shift-traffic  0.0 s  half",
        "  old  50 % ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  50 % new",
        "✔ what runs is our digest",
    ]


def test_while_others_write_there_are_plain_lines() -> None:
    stream = Terminal()
    display = Display(stream, colour=False)
    display(event("build", "started", "docker buildx build"))
    assert stream.getvalue() == "00:00:00  web@staging       build          ▸ docker buildx build\n"


def test_closing_gives_the_terminal_back_and_more_may_follow() -> None:
    stream = Terminal()
    display = Display(stream, colour=False)
    display(event("checks", "started", "reading"))
    display.close()
    display.close()
    assert stream.getvalue().endswith("\x1b[?25h")
    display(event("checks", "succeeded", "read"))
    display.close()


def test_the_bar_shows_what_the_new_version_gets() -> None:
    assert bar(10).plain == f"  old  90 % {'━' * 30}  10 % new"
    assert [span.style for span in bar(10).spans] == ["dim", "blue", "green", "dim"]
