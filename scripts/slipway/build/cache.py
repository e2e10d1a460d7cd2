"""The image published last: taken as it is for the same commit, or as a store of layers for the next.

What helps with which builder (tests/rehearsal/test_build_and_push.py):
- The same commit is in the repository: it is taken instead of built, by digest, whatever the builder. So a
  job that is run again from its start publishes what it published the first time.
- The engine's own builder: an ancestor's image, loaded into the engine and named by `--cache-from`, gives
  every step up to the first that changed. It compares the image's history, which skopeo keeps.
- BuildKit: an image gives layers only with BuildKit's own record in its configuration (inline cache), which
  is no part of the OCI specification and is dropped when skopeo makes an OCI archive. So nothing is loaded;
  BuildKit's own cache on the machine is what helps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway import process
from slipway.aws import ecr
from slipway.aws.ecr import Repository
from slipway.aws.session import Aws
from slipway.build import archive, engine, transfer
from slipway.build.artifact import Artifact, replacing, sha256_of, write
from slipway.build.image import recipe
from slipway.build.login import base_folder, logged_in
from slipway.build.source import Source
from slipway.config.model import Component
from slipway.errors import PublishError, SlipwayError
from slipway.process import Run

REVISION = "org.opencontainers.image.revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image of this commit, or of its newest ancestor that has one, in a repository."""

    repository: Repository
    commit: str
    digest: str


def find(aws: Aws, repository: str, source: Source) -> Found | None:
    """Return the image of the commit or of its nearest first-parent ancestor: one BatchGetImage.

    A tree with uncommitted changes counts as a descendant of its commit. Raises SlipwayError for what the
    repository's name or AWS refuses.
    """
    where = ecr.parse(repository)
    tags = [f"sha-{commit}" for commit in (source.commit, *source.ancestors)]
    there = ecr.digests(aws, where, tags).tags
    for tag in tags:
        if tag in there:
            return Found(repository=where, commit=tag.removeprefix("sha-"), digest=there[tag])
    return None


def take(
    aws: Aws,
    found: Found,
    component: Component,
    *,
    output: Path,
    source: Source,
    environ: Mapping[str, str],
    run: Run = process.run,
    sleep: Callable[[float], None] = time.sleep,
) -> Artifact:
    """Write the artifact of an image that is published already, with the digest it has there.

    Raises PublishError when it can't be downloaded, or says that it is another commit's.
    """
    path = output / f"{component.name}.oci.tar"
    with (
        replacing(path) as beside,
        logged_in(found.repository.host, ecr.login(aws, found.repository), environ=environ) as auth,
    ):
        command = transfer.download(found.repository, found.digest, beside, auth=auth)
        transfer.persist(run, command, doing=f"take the image from `{found.repository}`", sleep=sleep)
        described = archive.describe(beside)
        stated = (described.labels or {}).get(REVISION, source.commit)
        if described.digest != found.digest or stated != source.commit:
            raise PublishError(
                f"`{found.repository}@{found.digest}` is tagged as {source.commit[:12]}, but was built from "
                f"{stated[:12]} and reads as {described.digest}.",
                remedy="Something else than Slipway tagged it: remove that tag, and build again.",
            )
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
            recipe=recipe(component),
            child_digests=described.children,
        )
    write(artifact, output)
    return artifact


@contextmanager
def layers(
    aws: Aws,
    found: Found,
    *,
    environ: Mapping[str, str],
    run: Run = process.run,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, ...]]:
    """Load an ancestor's image into the engine and give its name for `--cache-from`; it goes at the end.

    Gives nothing where it would not help (BuildKit) and where it can't be had: a cache fails no build.
    """
    name = f"slipway-cache/{os.getpid()}:{found.commit[:12]}"
    loaded = False
    try:
        if not engine.probe(run).buildx:
            loaded = _load(aws, found, name, environ=environ, run=run, sleep=sleep)
    except SlipwayError:
        loaded = False
    try:
        yield (name,) if loaded else ()
    finally:
        if loaded:
            run(engine.remove([name]))


def _load(
    aws: Aws,
    found: Found,
    name: str,
    *,
    environ: Mapping[str, str],
    run: Run,
    sleep: Callable[[float], None],
) -> bool:
    where = found.repository
    file = base_folder(environ) / f"slipway-cache-{os.getpid()}.tar"
    try:
        with logged_in(where.host, ecr.login(aws, where), environ=environ) as auth:
            command = transfer.download_for_engine(where, found.digest, file, name, auth=auth)
            transfer.persist(run, command, doing=f"read the image published last in `{where}`", sleep=sleep)
        return run(engine.load(file)).status == 0
    finally:
        file.unlink(missing_ok=True)
