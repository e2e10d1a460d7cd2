"""Golden folders: `in/` says what triggered us and what git knows, `expected/` holds the plan.

SLIPWAY_UPDATE_GOLDEN=1 writes what is found; read the difference before committing it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slipway import config, plan
from slipway.ci.system import Run
from slipway.errors import Exit, UsageError
from slipway.report.plan import Difference, render, to_markdown

GOLDEN = Path(__file__).parent / "plans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A git that knows one line of history, other commits beside it, and one set of changes."""

    history: list[str]
    changed_files: list[str] | None
    others: list[str]

    def commit(self, name: str = "HEAD") -> str:
        return name if name in {*self.history, *self.others} else ""

    def base(self, before: str, commit: str) -> str:
        return before if self.is_ancestor(before, commit) else ""

    def is_ancestor(self, before: str, commit: str) -> bool:
        line = self.history
        return before in line and commit in line and line.index(before) <= line.index(commit)

    def changed(self, before: str, commit: str) -> tuple[str, ...] | None:  # noqa: ARG002
        return None if self.changed_files is None else tuple(self.changed_files)

    def count(self, before: str, commit: str) -> int | None:
        return self.history.index(commit) - self.history.index(before)


def made(folder: Path, case: dict[str, Any]) -> plan.Plan:
    git = case["git"]
    return plan.make(
        config.read(folder, component=case["options"].get("component")),
        Run(**case["run"]),
        Known(history=git["history"], changed_files=git["changed"], others=git.get("others", [])),
        supported={"application"},
        **case["options"],
    )


def agree(path: Path, actual: str) -> None:
    if os.environ.get("SLIPWAY_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == actual


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_plan(name: str) -> None:
    folder = GOLDEN / name / "in"
    found = made(folder, json.loads((folder / "case.json").read_text(encoding="utf-8")))
    agree(GOLDEN / name / "expected/plan.json", json.dumps(found.to_json(), indent=2) + "\n")
    agree(GOLDEN / name / "expected/plan.txt", render(found))
    agree(GOLDEN / name / "expected/plan.md", to_markdown(found))


def case(name: str, **run: str) -> dict[str, Any]:
    read = json.loads((GOLDEN / name / "in/case.json").read_text(encoding="utf-8"))
    return {**read, "run": {**read["run"], **run}}


def test_a_dispatch_needs_an_environment() -> None:
    with pytest.raises(UsageError) as caught:
        made(GOLDEN / "dispatch/in", case("dispatch", environment=""))
    assert caught.value.message == (
        "Which environment? This repository has `development`, `staging` or `production`."
    )
    assert caught.value.exit_code == Exit.USAGE


def test_an_environment_must_be_safe() -> None:
    with pytest.raises(UsageError, match="can't be called `a/b`"):
        made(GOLDEN / "dispatch/in", case("dispatch", environment="a/b"))


@pytest.mark.parametrize(
    ("paths", "file", "expected"),
    [
        (["web"], "web/a/b.py", True),
        (["web/"], "web", True),
        (["./web"], "web/x", True),
        (["web"], "website/x", False),
        (["."], "any/thing", True),
        (["*.py"], "a.py", True),
        (["*.py"], "b/a.py", False),
        (["**/*.py"], "a.py", True),
        (["**/*.py"], "b/c/a.py", True),
        (["a?c"], "abc/x", True),
        (["src/**", "!src/docs", "src/docs/api"], "src/docs/x", False),
        (["src/**", "!src/docs", "src/docs/api"], "src/docs/api/x", True),
        (["a+b(c)"], "a+b(c)/x", True),
        (["."], "new\nline", True),
    ],
)
def test_what_belongs(tmp_path: Path, paths: list[str], file: str, expected: bool) -> None:
    (tmp_path / "slipway.yml").write_text(json.dumps({"kind": "application", "name": "web", "paths": paths}))
    given = {"git": {"history": ["a", "b"], "changed": [file]}, "options": {}}
    run = {"trigger": "push", "commit": "b", "before": "a", "branch": "main", "default_branch": "main"}
    (part,) = made(tmp_path, {**given, "run": run}).parts
    assert part.touched is expected


def test_differences_in_words() -> None:
    folder = GOLDEN / "local-environment/in"
    found = made(folder, case("local-environment"))
    differences = [
        Difference(component="api", environment="staging", changes=True, running="aaaa", planned="bbbb"),
        Difference(component="web", environment="staging", changes=False, running="bbbb", planned="bbbb"),
        Difference(component="x", environment="staging", changes=None, running="not | known", planned="b"),
    ]
    assert render(found, differences).splitlines()[-4:] == [
        "What runs, and what would:",
        "  api in staging: aaaa -> bbbb",
        "  web in staging: bbbb runs already",
        "  x in staging: not | known",
    ]
    assert to_markdown(found, differences).splitlines()[-5:] == [
        "| component | environment | runs | would run |",
        "|---|---|---|---|",
        "| `api` | staging | aaaa | bbbb |",
        "| `web` | staging | bbbb | the same |",
        "| `x` | staging | not \\| known | ? |",
    ]


def test_a_file_name_stays_a_name(tmp_path: Path) -> None:
    (tmp_path / "slipway.yml").write_text("kind: application\nname: web\n")
    given = {"git": {"history": ["a", "b"], "changed": ["a`\n::error::x\x1b[2J"]}, "options": {}}
    run = {"trigger": "push", "commit": "b", "before": "a", "branch": "main", "default_branch": "main"}
    assert made(tmp_path, {**given, "run": run}).parts[0].because == "`a' ::error::x\ufffd[2J` changed"
