"""Write slipway.yml and the workflow files for a repository that has others today.

Reads its workflows, Dockerfiles, Makefile and package.json, keeps their commands, shows what it would
change as a diff, and writes it. What is there and committed to git may be replaced; what git doesn't have
is only with --force. Files that call Slipway already are left alone, so a second run changes nothing.

  slipway init --dry-run     the diff alone
  slipway init               the diff, then the files
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway import __version__, process
from slipway.cli import Context, boolean
from slipway.commands.adoption import files, workflows
from slipway.commands.adoption.proposal import Proposal, propose
from slipway.commands.adoption.workflows import Job
from slipway.errors import Exit, ToolError, UsageError

FOLDER = Path(".github/workflows")
USES = re.compile(r"[\w.-]+/[\w.-]+@\S+( # \S+)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    for name, text in (
        ("--dry-run", "show the diff and write nothing"),
        ("--force", "replace files that git doesn't have, too"),
    ):
        parser.add_argument(name, nargs="?", const=True, default=False, type=boolean, help=text)
    parser.add_argument(
        "--uses",
        metavar="OWNER/NAME@REF",
        help="where Slipway is used from (default: where this one is from)",
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Show the diff, write the files, and say what to do next."""
    uses, notes = _uses(arguments.uses)
    jobs = workflows.read(context.root)
    proposal = propose(context.root, jobs, name=_name(context.root), branch=_branch(context.root))
    wanted = _wanted(context.root, proposal, jobs, uses)
    changed = {path: text for path, text in wanted.items() if _read(context.root / path) != text}
    notes += [*proposal.notes, *_replaced(jobs, wanted)] if changed else []
    diff = "".join(_diff(context.root, path, text) for path, text in changed.items())
    if context.json:
        print(json.dumps({"files": sorted(map(str, changed)), "diff": diff, "notes": notes}, indent=2))
    else:
        print(diff, end="")
    if changed and not arguments.dry_run:
        _refuse(context.root, list(changed), force=arguments.force)
        for path, text in changed.items():
            (context.root / path).parent.mkdir(parents=True, exist_ok=True)
            (context.root / path).write_text(text, "utf-8")
    if not context.json:
        _say(changed, notes, written=not arguments.dry_run)
    return Exit.DONE


def _wanted(root: Path, proposal: Proposal, jobs: Sequence[Job], uses: str) -> dict[Path, str]:
    """Each file with its text; those that speak of Slipway already are as they are."""
    if not proposal.components and not (root / "slipway.yml").exists():
        raise UsageError(
            f"`{root}` has no Dockerfile, and no workflow that builds an image.",
            remedy="Write slipway.yml by hand; docs/reference/configuration.md shows every key.",
        )
    wanted = {}
    if not (root / "slipway.yml").exists():
        wanted[Path("slipway.yml")] = files.configuration(proposal)
    called = {job.file for job in jobs if job.ours}
    texts = {"publish.yml": files.publish(proposal, uses), "test.yml": files.test(proposal, uses)}
    for name, text in texts.items():
        if {name, f"slipway-{name}"}.isdisjoint(called):
            wanted[FOLDER / _free(name, jobs)] = text
    return wanted


def _free(name: str, jobs: Sequence[Job]) -> str:
    """The file's name; another one where a workflow of that name does what Slipway doesn't."""
    there = [job for job in jobs if job.file == name]
    return name if all(_understood(job) for job in there) else f"slipway-{name}"


def _understood(job: Job) -> bool:
    return job.publishes or bool(job.tests) or job.idle or job.ours


def _replaced(jobs: Sequence[Job], wanted: Mapping[Path, str]) -> list[str]:
    """Name what does the same today in files that stay."""
    notes = []
    for file in dict.fromkeys(job.file for job in jobs if not job.ours):
        if FOLDER / file in wanted:
            continue
        theirs = [job for job in jobs if job.file == file]
        same = [job.name for job in theirs if job.publishes or job.tests]
        if same and all(map(_understood, theirs)):
            notes.append(f"{FOLDER / file} does the same: remove it (git rm {FOLDER / file}).")
        elif same:
            notes.append(f"{FOLDER / file}: its jobs {', '.join(same)} do the same: remove them.")
    return notes


def _refuse(root: Path, paths: Sequence[Path], *, force: bool) -> None:
    """Raise UsageError rather than lose what git doesn't have."""
    there = [str(path) for path in paths if (root / path).exists()]
    if not there or force:
        return
    try:
        done = process.run(["git", "-C", str(root), "status", "--porcelain", "--ignored", "--", *there])
        lost = done.stdout.strip() if done.status == 0 else "\n".join(there)
    except ToolError:
        lost = "\n".join(there)
    if lost:
        raise UsageError(
            f"These would be replaced and git doesn't have them as they are:\n{lost}",
            remedy="Commit them first, or give --force.",
        )


def _uses(given: str | None) -> tuple[str, list[str]]:
    """Where Slipway is used from, as `OWNER/NAME@REF`, and what to note about it."""
    if given is not None:
        if not USES.fullmatch(given):
            raise UsageError(f"`{given}` is not OWNER/NAME@REF.", remedy="Such as OWNER/slipway@v1.")
        return given, []
    own = Path(__file__).resolve().parents[3]
    try:
        origin = process.run(["git", "-C", str(own), "config", "--get", "remote.origin.url"]).stdout.strip()
        commit = process.run(["git", "-C", str(own), "rev-parse", "HEAD"]).stdout.strip()
    except ToolError:
        origin = commit = ""
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?$", origin)
    if found and re.fullmatch(r"[0-9a-f]{40}", commit):
        return f"{found[1]}@{commit} # v{__version__}", []
    major = f"v{__version__.partition('.')[0]}"
    return f"OWNER/slipway@{major}", ["Put the owner of your copy of Slipway for OWNER, or give --uses."]


def _name(root: Path) -> str:
    from slipway.config import conventions

    return conventions.repository_name(root)


def _branch(root: Path) -> str:
    from slipway.git import Repository

    return Repository(root=root).default_branch() or "main"


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _diff(root: Path, path: Path, text: str) -> str:
    old = _read(root / path)
    before = old.splitlines(keepends=True) if old is not None else []
    name = f"a/{path}" if old is not None else "/dev/null"
    return "".join(difflib.unified_diff(before, text.splitlines(keepends=True), name, f"b/{path}"))


def _say(changed: Mapping[Path, str], notes: Sequence[str], *, written: bool) -> None:
    if not changed:
        print("Nothing to do: slipway.yml and the workflows are there.")
        return
    names = ", ".join(map(str, changed))
    print(f"\n{'Wrote' if written else 'Would write'} {names}.")
    for note in notes:
        print(f"- {note}")
    if written:
        print("Next: `slipway plan` says what a merge would publish; it writes nothing.")
