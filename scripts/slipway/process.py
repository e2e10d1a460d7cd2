"""Running other programs: argument vectors only, never a shell line of ours."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slipway.errors import ToolError

HOW_TO_GET = {
    "docker": "Install Docker Engine (Debian and Ubuntu: apt-get install docker.io) and start it.",
    "skopeo": "Install skopeo (Debian and Ubuntu: apt-get install skopeo).",
    "git": "Install git (Debian and Ubuntu: apt-get install git).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a program left: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs one program to its end."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        stream: bool = False,
    ) -> Finished:
        """Run `command`; with `stream` its output goes straight to ours and `stdout` stays empty."""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    stream: bool = False,
) -> Finished:
    """Run `command` to its end and return what it left, whatever its exit status.

    Raises ToolError when the program is not there.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=dict(env) if env is not None else None,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=None if stream else subprocess.PIPE,
            stderr=None if stream else subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        name = command[0]
        raise ToolError(f"`{name}` is not on the path.", remedy=HOW_TO_GET.get(name, "")) from error
    return Finished(status=done.returncode, stdout=done.stdout or "", stderr=done.stderr or "")
