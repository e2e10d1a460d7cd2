"""The server: moto's application behind a gate that knows the time, logs every call and plays faults."""

from __future__ import annotations

import dataclasses
import http
import io
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from slipway.clock import Clock, SystemClock
from slipway.rehearsal.emulation import calls, faults, handoffs, resources
from slipway.rehearsal.emulation.advance import advance
from slipway.rehearsal.emulation.calls import Call
from slipway.rehearsal.emulation.faults import Fault, Faults
from slipway.rehearsal.emulation.installation import CALL, OPERATIONS, REFUSED, WORLD, answer, install
from slipway.rehearsal.emulation.refusals import RefusedError, in_protocol
from slipway.rehearsal.emulation.settings import RegistryReader, Settings
from slipway.rehearsal.emulation.world import World
from slipway.rehearsal.runtime import Runtime

if TYPE_CHECKING:
    from slipway.rehearsal.emulation.seed import Seeded

Answered = tuple[int, list[tuple[str, str]], bytes]
LONGEST_SILENCE = 600.0  # seconds after which even an unanswered client is let go
POLL = 0.02  # seconds until `stop` is noticed
Hook = Callable[[Call], None]


class Emulation:
    """AWS on this machine, until `stop`. See `start` for what it is made of."""

    def __init__(
        self, *, runtime: Runtime, clock: Clock, registry: RegistryReader | None, settings: Settings
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.calls: list[Call] = []
        self.before_call: Hook | None = None  # may kill the client: nothing was done yet
        self.after_call: Hook | None = None  # done, and not answered yet
        self.url = ""
        self.problems: list[Exception] = []  # what went wrong while time passed by itself
        self._runtime, self._registry = runtime, registry
        self._worlds: dict[str, World] = {}
        self._lock = threading.RLock()
        self._faults = Faults()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server: Any = None
        self._application: Any = None

    def world(self, region: str = "") -> World:
        """The state of one region, by default the settings' own."""
        name = region or self.settings.region
        with self._lock:
            if name not in self._worlds:
                self._worlds[name] = World(
                    settings=self.settings,
                    region=name,
                    runtime=self._runtime,
                    registry=self._registry,
                    now=self.clock.now(),
                )
            return self._worlds[name]

    def inject(self, service: str, operation: str, fault: Fault, times: int = 1, skip: int = 0) -> None:
        """Let the operation meet a fault `times` times, after `skip` calls that go well."""
        with self._lock:
            self._faults.inject(service, operation, fault, times, skip)

    def forget_faults(self) -> None:
        """Take back what was injected."""
        with self._lock:
            self._faults.clear()

    def advance(self) -> None:
        """Play what the clock has passed; each call does so, and a thread when the clock is the machine's."""
        with self._lock:
            for world in self._worlds.values():
                advance(world, self.clock.now())

    def perform(
        self, service: str, operation: str, /, *, region: str = "", **parameters: Any
    ) -> dict[str, Any]:
        """Do an operation without a client, as seeding does. Raises RefusedError."""
        with self._lock:
            return OPERATIONS[service][operation](self.world(region), parameters)

    def seed_application(self, *, running: bool = True, **fields: Any) -> Seeded:
        """Make an application's infrastructure; `fields` are those of `seed.Application`."""
        from slipway.rehearsal.emulation.seed import Application, seed

        return seed(self, Application(**fields), running=running)

    def image_pushed(self, repository: str, tag: str, digest: str) -> None:
        """The registry tells of a push; a configured hand-off follows."""
        with self._lock:
            handoffs.pushed(self.world(), repository, tag, digest)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = self._parse(environ, body)
        if self.before_call is not None:
            self.before_call(call)
        with self._lock:
            fault = self._faults.take(call)
        status, headers, content, code = self._outcome(environ, call, fault)
        silent = fault is not None and fault.startswith(("timeout", "dropped"))
        seen = 0 if silent else status
        self.calls.append(dataclasses.replace(call, status=seen, fault=fault or "", error=code))
        if self.after_call is not None:
            self.after_call(call)
        if fault is not None and silent:
            self._silence(environ, fault)
        others = [(name, value) for name, value in headers if name.lower() != "content-length"]
        length = ("Content-Length", str(len(content)))
        start_response(f"{status} {http.HTTPStatus(status).phrase}", [*others, length])
        return [content]

    def _parse(self, environ: dict[str, Any], body: bytes) -> Call:
        call = calls.parse(environ, body, time=self.clock.now(), region=self.settings.region)
        with self._lock:
            names = resources.named(self.world(call.region), call)
        return dataclasses.replace(call, resources=names)

    def _outcome(
        self, environ: dict[str, Any], call: Call, fault: Fault | None
    ) -> tuple[int, Any, bytes, str]:
        refused = faults.refusal(fault, call, account=self.settings.account) if fault else None
        refused = refused or self._expired(call)
        if refused is not None:
            return (*_refused(refused, call), refused.code)
        if fault is not None and fault not in faults.EFFECT:
            return 200, [], b"", ""
        with self._lock:
            self.advance()
            status, headers, content = self._answer(environ, call)
        return status, headers, content, str(environ.get(REFUSED, ""))

    def _expired(self, call: Call) -> RefusedError | None:
        _, expires = self.world(call.region).sessions.get(call.key, ("", float("inf")))
        if self.clock.now() < expires:
            return None
        code = "ExpiredTokenException" if call.protocol == "json" else "ExpiredToken"
        return RefusedError(code, "The security token included in the request is expired", 403)

    def _answer(self, environ: dict[str, Any], call: Call) -> Answered:
        world = self.world(call.region)
        if call.service == "ecr-public":
            operation = OPERATIONS["ecr-public"].get(call.operation)
            if operation is None:
                return _refused(_unknown(call), call)
            status, kind, body, code = answer(world, call, operation)
            environ[REFUSED] = code
            return status, _headers(kind), body.encode()
        environ[WORLD], environ[CALL] = world, call
        try:
            return self._through_moto(environ)
        except NotImplementedError:
            return _refused(_unknown(call), call)

    def _through_moto(self, environ: dict[str, Any]) -> Answered:
        collected: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _info: Any = None) -> None:
            collected[:] = [int(status.partition(" ")[0]), headers]

        chunks = self._application(environ, start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return collected[0], collected[1], content

    def _silence(self, environ: dict[str, Any], fault: Fault) -> None:
        """Let the client wait until it gives up, or cut its connection at once."""
        connection: socket.socket = environ["werkzeug.socket"]
        end = time.monotonic() + LONGEST_SILENCE
        while fault.startswith("timeout") and not self._stopping.is_set() and time.monotonic() < end:
            if select.select([connection], [], [], 0.05)[0] and not connection.recv(1, socket.MSG_PEEK):
                break
        with_reset = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER: on, 0 s
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, with_reset)
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    def serve(self, port: int) -> None:
        """Begin to serve on loopback; port 0 takes a free one."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        install()
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", port, self, threaded=True, request_handler=_quiet())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._run(lambda: self._server.serve_forever(POLL))
        if isinstance(self.clock, SystemClock):
            self._run(self._tick)

    def _run(self, function: Callable[[], None]) -> None:
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _tick(self) -> None:
        while not self._stopping.wait(self.settings.tick):
            try:
                self.advance()
            except Exception as error:  # noqa: BLE001 - the runtime is not ours; time goes on
                self.problems.append(error)

    def stop(self) -> None:
        """Stop serving and every task that still runs."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        with self._lock:
            for world in self._worlds.values():
                for task in world.tasks.values():
                    for container in task.containers:
                        if container.status != "STOPPED":
                            self._runtime.stop(container.runtime_id, "The rehearsal ended")
        _forget_moto()


def _headers(kind: str) -> list[tuple[str, str]]:
    return [("Content-Type", kind)]


def _refused(error: RefusedError, call: Call) -> Answered:
    status, kind, body = in_protocol(error, call.protocol)
    return status, _headers(kind), body.encode()


def _unknown(call: Call) -> RefusedError:
    return RefusedError("NotImplemented", f"The emulated AWS doesn't know {call.action}", 501)


def _quiet() -> Any:
    from werkzeug.serving import WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: Any) -> None:
            """Say nothing: `Emulation.calls` is the log."""

    return Handler


def _forget_moto() -> None:
    """The next emulation of the process begins with nothing."""
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    BackendDict.reset()
    reset_model_data()
