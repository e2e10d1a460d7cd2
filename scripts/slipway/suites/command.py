"""Running the command of one suite, without the secrets of the job that runs it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from slipway.config.model import Suite

TIMED_OUT = 124  # as coreutils' timeout ends

# A suite is the repository's code: it gets what it needs to test, and no key to the account.
_WITHHELD = ("DEPLOY_", "AWS_", "SLACK_", "ACTIONS_", "INPUTS", "GITHUB_TOKEN", "SLIPWAY_VARIABLES")


def withhold(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without deploy credentials, tokens and settings."""
    return {name: value for name, value in environ.items() if not name.startswith(_WITHHELD)}


def run(suite: Suite, *, root: Path, environ: Mapping[str, str], given: Mapping[str, str]) -> int:
    """Run the suite's command in its folder, with `given` in its environment, and return its exit status.

    Output goes straight to ours. A suite over its time is ended with all that it started: status 124.
    """
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", suite.run],
        cwd=root / suite.working_directory,
        env={**withhold(environ), **given},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=suite.timeout_minutes * 60)
    except subprocess.TimeoutExpired:
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
