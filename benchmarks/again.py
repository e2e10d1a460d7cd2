"""The publish command again for a commit that is already out: nothing is built, pushed or registered.

Run again with the artifact, run again without it, and run again while the old tasks of the rollout are
still waiting for their end; and the build step before it, which takes the image from the repository.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring import (
    Figure,
    Metered,
    Result,
    Table,
    load,
    median,
    metered,
    remove_layers,
    show,
    use_the_tests_world,
)

use_the_tests_world()

from rehearsal.stage import Stage, make_repository, stage  # noqa: E402

ROUNDS = 3
BOUND_SECONDS = 3.0
SLIPWAY_YML = "kind: application\nname: web\ndeploy: {container-name: web}\n"
WRITES = {"RegisterTaskDefinition", "CreateDeployment", "StopDeployment", "UpdateService"}
RECORDER = '#!/bin/sh\necho "{name} $*" >> "{log}"\nexec "{program}" "$@"\n'
BUILDS_OR_PUSHES = ("docker build", "docker buildx build", "skopeo copy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One run of a command: what it took, wrote to AWS, pushed, and which programs it ran."""

    what: str
    run: Metered
    writes: tuple[str, ...]
    pushed: int
    programs: tuple[str, ...]

    @property
    def idle(self) -> bool:
        """Whether it built, pushed and registered nothing."""
        return not (self.writes or self.pushed or any(_works(one) for one in self.programs))


def _works(program: str) -> bool:
    return program.startswith(BUILDS_OR_PUSHES) and "buildx version" not in program


class World:
    """The stage, with every push counted and every docker and skopeo written down."""

    def __init__(self, made: Stage) -> None:
        self._made = made
        self._pushes = 0
        self._log = made.folder / "programs"
        self._recorders = made.folder / "recorders"
        self._recorders.mkdir()
        for name in ("docker", "skopeo"):
            recorder = self._recorders / name
            recorder.write_text(RECORDER.format(name=name, log=self._log, program=shutil.which(name)))
            recorder.chmod(0o755)
        made.registry.gate.watch(self._pushed)

    def _pushed(self, *_: str) -> None:
        self._pushes += 1

    def run(self, what: str, *words: str) -> Done:
        """Run one command to its end."""
        made = self._made
        _, environ = made.command(words, "staging")
        environ["PATH"] = f"{self._recorders}{os.pathsep}{environ['PATH']}"
        self._log.write_text("")
        since, pushes = len(made.aws.calls), self._pushes
        run = metered(words, cwd=made.repository, environ=environ, note=made.folder / "used.json")
        return Done(
            what=what,
            run=run,
            writes=tuple(call.operation for call in made.aws.calls[since:] if call.operation in WRITES),
            pushed=self._pushes - pushes,
            programs=tuple(self._log.read_text().splitlines()),
        )

    def let_it_end(self) -> None:
        """Wait for the old tasks to go."""
        while any(one.active for one in self._made.aws.world().deployments.values()):
            self._made.aws.clock.sleep(0.1)


def _play(made: Stage) -> tuple[Done, list[Done], Done]:
    """The first publish; the same again, each way, some times; and the build step again."""
    world = World(made)
    publish = ("publish", "--environment", "staging")
    with_artifact = (*publish, "--artifacts", str(made.artifacts))
    first = world.run("the first publish", *with_artifact)
    again = [world.run("again, while the old tasks wait", *with_artifact)]
    world.let_it_end()
    for _ in range(ROUNDS):
        again.append(world.run("again, with the artifact", *with_artifact))
        again.append(world.run("again, without it", *publish))
    fresh = made.folder / "fresh"
    build = world.run(
        "the build step again, on a fresh runner", "build", "--output", str(fresh), "--environment", "staging"
    )
    return first, again, build


def measure() -> Result:
    """Publish, publish again, and look at what was done."""
    with tempfile.TemporaryDirectory(prefix="slipway-benchmark-") as folder:
        make_repository(Path(folder) / "repository", SLIPWAY_YML)
        with stage(Path(folder)) as made:
            made.seed("staging", termination_minutes=5)
            first, again, build = _play(made)
            remove_layers(made.repository)
    assert first.writes == ("RegisterTaskDefinition", "CreateDeployment"), first
    assert first.pushed == 1, first
    rows = []
    for what in dict.fromkeys(one.what for one in (first, *again, build)):
        some = [one for one in (first, *again, build) if one.what == what]
        rows.append(
            (
                what,
                f"{median([one.run.wall for one in some]):.1f} s",
                f"{median([one.run.own + one.run.children for one in some]):.1f} s",
                ", ".join(f"`{name}`" for name in some[0].writes) or "none",
                str(some[0].pushed),
                "yes" if any(one.startswith(("docker build",)) for one in some[0].programs) else "no",
            )
        )
    wall = median([one.run.wall for one in again])
    return Result(
        name="The same commit again",
        figures=(
            Figure(name="again", value=wall, unit="s", bound=BOUND_SECONDS),
            Figure(name="the slowest of them", value=max(one.run.wall for one in again), unit="s"),
            Figure(name="the first publish", value=first.run.wall, unit="s"),
            Figure(
                name="runs that built, pushed or registered something",
                value=sum(not one.idle for one in again),
                unit=f"of {len(again)}",
                bound=0,
            ),
            Figure(
                name="images that the build step built again",
                value=sum(one.startswith("docker build") for one in build.programs),
                unit="",
                bound=0,
            ),
        ),
        tables=(
            Table(
                heading=("command", "wall", "processor", "writes to AWS", "tags pushed", "built"),
                rows=tuple(rows),
            ),
        ),
        notes=(load() + ".",),
    )


def main() -> int:
    """Print the table; 1 where a bound isn't kept."""
    result = measure()
    show(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
