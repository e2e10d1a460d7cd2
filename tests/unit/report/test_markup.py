from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.report import markup


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::error::x", ": :error::x"),
        ("  ::set-output name=a::b", "  : :set-output name=a::b"),
        ("said ##[error]x", "said # #[error]x"),
        ("##vso[task.setvariable variable=a]b", "# #vso[task.setvariable variable=a]b"),
        ("std::vector is fine", "std::vector is fine"),
    ],
)
def test_a_log_line_holds_no_command(text: str, expected: str) -> None:
    assert expected == markup.for_log(text)


@given(st.text())
def test_no_text_makes_a_command(text: str) -> None:
    for line in markup.plain(text).splitlines():
        shown = markup.for_log(line)
        assert not shown.lstrip().startswith("::")
        assert "##[" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("\x1b]0;title\x07left\x00", "left"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_plain_text_holds_no_controls(text: str, expected: str) -> None:
    assert expected == markup.plain(text)


@given(st.text())
def test_markdown_holds_nothing_that_means_something(text: str) -> None:
    shown = markup.markdown(text, limit=10_000)
    assert set(shown).isdisjoint("\\`*_{}[]()|~@<>\n")
    assert "://" not in shown


def test_markdown_shows_the_text() -> None:
    import html

    text = "<img src=x onerror=alert(1)> | `code` **b** [l](javascript:x) https://evil.example @team"
    assert text == html.unescape(markup.markdown(text))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert expected == markup.duration(seconds)


def test_only_web_addresses_become_links() -> None:
    assert markup.link("run", "https://ci.example/1") == "[run](https://ci.example/1)"
    assert markup.link("run", "javascript:alert(1)") == "run"
    assert markup.link("run", "https://x/) [y](z") == "run"


def test_one_line_is_cut() -> None:
    assert markup.one_line("a\n  b\tc") == "a b c"
    assert markup.one_line("x" * 20, 5) == "xxxx…"
