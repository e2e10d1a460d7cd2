"""The files that documentation shows, as the reader would copy them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (?P<path>[\w./-]+\.ya?ml)\n")
_OURS = re.compile(r"OWNER/NAME(?P<path>/[^@\s]*)?@COMMIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A complete file that a page shows; its first line names it: `# slipway.yml`."""

    page: str
    path: str
    text: str


def fences(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each fenced block of a page."""
    for found in _FENCE.finditer(page.read_text("utf-8")):
        yield found["language"], found["text"]


def files(page: Path) -> tuple[File, ...]:
    """Return the complete files that a page shows, in its order."""
    named = ((_NAMED.match(text), text) for language, text in fences(page) if language in {"yaml", "yml"})
    return tuple(File(page=page.name, path=name["path"], text=text) for name, text in named if name)


def as_used(text: str, reference: str) -> str:
    """Put a real `OWNER/NAME@REF` where pages write `OWNER/NAME` and `COMMIT`; empty makes the `./` form."""
    owner, _, commit = reference.partition("@")
    return _OURS.sub(
        lambda found: f"{owner}{found['path'] or ''}@{commit}" if reference else f".{found['path'] or '/'}",
        text,
    )
