from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from slipway import install
from slipway.ci.system import Level, Run
from slipway.cli import Context, parser_of
from slipway.clock import SystemClock
from slipway.commands import publish, target
from slipway.events import Event, Stream
from slipway.kinds import Published
from slipway.rollout.vocabulary import Ended, Outcome


class Listening:
    """A CI system that keeps what it is told."""

    name = "test"

    def __init__(self) -> None:
        self.outputs: dict[str, str] = {}
        self.annotations: list[str] = []
        self.summary = ""

    def run(self, root: Path | None = None) -> Run:  # noqa: ARG002
        return Run(trigger="push", commit="c" * 40)

    def set_output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def annotate(self, level: Level, message: str, **place: str | int) -> None:  # noqa: ARG002
        self.annotations.append(message)

    def add_summary(self, markdown: str) -> None:
        self.summary += markdown

    def quote(self, text: str) -> None:
        raise AssertionError(text)

    def mask(self, value: str) -> None:
        raise AssertionError(value)


class World:
    """A repository with components whose publishing ends as asked."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system = Listening()
        self.events: list[Event] = []
        self.published: list[str] = []
        self.ends: dict[str, Ended] = {}
        self._root = root
        monkeypatch.setattr(publish, "kind", lambda _name: self)
        monkeypatch.setattr(install, "ensure", lambda *_: None)
        monkeypatch.setattr(target, "connect", lambda *_: None)

    def publish(self, publication: Any, tools: Any) -> Published:  # noqa: ARG002
        name = publication.component.name
        self.published.append(name)
        ended: Ended = self.ends.get(name, "healthy")
        outcome = Outcome(ended=ended, detail=f"{name} is {ended}")
        return Published(digest=f"sha256:{'1' * 64}", tag="sha-c", outcome=outcome)

    def run(self) -> int:
        context = Context(
            environ={},
            root=self._root,
            system=self.system,
            stream=Stream((self.events.append,)),
            clock=SystemClock(),
            json=False,
        )
        arguments = parser_of("publish").parse_args(["--environment", "staging"])
        return publish.run(arguments, context)

    def outcomes(self) -> list[tuple[str, str]]:
        return [(event.component, event.detail) for event in self.events if event.stage == "outcome"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "slipway.yml").write_text(
        "components:\n"
        "  api: {kind: application, repository: r/api, image: {dockerfile: a}}\n"
        "  web: {kind: application, repository: r/web, image: {dockerfile: b}}\n"
    )
    for name in "ab":
        (tmp_path / name).write_text("FROM scratch\n")
    return World(tmp_path, monkeypatch)


def test_each_component_has_one_outcome(world: World) -> None:
    assert world.run() == 0
    assert world.outcomes() == [("api", "api is healthy"), ("web", "web is healthy")]


@pytest.mark.parametrize(("ended", "code"), [("rolled-back", 3), ("stuck", 4), ("superseded", 5)])
def test_what_comes_after_one_that_failed_is_not_published(world: World, ended: Ended, code: int) -> None:
    world.ends = {"api": ended}

    assert world.run() == code
    assert world.published == ["api"]
    assert world.outcomes() == [("api", f"api is {ended}")]
    assert world.system.annotations == [f"api is {ended}"]


def test_a_signal_while_notices_are_sent_hides_no_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def slow(_context: Context, _environment: str) -> Iterator[list[str]]:
        yield []
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(target, "notices", slow)
    world.ends = {"api": "rolled-back"}

    assert world.run() == 3
    assert world.system.outputs["outcome"] == "rolled-back"
    assert "rolled back" in world.system.summary.lower() or "rolled-back" in world.system.summary
