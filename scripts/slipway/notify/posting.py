"""One JSON request to a receiver of notices, tried again within bounds. Never shows its address or token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 10.0  # seconds for one request
ATTEMPTS = 4
LONGEST_WAIT = 30.0  # seconds, whatever Retry-After asks for
TOO_MANY = 429
SERVER_FAULT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request: `url` and `headers` may hold secrets and are shown nowhere."""

    url: str = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `status` 0 means nothing did, and `body` says in a word why."""

    status: int
    body: str
    retry_after: float | None = None


Post = Callable[[Letter], Answer]
Wait = Callable[[float], bool]  # waits so many seconds; True when there is no time left


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    # A redirect would carry what is said, and a webhook's secret path, to an address nobody chose.
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post(letter: Letter) -> Answer:
    """Send `letter` once over HTTP and return the answer, whatever it is."""
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked by `is_fit`
        letter.url,
        data=json.dumps(letter.body).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", **letter.headers},
        method="POST",
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return Answer(status=answer.status, body=answer.read(100_000).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(
                status=error.code,
                body=error.read(10_000).decode(errors="replace"),
                retry_after=seconds(error.headers.get("Retry-After")),
            )
    except (OSError, HTTPException, ValueError) as error:
        # The text of these errors can hold the address; their kind can't.
        reason = getattr(error, "reason", error)
        return Answer(status=0, body=type(reason if isinstance(reason, Exception) else error).__name__)


def deliver(letter: Letter, *, post: Post, wait: Wait) -> Answer:
    """Send `letter`, again after 429, a server's fault or silence, and return the last answer."""
    pause = 0.5
    answer = post(letter)
    for _ in range(ATTEMPTS - 1):
        if answer.status not in {0, TOO_MANY} and answer.status < SERVER_FAULT:
            return answer
        asked = answer.retry_after if answer.retry_after is not None else pause
        if wait(min(asked, LONGEST_WAIT)):
            return answer
        pause *= 2
        answer = post(letter)
    return answer


def seconds(header: str | None) -> float | None:
    """Read Retry-After where it counts seconds, as Slack's does."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None


def is_fit(url: str) -> bool:
    """Say whether notices may go to `url`: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in {"127.0.0.1", "localhost", "::1"})
    )
