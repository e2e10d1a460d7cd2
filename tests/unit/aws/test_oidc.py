from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.request import Request

import pytest
from botocore.exceptions import ClientError

from slipway.aws import oidc
from slipway.aws.session import Keys
from slipway.errors import AwsError

ROLE = "arn:aws:iam::123456789012:role/deploy"
SUBJECT = "repo:owner/name:environment:staging"
ENVIRON = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example.org/x?api-version=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-secret",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "owner/name",
    "GITHUB_RUN_ID": "17",
}


def token(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.signature"


JWT = token(sub=SUBJECT, aud="sts.amazonaws.com", iss="https://token.actions.githubusercontent.com")


def answering(request: Request, _timeout: float) -> bytes:
    assert request.full_url == "https://token.example.org/x?api-version=2&audience=sts.amazonaws.com"
    assert request.get_header("Authorization") == "bearer request-secret"
    return json.dumps({"value": JWT}).encode()


class Sts(BaseHTTPRequestHandler):
    status, body = 200, ""
    asked: list[dict[str, list[str]]] = []  # noqa: RUF012 - set anew by each test

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        type(self).asked.append(urllib.parse.parse_qs(self.rfile.read(length).decode()))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Sts]]:
    handler = type("Handler", (Sts,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_identity_becomes_keys_and_every_secret_is_masked(sts: type[Sts]) -> None:
    sts.body = (
        '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAXXXXXXXXXXXXXXXX</AccessKeyId>"
        "<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>"
        "<Expiration>2026-11-20T12:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>"
    )
    masked: list[str] = []
    got = oidc.keys(ROLE, ENVIRON, region="eu-west-2", mask=masked.append, open_url=answering)
    assert got == Keys(
        access_key_id="ASIAXXXXXXXXXXXXXXXX",
        secret_access_key="secret",
        session_token="session",
        expires=1795176000.0,
    )
    assert masked == [JWT, "ASIAXXXXXXXXXXXXXXXX", "secret", "session"]
    (asked,) = sts.asked
    assert (asked["RoleArn"], asked["RoleSessionName"], asked["WebIdentityToken"]) == (
        [ROLE],
        ["slipway-owner-name-17"],
        [JWT],
    )
    assert "secret" not in repr(got)


def test_a_refusal_is_one_call_and_shows_the_statement_that_would_accept(sts: type[Sts]) -> None:
    sts.status = 403
    sts.body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code>'
        "<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"
    )
    with pytest.raises(AwsError) as refused:
        oidc.keys(ROLE, ENVIRON, region="eu-west-2", mask=lambda _: None, open_url=answering)
    assert len(sts.asked) == 1
    assert refused.value.message == (
        f"The role `{ROLE}` doesn't accept this job "
        "(Not authorized to perform sts:AssumeRoleWithWebIdentity). "
        f"This was sent:\nsub: {SUBJECT}\naud: sts.amazonaws.com\n"
        "iss: https://token.actions.githubusercontent.com"
    )
    start, end = refused.value.remedy.index("{"), refused.value.remedy.rindex("}") + 1
    assert json.loads(refused.value.remedy[start:end]) == {
        "Effect": "Allow",
        "Principal": {
            "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": SUBJECT,
            }
        },
    }


def test_a_missing_provider_is_told_apart() -> None:
    error = ClientError(
        {"Error": {"Code": "InvalidIdentityToken", "Message": "No OpenIDConnect provider found."}}, "Assume"
    )
    told = oidc.refused(ROLE, oidc.claims(JWT), error)
    assert "add the OpenID Connect provider `https://token.actions.githubusercontent.com`" in told.remedy


def test_a_job_without_the_permission_is_told_what_to_write() -> None:
    with pytest.raises(AwsError) as refused:
        oidc.keys(ROLE, {"GITHUB_ACTIONS": "true"}, region="eu-west-2", mask=lambda _: None)
    assert "permissions:\n  contents: read\n  id-token: write\n" in refused.value.remedy


@pytest.mark.parametrize(("status", "asked"), [(403, 1), (500, 3)])
def test_only_what_may_pass_is_asked_again(status: int, asked: int) -> None:
    count = 0

    def failing(request: Request, _timeout: float) -> bytes:
        nonlocal count
        count += 1
        raise urllib.error.HTTPError(request.full_url, status, "no", {}, None)  # type: ignore[arg-type]

    with pytest.raises(AwsError):
        oidc.fetch(ENVIRON, mask=lambda _: None, open_url=failing)
    assert count == asked


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.!!!.c", token(sub="x")[:10]])
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert oidc.claims(text) == {}


def test_a_roles_name_is_not_its_arn() -> None:
    with pytest.raises(AwsError, match="`deploy`, which is no role's ARN"):
        oidc.keys("deploy", ENVIRON, region="eu-west-2", mask=lambda _: None)
