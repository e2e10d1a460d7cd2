"""What the benchmarks share: figures with their bounds, tables, and a program run with its time measured."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
METERED = Path(__file__).resolve().parent / "metered.py"


def use_the_tests_world() -> None:
    """Make the tests' worlds importable: a benchmark plays on the stage that the tests play on."""
    for folder in (ROOT / "scripts", ROOT / "tests"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `bound` is the most that it may be, where something was promised."""

    name: str
    value: float
    unit: str
    bound: float | None = None

    @property
    def met(self) -> bool:
        """Whether it keeps its bound."""
        return self.bound is None or self.value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a heading."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a benchmark found; `notes` say what was counted and what wasn't."""

    name: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every bound was kept."""
        return all(figure.met for figure in self.figures)


def show(result: Result) -> None:
    """Print a result as Markdown, which is what stands in docs/figures.md."""
    rows = tuple(_row(figure) for figure in result.figures)
    print(f"\n## {result.name}\n")
    _print_table(Table(heading=("figure", "value", "bound"), rows=rows))
    for table in result.tables:
        print()
        _print_table(table)
    for note in result.notes:
        print(f"\n{note}")


def _row(figure: Figure) -> tuple[str, str, str]:
    value = f"{figure.value:.3g}" if abs(figure.value) < 100 else f"{figure.value:.0f}"
    if figure.bound is None:
        return figure.name, f"{value} {figure.unit}".strip(), ""
    kept = "kept" if figure.met else "NOT KEPT"
    return figure.name, f"{value} {figure.unit}".strip(), f"≤ {figure.bound:g}: {kept}"


def _print_table(table: Table) -> None:
    print("| " + " | ".join(table.heading) + " |")
    print("|" + "---|" * len(table.heading))
    for row in table.rows:
        print("| " + " | ".join(row) + " |")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values don't exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the middle value: on a machine that has other work, better than the mean."""
    return percentile(values, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A program that ended: when it ran, in seconds since 1970, and the processor's seconds it took."""

    began: float
    ended: float
    own: float  # of its own process
    children: float  # of the programs it ran: skopeo, docker's client, git
    status: int
    text: str

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return self.ended - self.began


def metered(
    words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], note: Path, expect: int = 0
) -> Metered:
    """Run `python -I scripts WORDS` as an action's step does; `note` is a file for its figures.

    Raises RuntimeError, with what it printed, when it ends otherwise than expected.
    """
    command = [sys.executable, "-I", str(METERED), str(note), *words]
    began = time.time()
    done = subprocess.run(
        command, cwd=cwd, env=dict(environ), capture_output=True, text=True, timeout=900, check=False
    )
    ended = time.time()
    text = done.stdout + done.stderr
    if done.returncode != expect:
        raise RuntimeError(f"`slipway {' '.join(words)}` ended with {done.returncode}:\n{text}")
    used = json.loads(note.read_text())
    return Metered(
        began=began,
        ended=ended,
        own=used["own"],
        children=used["children"],
        status=done.returncode,
        text=text,
    )


def remove_layers(repository: Path) -> None:
    """Remove what the builds of a repository's commits left in the engine, for a next one that won't come."""
    listed = subprocess.run(
        ["git", "log", "--format=%H"], cwd=repository, check=True, capture_output=True, text=True
    )
    for commit in listed.stdout.split():
        ours = f"label=org.opencontainers.image.revision={commit}"
        subprocess.run(
            ["docker", "image", "prune", "--force", "--filter", ours], check=True, capture_output=True
        )


def load() -> str:
    """Say how busy the machine is: figures of wall time mean little without it."""
    one, five, _ = os.getloadavg()
    return f"{os.cpu_count()} processors, load {one:.1f} (5 minutes: {five:.1f})"
