"""Containers that really start, answer, fail, drain and go."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rehearsal.rehearsed import Place, place, until
from slipway.rehearsal.runtime import Health, TaskState


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as one:
        yield one


def ask(here: Place, path: str = "/") -> str:
    with urllib.request.urlopen(here.proxy.url("web") + path, timeout=20) as answer:  # noqa: S310
        return str(answer.read().decode())


def healthy(here: Place, task: str) -> bool:
    return here.runtime.health(task, "/health").state == "healthy"


def test_no_answer_is_lost_while_traffic_moves_and_the_old_container_goes(here: Place) -> None:
    old = here.runtime.start(here.spec("old"))
    until(lambda: healthy(here, old))
    here.runtime.shift("web", {old: 100})
    answers: list[str] = []
    stopping = threading.Event()

    def asking() -> None:
        while not stopping.is_set():
            try:
                answers.append(ask(here))
            except OSError as error:
                answers.append(str(error))

    askers = [threading.Thread(target=asking) for _ in range(3)]
    for asker in askers:
        asker.start()
    new = here.runtime.start(here.spec("new"))
    until(lambda: healthy(here, new))
    for weight in (10, 50, 100):
        here.runtime.shift("web", {old: 100 - weight, new: weight})
    here.runtime.stop(old, "replaced")
    until(lambda: here.runtime.state(old).reason == "replaced")
    stopping.set()
    for asker in askers:
        asker.join()
    assert {"old", "new"} == set(answers)
    assert answers[-1] == "new"
    digest = here.image.partition("@")[2]
    assert TaskState(
        running=False, exit_code=0, reason="replaced", image_digest=digest
    ) == here.runtime.state(old)
    here.runtime.stop(new, "done")
    until(lambda: not here.runtime.containers())


def test_a_request_in_flight_is_answered_before_its_container_stops(here: Place) -> None:
    task = here.runtime.start(here.spec("slow"))
    until(lambda: healthy(here, task))
    here.runtime.shift("web", {task: 100})
    said: list[str] = []
    asker = threading.Thread(target=lambda: said.append(ask(here, "/slow")))
    asker.start()
    until(lambda: here.proxy.in_flight(task))
    here.runtime.stop(task, "scaled in")
    asker.join()
    assert said == ["slow"]


def test_what_fails_says_why(here: Place) -> None:
    missing = f"{here.registry.address}/development/web@sha256:{'0' * 64}"
    unpulled = here.runtime.start(replace(here.spec("x"), image=missing))
    dying = here.runtime.start(replace(here.spec("x"), command=("python3", "-c", "raise SystemExit(7)")))
    wrong = here.runtime.start(replace(here.spec("x"), command=("no-such-program",)))
    bad = here.runtime.start(here.spec("x", bad=True))
    until(lambda: all(here.runtime.state(task).reason for task in (unpulled, dying, wrong)))
    assert here.runtime.state(unpulled).reason.startswith("CannotPullContainerError: ")
    digest = here.image.partition("@")[2]
    expected = TaskState(
        running=False, exit_code=7, reason="Essential container in task exited", image_digest=digest
    )
    assert expected == here.runtime.state(dying)
    assert here.runtime.state(wrong).reason.startswith("CannotStartContainerError: ")
    until(lambda: here.runtime.state(bad).running)
    assert Health(state="unhealthy", detail="GET /health: HTTP 503") == here.runtime.health(bad, "/health")
    for task in (unpulled, dying, wrong, bad):
        here.runtime.stop(task, "done")
    until(lambda: not here.runtime.containers())


def test_environment_values_are_on_no_argument_list(here: Place) -> None:
    seen: list[str] = []
    original = here.runtime._run
    here.runtime._run = lambda command, **more: (seen.append(" ".join(command)), original(command, **more))[1]
    task = here.runtime.start(here.spec("planted-secret"))
    until(lambda: healthy(here, task))
    here.runtime.stop(task, "done")
    until(lambda: not here.runtime.containers())
    here.runtime._run = original
    assert [line for line in seen if "planted-secret" in line] == []
