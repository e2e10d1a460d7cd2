"""What the documentation shows is what the code takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import documents
from slipway import config

FILES = [file for page in documents.PAGES for file in documents.files(page)]
CONFIGURATIONS = [file for file in FILES if file.path == "slipway.yml"]
WORKFLOWS = [file for file in FILES if file.path.startswith(".github/workflows/")]
PUBLISHING = {
    "push": {"branches": ["main"]},
    "workflow_dispatch": {"inputs": {"environment": {"type": "environment", "required": "true"}}},
}
TESTED = {"branches": ["main", "develop"]}


def triggers(text: str) -> dict[str, object]:
    """What a workflow starts on; texts alone, since `on` is a boolean to YAML 1.1."""
    given = yaml.load(text, yaml.BaseLoader)["on"]  # noqa: S506
    return dict(given) if isinstance(given, dict) else dict.fromkeys(given, "")


def heading(text: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path) if path else page
        if not file.exists():
            lost.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            if anchor not in map(heading, headings):
                lost.append(target)
    assert lost == []


def test_every_yaml_block_is_a_named_file() -> None:
    unnamed = [
        (page.name, text)
        for page in documents.PAGES
        for language, text in documents.fences(page)
        if language in {"yaml", "yml"} and text not in {file.text for file in documents.files(page)}
    ]
    assert unnamed == []


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.page)
def test_configurations_are_read(file: documents.File, tmp_path: Path) -> None:
    (tmp_path / "slipway.yml").write_text(file.text, "utf-8")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", "utf-8")
    repository = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web"
    resolved = config.read(tmp_path).resolve(
        environment="staging", values={"DEPLOY_DOCKER_REPOSITORY": repository}, commit="0" * 40
    )
    web = resolved.components["web"]
    assert (web.kind, web.repository) == ("application", repository)
    assert (web.deploy.cluster, web.deploy.service) == ("staging-cluster", "staging-web")
    assert resolved.order == ("staging", "production")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: f"{file.page}-{file.path}")
def test_workflows_are_yaml_with_permissions(file: documents.File) -> None:
    workflow = yaml.safe_load(file.text)
    assert "permissions" in workflow
    for job in workflow["jobs"].values():
        assert "uses" in job or ("timeout-minutes" in job and "permissions" in job)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: f"{file.page}-{file.path}")
def test_workflows_start_when_they_should(file: documents.File) -> None:
    """act starts a job whatever filters `on:` has, so they are looked at here."""
    given = triggers(file.text)
    name = Path(file.path).name
    if name == "publish.yml":
        assert given.items() <= PUBLISHING.items()
        assert "push" in given
    elif name == "test.yml":
        assert given.items() <= {"pull_request": "", "merge_group": "", "push": TESTED}.items()
        assert {"pull_request", "merge_group"} <= set(given)
    else:
        assert set(given) <= {"workflow_dispatch", "schedule"}


def test_the_readme_shows_a_whole_workflow_in_few_lines() -> None:
    shown = {file.path: file.text for file in FILES if file.page == "README.md"}
    assert sorted(shown) == [".github/workflows/publish.yml", "slipway.yml"]
    workflow = shown[".github/workflows/publish.yml"]
    assert len(workflow.splitlines()) <= 14
    assert triggers(workflow) == PUBLISHING


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_json_blocks_are_json(page: Path) -> None:
    for language, text in documents.fences(page):
        if language == "json":
            json.loads(text)


def test_references_are_put_in() -> None:
    text = "uses: OWNER/NAME/actions/plan@COMMIT\nuses: OWNER/NAME@COMMIT\n"
    assert documents.as_used(text, "example-org/slipway@v1") == (
        "uses: example-org/slipway/actions/plan@v1\nuses: example-org/slipway@v1\n"
    )
    assert documents.as_used(text, "") == "uses: ./actions/plan\nuses: ./\n"
