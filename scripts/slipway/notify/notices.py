"""Who gets notices, from what is set; and the thread that keeps a slow receiver from delaying anyone."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from slipway.ci.system import Run
from slipway.events import Event
from slipway.notify import posting
from slipway.notify.posting import Post, Wait

Warn = Callable[[str], None]

SECRETS = (
    "DEPLOY_AWS_ROLE_ARN",
    "DEPLOY_AWS_ACCESS_KEY_ID",
    "DEPLOY_AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "DEPLOY_DOCKER_REPOSITORY",
    "DAGS_S3_BUCKET",
    "SLACK_BOT_TOKEN",
    "SLACK_WEBHOOK_URL",
    "GITHUB_TOKEN",
)
SHORTEST = 6  # characters of a value that is looked for in what is told; shorter ones are words


class Notice(Protocol):
    """A sink that tells people elsewhere; `close` before the process ends."""

    def __call__(self, event: Event) -> None:
        """Take one event; returns at once."""

    def close(self, timeout: float = 15) -> list[str]:
        """Tell what is still untold, for at most `timeout` seconds; later events are ignored.

        Returns a sentence on each thing that could not be told.
        """


class Teller(Protocol):
    """What says it: works in the background thread, may block, raises NoticeError when it failed for good."""

    name: str

    def tell(self, events: list[Event], wait: Wait) -> None:
        """Tell about `events`, which came since the last call."""


class NoticeError(Exception):
    """A notice could not be given; the message holds no address and no token.

    `for_good` says that another one would be refused as well.
    """

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


def sinks(
    environ: Mapping[str, str],
    *,
    channel: str | None,
    run: Run,
    environment: str = "",
    post: Post = posting.post,
    warn: Warn | None = None,
) -> list[Notice]:
    """Return who listens, from the secrets that are set: nobody where there are none.

    `channel` is the environment's; without it SLACK_CHANNEL counts. With `environment`, events of others
    are not told. `warn` shows one sentence to people,
    such as `System.annotate("warning", ...)`; default standard error.
    """
    from slipway.notify.slack import API, Message, Posts

    warn = warn or _print_warning
    token, webhook = environ.get("SLACK_BOT_TOKEN", ""), environ.get("SLACK_WEBHOOK_URL", "")
    channel = channel or _variable(environ, "SLACK_CHANNEL")
    hidden = hidden_values(environ)
    if token and channel:
        base = environ.get("SLACK_API_URL") or API
        if not posting.is_fit(base):
            warn("SLACK_API_URL is no https address: no notices are sent. Remove the variable.")
            return []
        message = Message(token=token, channel=channel, run=run, hidden=hidden, post=post, base=base)
        return [Background(message, warn=warn, environment=environment, pause=message.pause)]
    if token and not webhook:
        warn("SLACK_BOT_TOKEN is set but no channel: set the variable SLACK_CHANNEL, or remove the secret.")
    if not webhook:
        return []
    if not posting.is_fit(webhook):
        warn("SLACK_WEBHOOK_URL is no https address: no notices are sent. Copy it again from Slack.")
        return []
    posts = Posts(url=webhook, run=run, hidden=hidden, post=post)
    return [Background(posts, warn=warn, environment=environment)]


def hidden_values(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the values that no notice may hold: the declared secrets and the environment's variables."""
    values = [environ.get(name, "") for name in SECRETS]
    values += [value for value in _variables(environ).values() if isinstance(value, str)]
    lines = (line.strip() for value in values for line in value.splitlines())
    return frozenset(line for line in lines if len(line) >= SHORTEST)


def _variables(environ: Mapping[str, str]) -> Mapping[str, object]:
    try:
        variables = json.loads(environ.get("SLIPWAY_VARIABLES") or "{}")
    except json.JSONDecodeError:
        return {}  # who needs them says so; a notice doesn't
    return variables if isinstance(variables, dict) else {}


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = _variables(environ).get(name)
    return value if isinstance(value, str) and value else environ.get(name, "")


def _print_warning(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr)


class Background:
    """Hands events to a teller in a thread of its own; warns once when that failed."""

    def __init__(self, teller: Teller, *, warn: Warn, environment: str = "", pause: float = 0.0) -> None:
        self._teller = teller
        self._warn = warn
        self._environment = environment
        self._pause = pause  # between two tellings, so that what comes close together is told at once
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._failure = ""
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Take one event; returns at once."""
        if self._closing.is_set() or (self._environment and event.environment != self._environment):
            return
        if self._thread is None:
            # A daemon: a receiver that hangs doesn't keep the process from ending.
            self._thread = threading.Thread(target=self._work, name="notices", daemon=True)
            self._thread.start()
        self._events.put(event)

    def close(self, timeout: float = 15) -> list[str]:
        """Tell what is still untold, for at most `timeout` seconds; later events are ignored."""
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        if self._thread is not None:
            self._events.put(None)
            self._thread.join(timeout)
            if self._thread.is_alive():
                self._fail(f"{self._teller.name} did not take the last notice within {timeout:g} s.")
        return [self._failure] if self._failure else []

    def _work(self) -> None:
        over = False
        while not over:
            events, over = self._gather()
            if not events:
                continue
            try:
                self._teller.tell(events, self._wait)
            except NoticeError as error:
                self._fail(str(error))
                if error.for_good:
                    return
            except Exception as error:  # noqa: BLE001 - a notice fails nothing
                self._fail(f"{self._teller.name}: {type(error).__name__} while telling a notice.")

    def _gather(self) -> tuple[list[Event], bool]:
        """Wait for an event, then a moment for those that follow on its heels."""
        first = self._events.get()
        if first is None:
            return [], True
        if first.stage != "outcome":
            self._closing.wait(self._pause)
        events = [first]
        while not self._events.empty():
            event = self._events.get()
            if event is None:
                return events, True
            events.append(event)
        return events, False

    def _wait(self, seconds: float) -> bool:
        """Wait; True at once when that would pass the time that `close` gave."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if end > self._deadline:
                return True
            if self._closing.is_set():
                time.sleep(min(left, 0.1))
            else:
                self._closing.wait(left)
        return time.monotonic() > self._deadline

    def _fail(self, sentence: str) -> None:
        if not self._failure:
            self._failure = sentence
            self._warn(sentence)
