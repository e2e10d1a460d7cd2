"""Three environments against one: one build, published by digest to each, beside a rebuild for each.

The build does real work: a step that keeps the processor busy, on the rehearsal's base image (or on Debian,
where images can be pulled). Each environment has its own repository in a real registry, its own service, and
its own job, one after the other, as production waits for staging. A rollout lasts as long as AWS takes,
whoever asks for it, and in each environment; so the bound is on what is ours: the build, and each job from
its start to the hand-off and from the deployment's end to its own.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring import (
    ROOT,
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

from rehearsal.stage import Stage, git, stage  # noqa: E402
from slipway.rehearsal import base_image  # noqa: E402

ENVIRONMENTS = ("development", "staging", "production")
BOUND = 1.3
BUILD_SECONDS = 20  # of the processor that a step of the build takes; installing dependencies takes longer
WANTED_BASE = "python:3.12-slim"
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
WORKDIR /srv
COPY service.py ./
COPY busy.py ./
RUN python3 busy.py
RUN python3 -c "import random; open('assets', 'wb').write(random.Random(1).randbytes(%d))"
USER 65532:65532
CMD ["python3", "service.py"]
"""
ASSETS = 20_000_000  # bytes that don't compress, so that a push has something to carry
BUSY = """\
import time

while time.process_time() < %d:
    sum(range(1_000_000))
"""
SLIPWAY_YML = """\
kind: application
name: web
image: {cache: %s, build-args: {BASE: "%s"}}
deploy: {container-name: web}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One environment's publish: `ours` is its wall time without the deployment's own."""

    environment: str
    run: Metered
    rollout: float

    @property
    def ours(self) -> float:
        """Seconds that are not the deployment's."""
        return self.run.wall - self.rollout


def _make_repository(folder: Path, base: str) -> None:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "service.py").write_text((ROOT / "examples/application/service.py").read_text())
    (folder / "busy.py").write_text(BUSY % BUILD_SECONDS)
    (folder / "Dockerfile").write_text(DOCKERFILE % ASSETS)
    # Without the cache, since a commit that changes what comes first builds everything; with it, a rebuild
    # for each environment would find its layers on this machine, which a runner of its own doesn't have.
    (folder / "slipway.yml").write_text(SLIPWAY_YML % ("false", base))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")


def _build(made: Stage, name: str) -> tuple[Metered, Path]:
    output = made.folder / f"artifacts-{name}"
    words = ("build", "--output", str(output))
    _, environ = made.command(words, "staging")
    return metered(words, cwd=made.repository, environ=environ, note=made.folder / "used.json"), output


def _publish(made: Stage, environment: str, artifacts: Path) -> Job:
    words = ("publish", "--environment", environment, "--artifacts", str(artifacts))
    _, environ = made.command(words, environment)
    before = set(made.aws.world().deployments)
    run = metered(words, cwd=made.repository, environ=environ, note=made.folder / "used.json")
    (identity,) = set(made.aws.world().deployments) - before
    deployment = made.aws.world().deployments[identity]
    took = deployment.events["AfterAllowTraffic"].ended - deployment.created
    return Job(environment=environment, run=run, rollout=took)


def _same_digest(made: Stage) -> bool:
    tag = f"sha-{git(made.repository, 'rev-parse', 'HEAD')}"
    found = {made.registry.digest_of(f"{environment}/web", tag) for environment in ENVIRONMENTS}
    return len(found) == 1 and None not in found


def measure() -> Result:
    """Build once and publish to three; build again for each of the others, as those who rebuild do."""
    base = base_image.choose(WANTED_BASE).name
    with tempfile.TemporaryDirectory(prefix="slipway-benchmark-") as folder:
        _make_repository(Path(folder) / "repository", base)
        (Path(folder) / "artifacts").mkdir()  # the stage builds nothing itself: the build is measured
        with stage(Path(folder)) as made:
            for environment in ENVIRONMENTS:
                made.seed(environment)
            build, artifacts = _build(made, "once")
            jobs = [_publish(made, environment, artifacts) for environment in ENVIRONMENTS]
            assert _same_digest(made)
            rebuilds = [build, *(_build(made, environment)[0] for environment in ENVIRONMENTS[1:])]
            remove_layers(made.repository)
    return _result(jobs, rebuilds)


def _result(jobs: list[Job], rebuilds: list[Metered]) -> Result:
    each, built = median([job.ours for job in jobs]), median([again.wall for again in rebuilds])
    one, three = built + each, built + sum(job.ours for job in jobs)
    rebuilt = sum(again.wall for again in rebuilds) + sum(job.ours for job in jobs)
    rollouts = sum(job.rollout for job in jobs)
    # build + 3 each = 1.3 (build + each)
    needed = each * (len(jobs) - BOUND) / (BOUND - 1)
    rows = [("build", f"{again.wall:.1f} s", "", "the engine's") for again in rebuilds]
    rows += [
        (
            f"publish to {job.environment}",
            f"{job.ours:.1f} s",
            f"{job.rollout:.1f} s",
            f"{job.run.own + job.run.children:.1f} s",
        )
        for job in jobs
    ]
    return Result(
        name="Three environments against one",
        figures=(
            Figure(name="one environment: build and publish", value=one, unit="s"),
            Figure(name="three environments: one build, three times published", value=three, unit="s"),
            Figure(name="three against one", value=three / one, unit="times", bound=BOUND),
            Figure(name="three environments, rebuilt for each", value=rebuilt, unit="s"),
            Figure(name="rebuilt for each, against one", value=rebuilt / one, unit="times"),
            Figure(name="builds shorter than this miss the bound", value=needed, unit="s"),
            Figure(
                name="three against one, the emulated rollouts counted",
                value=(three + rollouts) / (one + rollouts / len(jobs)),
                unit="times",
            ),
        ),
        tables=(Table(heading=("job", "ours", "the rollout, AWS's", "processor"), rows=tuple(rows)),),
        notes=(
            (
                "One environment is the middle build and the middle publish. A runner's own start, checkout "
                f"and download of the artifact are not counted, on either side. {load()}."
            ),
        ),
    )


def main() -> int:
    """Print the table; 1 where a bound isn't kept."""
    result = measure()
    show(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
