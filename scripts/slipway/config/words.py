"""Words that people write: the nearest right one, and names that are safe everywhere."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Names become file names, artifact names, tags and environment names of GitHub's.
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SAFE_NAME_RULE = "letters, digits, `.`, `_` and `-`, beginning with a letter or digit, 100 at most"


def nearest(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The right word that is most like `word`, or an empty text."""
    lowered = {known.lower(): known for known in words}
    near = difflib.get_close_matches(word.lower(), sorted(lowered), n=1, cutoff=cutoff)
    return lowered[near[0]] if near else ""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean ...?`, or, where nothing is near, which words there are."""
    words = tuple(words)
    if near := nearest(word, words):
        return f"; did you mean `{near}`?"
    return f"; it takes {listed(words)}." if words else "."


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a`, `b` and `c`."""
    shown = [quoted(word) for word in words]
    if len(shown) < 2:  # noqa: PLR2004
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def is_safe(name: str) -> bool:
    """Whether a component or an environment may be called so."""
    return SAFE_NAME.fullmatch(name) is not None


def made_safe(name: str) -> str:
    """The nearest safe name to a repository's or a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "application"


def one_line(text: str) -> str:
    """Text from outside on one line, without characters that act on a terminal or a log."""
    line = " ".join(text.split())
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line
    )


def quoted(text: str) -> str:
    """A value as a message quotes it: on one line, not too long, unable to end the quotation."""
    line = one_line(text).replace("`", "'")
    limit = 100
    return f"`{line}`" if len(line) <= limit else f"`{line[:limit]}…`"
