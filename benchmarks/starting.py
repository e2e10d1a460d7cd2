"""What a step costs before it does anything: the start of `slipway`, the plan, and what boto3's import takes.

`plan` needs git and the configuration alone; a command that talks to AWS imports botocore, once.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from measuring import ROOT, Figure, Result, Table, load, median, show, use_the_tests_world

use_the_tests_world()

from rehearsal.stage import make_repository  # noqa: E402

ROUNDS = 7
SCRIPTS = ROOT / "scripts"
IMPORTING = "import sys; sys.path.insert(0, {path!r}); {statement}"
CLIENTS = (
    "import botocore.session as session; made = session.get_session(); "
    "[made.create_client(name, region_name='eu-west-2') for name in ('sts', 'ecr', 'ecs', 'codedeploy')]"
)
COMMANDS = {
    "python3, doing nothing": ["-I", "-c", "pass"],
    "slipway --version": ["-I", str(SCRIPTS), "--version"],
    "slipway plan": ["-I", str(SCRIPTS), "plan"],
    "slipway plan --json": ["-I", str(SCRIPTS), "plan", "--json"],
    "importing what `publish` imports of ours": [
        "-I",
        "-c",
        IMPORTING.format(path=str(SCRIPTS), statement="import slipway.commands.publish"),
    ],
    "botocore, with the clients of four services": ["-I", "-c", CLIENTS],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds of the clock and of the processor."""

    wall: float
    processor: float


def _run(words: list[str], folder: Path) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "SLIPWAY_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return Took(wall=wall, processor=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure() -> Result:
    """Run each some times, in turns, and take the middle."""
    with tempfile.TemporaryDirectory(prefix="slipway-benchmark-") as folder:
        repository = make_repository(Path(folder) / "repository")
        took: dict[str, list[Took]] = {name: [] for name in COMMANDS}
        for _ in range(ROUNDS):
            for name, words in COMMANDS.items():
                took[name].append(_run(words, repository))
    rows = tuple(
        (
            name,
            f"{median([one.wall for one in some]):.2f} s",
            f"{median([one.processor for one in some]):.2f} s",
        )
        for name, some in took.items()
    )
    plan = took["slipway plan"]
    return Result(
        name="Starting a step",
        figures=(
            Figure(name="`slipway plan`: wall", value=median([one.wall for one in plan]), unit="s"),
            Figure(name="`slipway plan`: processor", value=median([one.processor for one in plan]), unit="s"),
        ),
        tables=(Table(heading=("what", "wall", "processor"), rows=rows),),
        notes=(f"The middle of {ROUNDS} runs each; {load()}.",),
    )


def main() -> int:
    """Print the table."""
    result = measure()
    show(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
