"""Running other programs: argument vectors only, never a shell line of ours."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from slipway.errors import ToolError

LAST_LINES = 200  # of a program whose output is shown, kept to say why it failed

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
        """Run `command`; with `stream` its output is shown as it comes, and `stderr` keeps the last lines."""


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
    options: dict[str, Any] = {
        "cwd": cwd,
        "env": dict(env) if env is not None else None,
        "text": True,
        "errors": "replace",
    }
    try:
        if stream:
            return _run_showing(list(command), stdin, options)
        done = subprocess.run(
            list(command),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
            **options,
        )
    except FileNotFoundError as error:
        name = command[0]
        if cwd is not None and not cwd.is_dir():
            raise ToolError(f"`{name}` can't run in `{cwd}`: there is no such folder.") from error
        raise ToolError(f"`{name}` is not on the path.", remedy=HOW_TO_GET.get(name, "")) from error
    return Finished(status=done.returncode, stdout=done.stdout, stderr=done.stderr)


def _run_showing(command: list[str], stdin: str | None, options: dict[str, Any]) -> Finished:
    """Run `command` and pass on what it prints, line by line, to standard error (ours is for results)."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    last: deque[str] = deque(maxlen=LAST_LINES)
    with process:
        try:
            if stdin is not None and process.stdin is not None:
                process.stdin.write(stdin)
                process.stdin.close()
            for line in process.stdout or ():
                print(line, end="", file=sys.stderr, flush=True)
                last.append(line)
        except BaseException:
            process.terminate()  # what we started ends with us
            raise
    return Finished(status=process.returncode, stdout="", stderr="".join(last))


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let SIGTERM unwind the block, so that its end is reached; a handler that is set already stays.

    The process then ends with 143, as it would have.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
