"""People who ask throughout: every answer is kept, with its time and what it said."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

EVERY = 0.02  # seconds between two questions to one environment
ASKERS = 2  # threads per environment, so that a slow answer doesn't stop the questions
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `version` is who answered; `fault` says what was wrong with it, if anything."""

    time: float
    seconds: float
    environment: str
    version: str
    fault: str = ""


class Client:
    """Asks each environment's URL until it is stopped."""

    def __init__(self, urls: Mapping[str, str], *, path: str, speaks: bool) -> None:
        """`speaks`: answers are the example's, a JSON object with `commit` and `environment`."""
        self._path = path
        self._speaks = speaks
        self._lock = threading.Lock()
        self._answers: list[Answer] = []
        self._wrong: dict[str, set[str]] = {}
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(environment, url, asker), daemon=True)
            for environment, url in urls.items()
            for asker in range(ASKERS)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop asking; questions in flight are answered first."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=TIMEOUT + 1)

    @property
    def answers(self) -> list[Answer]:
        """Every answer so far."""
        with self._lock:
            return list(self._answers)

    def versions(self, environment: str, *, since: float = 0.0) -> Counter[str]:
        """Count who answered in an environment since a time."""
        return Counter(
            answer.version
            for answer in self.answers
            if answer.environment == environment and answer.time >= since and not answer.fault
        )

    def _ask(self, environment: str, url: str, asker: int) -> None:
        self._stopping.wait(EVERY * asker)
        while not self._stopping.is_set():
            began = time.time()
            answer = self._answer(environment, url, began)
            with self._lock:
                self._answers.append(answer)
            self._stopping.wait(max(0.0, EVERY * ASKERS - (time.time() - began)))

    def _answer(self, environment: str, url: str, began: float) -> Answer:
        version = fault = ""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        try:
            connection.request("GET", self._path)
            response = connection.getresponse()
            body = response.read()
            version, fault = self._judged(environment, response.status, body)
        except (OSError, http.client.HTTPException) as error:
            fault = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return Answer(
            time=began,
            seconds=time.time() - began,
            environment=environment,
            version=version,
            fault=fault,
        )

    def _judged(self, environment: str, status: int, body: bytes) -> tuple[str, str]:
        if status >= 400:  # noqa: PLR2004
            return "", f"HTTP {status}"
        if not self._speaks:
            return "answered", ""
        try:
            said = json.loads(body)
            version, place = str(said["commit"]), said["environment"]
        except (ValueError, KeyError, TypeError):
            return "", f"not the application's answer: {body[:80]!r}"
        return version, "" if place == environment else f"{environment} was answered by {place}"
