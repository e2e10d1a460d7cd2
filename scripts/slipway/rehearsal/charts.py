"""Pictures of a rehearsal, as SVG that needs nothing from anywhere."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from slipway.rehearsal.traffic import Answer

WIDTH = 960
LEFT = 110  # for the names before the rows
BARS = 160  # at most, over the whole time
HEIGHT = 72  # of one environment's answers
EVENT = 15  # height of one lifecycle event's row


def scale(began: float, ended: float, time: float) -> float:
    """Return where a moment stands, from left to right."""
    return LEFT + (time - began) / max(ended - began, 0.001) * (WIDTH - LEFT - 10)


def axis(began: float, ended: float, height: float) -> str:
    """Return lines and seconds below a picture."""
    length = ended - began
    step = next((one for one in (1, 2, 5, 10, 20, 30, 60, 120) if length / one <= 12), 300)  # noqa: PLR2004
    parts = []
    for second in range(0, math.floor(length) + 1, step):
        x = scale(began, ended, began + second)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height + 14}" text-anchor="middle">{second} s</text>')
    return "".join(parts)


def answers(
    given: Sequence[Answer],
    *,
    began: float,
    ended: float,
    names: Mapping[str, str],
    environments: Sequence[str],
) -> str:
    """Return who answered over time, one row for each environment; failed answers are red."""
    order = {commit: f"v{number % 4}" for number, commit in enumerate(names)}
    width = max((ended - began) / BARS, 0.1)
    height = HEIGHT * len(environments)
    parts = [axis(began, ended, height)]
    for row, environment in enumerate(environments):
        bins: dict[int, Counter[str]] = {}
        for answer in given:
            if answer.environment == environment:
                kind = "failed" if answer.fault else order.get(answer.version, "v0")
                bins.setdefault(int((answer.time - began) / width), Counter())[kind] += 1
        largest = max((counted.total() for counted in bins.values()), default=1)
        bottom = HEIGHT * (row + 1) - 4
        parts.append(
            f'<text class="name" x="0" y="{bottom - HEIGHT / 2 + 8:.0f}">{escape(environment)}</text>'
        )
        for number, counted in sorted(bins.items()):
            parts.append(
                _bar(
                    counted,
                    x=scale(began, ended, began + number * width),
                    bottom=bottom,
                    largest=largest,
                    width=width / max(ended - began, 0.001) * (WIDTH - LEFT - 10),
                )
            )
    return _picture("".join(parts), height + 20, "Answers over time, by the version that answered")


def _bar(counted: Counter[str], *, x: float, bottom: float, largest: int, width: float) -> str:
    parts, y = [], bottom
    for kind in sorted(counted):
        tall = counted[kind] / largest * (HEIGHT - 14)
        y -= tall
        title = f"<title>{counted[kind]} {kind}</title>" if kind == "failed" else ""
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width - 0.4, 0.5):.1f}" '
            f'height="{tall:.1f}">{title}</rect>'
        )
    return "".join(parts)


def events(rows: Sequence[tuple[str, str, float, float]], *, began: float, ended: float) -> str:
    """Return lifecycle events as bars: (name, status, from, to) each on a row of its own."""
    height = EVENT * len(rows)
    parts = [axis(began, ended, height)]
    for number, (name, status, since, until) in enumerate(rows):
        x, y = scale(began, ended, since), number * EVENT
        length = max(scale(began, ended, until) - x, 2)
        parts.append(f'<text class="name" x="0" y="{y + 11}">{escape(name)}</text>')
        parts.append(
            f'<rect class="{escape(status.lower())}" x="{x:.1f}" y="{y + 3}" width="{length:.1f}" '
            f'height="{EVENT - 5}" rx="2"><title>{escape(name)}: {escape(status)}, '
            f"{until - since:.1f} s</title></rect>"
        )
    return _picture("".join(parts), height + 20, "Lifecycle events of the deployment")


def _picture(inside: str, height: float, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    )
