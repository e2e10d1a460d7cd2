"""A secret planted in every setting appears in no log, summary, page, argument list or left-over file."""

from __future__ import annotations

import base64
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest

from rehearsal.stage import Ended, Stage, stage
from slipway.rehearsal.emulation import oidc
from slipway.rehearsal.emulation.scripted import EXITS

PLANTED = {
    "DEPLOY_AWS_SECRET_ACCESS_KEY": "PLANTED+aws/secret+access+key+0001",
    "SLACK_BOT_TOKEN": "xoxb-PLANTED-0002-0002",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "PLANTED-0003-bearer",
    "GITHUB_TOKEN": "ghs_PLANTED0004",
}
WEBHOOK_PATH = "/services/T000/B000/PLANTED0005"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("secrets") / "stage", speed=200) as made:
        yield made


@pytest.fixture
def slack() -> Iterator[str]:
    """A receiver that refuses, so that what a failed notice says is looked at too."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"ok": false, "error": "invalid_auth"}'
            self.send_response(403 if "services" in self.path else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Watch:
    """Reads every argument list on the machine, again and again, for the planted values."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.wanted = wanted
        self.found: set[str] = set()
        self.looked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = path.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                self.found.update(value for value in self.wanted if value in text)
            self.looked += 1
            time.sleep(0.005)


def planted(world: Stage) -> tuple[str, ...]:
    token = base64.b64encode(f"AWS:{world.registry.password}".encode()).decode()
    return (*PLANTED.values(), WEBHOOK_PATH, world.registry.password, token)


def files_with(folder: Path, wanted: tuple[str, ...]) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [f"{path.name}: {value}" for value in wanted if value.encode() in content]
    return found


def shown(ended: Ended) -> str:
    """All that a person could see; the mask command itself is what hides a value on GitHub."""
    lines = [line for line in ended.text.splitlines() if not line.startswith("::add-mask::")]
    return "\n".join([*lines, ended.summary, *ended.outputs.values()])


def assert_hidden(world: Stage, ended: Ended, watch: Watch) -> None:
    wanted = planted(world)
    assert [value for value in wanted if value in shown(ended)] == []
    assert watch.looked > 5
    assert watch.found == set()
    assert files_with(world.folder / "tmp", wanted) == []
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        for path in world.folder.glob(f"{name}-*"):
            assert files_with(path.parent, ()) == []
            assert [value for value in wanted if value in path.read_text()] == []


def test_a_publish_shows_no_secret(world: Stage, slack: str) -> None:
    world.seed("hidden")
    settings = {**PLANTED, "SLACK_API_URL": slack, "SLACK_CHANNEL": "#releases"}
    with Watch(planted(world)) as watch:
        done = world.publish("hidden", **settings)
    assert done.status == 0, done.text
    assert_hidden(world, done, watch)


def test_a_failing_rollout_shows_no_secret(world: Stage, slack: str) -> None:
    world.seed("failing")
    before, world.runtime.default = world.runtime.default, EXITS
    try:
        with Watch(planted(world)) as watch:
            done = world.publish(
                "failing", **{**PLANTED, "SLACK_BOT_TOKEN": ""}, SLACK_WEBHOOK_URL=f"{slack}{WEBHOOK_PATH}"
            )
    finally:
        world.runtime.default = before
    assert done.status == 3, done.text
    assert_hidden(world, done, watch)


def test_refused_credentials_show_no_secret(world: Stage) -> None:
    world.seed("refused")
    world.aws.inject("ecr", "DescribeRepositories", "access-denied", times=9)
    with Watch(planted(world)) as watch:
        done = world.publish("refused", **PLANTED)
    world.aws.forget_faults()
    assert done.status == 1
    assert_hidden(world, done, watch)


def test_a_token_exchange_shows_no_secret(world: Stage) -> None:
    world.seed("role")
    issuer = oidc.start(
        subject="repo:acme/web:environment:role", bearer=PLANTED["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    )
    try:
        with Watch(planted(world)) as watch:
            done = world.publish(
                "role",
                **PLANTED,
                DEPLOY_AWS_ROLE_ARN="arn:aws:iam::123456789012:role/deploy",
                ACTIONS_ID_TOKEN_REQUEST_URL=issuer.url,
            )
    finally:
        issuer.stop()
    assert done.status == 0, done.text
    assert issuer.issued == 1
    assert_hidden(world, done, watch)


def test_a_secret_in_the_configuration_is_refused_without_its_value(world: Stage, tmp_path: Path) -> None:
    (tmp_path / "slipway.yml").write_text(
        "kind: application\nname: web\nrepository: ${DEPLOY_AWS_SECRET_ACCESS_KEY}\n"
    )
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    command, environ = world.command(("publish", "--environment", "staging"), "staging", **PLANTED)
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 64, done.stdout
    assert PLANTED["DEPLOY_AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr


def test_the_watch_sees_an_argument() -> None:
    with Watch(("PLANTED-argument-9",)) as watch:
        process = subprocess.Popen(["sleep", "3", "--", "PLANTED-argument-9"], stderr=subprocess.DEVNULL)
        process.wait()
        with subprocess.Popen(["sh", "-c", "sleep 0.3; true", "PLANTED-argument-9"]) as second:
            second.wait()
    assert watch.found == {"PLANTED-argument-9"}
