"""The load balancer of a rehearsal: HAProxy, steered over its admin socket.

Each service has a listener on loopback and a backend of empty slots. A task takes a slot
(`set server … addr`), gets traffic by weight, and is drained before its slot is given away; the
process is never reloaded, so no connection is lost to a change.
"""

from __future__ import annotations

import csv
import io
import shutil
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.errors import ToolError
from slipway.rehearsal.children import Child

SLOTS = 16  # per service: desired count times (blue + green + what still drains)
FULL = 256  # HAProxy's largest weight

REMEDY = "Install HAProxy (Debian and Ubuntu: apt-get install haproxy)."

_HEAD = """\
global
    stats socket {admin} mode 600 level admin
    maxconn 1024
    hard-stop-after 5s

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout queue 5s
    # A connection to a task lives for one answer: a task that drains is never handed another request
    # on a connection that it is about to close.
    http-reuse never
    option http-server-close
    # A task that can't be reached is left for another: nothing was sent to it yet.
    retries 3
    option redispatch 1
    retry-on conn-failure
"""
_SERVICE = """
frontend {name}
    bind fd@{descriptor}
    default_backend {name}

backend {name}
    balance roundrobin
    server-template slot 1-{slots} 127.0.0.1:1 disabled
"""


class Proxy:
    """HAProxy as a child process, one listener for each of `services`."""

    def __init__(self, folder: Path, services: Sequence[str]) -> None:
        """Start it; `folder` takes its configuration, log and admin socket. Raises ToolError."""
        self._admin = folder / "proxy.sock"
        self._lock = threading.RLock()
        self._names = {service: f"service{index}" for index, service in enumerate(services)}
        self._slots: dict[str, dict[str, int]] = {service: {} for service in services}  # task -> slot
        sockets = {service: _listening() for service in services}
        self._ports = {service: int(listener.getsockname()[1]) for service, listener in sockets.items()}
        configuration = folder / "proxy.cfg"
        configuration.write_text(
            _HEAD.format(admin=self._admin)
            + "".join(
                _SERVICE.format(name=self._names[service], descriptor=listener.fileno(), slots=SLOTS)
                for service, listener in sockets.items()
            )
        )
        try:
            self._child = Child(
                "HAProxy",
                [_program(), "-db", "-f", str(configuration)],
                log=folder / "proxy.log",
                pass_fds=[listener.fileno() for listener in sockets.values()],
                remedy=REMEDY,
            )
        finally:
            for listener in sockets.values():
                listener.close()
        self._child.wait_until(self._answers)

    @property
    def pid(self) -> int:
        """HAProxy's process id."""
        return self._child.pid

    def url(self, service: str) -> str:
        """Return where people reach `service`."""
        return f"http://127.0.0.1:{self._ports[service]}"

    def shift(self, service: str, targets: Mapping[str, tuple[int, int]]) -> None:
        """Send the service's traffic to tasks: task -> (port on loopback, weight 0 to 100).

        What is not named gets none; requests in flight end where they are.
        """
        with self._lock:
            slots = self._slots[service]
            commands = []
            for task, (port, _) in targets.items():
                if task not in slots:
                    slots[task] = self._free_slot(service)
                    server = self._server(service, slots[task])
                    commands += [f"set server {server} addr 127.0.0.1 port {port}", f"set weight {server} 0"]
                    commands += [f"set server {server} state ready"]
            # First up, then down: at no moment is there nobody to ask.
            wanted = {task: _scaled(targets[task][1] if task in targets else 0) for task in slots}
            for task, weight in sorted(wanted.items(), key=lambda item: -item[1]):
                commands.append(f"set weight {self._server(service, slots[task])} {weight}")
            self._tell(commands)

    def weights(self, service: str) -> dict[str, int]:
        """Return the weight (0 to 256) that HAProxy has for each of the service's tasks."""
        with self._lock:
            name, slots = self._names[service], self._slots[service]
            rows = {row["svname"]: row for row in self._statistics() if row["# pxname"] == name}
            return {task: int(rows[f"slot{slot}"]["weight"]) for task, slot in slots.items()}

    def drain(self, task: str, *, seconds: float = 10) -> bool:
        """Give the task no new request, wait for those in flight, and free its slot.

        Returns whether all of them ended within `seconds`. A task without a slot has none.
        """
        with self._lock:
            found = [(service, slots[task]) for service, slots in self._slots.items() if task in slots]
            if not found:
                return True
            service, slot = found[0]
            server = self._server(service, slot)
            self._tell([f"set weight {server} 0", f"set server {server} state drain"])
        deadline = time.monotonic() + seconds
        while (busy := self._in_flight(server)) and time.monotonic() < deadline:
            time.sleep(0.05)
        with self._lock:
            self._tell([f"set server {server} state maint"])
            del self._slots[service][task]
        return not busy

    def in_flight(self, task: str) -> bool:
        """Whether the task answers a request right now."""
        with self._lock:
            places = [(service, slots[task]) for service, slots in self._slots.items() if task in slots]
        return any(self._in_flight(self._server(service, slot)) for service, slot in places)

    def stop(self) -> None:
        """End HAProxy."""
        self._child.stop()

    def _server(self, service: str, slot: int) -> str:
        return f"{self._names[service]}/slot{slot}"

    def _free_slot(self, service: str) -> int:
        taken = set(self._slots[service].values())
        free = [slot for slot in range(1, SLOTS + 1) if slot not in taken]
        if not free:
            raise ToolError(
                f"`{service}` has more than {SLOTS} tasks at once; the rehearsal's proxy takes no more."
            )
        return free[0]

    def _in_flight(self, server: str) -> bool:
        name, slot = server.split("/")
        return any(
            row["# pxname"] == name and row["svname"] == slot and int(row["scur"] or 0) > 0
            for row in self._statistics()
        )

    def _statistics(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self._ask("show stat"))))

    def _tell(self, commands: Sequence[str]) -> None:
        for command in commands:
            answer = self._ask(command).strip()
            # HAProxy confirms a changed address and is silent about the rest.
            if answer and "changed from" not in answer and "no need to change" not in answer:
                raise ToolError(f"HAProxy refused `{command}`: {answer}")

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(self._admin))
            connection.sendall(f"{command}\n".encode())
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
        return b"".join(chunks).decode()

    def _answers(self) -> bool:
        try:
            return bool(self._ask("show info"))
        except OSError:
            return False


def _program() -> str:
    # Debian puts it where only root's path looks; no root is needed to run it.
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin") or "haproxy"


def _listening() -> socket.socket:
    """Open a listening socket on a free port; HAProxy inherits it, so nobody can take the port between."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.set_inheritable(True)
    return listener


def _scaled(weight: int) -> int:
    return 0 if weight <= 0 else max(1, min(FULL, round(weight * FULL / 100)))
