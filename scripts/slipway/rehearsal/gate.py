"""What ECR adds to a registry: repositories must exist, immutable tags stay, pushes are reported.

A small proxy before the real registry. Layers stream through it; only manifests, which are small,
are held in memory.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHUNK = 64 * 1024
TLS_RECORD = b"\x16"  # first byte of a TLS handshake
ACCOUNT = "123456789012"  # moto's account: the emulated registry belongs to it
_PATH = re.compile(r"^/v2/(?P<repository>.+?)/(?P<what>manifests|blobs|tags)/(?P<reference>[^?]*)")
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"})

Pushed = Callable[[str, str, str], None]  # repository, digest, tag


class UnixConnection(http.client.HTTPConnection):
    """HTTP to the registry's socket file: no port, so nobody gets past the gate."""

    def __init__(self, path: Path, *, timeout: float = 60) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Gate:
    """Listens on loopback and hands allowed requests to the registry behind `upstream`."""

    def __init__(self, upstream: Path) -> None:
        """Start listening on a free port."""
        self.upstream = upstream
        self._repositories: dict[str, bool] = {}  # name -> whether its tags are immutable
        self._watchers: list[Pushed] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gate = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def repositories(self) -> dict[str, bool]:
        """The repositories that exist, and whether their tags are immutable."""
        return dict(self._repositories)

    def create(self, repository: str, *, immutable: bool = True) -> None:
        """Make a repository, as CreateRepository does."""
        self._repositories[repository] = immutable

    def watch(self, watcher: Pushed) -> None:
        """Call `watcher(repository, digest, tag)` after each push of a tag."""
        self._watchers.append(watcher)

    def pushed(self, repository: str, digest: str, tag: str) -> None:
        """Tell everyone who watches."""
        for watcher in self._watchers:
            watcher(repository, digest, tag)

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    gate: Gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients try TLS first and hang up, which is theirs to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of an idle connection
    server: _Server

    def handle(self) -> None:
        """Serve the connection; hang up at once on a client that tries TLS.

        Its greeting holds no line end to wait for, and it takes plain HTTP next.
        """
        if self.connection.recv(1, socket.MSG_PEEK) != TLS_RECORD:
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing; the registry keeps its own log."""

    def _serve(self) -> None:
        gate = self.server.gate
        found = _PATH.match(self.path)
        repository = found["repository"] if found else ""
        # Who is not let in gets the registry's own 401, before we say what exists.
        if found and "Authorization" in self.headers and repository not in gate.repositories:
            for _ in self._body() or ():  # read it out, so that the client hears us
                pass
            self._refuse(
                HTTPStatus.NOT_FOUND,
                "NAME_UNKNOWN",
                f"The repository with name '{repository}' does not exist in the registry with id '{ACCOUNT}'",
            )
            return
        if found and self.command == "PUT" and found["what"] == "manifests":
            self._put_manifest(repository, found["reference"])
            return
        self._forward(self._body())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _put_manifest(self, repository: str, reference: str) -> None:
        manifest = b"".join(self._body() or ())
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        is_tag = ":" not in reference
        if is_tag and self.server.gate.repositories.get(repository):
            present = self._present(reference, repository)
            if present not in {"", digest}:
                self._refuse(
                    HTTPStatus.BAD_REQUEST,
                    "TAG_INVALID",
                    f"The image tag '{reference}' already exists in the '{repository}' repository and "
                    "cannot be overwritten because the tag is immutable.",
                )
                return
        status = self._forward(iter((manifest,)), length=len(manifest))
        if is_tag and status == HTTPStatus.CREATED:
            self.server.gate.pushed(repository, digest, reference)

    def _present(self, tag: str, repository: str) -> str:
        """Return the digest that the tag has now; empty when there is none."""
        connection = UnixConnection(self.server.gate.upstream)
        try:
            headers = {"Authorization": self.headers.get("Authorization", ""), "Accept": ", ".join(MANIFESTS)}
            connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers=headers)
            answer = connection.getresponse()
            return answer.headers.get("Docker-Content-Digest", "") if answer.status == HTTPStatus.OK else ""
        finally:
            connection.close()

    def _forward(self, body: Iterator[bytes] | None, *, length: int | None = None) -> int:
        connection = UnixConnection(self.server.gate.upstream)
        try:
            # skopeo gives one `Accept` line for each type that it reads.
            names = [name for name in self.headers if name.lower() not in _HOP]
            headers = {name: ", ".join(self.headers.get_all(name) or ()) for name in names}
            if length is not None:
                headers["Content-Length"] = str(length)
            chunked = body is not None and "Content-Length" not in headers
            if chunked:
                headers["Transfer-Encoding"] = "chunked"
            connection.request(self.command, self.path, body=body, headers=headers, encode_chunked=chunked)
            answer = connection.getresponse()
            self._send(answer)
            return answer.status
        finally:
            connection.close()

    def _send(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        has_body = self.command != "HEAD" and answer.status not in {
            HTTPStatus.NO_CONTENT,
            HTTPStatus.NOT_MODIFIED,
        }
        chunked = has_body and "Content-Length" not in answer.headers
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while has_body and (piece := answer.read(CHUNK)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> Iterator[bytes] | None:
        """Return the request's body piece by piece; None when it has none."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length == 0 and self.command not in {"PUT", "PATCH", "POST"}:
            return None
        return self._pieces(length)

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length > 0 and (piece := self.rfile.read(min(CHUNK, length))):
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield from self._pieces(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
