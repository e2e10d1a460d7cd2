"""Building an image once: by buildx or the engine's own builder, to an OCI archive that travels unchanged.

Which layers are used again (`image.cache: true`, the default):
- The engine's own, or BuildKit's, on a machine that built before. Nothing needs to be set.
- On a fresh machine, those of the image published last, where `slipway build --environment` can read the
  repository; see build/cache.py for what helps with which builder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway import process
from slipway.build import archive, dockerfile, engine
from slipway.build.artifact import Artifact, read, replacing, sha256_of, write
from slipway.build.engine import Engine
from slipway.build.source import Source
from slipway.config.model import Component
from slipway.errors import PublishError, ToolError
from slipway.events import Emitter
from slipway.process import Finished, Run

__all__ = ["Source", "already", "build", "recipe"]

# Deploy credentials, and the tokens by which a job could get some.
WITHHELD = (
    "DEPLOY_",
    "SLACK_",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ACTIONS_ID_TOKEN_",
    "ACTIONS_RUNTIME_TOKEN",
)
SHOWN_LINES = 20  # of a failed build's output, in the error
# What a builder says -> what to do.
CAUSES: Mapping[str, str] = {
    "requires BuildKit": (
        "This Dockerfile needs BuildKit: install the buildx plugin (Debian and Ubuntu: apt-get install "
        "docker-buildx)."
    ),
    "buildx component is missing": (
        "DOCKER_BUILDKIT=1 is set, but the buildx plugin is missing: install it, or unset the variable."
    ),
    "no space left on device": (
        "The disk is full: `docker system df` shows by what, `docker system prune` frees it."
    ),
    "toomanyrequests": (
        "The registry of the base image limits pulls: log in to it, or take the base from ECR Public."
    ),
    "pull access denied": "The base image doesn't exist, or its registry wants a login before the build.",
    "failed to resolve source metadata": (
        "The base image's registry didn't give it: check its name, and the network."
    ),
}
MULTI_PLATFORM_REMEDY = (
    "Several platforms need buildx with a builder that can export them: `docker buildx create --use --driver "
    "docker-container` (on GitHub: docker/setup-buildx-action), or the engine's containerd image store; "
    "and, where "
    "the Dockerfile runs programs of another architecture, `docker run --privileged tonistiigi/binfmt "
    "--install all` "
    "(docker/setup-qemu-action). Or name one platform."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One build: what, from where, and through whom."""

    component: Component
    engine: Engine
    root: Path
    source: Source
    run: Run
    environ: Mapping[str, str]


def build(
    component: Component,
    *,
    root: Path,
    output: Path,
    source: Source,
    run: Run = process.run,
    emit: Emitter,
    environ: Mapping[str, str],
) -> Artifact:
    """Build a component's image into `output`: COMPONENT.oci.tar and its record COMPONENT.json.

    The same commit and settings are not built twice, unless the tree differs from the commit. A kill leaves
    the old archive or the new one. Raises UsageError for what is wrong in the configuration, ToolError when
    docker, skopeo, `before` or the build fails.
    """
    done = already(component, source, output)
    if done:
        emit("build", "skipped", f"already built: {done.digest}", digest=done.digest)
        return done
    emit(
        "build",
        "started",
        (f"commit {source.commit[:12]}{', with uncommitted changes' if source.dirty else ''}"),
    )
    environ = withhold(environ)
    with process.ending_cleanly():
        job = _Job(
            component=component,
            engine=engine.probe(run),
            root=root,
            source=source,
            run=run,
            environ=engine.environment(environ, source),
        )
        if component.before:
            _before(job, component.before)
        dockerfile.check(component.image, root)
        artifact = _make(job, output)
    what = f"{artifact.digest} for {', '.join(artifact.platforms)}"
    emit("build", "succeeded", what, digest=artifact.digest)
    return artifact


def withhold(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without deploy credentials: what builds is the repository's own code."""
    return {name: value for name, value in environ.items() if not name.startswith(WITHHELD)}


def recipe(component: Component) -> str:
    """Return a digest of the settings that decide what is built."""
    settings = {**dataclasses.asdict(component.image), "before": component.before}
    settings.pop("cache")
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def already(component: Component, source: Source, output: Path) -> Artifact | None:
    """Return what was built of the same commit and settings before, if it is there and whole."""
    if source.dirty:
        return None
    try:
        artifact, _ = read(output, component.name)
    except PublishError:
        return None
    same = artifact.commit == source.commit and artifact.recipe == recipe(component) and not artifact.dirty
    return artifact if same else None


def _before(job: _Job, command: str) -> None:
    """Run the repository's own command, which the build needs."""
    given = {"SLIPWAY_COMPONENT": job.component.name, "SLIPWAY_COMMIT": job.source.commit}
    finished = job.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=job.root, env={**job.environ, **given}, stream=True
    )
    if finished.status != 0:
        raise ToolError(
            f"`before: {command}` ended with status {finished.status}:\n{_last_lines(finished)}",
            remedy="It runs in the repository's root, in bash with -euo pipefail. Nothing was built.",
        )


def _make(job: _Job, output: Path) -> Artifact:
    component, source = job.component, job.source
    path = output / f"{component.name}.oci.tar"
    with replacing(path) as beside:
        if len(component.image.platforms) > 1:
            _build_index(job, beside)
        else:
            _build_one(job, beside)
        described = archive.describe(beside)
        artifact = Artifact(
            component=component.name,
            kind=component.kind,
            commit=source.commit,
            digest=described.digest,
            media_type=described.media_type,
            platforms=described.platforms,
            archive=path.name,
            archive_sha256=sha256_of(beside),
            created=source.created_iso,
            dirty=source.dirty,
            recipe=recipe(component),
            child_digests=described.children,
        )
    write(artifact, output)
    return artifact


def _build_one(job: _Job, beside: Path) -> None:
    """Build for one platform into the engine, and from there to an OCI archive by skopeo."""
    run, name = job.run, job.component.name
    tag = f"slipway-build/{name.lower()}:{job.source.commit[:12]}-{os.getpid()}"
    docker_archive = beside.with_name(f".{name}.docker.tar.{os.getpid()}.part")
    command = engine.build(job.component.image, job.source, job.engine, tag=tag)
    with _removing(tag, docker_archive, run):
        finished = run(command, cwd=job.root, env=job.environ, stream=True)
        if finished.status != 0:
            raise _failed(job.component, finished)
        _must(run, engine.save(tag, docker_archive), "save the image from the engine")
        _must(run, engine.convert(docker_archive, beside), "make an OCI archive of the image")


def _build_index(job: _Job, beside: Path) -> None:
    """Build for several platforms straight to an OCI archive, which not every builder can."""
    platforms = ", ".join(job.component.image.platforms)
    if not job.engine.buildx:
        raise ToolError(
            f"`image.platforms: [{platforms}]` can't be built: `docker buildx` is not there.",
            remedy=MULTI_PLATFORM_REMEDY,
        )
    command = engine.build(job.component.image, job.source, job.engine, tag="", oci=beside.resolve())
    finished = job.run(command, cwd=job.root, env=job.environ, stream=True)
    if finished.status == 0:
        return
    if any(
        words in finished.stderr for words in ("not supported for the docker driver", "exec format error")
    ):
        raise ToolError(
            f"`image.platforms: [{platforms}]` can't be built by this builder:\n{_last_lines(finished)}",
            remedy=MULTI_PLATFORM_REMEDY,
        )
    raise _failed(job.component, finished)


@contextmanager
def _removing(tag: str, docker_archive: Path, run: Run) -> Iterator[None]:
    """Remove a build's tag and file at its end, however that is; the layers stay for the next build."""
    try:
        yield
    finally:
        docker_archive.unlink(missing_ok=True)
        if run(["docker", "image", "inspect", "--format", "{{.Id}}", tag]).status == 0:
            run(engine.remove([tag]))


def _must(run: Run, command: list[str], doing: str) -> Finished:
    finished = run(command)
    if finished.status != 0:
        raise ToolError(
            f"Could not {doing}: `{' '.join(command[:2])}` ended with status {finished.status}:\n"
            f"{_last_lines(finished)}",
            remedy=_remedy(finished.stderr),
        )
    return finished


def _failed(component: Component, finished: Finished) -> ToolError:
    return ToolError(
        f"The image of `{component.name}` could not be built (`{component.image.dockerfile}`, status "
        f"{finished.status}); its last lines:\n{_last_lines(finished)}",
        remedy=_remedy(finished.stderr) or "The whole output stands above. Nothing was written.",
    )


def _remedy(said: str) -> str:
    return next((remedy for cause, remedy in CAUSES.items() if cause in said), "")


def _last_lines(finished: Finished) -> str:
    lines = [line for line in finished.stderr.splitlines() if line.strip()]
    return "\n".join(lines[-SHOWN_LINES:]) or "(it printed nothing)"
