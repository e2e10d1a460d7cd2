"""A build by `docker buildx` is published as one by the engine's own builder is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.stage import Stage, digest_of, make_repository, stage

BUILT_HERE = Path(__file__).parents[2] / ".tools" / "docker"  # by scripts/bootstrap test


def docker_config() -> str:
    """The folder whose plugins hold buildx; empty for docker's own."""
    for folder in ("", str(BUILT_HERE)):
        environ = {**os.environ, **({"DOCKER_CONFIG": folder} if folder else {})}
        asked = subprocess.run(["docker", "buildx", "version"], env=environ, capture_output=True, check=False)
        if asked.returncode == 0:
            return folder
    pytest.skip("docker buildx is not there: `scripts/bootstrap test` builds it where Go is")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = docker_config()
    base = tmp_path_factory.mktemp("buildx")
    # Content of its own, so that no layer comes from another test's build.
    (make_repository(base / "built" / "repository") / "hello").write_text("hello from buildx\n")
    subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qam", "Second"],
        cwd=base / "built" / "repository",
        check=True,
    )
    with stage(base / "stage", built=base / "built", docker_config=folder) as made:
        yield made


def test_what_buildx_built_is_published_by_its_digest(world: Stage) -> None:
    world.seed("staging")
    done = world.publish("staging")
    assert (done.status, done.outputs["outcome"]) == (0, "healthy"), done.text
    assert done.outputs["image-digest"] == digest_of(world)
    assert f"{world.registry.address}/staging/web@{digest_of(world)}" in world.serving("staging")


def test_building_the_commit_again_gives_the_same_digest(world: Stage, tmp_path: Path) -> None:
    again = world.run("build", "--output", str(tmp_path / "again"), **world.secrets)
    assert again.status == 0, again.text
    assert "[internal] load build definition" in again.text  # BuildKit's way of speaking
    assert again.outputs["image-digest"] == digest_of(world)
