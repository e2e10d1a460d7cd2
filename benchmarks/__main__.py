"""The figures that Slipway promises, measured: `python benchmarks [NAME...]`.

Prints a table for each benchmark, as Markdown, or all as JSON. Ends with 1 where a bound isn't kept.
It needs what the rehearsal needs (a Docker engine, a registry, skopeo); knowing_the_end and starting don't.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from typing import Any

from measuring import Result, show

NAMES = ("starting", "knowing_the_end", "aws_half", "again", "three_environments")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"default all: {', '.join(NAMES)}")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--seconds",
        type=float,
        default=120,
        help="how long knowing_the_end may draw deployments; default 120",
    )
    found = parser.parse_args()
    if unknown := sorted(set(found.name) - set(NAMES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return found


def measure(name: str, *, seconds: float) -> Result:
    module: Any = importlib.import_module(name)
    result: Result = module.measure(seconds) if name == "knowing_the_end" else module.measure()
    return result


def main() -> int:
    asked = arguments()
    results = []
    for name in asked.name or NAMES:
        results.append(measure(name, seconds=asked.seconds))
        if not asked.json:
            show(results[-1])
    if asked.json:
        print(json.dumps([{**dataclasses.asdict(one), "met": one.met} for one in results], indent=2))
    missed = [figure for one in results for figure in one.figures if not figure.met]
    for figure in missed:
        print(f"not kept: {figure.name}: {figure.value:.3g}, promised {figure.bound:g}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
