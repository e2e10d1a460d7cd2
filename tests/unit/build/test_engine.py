from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.build import engine
from slipway.build.engine import Engine
from slipway.build.source import Source
from slipway.config.model import Image
from slipway.errors import ToolError
from slipway.process import Finished

SOURCE = Source(commit="c" * 40, created=1795176000, url="https://github.com/owner/name")
LABELS = [
    "--label",
    "org.opencontainers.image.source=https://github.com/owner/name",
    "--label",
    f"org.opencontainers.image.revision={'c' * 40}",
    "--label",
    "org.opencontainers.image.created=2026-11-20T12:00:00Z",
]
IMAGE = Image(
    dockerfile="docker/Dockerfile",
    context="app",
    target="production",
    build_args={"B": "2", "A": "with space"},
    platforms=("linux/arm64",),
)
REST = [
    *("--tag", "t", "--file", "docker/Dockerfile", "--target", "production", "--platform", "linux/arm64"),
    *("--build-arg", "A=with space", "--build-arg", "B=2"),
    *LABELS,
    "app",
]


@pytest.mark.parametrize(
    ("buildx", "expected"),
    [
        (True, ["docker", "buildx", "build", "--load", *REST]),
        (False, ["docker", "build", "--force-rm", *REST]),
    ],
)
def test_either_builder_gets_the_same_settings(*, buildx: bool, expected: list[str]) -> None:
    assert engine.build(IMAGE, SOURCE, Engine(version="28", buildx=buildx), tag="t") == expected


def test_an_index_goes_straight_to_an_archive() -> None:
    image = Image(platforms=("linux/amd64", "linux/arm64"), cache=False)
    got = engine.build(image, SOURCE, Engine(version="28", buildx=True), tag="", oci=Path("/x.tar"))
    assert got == [
        *("docker", "buildx", "build", "--output", "type=oci,dest=/x.tar", "--file", "Dockerfile"),
        *("--platform", "linux/amd64,linux/arm64"),
        *LABELS,
        *("--no-cache", "."),
    ]


def test_the_commits_time_is_the_builds() -> None:
    assert engine.environment({"PATH": "/bin"}, SOURCE) == {
        "PATH": "/bin",
        "SOURCE_DATE_EPOCH": "1795176000",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDKIT_PROGRESS": "plain",
    }


def test_no_engine_is_one_clear_error() -> None:
    def run(_: Sequence[str], **__: Any) -> Finished:
        return Finished(status=1, stdout="", stderr="Cannot connect to the Docker daemon\n")

    with pytest.raises(ToolError) as raised:
        engine.probe(run)
    assert raised.value.message == "No Docker engine answers: Cannot connect to the Docker daemon."
