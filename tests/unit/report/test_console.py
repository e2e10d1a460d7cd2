from __future__ import annotations

import builtins
import io
from typing import Any

import pytest

from slipway.events import Event, Stage, Status
from slipway.report import console


def event(
    stage: Stage = "checks",
    status: Status = "succeeded",
    detail: str = "service is steady",
    *,
    time: float = 0,
    component: str = "web",
    environment: str = "staging",
    **data: str | float,
) -> Event:
    return Event(
        time=time,
        component=component,
        environment=environment,
        stage=stage,
        status=status,
        detail=detail,
        data=data,
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(*events: Event, environ: dict[str, str] | None = None) -> list[str]:
    stream = io.StringIO()
    sink = console.sink(stream, environ or {})
    for one in events:
        sink(one)
    return stream.getvalue().splitlines()


def test_each_event_is_one_aligned_line() -> None:
    assert lines(
        event("checks", "started", "reading", time=43_445),
        event("shift-traffic", "progress", "10 % of the traffic", time=43_446, weight=10),
        event("outcome", "failed", "AfterAllowTestTraffic failed", time=43_500),
    ) == [
        "12:04:05  web@staging       checks         ▸ reading",
        "12:04:06  web@staging       shift-traffic  · 10 % of the traffic",
        "12:05:00  web@staging       outcome        ✘ AfterAllowTestTraffic failed",
    ]


def test_what_is_said_twice_is_written_once() -> None:
    one = event("install", "progress", "1 of 2 tasks run", time=1)
    other = event("install", "progress", "1 of 2 tasks run", time=3)
    elsewhere = event("install", "progress", "1 of 2 tasks run", time=3, environment="production")
    assert len(lines(one, other, elsewhere)) == 2


def test_text_from_outside_makes_no_command() -> None:
    assert lines(
        event("install", "failed", "stopped:\n::error::x\r\n##[add-mask]\x1b[2Jx", time=0),
        environ={"CI": "true"},
    ) == [
        "00:00:00  web@staging       install        ✘ stopped:",
        "                                           │ ::error::x",
        "                                           │ # #[add-mask]x",
    ]


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
    ],
)
def test_when_colour_is_used(environ: dict[str, str], *, terminal: bool, expected: bool) -> None:
    assert expected == console.has_colour(Terminal() if terminal else io.StringIO(), environ)


def test_colour_is_the_sign_alone() -> None:
    assert lines(event(), environ={"FORCE_COLOR": "1"}) == [
        "00:00:00  web@staging       checks         \x1b[32m✔\x1b[0m service is steady"
    ]


def test_a_stream_without_our_signs_gets_plain_ones() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    console.sink(stream, {})(event(detail="gr\u00fcn"))
    assert raw.getvalue() == b"00:00:00  web@staging       checks         + gr?n\n"


def test_a_terminal_of_ci_and_one_without_rich_get_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(console.sink(Terminal(), {"CI": "true"}), console.Lines)
    real = builtins.__import__

    def without_rich(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith(("rich", "slipway.report.live")):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_rich)
    assert isinstance(console.sink(Terminal(), {}), console.Lines)
