"""Installing what a command imports: hash-locked, once per job, in a private folder.

The locks are `scripts/requirements/GROUP.txt`, exports of uv.lock (`uv export --frozen`). A virtual
environment would take 9 s where this takes 2; and no cache is trusted, since deploy credentials are near.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.errors import SlipwayError, UsageError

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
MARKER = ".slipway-complete"
SHOWN_LINES = 10


class InstallError(SlipwayError):
    """What a command imports could not be installed."""


def ensure(*groups: str) -> None:
    """Make the modules of dependency groups (`core`, `aws`) importable in this process.

    Nothing is done where Slipway is installed as a package, in a virtual environment or in that of the
    interpreter that SLIPWAY_PYTHON names: it holds them already. Raises UsageError for an unknown group,
    InstallError when a package can't be had or its hash isn't the locked one.
    """
    if is_prepared(os.environ):
        return
    for group in groups:
        if not (REQUIREMENTS / f"{group}.txt").is_file():
            raise UsageError(f"There is no dependency group `{group}`.")
        if group == "core" and len(groups) > 1:
            continue  # every other group's lock holds what the core needs
        folder = str(installed(group, os.environ))
        if folder not in sys.path:
            # First, so that what is locked wins over what the machine happens to have.
            sys.path.insert(0, folder)
    importlib.invalidate_caches()


def is_prepared(environ: Mapping[str, str]) -> bool:
    """Whether the interpreter's own environment is locked already: a virtual one, or SLIPWAY_PYTHON's.

    SLIPWAY_PYTHON may as well be a bare interpreter that is only newer than the runner's: then it isn't.
    """
    named = environ.get("SLIPWAY_PYTHON")
    if named and (found := shutil.which(named)):
        return Path(found).absolute() == Path(sys.executable).absolute() and _is_complete()
    return sys.prefix != sys.base_prefix and _is_complete()


def _is_complete() -> bool:
    """Whether this environment was made from the project: then it has its distribution's record."""
    from importlib import metadata

    try:
        metadata.version("slipway")
    except metadata.PackageNotFoundError:
        return False
    return True


def installed(group: str, environ: Mapping[str, str]) -> Path:
    """Return the folder that holds a group's packages, installed there if it isn't yet.

    It is written beside and renamed, so that a kill leaves none that is half full; the name holds the hash of
    the lock and the interpreter's version.
    """
    lock = REQUIREMENTS / f"{group}.txt"
    version = f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}"
    name = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:16]
    base = _base(environ)
    folder = base / f"slipway-{name}"
    if (folder / MARKER).is_file():
        return folder
    beside = Path(tempfile.mkdtemp(prefix=f"slipway-{name}-", dir=base))
    try:
        _install(lock, beside, group)
        (beside / MARKER).touch()
        try:
            beside.rename(folder)
        except OSError:  # another process of the job was faster
            if not (folder / MARKER).is_file():
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _base(environ: Mapping[str, str]) -> Path:
    """Return the job's folder; else one that is the user's alone, since what is in it is imported."""
    runner = environ.get("RUNNER_TEMP")
    if runner and Path(runner).is_dir():
        return Path(runner)
    try:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError) as error:  # no home at all is a RuntimeError
        raise InstallError(
            f"There is no folder to install packages into: {error}.",
            remedy="Set RUNNER_TEMP, or XDG_CACHE_HOME, to a folder that may be written to.",
        ) from error
    return base


def command(lock: Path, folder: Path, uv: str | None) -> Sequence[str]:
    """Return the argument vector that installs a lock into a folder: wheels alone, each with its hash."""
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-config"]
    else:
        # -I: `-m` alone would take a `pip.py` or `logging.py` of the folder we are in, the caller's.
        install = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"]
        install += ["--disable-pip-version-check", "--no-warn-script-location"]
    return [
        *install,
        "--target",
        str(folder),
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--requirement",
        str(lock),
    ]


def _install(lock: Path, folder: Path, group: str) -> None:
    """Install by uv where it is on the path, else, or where it fails (a proxy's certificate), by pip."""
    uv = shutil.which("uv")
    if uv:
        try:
            _run(command(lock, folder, uv), group)
        except InstallError as error:
            print(f"warning: uv failed, pip is tried:\n{error.message}", file=sys.stderr)
        else:
            return
    _run(command(lock, folder, None), group)


def _run(words: Sequence[str], group: str) -> None:
    try:
        finished = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise InstallError(f"`{words[0]}` can't run: {error}.") from error
    if finished.returncode == 0:
        return
    said = "\n".join(finished.stderr.strip().splitlines()[-SHOWN_LINES:])
    raise InstallError(
        f"The packages of the group `{group}` could not be installed:\n{said}",
        remedy=(
            "Does this machine reach a package index (PIP_INDEX_URL or UV_INDEX_URL name another)? `No "
            "module named "
            "pip` means: install pip, or uv, or set SLIPWAY_PYTHON to an interpreter with Slipway's "
            "environment."
        ),
    )
