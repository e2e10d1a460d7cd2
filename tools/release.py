"""Releases Slipway: an immutable, annotated `vX.Y.Z`, then the moving major tag, forwards only.

`check` writes nothing. `release` checks the same, then tags and pushes; where it was interrupted, a second
run finishes it. The version is the one in pyproject.toml and needs a section `## X.Y.Z` in CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = re.compile(r"(?P<major>0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
IDENTITY = ("-c", "user.name=slipway-release", "-c", "user.email=slipway-release@users.noreply.github.com")


class ReleaseError(Exception):
    """A release that must not happen: what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What will be tagged. `moves` is the commit that the major tag stands on now; empty without one."""

    version: str
    commit: str
    notes: str
    tagged: bool  # vX.Y.Z is there already, on this commit
    moves: str

    @property
    def tag(self) -> str:
        """The immutable tag."""
        return f"v{self.version}"

    @property
    def major(self) -> str:
        """The moving tag."""
        return f"v{self.version.partition('.')[0]}"


def git(root: Path, *words: str) -> str:
    """Run git in `root` and return what it printed. Raises ReleaseError when it fails."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"`git {' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def version_of(root: Path) -> str:
    """Return pyproject.toml's version. Raises ReleaseError when it isn't X.Y.Z."""
    version = str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"])
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"pyproject.toml: version `{version}` is not X.Y.Z.")
    return version


def notes_of(changelog: str, version: str) -> str:
    """Return the text under `## X.Y.Z`. Raises ReleaseError when the section is missing or empty."""
    pattern = rf"^## \[?v?{re.escape(version)}\]?(?:[ \t][^\n]*)?\n(?P<notes>.*?)(?=^## |\Z)"
    found = re.search(pattern, changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ReleaseError(f"CHANGELOG.md has no section `## {version}`: write it, or change the version.")
    if not (notes := found["notes"].strip()):
        raise ReleaseError(f"CHANGELOG.md: the section `## {version}` is empty.")
    return notes


def remote_tags(root: Path, remote: str) -> dict[str, str]:
    """Return each tag of the remote with the commit that it stands on."""
    tags: dict[str, str] = {}
    for line in git(root, "ls-remote", "--tags", remote).splitlines():
        commit, _, name = line.partition("\t")
        # An annotated tag comes twice; the line with ^{} names the commit and comes second.
        tags[name.removeprefix("refs/tags/").removesuffix("^{}")] = commit
    return tags


def prepare(root: Path, *, remote: str = "origin", branch: str = "main") -> Release:
    """Check everything by reads alone. Raises ReleaseError for what forbids the release."""
    version = version_of(root)
    changelog = root / "CHANGELOG.md"
    notes = notes_of(changelog.read_text("utf-8") if changelog.exists() else "", version)
    if dirty := git(root, "status", "--porcelain", "--untracked-files=no"):
        raise ReleaseError(f"The working tree differs from its commit:\n{dirty}")
    commit = git(root, "rev-parse", "HEAD")
    git(root, "fetch", "--quiet", "--no-tags", remote, f"refs/heads/{branch}")
    if not _is_ancestor(root, commit, git(root, "rev-parse", "FETCH_HEAD")):
        raise ReleaseError(f"{commit} is not on `{branch}` of `{remote}`: only what was merged is released.")
    tags = remote_tags(root, remote)
    release = Release(
        version=version,
        commit=commit,
        notes=notes,
        tagged=tags.get(f"v{version}") == commit,
        moves=tags.get(f"v{version.partition('.')[0]}", ""),
    )
    _refuse(root, release, tags, remote)
    return release


def _refuse(root: Path, release: Release, tags: dict[str, str], remote: str) -> None:
    if release.tag in tags and not release.tagged:
        raise ReleaseError(
            f"{release.tag} is on {tags[release.tag]} and never moves: raise the version in pyproject.toml."
        )
    if not release.moves:
        return
    git(root, "fetch", "--quiet", "--no-tags", remote, f"refs/tags/{release.major}")
    if not _is_ancestor(root, release.moves, release.commit):
        raise ReleaseError(
            f"{release.major} is on {release.moves}, which is not an ancestor of {release.commit}: "
            f"{release.major} only moves forwards."
        )


def tag(root: Path, release: Release, *, remote: str = "origin") -> None:
    """Push the immutable tag, then the major tag on the condition that nobody moved it since `prepare`."""
    if not release.tagged:
        git(root, *IDENTITY, "tag", "--annotate", "--force", "-m", release.notes, release.tag, release.commit)
        git(root, "push", "--quiet", remote, f"refs/tags/{release.tag}")
    if release.moves == release.commit:
        return
    if remote_tags(root, remote).get(release.major, "") != release.moves:
        raise ReleaseError(f"{release.major} moved while the release ran: run it again.")
    reference = f"refs/tags/{release.major}"
    # The lease names what the remote's reference holds: the tag object, where v1 is an annotated tag.
    held = git(root, "ls-remote", remote, reference).partition("\t")[0]
    git(
        root,
        "push",
        "--quiet",
        f"--force-with-lease={reference}:{held}",
        remote,
        f"{release.commit}:{reference}",
    )


def publish(release: Release) -> None:
    """Make GitHub's release of the immutable tag with `gh`; one that is there is left alone."""
    view = ("gh", "release", "view", release.tag)
    if subprocess.run(view, capture_output=True, check=False).returncode == 0:
        return
    create = f"gh release create {release.tag} --verify-tag --title {release.tag} --notes-file -".split()
    subprocess.run(create, input=release.notes, text=True, check=True)


def main(words: Sequence[str] | None = None) -> int:
    """Check, or check and release, the repository that this file is in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("check", "release"))
    arguments = parser.parse_args(words)
    root = Path(__file__).resolve().parent.parent
    try:
        release = prepare(root)
        if arguments.command == "release":
            tag(root, release)
            publish(release)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    done = "released" if arguments.command == "release" else "would release"
    print(f"release: {done} {release.tag} at {release.commit}; {release.major} stands on it")
    return 0


def _is_ancestor(root: Path, old: str, new: str) -> bool:
    words = ["git", "-C", str(root), "merge-base", "--is-ancestor", old, new]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
