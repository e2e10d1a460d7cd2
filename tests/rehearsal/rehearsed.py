"""What several tests of the rehearsal's parts need: an image that is there, a place, a tiny service."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway.rehearsal import base_image, leftovers
from slipway.rehearsal.containers import DockerRuntime
from slipway.rehearsal.proxy import Proxy
from slipway.rehearsal.registry import Registry
from slipway.rehearsal.runtime import TaskSpec

SERVICE = """
import http.server, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        bad = self.path == "/health" and os.environ.get("BAD")
        body = os.environ["NAME"].encode()
        self.send_response(503 if bad else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    registry: Registry
    proxy: Proxy
    runtime: DockerRuntime
    image: str  # by digest, in the registry

    def spec(self, name: str, *, bad: bool = False) -> TaskSpec:
        environment = {"NAME": name, **({"BAD": "yes"} if bad else {})}
        return TaskSpec(
            name="web",
            image=self.image,
            port=8000,
            environment=environment,
            command=("python3", "-c", SERVICE),
        )


@contextmanager
def place(services: tuple[str, ...] = ("web",)) -> Iterator[Place]:
    """A registry that holds an image with Python, a proxy and a runtime, all gone at the end."""
    base = base_image.choose("python:3.12-slim").name
    folder, record = leftovers.new_folder()
    try:
        registry, proxy = Registry(folder), Proxy(folder, services)
        runtime = DockerRuntime(identity=record.identity, folder=folder, proxy=proxy)
        record.registry = registry.address
        leftovers.write(folder, record)
        try:
            runtime.log_in(registry.address, registry.token)
            registry.gate.create("development/web")
            push(folder, base, f"{registry.address}/development/web:first")
            digest = registry.digest_of("development/web", "first")
            image = f"{registry.address}/development/web@{digest}"
            yield Place(registry=registry, proxy=proxy, runtime=runtime, image=image)
        finally:
            runtime.close()
            proxy.stop()
            registry.stop()
    finally:
        leftovers.remove(folder, record)


def push(folder: Path, image: str, name: str) -> None:
    subprocess.run(["docker", "tag", image, name], check=True)
    subprocess.run(
        ["docker", "--config", str(folder / "docker"), "push", "--quiet", name],
        check=True,
        capture_output=True,
    )
    subprocess.run(["docker", "image", "rm", name], check=True, capture_output=True)


def until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for a socket file's (108 characters in all)."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
