"""Runs `slipway` as a job on GitHub would: a process of its own, with the job's settings and files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway.rehearsal.stage import environment

LAUNCH = "from slipway.cli import main; raise SystemExit(main())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a job ended: what it gave to later steps, its part of the summary, what it printed."""

    status: int
    seconds: float
    began: float
    outputs: Mapping[str, str]
    summary: str
    printed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts a workflow run."""

    event: str  # push | workflow_dispatch
    commit: str
    environment: str = ""  # a workflow_dispatch's choice


def run(
    words: Sequence[str],
    *,
    root: Path,
    trigger: Trigger,
    settings: Mapping[str, str],
    show: Callable[[str], None],
) -> Done:
    """Run one `slipway` command to its end; each line it prints goes to `show`."""
    with tempfile.TemporaryDirectory(prefix="job-", dir=root.parent) as name:
        folder = Path(name)
        environ = environment(_github(folder, root, trigger), settings)
        began = time.time()
        lines: list[str] = []
        with _process([sys.executable, "-I", "-c", LAUNCH, *words], root, environ) as process:
            assert process.stdout is not None  # noqa: S101
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                show(lines[-1])
        return Done(
            status=process.wait(),
            seconds=time.time() - began,
            began=began,
            outputs=_outputs(folder / "output"),
            summary=(folder / "summary").read_text(),
            printed="\n".join(lines),
        )


@contextmanager
def _process(command: list[str], root: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=root,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a Ctrl-C is for us, who end it below
    )
    finished = False
    try:
        yield process
        process.wait()
        finished = True
    finally:
        if not finished:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _github(folder: Path, root: Path, trigger: Trigger) -> dict[str, str]:
    inputs = {"inputs": {"environment": trigger.environment}} if trigger.environment else {}
    (folder / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}, **inputs}))
    for name in ("output", "summary"):
        (folder / name).touch()
    (folder / "temp").mkdir()
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": trigger.event,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": f"rehearsal/{root.name}",
        "GITHUB_SHA": trigger.commit,
        "GITHUB_WORKSPACE": str(root),
        "RUNNER_TEMP": str(folder / "temp"),
        "PYTHONUNBUFFERED": "1",
    }


def _outputs(path: Path) -> dict[str, str]:
    """Read what a step gave: `name=value`, or `name<<DELIMITER`, lines, `DELIMITER`."""
    found: dict[str, str] = {}
    lines = iter(path.read_text().splitlines())
    for line in lines:
        name, mark, rest = line.partition("<<")
        if mark and "=" not in name:
            taken = []
            for following in lines:
                if following == rest:
                    break
                taken.append(following)
            found[name] = "\n".join(taken)
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def is_main_thread() -> bool:
    """Whether signals may be set here."""
    return threading.current_thread() is threading.main_thread()
