"""Imports run one way; an arrow that goes back fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "scripts" / "slipway"

GROUND = {"errors", "events", "clock", "process", "git", "config", "install", "__init__"}
CLOUDS = GROUND | {"aws", "github"}
WORK = CLOUDS | {"build", "rollout", "suites", "scan", "model"}
EDGES = {"ci", "report", "notify"}

# Which rooms a room may import, beside itself. `ci.system` is the contract that edges and plan share.
ALLOWED = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(("aws", "github"), CLOUDS),
    **dict.fromkeys(("build", "suites", "scan", "model"), CLOUDS),
    "rollout": CLOUDS,
    **dict.fromkeys(("plan", "kinds"), WORK | {"ci.system"}),
    **dict.fromkeys(EDGES, GROUND | {"rollout.vocabulary", "build.artifact", "kinds", "ci.system", "plan"}),
    "notify": GROUND | {"rollout.vocabulary", "ci.system", "report"},  # one listener may use another's words
    **dict.fromkeys(("cli", "commands", "handlers"), WORK | EDGES | {"plan", "kinds", "cli", "commands"}),
    "rehearsal": WORK | EDGES | {"cli", "commands", "plan", "kinds"},
}


def room(module: str) -> str:
    return module.removeprefix("slipway.").split(".")[0]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "slipway":
            if node.module == "slipway":
                yield from (f"slipway.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "slipway")


def allowed(owner: str, module: str) -> bool:
    if room(module) == owner or room(module) == "__version__":
        return True
    if owner == "commands" and room(module) == "rehearsal":
        return False
    return any(
        module.removeprefix("slipway.").split(".")[: len(name.split("."))] == name.split(".")
        for name in ALLOWED[owner]
    )


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    owner = relative.parts[0].removesuffix(".py")
    back = [module for module in imported(path) if not allowed(owner, module)]
    if relative.as_posix() == "commands/rehearse.py":
        back = [module for module in back if room(module) != "rehearsal"]
    assert back == []


def test_the_walk_sees_what_is_forbidden(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from slipway.report import console\nfrom slipway import rehearsal\n")
    assert [module for module in imported(bad) if not allowed("rollout", module)] == [
        "slipway.report",
        "slipway.rehearsal",
    ]
