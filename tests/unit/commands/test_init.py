"""`slipway init` on repositories like those it is for: `adoption/NAME/in` becomes `…/expected`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway import ci, cli, config
from slipway.clock import SystemClock
from slipway.commands import init
from slipway.commands.adoption import files, shell, workflows
from slipway.errors import UsageError
from slipway.events import Stream

CASES = Path(__file__).parent / "adoption"
NAMES = sorted(path.name for path in CASES.iterdir())
WRITTEN = ("slipway.yml", ".github/workflows/publish.yml", ".github/workflows/test.yml")
STAYS = (
    "deploy.yml: `test` stays a job of your own, since it needs services (postgres); "
    "the new files run it first, as it is."
)
USES = "example-org/slipway@v1"


def run(root: Path, *words: str) -> int:
    arguments = cli.parser_of("init").parse_args([f"--uses={USES}", *words])
    context = cli.Context(
        environ={},
        root=root,
        system=ci.detect({}),
        stream=Stream(),
        clock=SystemClock(),
        json=arguments.json,
    )
    return init.run(arguments, context)


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", "-C", str(root), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def repository(root: Path, case: str) -> Path:
    shutil.copytree(CASES / case / "in", root, dirs_exist_ok=True)
    git(root, "init", "--quiet", "-b", "main")
    git(root, "remote", "add", "origin", f"https://github.com/example-org/{case}.git")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "as it was")
    return root


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path, case: str) -> Path:
    return repository(tmp_path, case)


def test_files_are_as_expected(root: Path, case: str) -> None:
    assert run(root) == 0
    expected = {name: (CASES / case / "expected" / name).read_text() for name in WRITTEN}
    assert expected == {name: (root / name).read_text() for name in WRITTEN}


def test_the_configuration_has_no_mistakes(root: Path) -> None:
    run(root)
    document = config.read(root)
    for environment in (None, "staging", "production"):
        values = dict.fromkeys(
            ("DEPLOY_DOCKER_REPOSITORY", "API_ECR_REPOSITORY", "WORKER_ECR_REPOSITORY"), "x"
        )
        document.resolve(environment=environment, values=values, commit="0" * 40, repository="")


def test_a_second_run_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root)
    before = git(root, "status", "--porcelain", "--untracked-files=all")
    texts = [(root / name).read_text() for name in WRITTEN]
    capsys.readouterr()
    assert run(root) == 0
    assert capsys.readouterr().out == "Nothing to do: slipway.yml and the workflows are there.\n"
    assert (before, texts) == (
        git(root, "status", "--porcelain", "--untracked-files=all"),
        [(root / name).read_text() for name in WRITTEN],
    )


def test_the_diff_comes_first_and_a_dry_run_writes_nothing(
    root: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert git(root, "status", "--porcelain") == ""
    assert "+++ b/slipway.yml" in shown
    there = (root / ".github/workflows/publish.yml").exists()
    assert ("--- a/.github/workflows/publish.yml" in shown) is there
    # What it shows is what it writes: git can apply it.
    diff = shown.partition("\nWould write")[0] + "\n"
    subprocess.run(["git", "-C", str(root), "apply", "-"], input=diff, text=True, check=True)
    expected = {name: (CASES / case / "expected" / name).read_text() for name in WRITTEN}
    assert expected == {name: (root / name).read_text() for name in WRITTEN}


@pytest.mark.parametrize("case", ["frontend", "matrix"])
def test_the_workflow_is_short(root: Path) -> None:
    run(root)
    lines = (root / ".github/workflows/publish.yml").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 14


@pytest.mark.parametrize("case", ["several"])
def test_what_does_the_same_today_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root, "--json")
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert notes == [
        STAYS,
        "Static AWS keys are kept. DEPLOY_AWS_ROLE_ARN (OIDC) replaces them when you are ready.",
        "Secrets of other names are passed under Slipway's; nothing needs to be set again.",
        ".github/workflows/deploy.yml: its jobs test, deploy do the same: remove them.",
    ]


@pytest.mark.parametrize("case", ["matrix"])
def test_what_git_does_not_have_is_not_replaced(root: Path) -> None:
    workflow = root / ".github/workflows/publish.yml"
    mine = workflow.read_text() + "# not committed\n"
    workflow.write_text(mine)
    with pytest.raises(UsageError) as caught:
        run(root)
    assert caught.value.message.splitlines() == [
        "These would be replaced and git doesn't have them as they are:",
        "M .github/workflows/publish.yml",
    ]
    assert (mine, False) == (workflow.read_text(), (root / "slipway.yml").exists())
    assert run(root, "--force") == 0
    assert workflow.read_text() == (CASES / "matrix/expected/.github/workflows/publish.yml").read_text()


def test_a_workflow_of_that_name_that_does_something_else_stays(tmp_path: Path) -> None:
    root = repository(tmp_path, "frontend")
    other = root / ".github/workflows/publish.yml"
    other.write_text("on: push\njobs:\n  book: {runs-on: ubuntu-latest, steps: [{run: make book}]}\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "a book")
    run(root)
    assert "make book" in other.read_text()
    assert (root / ".github/workflows/slipway-publish.yml").exists()
    assert run(root) == 0


def test_a_repository_without_anything_to_publish(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run(tmp_path)
    assert f"`{tmp_path}` has no Dockerfile, and no workflow that builds an image." == caught.value.message


def test_a_workflow_that_is_no_yaml_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "broken.yml").write_text("on: [push\n")
    (folder / "list.yml").write_text("- on\n")
    assert workflows.read(tmp_path) == []


ODD = """\
on: push
env: ${{ fromJSON(vars.E) }}
jobs:
  a:
    runs-on: ubuntu-latest
    env: ${{ fromJSON(vars.E) }}
    services: ${{ fromJSON(vars.E) }}
    strategy: {matrix: "${{ fromJSON(vars.E) }}"}
    environment: ${{ matrix.environment }}
    steps: [{run: make test, with: 3, uses: actions/setup-node@v4, env: "${{ fromJSON(vars.E) }}"}]
  b: {runs-on: [self-hosted, linux], strategy: 3, environment: "${{ matrix.x }}", steps: 3}
"""


def test_expressions_in_place_of_tables_are_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "odd.yml").write_text(ODD)
    (folder / "latin.yml").write_bytes(b"on: push\njobs: {a: {name: caf\xe9}}\n")
    (folder / "folder.yml").mkdir()
    (folder / "lost.yml").symlink_to("nowhere.yml")
    found = workflows.read(tmp_path)
    assert [(job.name, job.environments, job.because) for job in found] == [
        ("a", (), "it needs services"),
        ("b", (), ""),
    ]


def adopted(root: Path, files: dict[str, str], branch: str = "main") -> dict[str, Any]:
    """The workflows that `init` writes for a repository of these files."""
    for name, text in {"Dockerfile": "FROM scratch\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet", "-b", branch)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "as it was")
    run(root)
    folder = root / ".github/workflows"
    return {
        name: yaml.load((folder / name).read_text(), yaml.BaseLoader)  # noqa: S506 - texts alone
        for name in ("publish.yml", "test.yml")
    }


def test_it_starts_on_the_default_branch_whatever_that_is_called(tmp_path: Path) -> None:
    written = adopted(tmp_path, {}, branch="master")
    assert written["publish.yml"]["on"]["push"] == {"branches": ["master"]}
    assert written["test.yml"]["on"]["push"] == {"branches": ["master", "develop"]}


OWN = "on: push\njobs:\n  {name}:\n    runs-on: windows-2025\n    steps: [{{run: make test}}]\n"


def test_jobs_of_several_files_have_names_of_their_own_and_no_identity_token(tmp_path: Path) -> None:
    written = adopted(
        tmp_path,
        {
            ".github/workflows/ci.yml": OWN.format(name="test"),
            ".github/workflows/other.yml": OWN.format(name="test"),
            ".github/workflows/third.yml": OWN.format(name="publish"),
        },
    )
    workflow = written["publish.yml"]
    assert list(workflow["jobs"]) == ["test", "test-other", "publish-third", "publish"]
    assert workflow["jobs"]["publish"]["needs"] == ["test", "test-other", "publish-third"]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["publish"]["permissions"] == {"contents": "read", "id-token": "write"}


def test_environments_that_a_merge_leaves_out_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = "[{run: docker build -t a/b . && docker push a/b}]"
    job = f"{{runs-on: ubuntu-latest, environment: prod, steps: {steps}}}"
    adopted(tmp_path, {".github/workflows/deploy.yml": f"on: push\njobs: {{deploy: {job}}}\n"})
    said = capsys.readouterr().out
    assert "A merge publishes to no environment. Your workflows also name prod:" in said


def test_actions_are_pinned_to_what_our_own_workflows_use() -> None:
    text = (Path(__file__).parents[3] / ".github/workflows/publish.yml").read_text()
    ours = set(re.findall(r"uses: (actions/\S+ # \S+)", text))
    assert ours == {files.CHECKOUT, files.UPLOAD, files.DOWNLOAD}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker build .", {"context": ".", "dockerfile": "Dockerfile"}),
        (
            "docker build -f a/Dockerfile.web -t x:1 --push a",
            {"context": "a", "dockerfile": "a/Dockerfile.web"},
        ),
        (
            "docker buildx build --platform linux/amd64 api",
            {"context": "api", "dockerfile": "api/Dockerfile"},
        ),
        ("docker build --file=b/Dockerfile --no-cache .", {"context": ".", "dockerfile": "b/Dockerfile"}),
    ],
)
def test_builds_are_read(line: str, expected: dict[str, Any]) -> None:
    build = shell.build_of(line)
    assert build is not None
    assert expected == {"context": build.context, "dockerfile": build.dockerfile}


@pytest.mark.parametrize(
    ("line", "tests", "ours"),
    [
        ("make test-unit", True, False),
        ("python -m pytest -q", True, False),
        ("npm run test:unit", True, False),
        ("black --check .", True, False),
        ("npm ci && make frontend-all", False, False),
        ("pip install -r requirements.txt", False, False),
        ("aws ecr get-login-password | docker login --username AWS x", False, True),
        ("docker run --rm x pytest", False, True),
        ('echo "sha=$(git rev-parse HEAD)" >> "$GITHUB_OUTPUT"', False, True),
        ("sudo ./aws/install", False, True),
    ],
)
def test_lines_are_told_apart(line: str, tests: bool, ours: bool) -> None:
    assert (tests, ours) == (shell.is_test(line), shell.is_ours(line))
