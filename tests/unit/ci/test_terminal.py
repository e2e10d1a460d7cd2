import subprocess
from pathlib import Path

import pytest

from slipway.ci.system import Run
from slipway.ci.terminal import Terminal


def test_git_says_what_there_is(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "x")
    git("remote", "add", "origin", "git@github.com:acme/shop.git")
    base = git("rev-parse", "HEAD")
    git("switch", "-q", "-c", "feature")
    git("commit", "-q", "--allow-empty", "-m", "y")
    assert Terminal().run(tmp_path) == Run(
        trigger="local",
        commit=git("rev-parse", "HEAD"),
        before=base,
        branch="feature",
        default_branch="main",
        repository="acme/shop",
    )


def test_outside_of_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert Terminal().run(tmp_path) == Run(trigger="local", commit="")


def test_messages_go_where_people_read_them(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.annotate("error", "wrong", title="Plan", file="slipway.yml", line=3, column=7)
    terminal.annotate("notice", "plain")
    terminal.quote("a\x1b[2J\n\tb")
    terminal.set_output("a", "b")
    terminal.add_summary("c")
    terminal.mask("d")
    assert tuple(capsys.readouterr()) == (
        "a\\x1b[2J\n\tb\n",
        "error: slipway.yml:3:7: Plan: wrong\nnotice: plain\n",
    )
