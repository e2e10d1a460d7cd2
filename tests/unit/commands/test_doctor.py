from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.aws.session import Aws
from slipway.commands import doctor, doctor_cloud, doctor_here
from slipway.commands.doctor_check import Check
from slipway.config.model import Component, Deploy
from slipway.errors import ToolError
from slipway.notify.posting import Answer, Letter
from slipway.process import Finished

ACCOUNT = "123456789012"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/web"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/session"


def finished(stdout: str, status: int = 0) -> Finished:
    return Finished(status=status, stdout=stdout, stderr="")


def test_tools(tmp_path: Path) -> None:
    answers = {
        "git": finished("git version 2.39.5\n"),
        "docker version": finished("", status=1),
        "docker buildx": finished("docker: 'buildx' is not a docker command.", status=1),
        "skopeo": finished("skopeo version 1.2.2"),
    }

    def run(command: Sequence[str], **_: Any) -> Finished:
        return next(done for words, done in answers.items() if " ".join(command).startswith(words))

    assert list(doctor_here.tools(tmp_path, run)) == [
        Check(name="git", verdict="good", detail="2.39.5"),
        Check(name="docker", verdict="bad", detail="not there", remedy="Start the Docker engine."),
        Check(
            name="docker buildx",
            verdict="unknown",
            detail="not there",
            remedy="Only images of several platforms need it: without it the engine's own builder is used.",
        ),
        Check(name="skopeo", verdict="bad", detail="1.2.2 is too old", remedy="Install 1.4 or newer."),
    ]


def test_a_tool_that_is_missing(tmp_path: Path) -> None:
    def run(command: Sequence[str], **_: Any) -> Finished:
        raise ToolError(f"`{command[0]}` is not on the path.", remedy="Install it.")

    assert [(check.name, check.verdict) for check in doctor_here.tools(tmp_path, run)] == [
        ("git", "bad"),
        ("docker", "bad"),
        ("docker buildx", "unknown"),
        ("skopeo", "bad"),
    ]


@pytest.mark.parametrize(
    ("environ", "answer", "expected"),
    [
        ({}, "", Check(name="notices", verdict="good", detail="none are configured")),
        (
            {"SLACK_WEBHOOK_URL": "https://hooks.example/planted"},
            "",
            Check(name="notices", verdict="good", detail="a webhook is set; it is tried at the first notice"),
        ),
        (
            {"SLACK_BOT_TOKEN": "xoxb-planted", "SLACK_CHANNEL": "#deploys"},
            '{"ok": true, "team": "Example"}',
            Check(name="notices", verdict="good", detail="Slack (Example)"),
        ),
        (
            {"SLACK_BOT_TOKEN": "xoxb-planted"},
            '{"ok": true, "team": "Example"}',
            Check(
                name="notices",
                verdict="bad",
                detail="the token is Slack's for Example, but there is no channel",
                remedy="Set the variable SLACK_CHANNEL on the environment's page.",
            ),
        ),
        (
            {"SLACK_BOT_TOKEN": "xoxb-planted", "SLACK_CHANNEL": "#deploys"},
            '{"ok": false, "error": "token_revoked"}',
            Check(
                name="notices",
                verdict="bad",
                detail=(
                    "Slack refused a notice (token_revoked): "
                    "the token was revoked: install the app again and copy the new token."
                ),
                remedy="See docs/notices.md.",
            ),
        ),
    ],
)
def test_notices(
    environ: Mapping[str, str], answer: str, expected: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters: list[Letter] = []

    def post(letter: Letter) -> Answer:
        letters.append(letter)
        return Answer(status=200, body=answer)

    monkeypatch.setattr("slipway.notify.posting.post", post)
    assert list(doctor_here.notices(environ)) == [expected]
    assert [letter.url for letter in letters] == (["https://slack.com/api/auth.test"] if answer else [])


class Cloud(Aws):
    """Answers each call from `answers`; a call that has none fails the test."""

    def __init__(self, **answers: Any) -> None:
        self.region = "eu-west-2"
        self.answers = answers
        self.called: list[str] = []

    def client(self, *_: Any, **__: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.__dict__.get("answers", {}):
            raise AttributeError(name)

        def call(**parameters: Any) -> Any:
            self.called.append(name)
            answer = self.answers[name]
            return answer(**parameters) if callable(answer) else answer

        return call


def denied(**_: Any) -> Any:
    from botocore.exceptions import ClientError

    message = f"User: {ROLE} is not authorized to perform: iam:SimulatePrincipalPolicy"
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "SimulatePrincipalPolicy")


def simulate(*refuse: str) -> Any:
    def answer(*, ActionNames: list[str], ResourceArns: list[str], **_: Any) -> Any:  # noqa: N803
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": ResourceArns[0],
                "EvalDecision": "implicitDeny" if action in refuse else "allowed",
            }
            for action in ActionNames
        ]
        return {"EvaluationResults": results}

    return answer


IDENTITY = {"Arn": ROLE, "Account": ACCOUNT}
ONLY_PUBLISHED = Component(
    name="web", kind="application", repository=REPOSITORY, tags=("latest",), deploy=Deploy(handoff="none")
)


def test_what_is_only_published_and_allowed() -> None:
    cloud = Cloud(
        get_caller_identity=IDENTITY,
        describe_repositories={"repositories": [{"imageTagMutability": "MUTABLE"}]},
        simulate_principal_policy=simulate(),
    )
    assert list(doctor_cloud.look(ONLY_PUBLISHED, cloud)) == [
        Check(name="web: credentials", verdict="good", detail=f"{ROLE} in eu-west-2"),
        Check(
            name="web: repository",
            verdict="good",
            detail=f"{REPOSITORY} is there; its sha- tags are mutable (immutable ones are safer)",
        ),
        Check(name="web: permissions", verdict="good", detail="IAM allows what a publish needs"),
    ]


def test_what_iam_refuses_is_listed_with_the_policy() -> None:
    cloud = Cloud(
        get_caller_identity=IDENTITY,
        describe_repositories={"repositories": [{"imageTagMutability": "IMMUTABLE"}]},
        simulate_principal_policy=simulate("ecr:PutImage"),
    )
    *_, repository, permissions = doctor_cloud.look(ONLY_PUBLISHED, cloud)
    assert repository == Check(
        name="web: repository",
        verdict="bad",
        detail=f"{REPOSITORY} has immutable tags, so `latest` can't be moved to a new image",
        remedy="Take it out of `tags:`, or exclude it from the repository's immutability.",
    )
    assert (permissions.verdict, permissions.detail) == (
        "bad",
        f"{ROLE} may not:\necr:PutImage on arn:aws:ecr:eu-west-2:{ACCOUNT}:repository/web",
    )
    introduction, _, document = permissions.remedy.partition("\n")
    assert introduction == "Give it this policy, or look for what denies:"
    assert json.loads(document)["Version"] == "2012-10-17"


def test_where_iam_may_not_be_asked_the_policy_is_shown() -> None:
    cloud = Cloud(
        get_caller_identity=IDENTITY,
        describe_repositories={"repositories": [{"imageTagMutability": "MUTABLE"}]},
        simulate_principal_policy=denied,
    )
    *_, check = doctor_cloud.look(ONLY_PUBLISHED, cloud)
    assert check.verdict == "unknown"
    assert check.detail.startswith("could not be compared: Could not ask IAM what these credentials may do:")
    assert '"ecr:PutImage"' in check.remedy


def test_a_service_that_is_not_named() -> None:
    cloud = Cloud(
        get_caller_identity=IDENTITY,
        describe_repositories={"repositories": [{"imageTagMutability": "MUTABLE"}]},
    )
    *_, check = doctor_cloud.look(Component(name="web", kind="application", repository=REPOSITORY), cloud)
    assert check == Check(
        name="web: service",
        verdict="bad",
        detail="no cluster and service named",
        remedy="Set `deploy: {cluster: …, service: …}`, or `handoff: none` to only publish.",
    )


def test_how_a_check_is_shown() -> None:
    bad = Check(name="web: permissions", verdict="bad", detail="may not:\n::x on y", remedy="Do this:\n{}")
    assert list(doctor.lines_of(bad)) == [
        "✘ web: permissions: may not:",
        "  ::x on y",
        "  → Do this:",
        "    {}",
    ]
    assert list(doctor.lines_of(Check(name="git", verdict="good", detail="2.39.5", remedy="none"))) == [
        "✔ git: 2.39.5"
    ]
    assert doctor.summary_of([Check(name="git", verdict="good", detail="2|3"), bad]) == (
        "### Doctor\n\n| | check | found | change |\n|---|---|---|---|\n"
        "| ✘ | web: permissions | may not: ::x on y | Do this: &#123;&#125; |\n"
        "| ✔ | git | 2&#124;3 |  |\n\n"
    )
