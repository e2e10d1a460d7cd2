"""Run the repository's suites, in order, and judge each by its exit status.

Suites are the ones of slipway.yml that say `when: test` (the default). Without any, `make test` is run
where the Makefile has that target, else pytest where there is a `tests` folder.

  slipway test
  slipway test --suite unit
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from slipway.cli import Context, lines
from slipway.config.model import Suite
from slipway.errors import Exit, SlipwayError, UsageError
from slipway.suites import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    parser.add_argument(
        "--suite", type=lines, metavar="NAME", default=(), help="only these suites, one per line"
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Run each suite; the first that fails ends the run, since later ones stand on it."""
    told = sys.stderr if context.json else sys.stdout  # standard output is the document's alone
    suites = _chosen(find(context), arguments.suite)
    if not suites:
        context.system.annotate("warning", "No test suite was found: nothing was tested.", title="No tests")
        context.system.add_summary(
            "### ⚠️ No test suite was found\n\nName them under `suites:` in slipway.yml.\n"
        )
        if context.json:
            print("[]")
        return Exit.DONE
    rows: list[tuple[str, str, float]] = []
    for name, suite in suites.items():
        print(f"suite {name}: {suite.run}", file=told, flush=True)
        began = context.clock.now()
        status = command.run(
            suite,
            root=context.root,
            environ=context.environ,
            given={"SLIPWAY_SUITE": name},
            aside=bool(context.json),
        )
        verdict = "passed" if status == 0 else _failure(status)
        rows.append((name, verdict, context.clock.now() - began))
        print(f"suite {name}: {verdict} in {rows[-1][2]:.1f} s", file=told, flush=True)
        if status != 0:
            break
    _tell(rows, context)
    failed = [(name, verdict) for name, verdict, _ in rows if verdict != "passed"]
    if failed:
        name, verdict = failed[0]
        raise SlipwayError(f"The suite `{name}` {verdict}.", remedy=f"Run it at home: {suites[name].run}")
    return Exit.DONE


def _failure(status: int) -> str:
    return "ran out of time" if status == command.TIMED_OUT else f"ended with status {status}"


def _tell(rows: list[tuple[str, str, float]], context: Context) -> None:
    if context.json:
        print(
            json.dumps([{"suite": name, "verdict": verdict, "seconds": took} for name, verdict, took in rows])
        )
    table = "\n".join(f"| {name} | {verdict} | {took:.1f} s |" for name, verdict, took in rows)
    context.system.add_summary(f"### Tests\n\n| suite | verdict | time |\n|---|---|---|\n{table}\n")


def _chosen(found: Mapping[str, Suite], names: tuple[str, ...]) -> dict[str, Suite]:
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UsageError(
            f"There is no suite `{unknown[0]}`.", remedy=f"There are: {', '.join(found) or 'none'}."
        )
    return {name: suite for name, suite in found.items() if not names or name in names}


def find(context: Context) -> dict[str, Suite]:
    """Return the suites to run before a publish: the configured, else what the repository shows."""
    from slipway import config

    run_facts = context.system.run(context.root)
    resolved = config.read(context.root).resolve(
        environment=None, values={}, commit=run_facts.commit, repository=run_facts.repository
    )
    configured = {name: suite for name, suite in resolved.suites.items() if suite.when == "test"}
    return configured or _by_convention(context.root, sys.stderr if context.json else sys.stdout)


def _by_convention(root: Path, told: TextIO) -> dict[str, Suite]:
    makefile = root / "Makefile"
    if makefile.is_file() and re.search(r"^test\s*:", makefile.read_text(errors="replace"), re.MULTILINE):
        print("no suites are configured: the Makefile has a target `test`", file=told)
        return {"test": Suite(run="make test")}
    if any((root / "tests").glob("**/test_*.py")):
        print("no suites are configured: there are pytest files under tests/", file=told)
        return {"test": Suite(run="python3 -m pytest tests")}
    return {}
