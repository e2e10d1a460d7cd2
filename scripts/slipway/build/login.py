"""A registry's password for skopeo and docker: in a private folder, for as long as a block lasts.

It is in no argument list, where every process on the machine could read it, and in no file of the user's.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from slipway.aws.ecr import Login
from slipway.process import ending_cleanly

PREFIX = "slipway-login-"


@contextmanager
def logged_in(host: str, login: Login, *, environ: Mapping[str, str]) -> Iterator[Path]:
    """Give an `auth.json` that holds the login; it goes at the end of the block, on errors and SIGTERM too.

    Where a kill prevents that, the next call removes it: the folder is named after its process.
    The folder is $RUNNER_TEMP, else $XDG_RUNTIME_DIR (in memory, the user's alone), else the temporary one.
    """
    base = base_folder(environ)
    sweep(base)
    with ending_cleanly():
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{_started(os.getpid())}-", dir=base))
        try:
            yield _write(folder, host, login)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def base_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that takes private folders."""
    for name in ("RUNNER_TEMP", "XDG_RUNTIME_DIR"):
        folder = environ.get(name)
        if folder and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return Path(tempfile.gettempdir())


def sweep(base: Path) -> None:
    """Remove the folders of our own user whose processes are gone."""
    for folder in base.glob(f"{PREFIX}*"):
        parts = folder.name.removeprefix(PREFIX).split("-")
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if parts[0].isdigit() and len(parts) > 1 and _started(int(parts[0])) == parts[1]:
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _started(process: int) -> str:
    """Return when a process started, in the kernel's own count, so that a reused id isn't taken for it.

    Empty when it is gone; `0` where there is no /proc and it is there.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            return "0"
        return "0"
    # proc(5): the name in parentheses may hold anything; field 3 comes after it, field 22 is the start.
    return status.rpartition(")")[2].split()[19]


def _write(folder: Path, host: str, login: Login) -> Path:
    """Write the file that skopeo calls auth.json and docker config.json; both are one format."""
    secret = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    path = folder / "auth.json"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"auths": {host: {"auth": secret}}}, file)
    return path
