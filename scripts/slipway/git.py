"""What git knows about the repository: reads only, no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slipway import process
from slipway.errors import ToolError

NOTHING = "0" * 40  # what a push says was there before a new branch


class Git(Protocol):
    """What the plan asks of git. Commits are 40 hex digits; unknown text is empty."""

    def commit(self, name: str = "HEAD") -> str:
        """The commit that a name stands for."""

    def base(self, before: str, commit: str) -> str:
        """Where two commits' histories meet."""

    def is_ancestor(self, before: str, commit: str) -> bool:
        """Whether `commit` was made on top of `before`, as far as the history is here."""

    def changed(self, before: str, commit: str) -> tuple[str, ...] | None:
        """The files, from our root, in which two commits differ; None when git can't tell."""

    def count(self, before: str, commit: str) -> int | None:
        """How many commits lie between; None when git can't tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on this machine; `root` may be a folder inside it."""

    root: Path
    run: process.Run = process.run

    def _ask(self, *words: str) -> str | None:
        """What git answers; None when it refuses or isn't there."""
        try:
            done = self.run(["git", "-C", str(self.root), *words])
        except ToolError:
            return None
        return done.stdout if done.status == 0 else None

    def _line(self, *words: str) -> str:
        return (self._ask(*words) or "").strip()

    def commit(self, name: str = "HEAD") -> str:
        """The commit that a name stands for."""
        return self._line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    def base(self, before: str, commit: str) -> str:
        """Where two commits' histories meet."""
        return self._line("merge-base", "--end-of-options", before, commit)

    def is_ancestor(self, before: str, commit: str) -> bool:
        """Whether `commit` was made on top of `before`, as far as the history is here."""
        return self._ask("merge-base", "--is-ancestor", "--end-of-options", before, commit) is not None

    def changed(self, before: str, commit: str) -> tuple[str, ...] | None:
        """The files, from our root, in which two commits differ; None when git can't tell."""
        words = [
            "diff",
            "--name-only",
            "--no-renames",
            "--relative",
            "-z",
            "--end-of-options",
            before,
            commit,
        ]
        answer = self._ask(*words)
        return None if answer is None else tuple(name for name in answer.split("\0") if name)

    def count(self, before: str, commit: str) -> int | None:
        """How many commits lie between; None when git can't tell."""
        answer = self._line("rev-list", "--count", "--end-of-options", f"{before}..{commit}")
        return int(answer) if answer.isdigit() else None

    def branch(self) -> str:
        """The branch that is checked out; empty when none is."""
        return self._line("symbolic-ref", "--quiet", "--short", "HEAD")

    def default_branch(self) -> str:
        """The remote's default branch; where git doesn't know it, `main` or `master` if there is one."""
        remote = self._line("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
        if remote:
            return remote.removeprefix("origin/")
        return next((name for name in ("main", "master") if self.known(name)), "")

    def known(self, branch: str) -> str:
        """The commit of a branch, as the remote had it last, or as it is here; empty when there is none."""
        return self.commit(f"refs/remotes/origin/{branch}") or self.commit(f"refs/heads/{branch}")

    def repository(self) -> str:
        """OWNER/NAME of the remote `origin`, where its address has that form."""
        address = self._line("config", "--get", "remote.origin.url").rstrip("/").removesuffix(".git")
        if "://" not in address and "@" not in address:
            return ""
        parts = address.replace(":", "/").split("/")
        return "/".join(parts[-2:]) if len(parts) > 2 and all(parts[-2:]) else ""  # noqa: PLR2004
