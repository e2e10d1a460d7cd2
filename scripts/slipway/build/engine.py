"""What the Docker engine is told: argument vectors, made by functions that touch nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway.build.source import Source
from slipway.config.model import Image
from slipway.errors import ToolError
from slipway.process import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The engine that answered. `buildx` says that `docker buildx` is there."""

    version: str
    buildx: bool


def probe(run: Run) -> Engine:
    """Ask which engine answers, and whether buildx is there. Raises ToolError when none does."""
    finished = run(["docker", "version", "--format", "{{.Server.Version}}"])
    if finished.status != 0:
        said = finished.stderr.strip().splitlines()
        raise ToolError(
            f"No Docker engine answers: {said[-1] if said else 'no reason given'}.",
            remedy=(
                "Start it (`systemctl start docker`, Docker Desktop), or set DOCKER_HOST to one that runs. "
                "`permission denied` means that the user is not in the group `docker`."
            ),
        )
    return Engine(version=finished.stdout.strip(), buildx=run(["docker", "buildx", "version"]).status == 0)


def labels(source: Source) -> dict[str, str]:
    """Return the labels of an image, by the OCI annotation keys.

    https://github.com/opencontainers/image-spec/blob/main/annotations.md
    """
    found = {
        "org.opencontainers.image.source": source.url,
        "org.opencontainers.image.revision": source.commit,
        "org.opencontainers.image.created": source.created_iso,
    }
    return {key: value for key, value in found.items() if value}


def build(image: Image, source: Source, engine: Engine, *, tag: str, oci: Path | None = None) -> list[str]:
    """Build `image` and leave it in the engine as `tag`, or, with `oci`, in an OCI archive."""
    # Without --force-rm the engine's own builder leaves the container of a step that failed.
    command = ["docker", "buildx", "build"] if engine.buildx else ["docker", "build", "--force-rm"]
    if oci is not None:
        command += ["--output", f"type=oci,dest={oci}"]
    elif engine.buildx:
        command += ["--load"]
    if oci is None:
        command += ["--tag", tag]
    command += ["--file", image.dockerfile]
    if image.target:
        command += ["--target", image.target]
    if image.platforms:
        command += ["--platform", ",".join(image.platforms)]
    for name, value in sorted(image.build_args.items()):
        command += ["--build-arg", f"{name}={value}"]
    for key, value in labels(source).items():
        command += ["--label", f"{key}={value}"]
    if not image.cache:
        command += ["--no-cache"]
    else:
        for cached in source.cache_from:
            command += ["--cache-from", cached]
    return [*command, image.context]


def environment(environ: Mapping[str, str], source: Source) -> dict[str, str]:
    """Return the environment of a build.

    SOURCE_DATE_EPOCH is what BuildKit takes as the time of the image (reproducible-builds.org). Attestations
    would make an index of each image, with a random part; signing is another step's business.
    """
    return {
        **environ,
        "SOURCE_DATE_EPOCH": str(source.created),
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDKIT_PROGRESS": environ.get("BUILDKIT_PROGRESS", "plain"),
    }


def save(tag: str, archive: Path) -> list[str]:
    """Write an image of the engine to a Docker archive."""
    return ["docker", "save", "--output", str(archive), tag]


def convert(docker_archive: Path, oci_archive: Path) -> list[str]:
    """Make an OCI archive of a Docker archive."""
    return ["skopeo", "copy", "--quiet", f"docker-archive:{docker_archive}", f"oci-archive:{oci_archive}"]


def load(archive: Path) -> list[str]:
    """Read a Docker archive into the engine."""
    return ["docker", "load", "--quiet", "--input", str(archive)]


def remove(tags: Sequence[str]) -> list[str]:
    """Remove tags, but not the layers below, which later builds use again."""
    return ["docker", "image", "rm", "--no-prune", *tags]
