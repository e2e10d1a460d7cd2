import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.config.interpolation import PLACEHOLDERS, Filled, fill, is_refused, problems, values_from
from slipway.errors import UsageError

KNOWN = {"environment": "staging", "component": "web", "commit": "c0ffee"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", Filled(text="plain")),
        ("${HOST}/{environment}-{component}:{commit}", Filled(text="h/staging-web:c0ffee")),
        ("$${HOST} {{environment}} $HOST {} {a,b}", Filled(text="${HOST} {environment} $HOST {} {a,b}")),
        ("${EMPTY}${NONE}${NONE}", Filled(text="", missing=("EMPTY", "NONE"))),
        ("${ODD}", Filled(text="${HOST} {environment}")),  # what is filled in is not filled again
    ],
)
def test_fill(text: str, expected: Filled) -> None:
    values = {"HOST": "h", "EMPTY": "", "ODD": "${HOST} {environment}"}
    assert fill(text, values, KNOWN, keep=False) == expected


def test_without_an_environment_names_stay_as_written() -> None:
    text = "${HOST} $${HOST} {{x}} {environment} {component}"
    filled = fill(text, {"HOST": "h"}, {"component": "web"}, keep=True)
    assert filled == Filled(text="${HOST} $${HOST} {{x}} {environment} web")


@given(st.text())
def test_a_text_without_problems_and_names_is_itself_or_escaped(text: str) -> None:
    escaped = text.replace("${", "$${").replace("$$${", "$${")
    found = fill(escaped, {}, {}, keep=False)
    assert isinstance(found.text, str)
    assert all(isinstance(problem, str) for problem in problems(text, placeholders=PLACEHOLDERS, once=False))


@pytest.mark.parametrize(
    ("text", "once", "expected"),
    [
        ("${HOST}{environment}", False, []),
        (
            "${HOST}",
            True,
            ["`${HOST}` can't be used here: it is built once, before any environment's settings."],
        ),
        ("{commit}", True, []),
        ("${a b}", False, ["`${a b}` is no name; expected letters, digits and `_`."]),
        (
            "${slack_bot_token}",
            False,
            ["`${slack_bot_token}` holds credentials, which no value may use; remove it."],
        ),
        ("${{ secrets.A }}", False, ["`${{ secrets.A }}` is GitHub's; in slipway.yml write `${A}`."]),
        (
            "{who}",
            False,
            [
                (
                    "`{who}` is no placeholder here; it takes `{environment}`, `{component}` and `{commit}`. "
                    "`{{who}}` stands for a literal one."
                )
            ],
        ),
    ],
)
def test_problems(text: str, once: bool, expected: list[str]) -> None:
    assert problems(text, placeholders=PLACEHOLDERS, once=once) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DEPLOY_AWS_SECRET_ACCESS_KEY", True),
        ("GITHUB_TOKEN", True),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", True),
        ("SLACK_WEBHOOK_URL", True),
        ("SLACK_CHANNEL", False),
        ("DEPLOY_DOCKER_REPOSITORY", False),
    ],
)
def test_refused(name: str, expected: bool) -> None:
    assert is_refused(name) is expected


def test_variables_win_over_the_environment_and_credentials_are_left_out() -> None:
    environ = {
        "REGION": "us-east-1",
        "HOME": "/h",
        "SLACK_BOT_TOKEN": "x",
        "SLIPWAY_VARIABLES": json.dumps({"REGION": "eu-west-2", "GITHUB_TOKEN": "y"}),
    }
    assert values_from(environ) == {"REGION": "eu-west-2", "HOME": "/h"}


def test_a_secret_wins_over_a_variable_of_its_name_unless_it_is_empty() -> None:
    name = "DEPLOY_DOCKER_REPOSITORY"
    variables = {"SLIPWAY_VARIABLES": json.dumps({name: "of the whole repository"})}
    assert values_from({name: "of production", **variables}) == {name: "of production"}
    assert values_from({name: "", **variables}) == {name: "of the whole repository"}


@pytest.mark.parametrize("text", ["", "null", "{}"])
def test_no_variables(text: str) -> None:
    assert values_from({"SLIPWAY_VARIABLES": text}) == {}


@pytest.mark.parametrize("text", ["[1]", "{secret", '"x"'])
def test_variables_that_are_no_object_are_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        values_from({"SLIPWAY_VARIABLES": text})
    assert caught.value.message == "SLIPWAY_VARIABLES is not a JSON object."
