"""Git facts that a build needs: which commit, from when, and whether the tree is that commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slipway import process
from slipway.errors import ToolError
from slipway.process import Run

ANCESTORS = 20  # how far back an image to take layers from is looked for
WITH_PASSWORD = re.compile(r"^(?P<scheme>[a-z+]+://)[^/@]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a build starts from. `created` is the commit's time, in seconds since 1970."""

    commit: str
    created: int
    url: str = ""  # of the repository, for people
    dirty: bool = False
    ancestors: tuple[str, ...] = ()  # first parents, the newest first, without the commit itself
    cache_from: tuple[str, ...] = ()  # images in the engine whose layers may be used again

    @property
    def created_iso(self) -> str:
        """The commit's time as ISO 8601 in UTC, such as 2026-11-20T23:15:04Z."""
        return datetime.fromtimestamp(self.created, tz=UTC).isoformat().replace("+00:00", "Z")

    @property
    def tag(self) -> str:
        """The immutable tag of the commit's image."""
        return f"sha-{self.commit}"


def read(
    root: Path, *, environ: Mapping[str, str], output: Path | None = None, run: Run = process.run
) -> Source:
    """Ask git about the checked-out commit of `root`; files under `output` don't make the tree dirty.

    Raises ToolError when it is no repository with a commit, or git is missing.
    """
    history = ("--first-parent", f"--max-count={ANCESTORS + 1}", "--format=%H %ct")
    commits = _git(run, root, "log", *history).split()
    names, times = commits[0::2], commits[1::2]
    changed = _git(run, root, "status", "--porcelain", *_without(output, root))
    return Source(
        commit=names[0],
        created=int(times[0]),
        url=_url(run, root, environ),
        dirty=bool(changed.strip()),
        ancestors=tuple(names[1:]),
    )


def _without(output: Path | None, root: Path) -> list[str]:
    """Leave the build's own output out of what git looks at."""
    whole, inside = root.resolve(), (output or root).resolve()
    if inside == whole or not inside.is_relative_to(whole):
        return []
    return ["--", ".", f":(exclude){inside.relative_to(whole).as_posix()}"]


def _git(run: Run, root: Path, *words: str) -> str:
    finished = run(["git", *words], cwd=root)
    if finished.status != 0:
        said = finished.stderr.strip().splitlines()
        raise ToolError(
            f"`git {words[0]}` failed in `{root}`: {said[-1] if said else f'exit status {finished.status}'}.",
            remedy=(
                "A build is named by its commit: check the repository out (actions/checkout) and commit once."
            ),
        )
    return finished.stdout


def _url(run: Run, root: Path, environ: Mapping[str, str]) -> str:
    """Return the repository's page: GitHub's where we run there, else `origin` without a password."""
    if environ.get("GITHUB_REPOSITORY"):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{environ['GITHUB_REPOSITORY']}"
    finished = run(["git", "config", "--get", "remote.origin.url"], cwd=root)
    url = WITH_PASSWORD.sub(r"\g<scheme>", finished.stdout.strip()) if finished.status == 0 else ""
    return url if url.startswith(("https://", "http://", "ssh://", "git@")) else ""
