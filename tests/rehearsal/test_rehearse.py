"""The rehearsal as people run it: to its end, interrupted, killed and swept; and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rehearsal.rehearsed import until
from slipway.rehearsal import leftovers

COMMAND = [sys.executable, "-c", "from slipway.cli import main; raise SystemExit(main())", "rehearse"]


def rehearse(*words: str, temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *words],
        env={
            **os.environ,
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(Path(__file__).parents[2] / "scripts"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A folder of its own for temporary files, short enough for socket files below it.
    folder = Path(f"/tmp/slr{os.getpid()}{time.monotonic_ns() % 10000}")  # noqa: S108
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def nothing_left(temporary: Path) -> object:
    yield
    assert list(temporary.iterdir()) == []
    temporary.rmdir()


def record_of(temporary: Path) -> tuple[Path, leftovers.Record]:
    folder = next(iter(temporary.glob(f"{leftovers.PREFIX}*")))
    return folder, leftovers.Record(**json.loads((folder / leftovers.RECORD).read_text()))


def containers(identity: str) -> list[str]:
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=slipway.rehearsal={identity}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def stage_is_set(temporary: Path) -> bool:
    folders = list(temporary.glob(f"{leftovers.PREFIX}*"))
    if not folders or not (folders[0] / leftovers.RECORD).exists():
        return False
    _, record = record_of(temporary)
    return len(containers(record.identity)) == 3


class Links(HTMLParser):
    found: tuple[str, ...] = ()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tuple(f"{key}={value}" for key, value in attrs if key in {"src", "href"})


def test_the_example_is_rehearsed_to_its_end(temporary: Path, tmp_path: Path) -> None:
    process = rehearse("application", "--output", str(tmp_path / "out"), "--json", temporary=temporary)
    printed, told = process.communicate(timeout=280)
    assert process.returncode == 0, told[-3000:]
    document = json.loads(printed)
    assert document["passed"] is True
    assert [fact["passed"] for fact in document["facts"]] == [True] * 10
    page = (tmp_path / "out" / "index.html").read_text()
    links = Links()
    links.feed(page)
    assert links.found == ()
    assert not re.search(r"@import|url\(", page)
    assert page.count("<svg") >= 5
    assert (tmp_path / "out" / "summary.md").read_text().count("✅") == 10
    # No key, password or registry token is in anything that stays.
    assert not re.search(r"AKIA|add-mask", page)


def test_a_killed_rehearsal_is_swept_by_the_next_and_ctrl_c_leaves_nothing(
    temporary: Path, tmp_path: Path
) -> None:
    killed = rehearse("--output", str(tmp_path / "out"), temporary=temporary)
    until(lambda: stage_is_set(temporary), seconds=120)
    _, first = record_of(temporary)
    killed.kill()
    killed.communicate()
    assert len(containers(first.identity)) == 3
    assert all(leftovers.born(pid) for pid in first.children)

    following = rehearse("--output", str(tmp_path / "out"), temporary=temporary)
    until(lambda: not containers(first.identity), seconds=120)
    until(lambda: stage_is_set(temporary), seconds=120)
    assert [leftovers.born(pid) for pid in first.children] == [0, 0]
    _, second = record_of(temporary)
    following.send_signal(signal.SIGINT)
    printed, _ = following.communicate(timeout=60)
    assert following.returncode == 130
    assert f"swept what a killed one left: rehearsal {first.identity}: 2 processes, 3 containers" in printed
    assert containers(second.identity) == []
    assert [leftovers.born(pid) for pid in second.children] == [0, 0]
    # What the killed one had not removed of its own: the clone of the repository.
    for folder in temporary.glob("slipway-rehearsed-*"):
        pytest.fail(f"{folder} is left")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["aplication"], "`aplication` is neither an example nor a folder."),
        (["."], "is not the root of a git repository."),
        (["application", "--build-arg", "BASE"], "--build-arg takes NAME=VALUE, not `BASE`."),
    ],
)
def test_what_is_refused_says_what_to_do(temporary: Path, words: list[str], expected: str) -> None:
    process = subprocess.run(
        [*COMMAND, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=temporary,
        env={
            **os.environ,
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(Path(__file__).parents[2] / "scripts"),
        },
    )
    assert process.returncode == 64
    assert expected in process.stdout + process.stderr


def test_a_base_that_cannot_be_pulled_is_named(temporary: Path, tmp_path: Path) -> None:
    repository = tmp_path / "mine"
    repository.mkdir()
    (repository / "Dockerfile").write_text("FROM 127.0.0.1:1/nothing:here\nEXPOSE 80\n")
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    process = rehearse(str(repository), temporary=temporary)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 64
    assert (
        "starts from `127.0.0.1:1/nothing:here`, which can't be pulled here: connection refused"
        in printed + told
    )
    assert "--build-arg BASE=IMAGE" in printed + told
