"""What the documentation shows passes the linters, and a basic pipeline runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import documents
from workflows.acting import OURS
from workflows.test_linters import run
from workflows.test_order import Stage, plan
from workflows.tree import ROOT, program, tool

render = tool("render")
WORKFLOWS = [
    file
    for page in documents.PAGES
    for file in documents.files(page)
    if file.path.startswith(".github/workflows/")
]


def test_actionlint_on_what_pages_show(tmp_path: Path) -> None:
    """In the `./` form, so that our own inputs, secrets and outputs are checked as well."""
    render.render(ROOT, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    shown = []
    for number, file in enumerate(WORKFLOWS):
        path = tmp_path / ".github" / "workflows" / f"{number}-{Path(file.path).name}"
        path.write_text(documents.as_used(file.text, ""), "utf-8")
        shown.append(str(path.relative_to(tmp_path)))
    assert len(shown) >= 5
    actionlint = program("actionlint")
    assert run(actionlint, "-no-color", "-shellcheck", program("shellcheck"), *shown, cwd=tmp_path) == (0, "")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: f"{file.page}-{Path(file.path).name}")
def test_schema_of_what_pages_show(file: documents.File, tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(file.text, "utf-8")
    checker = program("check-jsonschema")
    status, output = run(checker, "--builtin-schema", "vendor.github-workflows", str(path))
    assert (status, output.strip()) == (0, "ok -- validation done")


def test_the_basic_pipeline_runs(tmp_path: Path) -> None:
    """The files of continuous-delivery.md as somebody would copy them, under act."""
    page = ROOT / "docs" / "continuous-delivery.md"
    files = {file.path: documents.as_used(file.text, OURS) for file in documents.files(page)}
    assert sorted(files) == [".github/workflows/publish.yml", ".github/workflows/test.yml", "slipway.yml"]
    stage = Stage(folder=tmp_path, files={**files, "Dockerfile": "FROM scratch\n"})

    tested = stage.play({}, event="pull_request", workflow="test.yml")
    assert (tested.status, stage.asked) == (0, ["test"])

    ran = stage.play(plan("staging", "production"), secrets={"DEPLOY_AWS_ROLE_ARN": "arn:aws:iam::1:role/r"})
    assert ran.status == 0
    assert stage.asked == [
        "plan",
        "test",
        "build web",
        "plan staging web",
        "publish staging web",
        "plan production web",
        "publish production web",
    ]
    roles = {call["environ"].get("DEPLOY_AWS_ROLE_ARN") for call in stage.calls if "publish" in call["asked"]}
    assert roles == {"arn:aws:iam::1:role/r"}
