"""Notices against a real HTTP server on loopback that stands in for Slack."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from slipway import notify
from slipway.ci.system import Run
from slipway.events import Event, Stage, Status
from slipway.notify import notices, posting, slack

TOKEN = "xoxb-planted-token-0123456789"
RUN = Run(
    trigger="push",
    commit="0123456789" * 4,
    repository="example/web",
    actor="octo<cat>",
    url="https://ci.example/runs/1?a=1&b=2",
)
ORIGIN = "`0123456` · example/web · by octo&lt;cat&gt; · <https://ci.example/runs/1?a=1&amp;b=2|run>"


@dataclass(kw_only=True)
class Receiver:
    """Answers in the order of `answers`, (status, headers, body); then as Slack does when all is well."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    hang: float = 0

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """(method, thread or updated message, text) of each request."""
        return [
            (path.rsplit("/", 1)[-1], body.get("ts") or body.get("thread_ts") or "", body["text"])
            for path, _, body in self.requests
        ]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.requests.append((self.path, dict(self.headers), body))
            made.times.append(time.monotonic())
            if made.hang:
                time.sleep(made.hang)
            if made.answers:
                status, headers, text = made.answers.pop(0)
            elif self.path.startswith("/hook"):
                status, headers, text = 200, {}, "ok"
            else:
                text = json.dumps({"ok": True, "channel": "C0DEPLOY", "ts": f"17.{len(made.requests):03}"})
                status, headers = 200, {}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def event(stage: Stage, status: Status, detail: str = "", *, at: float = 0, **data: str | float) -> Event:
    return Event(
        time=at, component="web", environment="staging", stage=stage, status=status, detail=detail, data=data
    )


def bot(
    receiver: Receiver, warnings: list[str], monkeypatch: pytest.MonkeyPatch, **environ: str
) -> notify.Notice:
    monkeypatch.setattr(slack.Message, "pause", 0.0)
    environment = {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_CHANNEL": "#deploys",
        "SLACK_API_URL": f"{receiver.url}/api",
        **environ,
    }
    (made,) = notify.sinks(environment, channel=None, run=RUN, warn=warnings.append)
    return made


def hook(receiver: Receiver, warnings: list[str]) -> notify.Notice:
    (made,) = notify.sinks(
        {"SLACK_WEBHOOK_URL": f"{receiver.url}/hook/T0/planted"},
        channel=None,
        run=RUN,
        warn=warnings.append,
    )
    return made


def tell(receiver: Receiver, notice: notify.Notice, *events: Event) -> None:
    """Give each event and wait until it was told, so that every update is seen."""
    for one in events:
        before = len(receiver.requests)
        notice(one)
        end = time.monotonic() + 1
        while len(receiver.requests) == before and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(0.02)


def test_one_message_is_updated_in_place(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    tell(
        receiver,
        notice,
        event("checks", "started", "reading", at=0),
        event("checks", "succeeded", "steady", at=2),
        event("install", "started", "tasks start", at=2),
        event("outcome", "succeeded", "What runs is our digest.", at=95, ended="healthy"),
    )
    assert notice.close(5) == []
    head = "*web* → *staging*"
    assert receiver.said == [
        ("chat.postMessage", "", f"🚀 {head} is rolling out\n{ORIGIN}\n▸ checks …"),
        ("chat.update", "17.001", f"🚀 {head} is rolling out\n{ORIGIN}\n✔ checks  2.0 s"),
        ("chat.update", "17.001", f"🚀 {head} is rolling out\n{ORIGIN}\n✔ checks  2.0 s\n▸ install …"),
        (
            "chat.update",
            "17.001",
            f"✅ {head} healthy after 1 min 35 s\n{ORIGIN}\n✔ checks  2.0 s\n▸ install …",
        ),
    ]
    assert [body["channel"] for _, _, body in receiver.requests] == ["#deploys", *["C0DEPLOY"] * 3]
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {f"Bearer {TOKEN}"}
    assert warnings == []


def test_a_failure_is_a_reply_without_what_the_container_said(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    tell(
        receiver,
        notice,
        event("test-traffic", "started", at=0),
        event(
            "test-traffic",
            "failed",
            "logTail: password=hunter2",
            at=9,
            step="AfterAllowTestTraffic",
        ),
        event("rollback", "started", at=10),
        event("outcome", "failed", "password=hunter2", at=60, ended="rolled-back"),
    )
    notice.close(5)
    replies = [(at, text) for method, at, text in receiver.said if method == "chat.postMessage"][1:]
    assert replies == [
        (
            "17.001",
            "Stage test-traffic failed at `AfterAllowTestTraffic`. The run's summary says why.",
        )
    ]
    last = [text for method, _, text in receiver.said if method == "chat.update"][-1]
    assert last == (
        f"↩️ *web* → *staging* rolled back after 1 min 00 s\n{ORIGIN}\n✘ test-traffic  9.0 s\n▸ rollback …"
    )
    assert "hunter2" not in json.dumps(receiver.requests)


def test_no_environment_value_is_told(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    variables = json.dumps({"SLACK_CHANNEL": "#here", "DATABASE": "planted-value-1", "NAME": "staging"})
    notice = bot(receiver, warnings, monkeypatch, SLIPWAY_VARIABLES=variables)
    tell(receiver, notice, event("install", "failed", step="planted-value-1"))
    notice.close(5)
    assert receiver.requests[0][2]["channel"] == "#here"
    assert "planted-value-1" not in json.dumps(receiver.requests)
    assert [text for _, _, text in receiver.said][-1] == (
        "Stage install failed at `***`. The run's summary says why."
    )
    assert "*staging*" in receiver.said[0][2]


def test_what_comes_close_together_is_one_update(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.hang = 0.3
    tell(receiver, notice, event("checks", "started"))
    began = time.monotonic()
    for second in range(40):
        notice(event("install", "progress", f"{second} tasks", at=second))
    notice(event("outcome", "succeeded", at=40))
    assert time.monotonic() - began < 0.1, "a slow receiver delays nobody"
    notice.close(5)
    assert [method for method, _, _ in receiver.said] == ["chat.postMessage", "chat.update"]
    assert receiver.said[-1][2].startswith("✅ *web* → *staging* is done after 40 s\n")


def test_retry_after_is_honoured(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(429, {"Retry-After": "1"}, '{"ok":false,"error":"ratelimited"}')]
    notice(event("checks", "started"))
    notice.close(5)
    assert [method for method, _, _ in receiver.said] == ["chat.postMessage"] * 2
    assert 0.95 < receiver.times[1] - receiver.times[0] < 2
    assert warnings == []


def test_a_long_retry_after_ends_with_close(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(429, {"Retry-After": "3600"}, "")] * 9
    notice(event("checks", "started"))
    time.sleep(0.1)
    began = time.monotonic()
    notice.close(0.5)
    assert time.monotonic() - began < 1
    assert warnings == ["Slack refused a notice with HTTP status 429; the deployment is not affected."]


def test_a_fault_of_the_server_is_tried_again_within_bounds(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "LONGEST_WAIT", 0.01)
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(500, {}, "<html>"), (503, {}, "")]
    tell(receiver, notice, event("checks", "started"))
    notice.close(5)
    assert (len(receiver.requests), warnings) == (3, [])


def test_after_faults_the_outcome_is_still_told(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST_WAIT", 0.01)
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(500, {}, "")] * posting.ATTEMPTS
    notice(event("checks", "started"))
    while not warnings:
        time.sleep(0.01)
    notice(event("outcome", "succeeded", at=5))
    assert notice.close(5) == warnings
    assert warnings == ["Slack refused a notice with HTTP status 500; the deployment is not affected."]
    assert [method for method, _, _ in receiver.said] == ["chat.postMessage"] * (posting.ATTEMPTS + 1)


def test_a_refused_token_is_one_warning_and_the_end(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(200, {}, '{"ok":false,"error":"invalid_auth"}')]
    tell(receiver, notice, event("checks", "started"))
    notice(event("outcome", "failed"))
    notice.close(5)
    assert len(receiver.requests) == 1
    expected = (
        "Slack refused a notice (invalid_auth): SLACK_BOT_TOKEN is not valid: "
        "copy the bot token (xoxb-…) again."
    )
    assert warnings == [expected]


@pytest.mark.parametrize("body", ["<html>no</html>", "[]", '{"ok":false,"error":"x y <secret>"}'])
def test_a_strange_answer_is_not_repeated(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.answers = [(200, {}, body)]
    notice(event("checks", "started"))
    notice.close(5)
    assert len(warnings) == 1
    assert "secret" not in warnings[0]
    assert "html" not in warnings[0]


def test_a_dead_receiver_is_one_warning_without_address_or_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(posting, "LONGEST_WAIT", 0.01)
    environ = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_API_URL": "http://127.0.0.1:9/api"}
    (notice,) = notify.sinks(environ, channel="#deploys", run=RUN)
    for second in range(3):
        notice(event("checks", "progress", str(second)))
    notice.close(5)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "warning: Slack could not be reached (ConnectionRefusedError); the deployment is not affected.\n"
    )


def test_a_receiver_that_hangs_does_not_keep_us(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    notice = bot(receiver, warnings, monkeypatch)
    receiver.hang = 3
    notice(event("outcome", "succeeded"))
    began = time.monotonic()
    notice.close(0.3)
    assert time.monotonic() - began < 1
    assert warnings == ["Slack did not take the last notice within 0.3 s."]


def test_a_webhook_gets_the_start_the_failure_and_the_end(receiver: Receiver) -> None:
    warnings: list[str] = []
    notice = hook(receiver, warnings)
    for one in (
        event("build", "started"),
        event("checks", "started"),
        event("checks", "succeeded"),
        event("install", "failed", "secret", step="Install"),
        event("rollback", "started"),
        event("rollback", "succeeded"),
        event("outcome", "failed", at=30, outcome="rolled-back"),
        event("outcome", "failed", at=30, ended="rolled-back"),
    ):
        notice(one)
    notice.close(5)
    head = "*web* → *staging*"
    assert [body for _, _, body in receiver.requests] == [
        {"text": f"🚀 {head} is rolling out\n{ORIGIN}"},
        {"text": f"❌ {head}: Stage install failed at `Install`. The run's summary says why."},
        {"text": f"↩️ {head} is being rolled back"},
        {"text": f"↩️ {head} rolled back after 30 s\n{ORIGIN}"},
    ]
    assert warnings == []


def test_a_webhook_that_was_removed(receiver: Receiver) -> None:
    warnings: list[str] = []
    notice = hook(receiver, warnings)
    receiver.answers = [(404, {}, "no_service")]
    notice(event("checks", "started"))
    notice(event("outcome", "failed"))
    notice.close(5)
    assert len(receiver.requests) == 1
    expected = (
        "Slack's webhook refused a notice (no_service): "
        "the webhook was removed: make a new one and set SLACK_WEBHOOK_URL."
    )
    assert warnings == [expected]


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    warnings: list[str] = []
    notice = hook(receiver, warnings)
    receiver.answers = [(307, {"Location": f"{receiver.url}/elsewhere"}, "")]
    notice(event("checks", "started"))
    notice.close(5)
    assert [path for path, _, _ in receiver.requests] == ["/hook/T0/planted"]
    assert warnings == [
        "Slack's webhook refused a notice with HTTP status 307; the deployment is not affected."
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"SLACK_BOT_TOKEN": "", "SLACK_WEBHOOK_URL": ""}, []),
        (
            {"SLACK_BOT_TOKEN": TOKEN},
            ["SLACK_BOT_TOKEN is set but no channel: set the variable SLACK_CHANNEL, or remove the secret."],
        ),
        (
            {"SLACK_WEBHOOK_URL": "http://example.org/planted"},
            ["SLACK_WEBHOOK_URL is no https address: no notices are sent. Copy it again from Slack."],
        ),
        (
            {"SLACK_WEBHOOK_URL": "https://[planted"},
            ["SLACK_WEBHOOK_URL is no https address: no notices are sent. Copy it again from Slack."],
        ),
    ],
)
def test_nobody_listens_where_nothing_fit_is_set(environ: dict[str, str], expected: list[str]) -> None:
    warnings: list[str] = []
    assert notify.sinks(environ, channel=None, run=RUN, warn=warnings.append) == []
    assert expected == warnings


def test_events_of_another_environment_and_those_after_the_end_are_not_told(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack.Message, "pause", 0.0)
    environ = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_API_URL": receiver.url}
    (notice,) = notify.sinks(environ, channel="#x", environment="production", run=RUN)
    notice(event("checks", "started"))
    assert notice.close(1) == []
    (notice,) = notify.sinks(environ, channel="#x", environment="staging", run=RUN)
    assert notice.close(1) == []
    notice(event("checks", "started"))
    assert receiver.requests == []


def test_nothing_shows_a_secret() -> None:
    letter = posting.Letter(url="https://planted", headers={"Authorization": TOKEN}, body={"text": "planted"})
    assert repr(letter) == "Letter()"


def test_text_for_slack_means_nothing_there() -> None:
    text = "<!channel> & <https://x|y> `*b*`"
    assert slack.escape(text) == "&lt;!channel&gt; &amp; &lt;https://x|y&gt; '\u2217b\u2217'"


def test_values_that_are_hidden() -> None:
    environ = {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLIPWAY_VARIABLES": json.dumps({"A": "line one\nxy", "B": 7, "C": "short"}),
        "PATH": "/usr/bin",
    }
    assert notices.hidden_values(environ) == {TOKEN, "line one"}
    assert notices.hidden_values({"SLIPWAY_VARIABLES": "{"}) == frozenset()
