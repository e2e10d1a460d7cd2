"""Running the command of one suite, without the secrets of the job that runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from slipway.config.model import Suite

STANDARD_ERROR = 2
TIMED_OUT = 124  # as coreutils' timeout ends
CANCELLED = 130  # as a shell ends what Ctrl-C ended
SLICE_SECONDS = 0.5  # how soon a cancelled job is noticed

# A suite is the repository's code: it gets what it needs to test, and no key to the account.
_WITHHELD = ("DEPLOY_", "AWS_", "SLACK_", "ACTIONS_", "INPUTS", "GITHUB_TOKEN", "SLIPWAY_VARIABLES")


def withhold(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without deploy credentials, tokens and settings."""
    return {name: value for name, value in environ.items() if not name.startswith(_WITHHELD)}


def run(
    suite: Suite,
    *,
    root: Path,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    cancelled: threading.Event | None = None,
    aside: bool = False,
) -> int:
    """Run the suite's command in its folder, with `given` in its environment, and return its exit status.

    What it prints goes straight to where ours does; with `aside` all of it to standard error. A suite over
    its time is ended with all that it started: status 124. So is one that is `cancelled`: status 130.
    """
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", suite.run],
        cwd=root / suite.working_directory,
        env={**withhold(environ), **given},
        stdin=subprocess.DEVNULL,
        stdout=STANDARD_ERROR if aside else None,
        start_new_session=True,
    )
    end = time.monotonic() + suite.timeout_minutes * 60
    try:
        while (left := end - time.monotonic()) > 0:
            if cancelled is not None and cancelled.is_set():
                return CANCELLED
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=min(left, SLICE_SECONDS))
        return TIMED_OUT
    finally:
        # What it left running in its own session goes too, also when we are interrupted.
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
