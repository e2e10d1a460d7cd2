"""Child processes of a rehearsal: started with their output in a file, ended by their own id."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from slipway.errors import ToolError


class Child:
    """One long-lived program beside us; `name` is what errors call it."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, pass_fds: Sequence[int] = (), remedy: str = ""
    ) -> None:
        """Start `command`. Raises ToolError when the program is not there."""
        self._name = name
        self._log = log
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=tuple(pass_fds),
                    # A Ctrl-C is for us: we end our children in order, after what they serve has ended.
                    start_new_session=True,
                )
        except FileNotFoundError as error:
            raise ToolError(f"`{command[0]}` is not on the path.", remedy=remedy) from error

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 10) -> None:
        """Return once `ready()`; raises ToolError with its last words when it ended or took too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            status = self._process.poll()
            if status is not None or time.monotonic() > deadline:
                what = f"ended with {status}" if status is not None else f"was not ready within {seconds:g} s"
                self.stop()
                raise ToolError(f"{self._name} {what}. It said: {self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """Return the end of what the program printed."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return " | ".join(line.strip() for line in lines[-3:]) or "nothing"

    def stop(self, *, seconds: float = 5) -> None:
        """End the program: politely, then for good."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
