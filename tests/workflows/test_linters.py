"""Other people's linters find nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from workflows.tree import ACTIONS, ROOT, WORKFLOWS, program, tool

render = tool("render")


def run(*words: str, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_actionlint_with_shellcheck(tmp_path: Path) -> None:
    """On the `./` form, where it also checks our own inputs and outputs."""
    actionlint, shellcheck = program("actionlint"), program("shellcheck")
    render.render(ROOT, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # it looks for the repository's root
    assert run(actionlint, "-no-color", "-shellcheck", shellcheck, cwd=tmp_path) == (0, "")


def test_actionlint_sees_a_wrong_input(tmp_path: Path) -> None:
    """The check above is only as good as what it would catch."""
    actionlint = program("actionlint")
    render.render(ROOT, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    workflow = tmp_path / ".github/workflows/publish.yml"
    text = workflow.read_text("utf-8").replace("          component:", "          compnent:", 1)
    workflow.write_text(text, "utf-8")
    status, output = run(actionlint, "-no-color", "-oneline", cwd=tmp_path)
    assert status == 1
    assert 'input "compnent" is not defined in action "Build an image"' in output


def test_zizmor_auditor() -> None:
    zizmor = program("zizmor")
    paths = [str(path.relative_to(ROOT)) for path in (*WORKFLOWS, *ACTIONS)]
    options = ("--offline", "--persona", "auditor", "--no-progress", "--no-config")
    status, output = run(zizmor, *options, *paths)
    audited = sorted(re.findall(r"completed (\S+)$", output, re.MULTILINE))
    assert (status, audited) == (0, sorted(paths)), output
    assert "No findings to report" in output


@pytest.mark.parametrize(
    ("schema", "paths"), [("vendor.github-workflows", WORKFLOWS), ("vendor.github-actions", ACTIONS)]
)
def test_json_schemas(schema: str, paths: list[Path]) -> None:
    status, output = run(program("check-jsonschema"), "--builtin-schema", schema, *map(str, paths))
    assert (status, output.strip()) == (0, "ok -- validation done")
