"""GitHub's token service on loopback: what ACTIONS_ID_TOKEN_REQUEST_URL answers."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from slipway.clock import Clock, SystemClock

ISSUER = "https://token.actions.githubusercontent.com"
LASTS = 300  # seconds


def token(claims: Mapping[str, Any]) -> str:
    """An unsigned JWT with these claims."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "rehearsal"}
    parts = [json.dumps(each, separators=(",", ":")).encode() for each in (header, dict(claims))]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"unsigned"]]
    return ".".join(encoded)


class Issuer:
    """Serves tokens until `stop`; counts how many it gave in `issued`."""

    def __init__(self, *, bearer: str, subject: str, claims: Mapping[str, Any], clock: Clock) -> None:
        self.issued = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "")
                if given.lower() != f"bearer {bearer}".lower():
                    self._answer(401, {"message": "Unauthorized"})
                    return
                asked = parse_qs(urlparse(self.path).query).get("audience", [f"{ISSUER}/owner"])
                issuer.issued += 1
                self._answer(200, {"count": 1, "value": token(issuer.claims(asked[0]))})

            def _answer(self, status: int, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the caller's output is ours."""

        self._subject, self._claims, self._clock = subject, dict(claims), clock
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token?api-version=2.0"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def claims(self, audience: str) -> dict[str, Any]:
        """The claims of a token for `audience`, made now."""
        now = int(self._clock.now())
        standard = {"iss": ISSUER, "sub": self._subject, "aud": audience}
        return {**standard, "iat": now, "nbf": now - 5, "exp": now + LASTS, **self._claims}

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start(
    *,
    subject: str,
    bearer: str = "rehearsal-bearer",
    claims: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> Issuer:
    """Start an issuer of tokens for `subject`, such as repo:OWNER/NAME:environment:staging."""
    return Issuer(bearer=bearer, subject=subject, claims=claims or {}, clock=clock or SystemClock())
