from __future__ import annotations

import time

import pytest

from slipway.aws import credentials, oidc
from slipway.aws.session import Aws, Keys
from slipway.errors import AwsError

PAIR = {"DEPLOY_AWS_ACCESS_KEY_ID": "AKIA", "DEPLOY_AWS_SECRET_ACCESS_KEY": "secret\n"}


@pytest.fixture(autouse=True)
def no_keys_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/credentials")


def obtain(
    environ: dict[str, str], masked: list[str], *, region: str | None = "eu-west-2", repository: str = ""
) -> Aws:
    return credentials.obtain(
        environ, region=region, environment="staging", mask=masked.append, repository=repository
    )


def keys_of(aws: Aws) -> tuple[str, str, str | None]:
    frozen = aws.credentials().get_frozen_credentials()
    return (frozen.access_key, frozen.secret_key, frozen.token)


def test_a_static_pair_is_taken_without_its_line_break_and_masked() -> None:
    masked: list[str] = []
    aws = obtain(PAIR, masked)
    assert (keys_of(aws), masked, aws.region) == (("AKIA", "secret", None), ["secret"], "eu-west-2")


@pytest.mark.parametrize(
    ("has", "lacks"),
    [
        ("DEPLOY_AWS_ACCESS_KEY_ID", "DEPLOY_AWS_SECRET_ACCESS_KEY"),
        ("DEPLOY_AWS_SECRET_ACCESS_KEY", "DEPLOY_AWS_ACCESS_KEY_ID"),
    ],
)
def test_half_a_pair_names_the_other_half_and_where_to_set_it(has: str, lacks: str) -> None:
    with pytest.raises(AwsError) as raised:
        obtain({has: "x"}, [])
    assert raised.value.message == f"{has} is set, {lacks} is not."
    assert f"Set the secret {lacks} in Settings → Environments → staging" in raised.value.remedy


def test_nothing_set_says_what_there_is_to_set() -> None:
    with pytest.raises(AwsError) as raised:
        obtain({}, [])
    assert raised.value.message == "There are no AWS credentials for `staging`."
    assert "DEPLOY_AWS_ROLE_ARN" in raised.value.remedy


def test_a_persons_own_keys_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    assert keys_of(obtain({}, [])) == ("AKIAOWN", "own", None)


@pytest.mark.parametrize(
    ("environ", "region", "repository", "expected"),
    [
        ({"AWS_REGION": "us-east-1"}, "eu-west-2", "", "eu-west-2"),
        ({"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-2"}, None, "", "us-east-1"),
        ({"AWS_DEFAULT_REGION": "us-east-2"}, None, "", "us-east-2"),
        ({}, None, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web", "eu-west-1"),
        ({"SLIPWAY_VARIABLES": '{"AWS_REGION": "eu-north-1"}'}, None, "", "eu-north-1"),
    ],
)
def test_the_region_is_the_nearest_that_is_named(
    environ: dict[str, str], region: str | None, repository: str, expected: str
) -> None:
    assert credentials.region_of(environ, region=region, repository=repository) == expected


def test_no_region_is_an_error() -> None:
    with pytest.raises(AwsError, match="No AWS region is named"):
        obtain(PAIR, [], region=None, repository="127.0.0.1:5000/web")


def test_a_role_may_be_a_variable_and_its_keys_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [
        Keys(
            access_key_id=f"ASIA{n}", secret_access_key="s", session_token="t", expires=time.time() + seconds
        )
        for n, seconds in ((1, 300), (2, 3600))
    ]
    asked: list[str] = []

    def keys(role: str, *_: object, **__: object) -> Keys:
        asked.append(role)
        return given[len(asked) - 1]

    monkeypatch.setattr(oidc, "keys", keys)
    aws = obtain({**PAIR, "SLIPWAY_VARIABLES": '{"DEPLOY_AWS_ROLE_ARN": "arn:aws:iam::1:role/x"}'}, [])
    # Less than ten minutes were left, so the first use asks anew; then an hour is.
    assert [keys_of(aws), keys_of(aws)] == [("ASIA2", "s", "t"), ("ASIA2", "s", "t")]
    assert asked == ["arn:aws:iam::1:role/x"] * 2
