"""What linters don't know: our own rules for workflows and actions, and that inputs reach Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway import cli
from workflows.tree import ACTIONS, ROOT, WORKFLOWS, load, title, tool

PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
OURS = re.compile(r"^\$/(?:actions/[a-z-]+|\.github/workflows/[a-z-]+\.yml)$")
CALLED = [path for path in WORKFLOWS if "workflow_call" in load(path)["on"]]
# Each action's step ends in the command's name, then fixed options.
COMMAND = re.compile(
    r'^exec "\$\{SLIPWAY_PYTHON:-python3\}" -I "\$GITHUB_ACTION_PATH/\.\./\.\./scripts" (?P<words>.+)$'
)


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from load(path)["jobs"].items()


def steps(path: Path) -> list[dict[str, Any]]:
    document = load(path)
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("path", WORKFLOWS, ids=title)
def test_permissions_are_none_at_the_top_and_named_in_each_job(path: Path) -> None:
    assert load(path)["permissions"] == {}
    without = [name for name, job in jobs(path) if "permissions" not in job]
    assert without == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=title)
def test_each_permission_has_its_reason(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    bare = [line.strip() for line in lines if re.search(r"^\s+[a-z-]+: (read|write)$", line)]
    assert bare == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=title)
def test_each_job_ends_some_time(path: Path) -> None:
    without = [name for name, job in jobs(path) if "uses" not in job and "timeout-minutes" not in job]
    assert without == []


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=title)
def test_what_is_used_is_pinned_to_a_commit_or_ours(path: Path) -> None:
    found = re.findall(r"^[\s-]*uses: (.+)$", path.read_text("utf-8"), re.MULTILINE)
    wrong = [use for use in found if not PINNED.match(use) and not OURS.match(use)]
    assert wrong == []


def test_one_action_is_one_version_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for path in (*WORKFLOWS, *ACTIONS):
        for name, version in re.findall(
            r"uses: ([\w-]+/[\w-]+)@(.+)$", path.read_text("utf-8"), re.MULTILINE
        ):
            found.setdefault(name, set()).add(version)
    assert {name: len(versions) for name, versions in found.items()} == dict.fromkeys(found, 1)


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=title)
def test_no_expression_in_a_shell_line(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=title)
def test_checkouts_leave_no_credentials(path: Path) -> None:
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    wrong = [step for step in checkouts if step.get("with", {}).get("persist-credentials") != "false"]
    assert wrong == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=title)
def test_what_writes_to_an_environment_is_never_cancelled_by_a_newer_run(path: Path) -> None:
    for name, job in jobs(path):
        if "environment" in job and job["environment"] != "release":
            where = job["environment"]["name"]
            expected = {
                "group": "slipway-" + where + "-${{ matrix.component }}",
                "cancel-in-progress": "false",
            }
            assert job["concurrency"] == expected, name


@pytest.mark.parametrize("path", CALLED, ids=title)
def test_secrets_are_declared_by_name_and_optional(path: Path) -> None:
    declared = load(path)["on"]["workflow_call"].get("secrets", {})
    assert {name: secret["required"] for name, secret in declared.items()} == dict.fromkeys(declared, "false")
    used = set(re.findall(r"secrets\.(\w+)", path.read_text("utf-8")))
    assert used == set(declared)


@pytest.mark.parametrize("path", CALLED, ids=title)
def test_inputs_of_workflows_are_typed_and_described(path: Path) -> None:
    for name, given in load(path)["on"]["workflow_call"]["inputs"].items():
        assert given["description"].strip().endswith("."), name
        assert given["type"] in {"string", "boolean", "number"}, name
        assert ("default" in given) != (given.get("required") == "true"), name


def test_no_component_s_name_makes_two_artifacts_one() -> None:
    """A component may be called `record-web` beside one called `web`."""
    text = (ROOT / ".github/workflows/publish.yml").read_text("utf-8")
    names = set(re.findall(r"^ +name: (\S+)\$\{\{ matrix\.component \}\}$", text, re.MULTILINE))
    assert names == {"slipway-", "slipway_record-"}
    assert re.findall(r"pattern: (\S+)\*$", text, re.MULTILINE) == ["slipway_record-"]


def test_the_root_action_names_commands_that_there_are() -> None:
    described = load(ROOT / "action.yml")["inputs"]["command"]["description"]
    assert set(re.findall(r"`(\w+)`", described)) <= set(cli.COMMANDS)


def test_slots_differ_in_nothing_but_their_names() -> None:
    """Four environments in order are four jobs; what they do is one text."""
    slots = ("first", "second", "third", "fourth")
    found = dict(jobs(ROOT / ".github/workflows/publish.yml"))
    same = [
        {key: value for key, value in found[slot].items() if key not in {"needs", "if"}} for slot in slots
    ]
    as_first = [eval_names(job, slot) for job, slot in zip(same, slots, strict=True)]
    assert as_first == [as_first[0]] * 4
    needs = [found[slot]["needs"] for slot in slots[1:]]
    assert needs == [["plan", "first"], ["plan", "second"], ["plan", "third"]]


def eval_names(value: Any, slot: str) -> Any:
    if isinstance(value, dict):
        return {key: eval_names(item, slot) for key, item in value.items()}
    if isinstance(value, list):
        return [eval_names(item, slot) for item in value]
    return value.replace(f"outputs.{slot} ", "outputs.SLOT ") if isinstance(value, str) else value


# --- composite actions are wiring ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ACTIONS, ids=title)
def test_an_action_is_inputs_one_environment_one_command_outputs(path: Path) -> None:
    for step in steps(path):
        assert set(step) <= {"id", "if", "shell", "env", "run"}
        assert step["shell"] == "bash"
        assert step["env"] == {"INPUTS": "${{ toJSON(inputs) }}"}
        assert step["run"].startswith('exec "${SLIPWAY_PYTHON:-python3}" -I "$GITHUB_ACTION_PATH/')


@pytest.mark.parametrize("path", ACTIONS, ids=title)
def test_inputs_of_actions_have_words_type_and_default(path: Path) -> None:
    for name, given in load(path).get("inputs", {}).items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        words = (r"Text\.", r"Text, a (list|folder).*\.", r"Number.*\.", r"Boolean, `true` or `false`\.")
        assert re.search(rf"({'|'.join(words)})$", given["description"].strip()), name
        assert ("default" in given) != (given.get("required") == "true"), name


def commands() -> list[tuple[Path, str]]:
    every = [(path, COMMAND.match(step["run"])) for path in ACTIONS for step in steps(path)]
    return [(path, match["words"].split()[0]) for path, match in every if match]


@pytest.mark.parametrize(
    ("path", "command"), commands(), ids=lambda value: value if isinstance(value, str) else title(value)
)
def test_every_input_reaches_python(path: Path, command: str) -> None:
    """An input that the command has no option for would be refused when somebody uses it."""
    inputs = load(path).get("inputs", {})
    given = {name: _some_value(one["description"]) for name, one in inputs.items()}
    parser = cli.parser_of(command)
    words = cli.arguments_from_inputs(parser, json.dumps(given))
    assert sorted(word.split("=")[0] for word in words) == sorted(f"--{name}" for name in given)


def _some_value(description: str) -> str:
    if description.strip().endswith("`false`."):
        return "true"
    return "3" if re.search(r"Number[^.]*\.$", description.strip()) else "x"


def test_the_reference_pages_are_current() -> None:
    reference = tool("reference")
    stale = [path for path, text in reference.pages(ROOT).items() if path.read_text("utf-8") != text]
    assert stale == [], "run tools/reference.py"


def test_every_input_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference/actions.md").read_text("utf-8")
    missing = []
    for path in ACTIONS:
        name = path.parent.name if path.parent != ROOT else "(root)"
        section = re.search(rf"^## `{re.escape(name)}`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        shown = set(re.findall(r"^\| `([\w-]+)` \|", section[1], re.MULTILINE)) if section else set()
        missing += [f"{name}: {one}" for one in load(path).get("inputs", {}) if one not in shown]
    assert missing == []
