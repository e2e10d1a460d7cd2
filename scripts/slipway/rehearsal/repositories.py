"""The repository that is rehearsed: an example, or the user's own, as a clone that we may commit to."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway import process
from slipway.errors import ToolError, UsageError
from slipway.rehearsal import base_image

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A repository in a folder of ours. `speaks`: it is the example, whose answers name their commit."""

    root: Path
    name: str
    speaks: bool


def examples() -> list[str]:
    """Return the names of the examples that exist."""
    return sorted(path.name for path in EXAMPLES.glob("*/") if (path / "Dockerfile").is_file())


def find(wanted: str) -> tuple[Path, bool]:
    """Return the folder that is meant, and whether it is an example. Raises UsageError."""
    if wanted in examples():
        return EXAMPLES / wanted, True
    path = Path(wanted).expanduser()
    if path.is_dir():
        return path.resolve(), False
    raise UsageError(
        f"`{wanted}` is neither an example nor a folder.",
        remedy=f"Examples: {', '.join(examples()) or 'none'}. Or give the path of a repository of yours.",
    )


def copy(source: Path, target: Path, *, is_example: bool) -> Rehearsed:
    """Copy an example into a repository of its own, or clone the user's at its present commit.

    Raises UsageError for a folder that is no git repository.
    """
    if is_example:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "dist"))
        git(target, "init", "--quiet", "--initial-branch=main")
        commit(target, "An application")
        return Rehearsed(root=target, name=source.name, speaks=True)
    done = process.run(["git", "-C", str(source), "rev-parse", "--show-toplevel"])
    if done.status != 0 or Path(done.stdout.strip()).resolve() != source.resolve():
        raise UsageError(
            f"`{source}` is not the root of a git repository.",
            remedy="Give the root of a repository with a commit.",
        )
    cloned = process.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(target)])
    if cloned.status != 0:
        raise ToolError(f"git clone failed: {cloned.stderr.strip()}")
    if not (target / "Dockerfile").is_file() and not (target / "slipway.yml").is_file():
        raise UsageError(
            f"`{source}` has neither a Dockerfile nor a slipway.yml in its last commit.",
            remedy="The rehearsal takes what is committed, and plays applications: images that answer HTTP.",
        )
    return Rehearsed(root=target, name=source.name, speaks=False)


def git(root: Path, *words: str) -> str:
    """Run git in the clone with a name of ours, whatever the machine's settings; returns what it printed."""
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_AUTHOR_NAME": "Slipway rehearsal",
        "GIT_AUTHOR_EMAIL": "rehearsal@example.invalid",
        "GIT_COMMITTER_NAME": "Slipway rehearsal",
        "GIT_COMMITTER_EMAIL": "rehearsal@example.invalid",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = process.run(["git", "-C", str(root), *words], env=environ)
    if done.status != 0:
        raise ToolError(f"git {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    """Commit all there is, even nothing; returns the commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--no-verify", f"--message={message}")
    return git(root, "rev-parse", "HEAD")


def amend(root: Path, component: str, *, build_arguments: dict[str, str], url: bool) -> None:
    """Write into the clone's slipway.yml what only the rehearsal knows: build arguments, and the address.

    With `url` the component answers at `${APPLICATION_URL}`, so that a verify suite asks our containers
    and not the environment that the file names.
    """
    import yaml

    path = root / "slipway.yml"
    document: dict[str, Any] = (yaml.safe_load(path.read_text()) if path.is_file() else None) or {}
    if "kind" in document:
        place = document
    else:
        place = document.setdefault("components", {}).setdefault(component, {"kind": "application"})
    if build_arguments:
        image = place.setdefault("image", {})
        image["build-args"] = {**(image.get("build-args") or {}), **build_arguments}
    if url:
        place["url"] = "${APPLICATION_URL}"
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def choose_base(dockerfile: Path, given: dict[str, str], *, is_example: bool) -> tuple[dict[str, str], str]:
    """Return the build arguments to use, and a note for people.

    An example's base is made here when it can't be pulled. For a repository of the user's a base that
    can't be had is named: raises UsageError with how to set another.
    """
    wanted = base_image.bases(dockerfile, given)
    if is_example and "BASE" not in given:
        base = base_image.choose(wanted[0])
        return ({"BASE": base.name} if base.made else {}), base.note
    for image in wanted:
        refusal = "" if base_image.present(image) else base_image.unreachable(image)
        if refusal:
            raise UsageError(
                f"The Dockerfile starts from `{image}`, which can't be pulled here: {refusal}.",
                remedy="Load it first (docker load), or write `ARG BASE=...` and `FROM ${BASE}`, and set it: "
                "slipway rehearse PATH --build-arg BASE=IMAGE. "
                f"`{base_image.NAME}` with Python is made by `slipway rehearse application`.",
            )
    return given, f"from {', '.join(wanted)}"


def exposed_port(dockerfile: Path) -> int | None:
    """Return the port that the Dockerfile exposes last, if it does."""
    ports = re.findall(
        r"^\s*EXPOSE\s+(\d+)", dockerfile.read_text(errors="replace"), re.MULTILINE | re.IGNORECASE
    )
    return int(ports[-1]) if ports else None


def improve_example(root: Path) -> None:
    """Make the example's next version."""
    path = root / "service.py"
    path.write_text(path.read_text().replace('VERSION = "1.0.0"', 'VERSION = "1.1.0"'))


def break_example(root: Path) -> None:
    """Make the example's next version one that answers everything but its health path."""
    path = root / "service.py"
    text = path.read_text().replace('VERSION = "1.1.0"', 'VERSION = "1.2.0"')
    path.write_text(text.replace("HEALTHY = True", "HEALTHY = False"))


def break_any(root: Path, dockerfile: str) -> None:
    """Make the next version of any repository one that can't start."""
    path = root / dockerfile
    path.write_text(path.read_text() + '\nENTRYPOINT ["/slipway-rehearsal-no-such-program"]\n')
