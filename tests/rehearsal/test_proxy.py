"""HAProxy as a child process: weights, slots that are given again, who may use them."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rehearsal.rehearsed import short_folder
from slipway.errors import ToolError
from slipway.rehearsal.children import Child
from slipway.rehearsal.proxy import SLOTS, Proxy


@contextmanager
def answering(name: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with short_folder() as folder:
        one = Proxy(folder, ["web", "other"])
        try:
            yield one
        finally:
            one.stop()


def count(proxy: Proxy, times: int) -> Counter[str]:
    def ask() -> str:
        with urllib.request.urlopen(proxy.url("web"), timeout=5) as answer:  # noqa: S310
            return str(answer.read().decode())

    return Counter(ask() for _ in range(times))


def test_traffic_follows_the_weights(proxy: Proxy) -> None:
    with answering("blue") as blue, answering("green") as green:
        proxy.shift("web", {"b": (blue, 75), "g": (green, 25)})
        assert proxy.weights("web") == {"b": 192, "g": 64}
        assert count(proxy, 40) == {"blue": 30, "green": 10}
        proxy.shift("web", {"g": (green, 100)})
        assert proxy.weights("web") == {"b": 0, "g": 256}
        assert count(proxy, 10) == {"green": 10}


def test_a_service_without_tasks_answers_503_and_services_are_apart(proxy: Proxy) -> None:
    with answering("blue") as blue:
        proxy.shift("other", {"b": (blue, 100)})
        with pytest.raises(urllib.error.HTTPError) as refused:
            count(proxy, 1)
    assert refused.value.code == 503
    refused.value.close()


def test_slots_are_given_again_and_too_many_tasks_are_refused(proxy: Proxy) -> None:
    with answering("blue") as blue:
        for number in range(2 * SLOTS):
            proxy.shift("web", {f"task-{number}": (blue, 100)})
            assert proxy.drain(f"task-{number}")
        with pytest.raises(ToolError, match=f"more than {SLOTS} tasks"):
            proxy.shift("web", {f"task-{number}": (blue, 100) for number in range(SLOTS + 1)})


def test_a_program_that_does_not_start_says_its_last_words() -> None:
    with short_folder() as folder:
        command = ["sh", "-c", "echo cannot bind; exit 3"]
        child = Child("HAProxy", command, log=folder / "proxy.log")
        with pytest.raises(ToolError) as said:
            child.wait_until(lambda: False)
    assert said.value.message == "HAProxy ended with 3. It said: cannot bind"
