"""Tasks as real containers: pulled by digest, asked for their health over HTTP, drained before they stop."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway import process
from slipway.errors import ToolError
from slipway.rehearsal.proxy import Proxy
from slipway.rehearsal.runtime import Health, TaskSpec, TaskState

LABEL = "slipway.rehearsal"  # on every container and network of a rehearsal; its value is the rehearsal's id
GRACE = 15.0  # seconds in which a task that does not listen yet is on its way, not unhealthy
ASKING = 2.0  # seconds within which the health path has to answer
REMEMBERED = 0.25  # seconds for which the engine's word on a container is not asked again


@dataclass(slots=True, kw_only=True)
class _Task:
    spec: TaskSpec
    name: str
    container: str = ""
    port: int = 0
    up: bool = False  # it listens, or had long enough to
    digest: str = ""
    stopping: str = ""  # why, once somebody asked for it
    ended: TaskState | None = None
    seen: tuple[float, TaskState] | None = None
    threads: list[threading.Thread] = field(default_factory=list)


class DockerRuntime:
    """`Runtime` on the Docker engine. Slow work happens in threads, so that every call returns quickly."""

    def __init__(self, *, identity: str, folder: Path, proxy: Proxy, run: process.Run = process.run) -> None:
        """`identity` labels the containers; `folder` holds the private Docker configuration (`log_in`)."""
        self._identity = identity
        self._folder = folder
        self._proxy = proxy
        self._run = run
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._configuration = folder / "docker"
        self._configuration.mkdir(mode=0o700, exist_ok=True)

    def log_in(self, registry: str, token: str) -> None:
        """Let pulls from `registry` (host:port) use `token`, the base64 of user:password."""
        path = self._configuration / "config.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"auths": {registry: {"auth": token}}}))

    def start(self, spec: TaskSpec) -> str:
        """Begin to pull and start a task, without waiting; returns its id. A failed pull shows in `state`."""
        identifier = secrets.token_hex(16)
        task = _Task(spec=spec, name=f"slipway-{self._identity}-{identifier[:12]}")
        with self._lock:
            self._tasks[identifier] = task
        self._in_background(task, lambda: self._start(task))
        return identifier

    def state(self, task: str) -> TaskState:
        """What became of the task."""
        found = self._tasks[task]
        if found.ended is not None:
            return found.ended
        if not found.up or found.stopping:
            # Neither running nor ended: on its way. How long a loaded machine takes to start a process
            # must not count against the health path.
            return TaskState(running=bool(found.up), image_digest=found.digest)
        if found.seen and time.monotonic() - found.seen[0] < REMEMBERED:
            return found.seen[1]
        state = self._inspect(found)
        found.seen = (time.monotonic(), state)
        if not state.running and not found.stopping:
            found.ended = state
        return state

    def health(self, task: str, path: str) -> Health:
        """Ask the task's health path over HTTP, once."""
        found = self._tasks[task]
        if found.ended is not None:
            return Health(state="unhealthy", detail=found.ended.reason)
        if not found.port:
            return Health(state="starting", detail="The container is being started.")
        try:
            status = _ask(found.port, path)
        except (OSError, http.client.HTTPException) as error:
            state = self.state(task)
            if not state.running:
                return Health(state="unhealthy", detail=state.reason)
            return Health(state="unhealthy", detail=f"GET {path}: {type(error).__name__}")
        healthy = 200 <= status < 400  # noqa: PLR2004
        return Health(state="healthy" if healthy else "unhealthy", detail=f"GET {path}: HTTP {status}")

    def stop(self, task: str, reason: str) -> None:
        """Stop and remove the task, its requests first; stopping one that is gone is no error."""
        with self._lock:
            found = self._tasks.get(task)
            if found is None or found.stopping:
                return
            found.stopping = reason or "Stopped"
        self._in_background(found, lambda: self._stop(task, found))

    def shift(self, service: str, weights: Mapping[str, int]) -> None:
        """Send the service's traffic to tasks by weight (task id -> 0 to 100; what isn't named gets none)."""
        targets = {
            task: (self._tasks[task].port, weight)
            for task, weight in weights.items()
            if task in self._tasks and self._tasks[task].port and not self._tasks[task].stopping
        }
        self._proxy.shift(service, targets)

    def logs(self, task: str, *, lines: int = 5) -> str:
        """Return the last lines that the task printed; empty once it is removed."""
        container = self._tasks[task].container
        if not container:
            return ""
        done = self._docker("logs", "--tail", str(lines), container)
        return f"{done.stdout}{done.stderr}".strip() if done.status == 0 else ""

    def containers(self) -> list[str]:
        """Return the names of this rehearsal's containers that the engine still has."""
        return labelled(self._identity, run=self._run)

    def close(self) -> None:
        """Remove every container of this rehearsal and wait for what was in flight."""
        for task in list(self._tasks.values()):
            task.stopping = task.stopping or "The rehearsal ended"
        sweep(self._identity, run=self._run)
        for task in list(self._tasks.values()):
            for thread in task.threads:
                thread.join(timeout=30)
        sweep(self._identity, run=self._run)  # what a start in flight brought after the first

    def _start(self, task: _Task) -> None:
        pulled = self._docker("pull", "--quiet", task.spec.image)
        if pulled.status != 0:
            task.ended = _stopped(f"CannotPullContainerError: {_last_line(pulled.stderr)}", 1)
            return
        task.digest = self._digest(task.spec.image)
        if task.stopping:
            return
        started = self._docker(*self._run_command(task))
        if started.status != 0:
            self._docker("rm", "--force", task.name)
            task.ended = _stopped(f"CannotStartContainerError: {_last_line(started.stderr)}", 1)
            return
        task.container = started.stdout.strip()
        port = self._published_port(task)
        deadline = time.monotonic() + GRACE
        while port and not _listens(port) and time.monotonic() < deadline and not task.stopping:
            state = self._inspect(task)
            if not state.running:
                task.ended = state
                return
            time.sleep(0.05)
        task.port, task.up = port, True

    def _run_command(self, task: _Task) -> list[str]:
        spec = task.spec
        command = ["run", "--detach", "--name", task.name, "--label", f"{LABEL}={self._identity}"]
        command += ["--label", f"slipway.container={spec.name}"]
        if spec.port is not None:
            command += ["--publish", f"127.0.0.1::{spec.port}"]
        if spec.environment:
            command += ["--env-file", str(self._environment_file(task))]
        return [*command, spec.image, *spec.command]

    def _environment_file(self, task: _Task) -> Path:
        """Write the task's environment to a private file: values don't belong on an argument list."""
        path = self._folder / f"{task.name}.env"
        path.touch(mode=0o600)
        # The format has no way to hold a line break; ECS's console strips them too.
        pairs = (f"{name}={' '.join(value.splitlines())}" for name, value in task.spec.environment.items())
        path.write_text("\n".join(pairs) + "\n")
        return path

    def _stop(self, identifier: str, task: _Task) -> None:
        for thread in task.threads:
            if thread is not threading.current_thread():
                thread.join(timeout=60)  # a start in flight ends first, so that nothing appears after us
        self._proxy.drain(identifier)
        state = task.ended
        if task.container:
            self._docker("stop", "--time", "10", task.container)
            state = state or self._inspect(task)
            self._docker("rm", "--force", "--volumes", task.container)
        (self._folder / f"{task.name}.env").unlink(missing_ok=True)
        task.port = 0
        code = state.exit_code if state and state.exit_code is not None else None
        task.ended = TaskState(running=False, exit_code=code, reason=task.stopping, image_digest=task.digest)

    def _inspect(self, task: _Task) -> TaskState:
        done = self._docker("inspect", "--format", "{{json .State}}", task.container)
        if done.status != 0:
            return _stopped("The container was removed by somebody else.", None, task.digest)
        state = json.loads(done.stdout)
        if state["Running"] or state["Status"] == "created":
            return TaskState(running=True, image_digest=task.digest)
        reason = "Essential container in task exited"
        if state["OOMKilled"]:
            reason = "OutOfMemoryError: Container killed due to memory usage"
        if state["Error"]:
            reason = f"CannotStartContainerError: {state['Error']}"
        return _stopped(reason, int(state["ExitCode"]), task.digest)

    def _digest(self, image: str) -> str:
        if "@" in image:
            return image.partition("@")[2]
        done = self._docker("image", "inspect", "--format", "{{json .RepoDigests}}", image)
        repository = image.rpartition(":")[0]
        names = json.loads(done.stdout) if done.status == 0 else []
        return next((name.partition("@")[2] for name in names if name.startswith(f"{repository}@")), "")

    def _published_port(self, task: _Task) -> int:
        if task.spec.port is None:
            return 0
        done = self._docker("port", task.container, f"{task.spec.port}/tcp")
        return int(done.stdout.splitlines()[0].rpartition(":")[2]) if done.stdout.strip() else 0

    def _docker(self, *words: str) -> process.Finished:
        return self._run(["docker", "--config", str(self._configuration), *words])

    def _in_background(self, task: _Task, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=task.name, daemon=True)
        task.threads.append(thread)
        thread.start()


def labelled(identity: str, *, run: process.Run = process.run) -> list[str]:
    """Return the names of the containers, running or not, that a rehearsal labelled."""
    done = run(
        ["docker", "ps", "--all", "--filter", f"label={LABEL}={identity}", "--format", "{{.Names}}"],
        env=dict(os.environ),
    )
    if done.status != 0:
        raise ToolError(f"docker ps failed: {_last_line(done.stderr)}")
    return done.stdout.split()


def sweep(identity: str, *, run: process.Run = process.run) -> int:
    """Remove the containers that a rehearsal labelled; returns how many there were."""
    names = labelled(identity, run=run)
    if names:
        run(["docker", "rm", "--force", "--volumes", *names])
    return len(names)


def _listens(port: int) -> bool:
    """Whether somebody listens behind the published port: the engine's own proxy hangs up else."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
            connection.settimeout(0.05)
            return bool(connection.recv(1))
    except TimeoutError:
        return True  # it waits for us to say something first
    except OSError:
        return False


def _ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASKING)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0 (Slipway rehearsal)"})
        return connection.getresponse().status
    finally:
        connection.close()


def _stopped(reason: str, code: int | None, digest: str = "") -> TaskState:
    return TaskState(running=False, exit_code=code, reason=reason, image_digest=digest)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
