"""Publishing an image by digest: look first, write only what is missing, read back what is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway import process
from slipway.aws import ecr
from slipway.aws.ecr import Repository, Settings
from slipway.aws.session import Aws
from slipway.build import transfer
from slipway.build.login import logged_in
from slipway.errors import PublishError
from slipway.events import Emitter
from slipway.process import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a repository has of an image, before anything is written.

    `digest` is the image's; without one given it is that of `tag` there, or empty. `there` says which of
    our tags lead to which digest now; `missing` are the tags to write, the immutable one first.
    `has_digest` says that the image is in the repository, under whatever tag.
    """

    repository: Repository
    digest: str
    tag: str
    there: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    has_digest: bool = False


def inspect(
    aws: Aws,
    repository: str,
    *,
    digest: str,
    tag: str,
    tags: Sequence[str] = (),
    first_wins: bool = False,
) -> Presence:
    """Look at what is in the repository; reads only, two calls (DescribeRepositories, BatchGetImage).

    `digest` may be empty: then the image that `tag` names there is meant. So it is with `first_wins`
    where `tag` is another image's: a commit built twice is published as it was the first time. Raises
    UsageError for a name with a tag or digest, PublishError when the repository is not there, when `tag`
    is another image's, and when one of `tags` can't be moved; AwsError for what we may not read.
    """
    where = ecr.parse(repository)
    allowed = ecr.settings(aws, where)
    wanted = list(dict.fromkeys((tag, *tags)))
    images = ecr.digests(aws, where, wanted, digest=digest)
    there = images.tags
    if not digest or first_wins:
        digest = there.get(tag, digest)
    if there.get(tag, digest) != digest:
        raise _conflict(where, tag, there[tag], digest)
    missing = tuple(name for name in wanted if there.get(name) != digest) if digest else ()
    for name in missing:
        if name != tag:
            _check_movable(where, allowed, name, there.get(name, ""))
    return Presence(
        repository=where,
        digest=digest,
        tag=tag,
        there=there,
        missing=missing,
        has_digest=images.has_digest or digest in there.values(),
    )


def _conflict(repository: Repository, tag: str, found: str, digest: str) -> PublishError:
    return PublishError(
        f"`{repository}:{tag}` is there already, as another image: {found}. This build made {digest}.",
        remedy=(
            "The commit was built twice, and the first build is the one that may be deployed already. "
            "Publish that "
            f"one: `slipway publish --image-digest {found}`. Re-running only the failed jobs keeps the "
            "first build; "
            "`slipway build --environment NAME` takes it from the repository instead of building again. Or "
            "commit "
            "anew; Slipway doesn't overwrite a commit's image."
        ),
    )


def _check_movable(repository: Repository, allowed: Settings, tag: str, found: str) -> None:
    """Raise PublishError when the repository won't let `tag` be moved to each new image."""
    if not allowed.fixed(tag):
        return
    now = f"is {found} there and can't be moved" if found else "could be written once and never moved"
    raise PublishError(
        f"`{repository}` has immutable tags: `{tag}` {now}. Nothing was written.",
        remedy=(
            f"Take `{tag}` out of `tags:` in slipway.yml (the image has its `sha-<commit>` tag anyway), or "
            "exclude it "
            f"from immutability: `aws ecr put-image-tag-mutability --repository-name {repository.api_name} "
            "--image-tag-mutability IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters "
            f"filterType=WILDCARD,filter={tag}`."
        ),
    )


def push(
    aws: Aws,
    archive: Path | None,
    presence: Presence,
    *,
    run: Run = process.run,
    emit: Emitter,
    environ: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write what `inspect` found missing, the immutable tag first, then read back and compare.

    `archive` may be None when the image is in the repository and only tags are missing. Another run that
    pushes the same at the same time is no error. Raises PublishError when the image can't be written, or is
    another one afterwards.
    """
    where, digest = presence.repository, presence.digest
    if not presence.missing:
        emit("push", "skipped", f"{presence.tag} is there already", digest=digest)
        return
    if archive is None and not presence.has_digest:
        raise PublishError(
            f"`{where}` has no image {digest}, and no artifact was given.",
            remedy="Give `--artifacts DIR` with what `slipway build` made.",
        )
    emit("push", "started", f"{', '.join(presence.missing)} to {where.name}")
    with logged_in(where.host, ecr.login(aws, where), environ=environ) as auth:
        uploaded = presence.has_digest
        for tag in presence.missing:
            if uploaded or archive is None:
                command = transfer.tag_again(where, digest, tag, auth=auth)
            else:
                command = transfer.upload(archive, where, tag, auth=auth)
            _write(aws, presence, tag, command, run=run, sleep=sleep)
            uploaded = True
    _read_back(aws, presence)
    emit("push", "succeeded", f"{digest} as {', '.join(presence.missing)}", digest=digest)


def _write(
    aws: Aws, presence: Presence, tag: str, command: list[str], *, run: Run, sleep: Callable[[float], None]
) -> None:
    """Write one tag; where that fails because another run has just written the same, it is done."""
    try:
        transfer.persist(run, command, doing=f"push `{tag}` to `{presence.repository}`", sleep=sleep)
    except PublishError:
        found = ecr.digests(aws, presence.repository, [tag]).tags.get(tag)
        if found == presence.digest:
            return
        if found and tag == presence.tag:
            raise _conflict(presence.repository, tag, found, presence.digest) from None
        raise


def _read_back(aws: Aws, presence: Presence) -> None:
    found = ecr.digests(aws, presence.repository, presence.missing).tags
    for tag in presence.missing:
        if found.get(tag) == presence.digest:
            continue
        now = f"leads to {found[tag]}" if tag in found else "is not there"
        raise PublishError(
            f"`{presence.repository}:{tag}` {now} after the push; {presence.digest} was pushed.",
            remedy=(
                "Another run moved it, or the registry changed the image. Run it again; nothing was deployed."
            ),
        )
