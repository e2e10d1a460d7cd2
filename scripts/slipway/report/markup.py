"""Text from outside, made harmless for where it is shown: logs, markdown and HTML."""

from __future__ import annotations

import html
import re
import unicodedata

# Terminal sequences (ECMA-48): CSI, then OSC and the like, then two-character escapes.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x1b\\|\x07|$)|\x1b.?", re.DOTALL)
# What Markdown gives a meaning inside a line. As numeric references they are shown and mean nothing.
_MARKDOWN = {character: f"&#{ord(character)};" for character in "\\`*_{}[]()#!|~@$"}
_LINKS = re.compile(r"://|(?<=www)\.", re.IGNORECASE)


def plain(text: str) -> str:
    """Return `text` without terminal sequences and control characters; line ends become newlines."""
    lines = _ESCAPES.sub("", text).splitlines()
    return "\n".join(
        "".join(" " if character == "\t" else character for character in line if _is_shown(character))
        for line in lines
    )


def _is_shown(character: str) -> bool:
    # Cf holds the marks that turn the direction of writing round, which can disguise text.
    return character == "\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}


def one_line(text: str, limit: int = 300) -> str:
    """Return `text` as one line of at most `limit` characters; what was cut shows as `…`."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def for_log(text: str) -> str:
    """Return one line of `text` in which a CI system finds no command.

    The runner of GitHub Actions takes `::name::` at the start of a line (after blanks) and `##[name]`
    anywhere in it (ActionCommand.TryParseV2 and TryParse in actions/runner); Azure takes `##vso[`.
    """
    line = re.sub(r"##(?=\[|vso\[)", "# #", text)
    start = line.lstrip()
    return f"{line[: len(line) - len(start)]}: {start[1:]}" if start.startswith("::") else line


def markdown(text: str, limit: int = 300) -> str:
    """Return `text` as one line of Markdown that shows it and nothing more; fits a table's cell."""
    escaped = html.escape(one_line(text, limit), quote=False)
    # `&` and `;` of the references that html.escape made stay; none of them holds a character of ours.
    marked = "".join(_MARKDOWN.get(character, character) for character in escaped)
    return _LINKS.sub(lambda found: "&#58;//" if found[0] == "://" else "&#46;", marked)


def code(text: str, limit: int = 300) -> str:
    """Return `text` as code, in one line of Markdown or HTML."""
    return f"<code>{markdown(text, limit)}</code>"


def link(text: str, url: str) -> str:
    """Return a Markdown link, or the bare text when `url` isn't one that a browser should open."""
    if not re.fullmatch(r"https?://[^\s<>()\"'`\\|]+", url):
        return markdown(text)
    return f"[{markdown(text)}]({url})"


def duration(seconds: float) -> str:
    """Say how long: `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 9.95:  # noqa: PLR2004 - shown as 10 s from there
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"  # noqa: PLR2004
