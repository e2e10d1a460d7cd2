"""Runs workflows under act in host mode, on a consumer repository in a temporary folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.tree import ROOT, WORKFLOWS, program, tool

OURS = "example-org/slipway@v1"  # what the tree is rendered as
RUNNER = "ubuntu-24.04"

UPLOAD = """\
name: upload-artifact (stand-in)
inputs:
  name: {required: true}
  path: {required: true}
  if-no-files-found: {default: warn}
  compression-level: {default: "6"}
  retention-days: {default: "0"}
  overwrite: {default: "false"}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", WHAT: "${{ inputs.path }}"}
      run: |
        mkdir -p "$STAND_IN_ARTIFACTS/$NAME"
        if [ -d "$WHAT" ]; then WHAT="$WHAT/."; fi
        cp -r "$WHAT" "$STAND_IN_ARTIFACTS/$NAME/"
"""

DOWNLOAD = """\
name: download-artifact (stand-in)
inputs:
  name: {default: ""}
  pattern: {default: ""}
  path: {required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", PATTERN: "${{ inputs.pattern }}", TO: "${{ inputs.path }}"}
      run: |
        mkdir -p "$TO"
        if [ -n "$NAME" ]; then cp -r "$STAND_IN_ARTIFACTS/$NAME/." "$TO/"; exit; fi
        for found in "$STAND_IN_ARTIFACTS"/$PATTERN; do
          if [ -d "$found" ]; then cp -r "$found" "$TO/"; fi
        done
"""

# act copies the working tree where the workflow checks its own repository out; nothing is left to do.
CHECKOUT = """\
name: checkout (stand-in)
inputs:
  fetch-depth: {default: "1"}
  persist-credentials: {default: "true"}
runs:
  using: composite
  steps:
    - {shell: bash, run: "true"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What act reported. `jobs` is each job's result by its shown name, in the order they ended."""

    status: int
    jobs: Mapping[str, str]
    steps: Sequence[tuple[str, str, str]]  # (job, step, result)
    outputs: Mapping[str, Mapping[str, str]]  # of steps, by job
    by_step: Mapping[tuple[str, str], Mapping[str, str]]  # the same by job and the step's id
    summaries: Mapping[str, str]
    log: str
    seconds: float


@dataclass(kw_only=True)
class Consumer:
    """A repository that uses Slipway, and the folder that its runs share."""

    folder: Path
    files: Mapping[str, str]
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("repository", "ours", "artifacts", "cache", "home"):
            (self.folder / name).mkdir(parents=True)
        for name, text in self.files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        self.commit("first")
        self.git("remote", "add", "origin", "https://github.com/example-org/example.git")
        tool("render").render(ROOT, self.folder / "ours", reference=OURS)

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        command = ["git", "-C", str(self.repository), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> str:
        if not (self.repository / ".git").exists():
            self.git("init", "--quiet", "-b", "main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def act(
        self,
        event: str = "push",
        *,
        payload: Mapping[str, Any] | None = None,
        workflow: str = "publish.yml",
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        during: Callable[[subprocess.Popen[str]], None] | None = None,
        timeout: float = 240,
    ) -> Ran:
        """Run one workflow to its end; `during` may do something to the process meanwhile."""
        began = time.monotonic()
        command = [program("act"), event, "--json", "-W", f".github/workflows/{workflow}"]
        command += ["-P", f"{RUNNER}=-self-hosted", "--no-cache-server", "--pull=false"]
        command += ["--action-cache-path", str(self.folder / "cache"), "--defaultbranch", "main"]
        command += ["-e", str(self._payload(event, payload or {}))]
        command += ["--secret-file", str(self._dotenv("secrets", secrets or {}))]
        command += ["--var-file", str(self._dotenv("variables", variables or {}))]
        for name, place in self._stand_ins().items():
            command += ["--local-repository", f"{name}={place}"]
        shared = {"STAND_IN_ARTIFACTS": str(self.folder / "artifacts"), "SLIPWAY_PYTHON": sys.executable}
        for name, value in {**shared, **self.environ}.items():
            command += ["--env", f"{name}={value}"]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LANG": "C.UTF-8"}
        # Into a file: nobody reads a pipe while `during` waits.
        log = self.folder / "act.log"
        with log.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                command,
                cwd=self.repository,
                env=environ,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                if during is not None:
                    during(process)
                process.wait(timeout=timeout)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return _read(log.read_text("utf-8"), process.returncode, time.monotonic() - began)

    def _payload(self, event: str, given: Mapping[str, Any]) -> Path:
        head = self.git("rev-parse", "HEAD")
        repository = {"default_branch": "main", "full_name": "example-org/example", "name": "example"}
        document: dict[str, Any] = {"repository": repository, **given}
        if event == "push":
            document = {"ref": "refs/heads/main", "before": "0" * 40, "after": head, **document}
        path = self.folder / "event.json"
        path.write_text(json.dumps(document), "utf-8")
        return path

    def _dotenv(self, name: str, values: Mapping[str, str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()), "utf-8")
        return path

    def _stand_ins(self) -> dict[str, Path]:
        texts = {"upload-artifact": UPLOAD, "download-artifact": DOWNLOAD, "checkout": CHECKOUT}
        places = {OURS: self.folder / "ours"}
        for reference in third_parties():
            name = reference.partition("@")[0].partition("/")[2]
            place = self.folder / "stand-ins" / name
            place.mkdir(parents=True, exist_ok=True)
            (place / "action.yml").write_text(texts[name], "utf-8")
            places[reference] = place
        return places


def third_parties() -> list[str]:
    """Every action of others that our workflows use, as `owner/name@commit`."""
    found = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    return sorted(set(re.findall(r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40})", found)))


def _read(output: str, status: int, seconds: float) -> Ran:
    jobs: dict[str, str] = {}
    steps: list[tuple[str, str, str]] = []
    outputs: dict[str, dict[str, str]] = {}
    by_step: dict[tuple[str, str], dict[str, str]] = {}
    summaries: dict[str, str] = {}
    lines: list[str] = []
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            lines.append(line)
            continue
        job = _shown(entry.get("job", ""))
        lines.append(f"[{job}] {entry.get('msg', '').rstrip()}")
        if "jobResult" in entry:
            jobs[job] = entry["jobResult"]
        if "stepResult" in entry and entry.get("stage") == "Main":
            steps.append((job, entry.get("step", ""), entry["stepResult"]))
        if entry.get("command") == "set-output":
            outputs.setdefault(job, {})[entry["name"]] = entry["arg"]
            by_step.setdefault((job, entry["stepID"][0]), {})[entry["name"]] = entry["arg"]
        if entry.get("command") == "summary":
            summaries[job] = summaries.get(job, "") + entry["content"]
    return Ran(
        status=status,
        jobs=jobs,
        steps=steps,
        outputs=outputs,
        by_step=by_step,
        summaries=summaries,
        log="\n".join(lines),
        seconds=seconds,
    )


def _shown(job: str) -> str:
    """Drop the workflows' names before the job's own, the padding, and the number of a matrix job."""
    return re.sub(r"-\d+$", "", job.rpartition("/")[2].strip())
