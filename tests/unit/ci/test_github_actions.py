import io
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.ci import detect
from slipway.ci.github_actions import SUMMARY, GitHubActions, escaped, escaped_property
from slipway.ci.system import Run
from slipway.ci.terminal import Terminal

A, B = "a" * 40, "b" * 40


def step(tmp_path: Path, **environ: str) -> tuple[GitHubActions, io.StringIO]:
    out = io.StringIO()
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    known = {name: str(path) for name, path in files.items()} | {"GITHUB_WORKSPACE": str(tmp_path)}
    return GitHubActions({**known, **environ}, out), out


def event(tmp_path: Path, value: object) -> str:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(value))
    return str(path)


def unescaped(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for word, character in pairs:
        text = text.replace(word, character)
    return text.replace("%25", "%")


@given(st.text())
def test_what_is_escaped_is_one_line_and_comes_back(text: str) -> None:
    message, prop = escaped(text), escaped_property(text)
    assert not set("\r\n") & set(message)
    assert not set("\r\n:,") & set(prop)
    lines = (("%0D", "\r"), ("%0A", "\n"))
    assert unescaped(message, lines) == text
    assert unescaped(prop, (*lines, ("%3A", ":"), ("%2C", ","))) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_output_comes_back_whatever_is_in_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    tmp_path = tmp_path_factory.mktemp("step")
    system, _ = step(tmp_path)
    system.set_output("plan", text)
    system.set_output("first", "staging")
    with (tmp_path / "output").open(encoding="utf-8", newline="") as file:
        written = file.read()
    found = {}
    while written:
        name, _, written = written.partition("<<")
        delimiter, _, written = written.partition("\n")
        found[name], _, written = written.partition(f"\n{delimiter}\n")
    assert found == {"plan": text, "first": "staging"}


def test_an_annotation_has_its_place(tmp_path: Path) -> None:
    system, out = step(tmp_path)
    system.annotate("error", "50% of\nwhat", title="a:b", file="x,y.yml", line=3, column=7)
    system.annotate("warning", "plain")
    assert out.getvalue() == (
        "::error file=x%2Cy.yml,line=3,col=7,title=a%3Ab::50%25 of%0Awhat\n::warning::plain\n"
    )


def commands(out: io.StringIO) -> list[str]:
    """The commands that the runner would obey."""
    obeyed, stopped = [], ""
    for line in out.getvalue().splitlines():
        if stopped:
            stopped = "" if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            obeyed.append(line)
    return obeyed


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (9, "::error::9"),
        (10, "::error::10"),
        (11, "::error::and 2 more: the step's log has them all"),
        (200, "::error::and 191 more: the step's log has them all"),
    ],
)
def test_the_last_annotation_says_how_many_more(tmp_path: Path, count: int, last: str) -> None:
    system, out = step(tmp_path)
    for number in range(1, count + 1):
        system.annotate("error", str(number))
    system.annotate("notice", "of another level")
    system.finish()
    system.finish()
    errors = [line for line in commands(out) if line.startswith("::error")]
    assert (
        errors == [*(f"::error::{number}" for number in range(1, min(count, 9) + 1)), last][: min(count, 10)]
    )
    assert all(str(number) in out.getvalue() for number in range(1, count + 1))


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    system, out = step(tmp_path)
    system.annotate("error", "x" * 5000)
    assert out.getvalue() == f"::error::{'x' * 4000}…\n"


def test_text_from_outside_is_no_command(tmp_path: Path) -> None:
    system, out = step(tmp_path)
    system.quote("::set-env name=A::b\n::stop-commands::x\n::x::\n::error::c")
    assert commands(out) == []
    assert "::set-env name=A::b\n" in out.getvalue()


def test_a_secret_is_masked_line_by_line(tmp_path: Path) -> None:
    system, out = step(tmp_path)
    system.mask('{\n  "key": "50%",\n\n}\r\n')
    system.mask("ab")
    system.mask("")
    assert out.getvalue() == '::add-mask::"key": "50%25",\n::add-mask::ab\n'


def test_the_summary_is_appended_and_cut_at_a_line(tmp_path: Path) -> None:
    system, _ = step(tmp_path)
    system.add_summary("### One\n")
    system.add_summary("ü" * 1000 + "\n" + "line\n" * SUMMARY)
    system.add_summary("dropped")
    written = (tmp_path / "summary").read_bytes()
    assert written.startswith(b"### One\n\n" + "ü".encode() * 1000)
    assert SUMMARY - 100 < len(written) <= SUMMARY
    assert written.decode().endswith("line\n\n… cut here: the step's log has the rest.\n")


def test_without_files_nothing_is_written(tmp_path: Path) -> None:
    out = io.StringIO()
    system = GitHubActions({}, out)
    system.set_output("a", "b")
    system.add_summary("c")
    assert out.getvalue() == ""


COMMON = {
    "GITHUB_SHA": B,
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_ACTOR": "ann",
}
REPOSITORY = {"repository": {"default_branch": "trunk"}}
RUN = {
    "commit": B,
    "default_branch": "trunk",
    "repository": "acme/shop",
    "actor": "ann",
    "url": "https://github.com/acme/shop/actions/runs/7",
    "number": "7",
    "attempt": 2,
}


@pytest.mark.parametrize(
    ("name", "payload", "environ", "expected"),
    [
        (
            "push",
            {"before": A},
            {"GITHUB_REF": "refs/heads/feature/x"},
            {"trigger": "push", "before": A, "branch": "feature/x"},
        ),
        ("push", {"before": "0" * 40}, {"GITHUB_REF": "refs/heads/x"}, {"trigger": "push", "branch": "x"}),
        ("push", {"before": A}, {"GITHUB_REF": "refs/tags/v1"}, {"trigger": "push", "before": A}),
        ("push", {"deleted": True}, {"GITHUB_REF": "refs/heads/x"}, {"trigger": "push"}),
        (
            "pull_request",
            {"pull_request": {"base": {"sha": A}}},
            {"GITHUB_REF": "refs/pull/1/merge", "GITHUB_HEAD_REF": "x", "GITHUB_BASE_REF": "trunk"},
            {"trigger": "pull_request", "before": A, "branch": "x"},
        ),
        (
            "merge_group",
            {"merge_group": {"base_sha": A}},
            {"GITHUB_REF": "refs/heads/gh-readonly-queue/trunk/1"},
            {"trigger": "merge_group", "before": A, "branch": "gh-readonly-queue/trunk/1"},
        ),
        (
            "workflow_dispatch",
            {"inputs": {"environment": "staging"}},
            {"GITHUB_REF": "refs/heads/x"},
            {"trigger": "workflow_dispatch", "branch": "x", "environment": "staging"},
        ),
        ("workflow_dispatch", {"inputs": None}, {}, {"trigger": "workflow_dispatch"}),
        ("schedule", {"inputs": {"environment": "x"}}, {}, {"trigger": "local"}),
    ],
)
def test_what_triggered_us(
    tmp_path: Path,
    name: str,
    payload: dict[str, object],
    environ: dict[str, str],
    expected: dict[str, str],
) -> None:
    path = event(tmp_path, {**REPOSITORY, **payload})
    system, _ = step(tmp_path, **COMMON, GITHUB_EVENT_NAME=name, GITHUB_EVENT_PATH=path, **environ)
    assert system.run() == Run(**{**RUN, **expected, "event": name})


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', '{"repository": 5, "before": {}}'])
def test_an_event_that_says_nothing_leaves_it_to_git(tmp_path: Path, text: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, *identity, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    (tmp_path / "event.json").write_text(text)
    system, _ = step(
        tmp_path,
        GITHUB_EVENT_NAME="push",
        GITHUB_EVENT_PATH=str(tmp_path / "event.json"),
        GITHUB_REF="refs/heads/main",
    )
    head = subprocess.run(
        ["git", "-C", tmp_path, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    expected = Run(
        trigger="push", commit=head.stdout.strip(), branch="main", default_branch="main", event="push"
    )
    assert system.run() == expected


def test_who_runs_us() -> None:
    assert isinstance(detect({"GITHUB_ACTIONS": "true"}), GitHubActions)
    assert isinstance(detect({}), Terminal)


def test_commands_keep_out_of_a_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system, out = step(tmp_path)
    system.leave_standard_output()
    system.mask("planted-secret")
    system.annotate("error", "wrong")
    said = capsys.readouterr()
    assert (out.getvalue(), said.out) == ("", "")
    assert said.err == "::add-mask::planted-secret\n::error::wrong\n"
