import argparse
import json
import subprocess
from pathlib import Path

import pytest

from slipway.ci.system import Level, Run
from slipway.cli import Context, parser_of
from slipway.clock import SystemClock
from slipway.commands import plan
from slipway.errors import AwsError, Exit
from slipway.events import Stream
from slipway.report.plan import Difference
from slipway.rollout import Running

WEB = "kind: application\nname: web\nrepository: r/web\n"


class Listening:
    """A CI system that keeps what it is told."""

    name = "test"

    def __init__(self, run: Run) -> None:
        self.triggered = run
        self.outputs: dict[str, str] = {}
        self.summary = ""

    def run(self, root: Path | None = None) -> Run:  # noqa: ARG002
        return self.triggered

    def set_output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def annotate(self, level: Level, message: str, **place: str | int) -> None:
        raise AssertionError(level, message, place)

    def add_summary(self, markdown: str) -> None:
        self.summary += markdown

    def quote(self, text: str) -> None:
        raise AssertionError(text)

    def mask(self, value: str) -> None:
        raise AssertionError(value)


def git(root: Path, *words: str) -> str:
    command = ["git", "-C", root, "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "slipway.yml").write_text(WEB)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "commit", "-q", "-m", "two", "--allow-empty")
    return tmp_path


def arguments(*words: str) -> argparse.Namespace:
    return parser_of("plan").parse_args(list(words))


def context(root: Path, system: Listening, *, json: bool = False, **environ: str) -> Context:
    return Context(environ=environ, root=root, system=system, stream=Stream(), clock=SystemClock(), json=json)


def pushed(root: Path) -> Listening:
    run = Run(
        trigger="push",
        commit=git(root, "rev-parse", "HEAD"),
        before="f" * 40,
        branch="main",
        default_branch="main",
    )
    return Listening(run)


def test_a_push_gives_the_workflow_its_lists(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = pushed(root)
    assert plan.run(arguments(), context(root, system)) == Exit.DONE
    whole = json.loads(system.outputs.pop("plan"))
    assert system.outputs == {
        "builds": '[{"component": "web", "kind": "application"}]',
        "components": '["web"]',
        "environments": '["staging", "production"]',
        "first": "staging",
        "second": "production",
        "third": "",
        "fourth": "",
    }
    assert whole["commit"] == system.triggered.commit
    assert "publishes to staging, then production" in capsys.readouterr().out
    assert system.summary.startswith("### Plan for")


def test_no_value_gets_into_an_output(root: Path) -> None:
    system = pushed(root)
    environ = {"DEPLOY_DOCKER_REPOSITORY": "planted-secret", "SLIPWAY_VARIABLES": '{"A": "planted-secret"}'}
    plan.run(arguments(), context(root, system, **environ))
    assert "planted-secret" not in json.dumps([system.outputs, system.summary])


def test_json_alone_on_standard_output(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = pushed(root)
    plan.run(arguments(), context(root, system, json=True))
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(system.outputs["plan"])
    assert printed["differences"] == []


def test_the_exit_code_says_whether_something_would_change(root: Path) -> None:
    asked = arguments("--detailed-exitcode")
    assert plan.run(asked, context(root, pushed(root))) == Exit.CHANGES
    (root / "slipway.yml").write_text("kind: library\nname: web\n")
    assert plan.run(asked, context(root, pushed(root))) == Exit.DONE


def running(commit: str) -> Running:
    return Running(
        task_definition="web:1",
        digests=("sha256:0123456789abcdef",),
        deployment="d-1",
        desired=1,
        running=1,
        controller="CODE_DEPLOY",
        commit=commit,
    )


def test_a_commit_that_is_shown_short_runs_already(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = pushed(root)
    monkeypatch.setattr(plan, "_running", lambda *_: running(system.triggered.commit[:12]))
    asked = arguments("--environment", "staging", "--detailed-exitcode")
    assert plan.run(asked, context(root, system)) == Exit.DONE


@pytest.mark.parametrize(
    ("ago", "line", "code"),
    [
        (0, "web in staging: {0} runs already", Exit.DONE),
        (1, "web in staging: {1} -> {0} (1 commit newer)", Exit.CHANGES),
        (None, "web in staging: sha256:0123456789ab -> {0}", Exit.CHANGES),
    ],
)
def test_what_runs_there(
    root: Path, monkeypatch: pytest.MonkeyPatch, ago: int | None, line: str, code: Exit
) -> None:
    system = pushed(root)
    commits = git(root, "log", "--format=%H").split()
    monkeypatch.setattr(plan, "_running", lambda *_: running("" if ago is None else commits[ago]))
    asked = arguments("--environment", "staging", "--detailed-exitcode")
    assert plan.run(asked, context(root, system)) == code
    (difference,) = json.loads(system.outputs["plan"])["differences"]
    assert str(Difference(**difference)) == line.format(*(commit[:12] for commit in commits))


def test_a_plan_without_keys_says_what_it_lacks(root: Path) -> None:
    system = pushed(root)
    plan.run(arguments("--environment", "staging"), context(root, system, CI="true"))
    assert "- What runs in `staging` is not shown: there are no AWS keys here." in system.summary
    assert json.loads(system.outputs["environments"]) == ["staging"]


def test_what_can_not_be_read_is_shown_but_never_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Running:
        raise AwsError("`ecs:DescribeServices` was refused.", remedy="Allow it.")

    monkeypatch.setattr(plan, "_running", refused)
    system = pushed(root)
    given = context(root, system, CI="true", DEPLOY_AWS_ROLE_ARN="arn")
    assert plan.run(arguments("--environment", "staging"), given) == Exit.DONE
    assert "not known: `ecs:DescribeServices` was refused." in system.summary
    with pytest.raises(AwsError):
        plan.run(arguments("--environment", "staging", "--detailed-exitcode"), given)
