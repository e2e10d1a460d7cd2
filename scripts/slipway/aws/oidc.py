"""Keys without a stored secret: GitHub signs who we are (OIDC), and STS gives keys of a role for that.

https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from slipway.aws import refusals
from slipway.aws.session import Keys, error_code
from slipway.errors import AwsError

AUDIENCE = "sts.amazonaws.com"
ISSUER = "token.actions.githubusercontent.com"
TOKEN_TIMEOUT_SECONDS = 10
TOKEN_ATTEMPTS = 3
DOCUMENTATION = (
    "https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws"
)
ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/(?P<name>\S+)")

Open = Callable[[urllib.request.Request, float], bytes]


def keys(
    role: str,
    environ: Mapping[str, str],
    *,
    region: str,
    mask: Callable[[str], None],
    open_url: Open | None = None,
) -> Keys:
    """Exchange the job's identity for keys of `role`: one request to GitHub, one to STS.

    Every secret is masked before anything else happens to it. Raises AwsError when the job may not ask for a
    token, when STS can't be reached, and when the role's trust policy doesn't accept us; then it shows what
    was sent and the statement that would accept it. A refusal is not retried: it stays one.
    """
    if not ROLE.fullmatch(role):
        raise AwsError(
            f"DEPLOY_AWS_ROLE_ARN is `{role}`, which is no role's ARN.",
            remedy="It looks like `arn:aws:iam::123456789012:role/deploy`; the role's page in IAM shows it.",
        )
    token = fetch(environ, mask=mask, open_url=open_url or _open)
    return _assume(role, token, session_name(environ), region=region, mask=mask)


def fetch(environ: Mapping[str, str], *, mask: Callable[[str], None], open_url: Open) -> str:
    """Ask GitHub for a token that says who this job is, for AWS as its audience.

    Raises AwsError when the job has no `id-token: write`, or GitHub doesn't answer.
    """
    url, secret = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not secret:
        raise AwsError(
            "DEPLOY_AWS_ROLE_ARN is set, but this job may not ask GitHub for an identity token "
            "(ACTIONS_ID_TOKEN_REQUEST_URL is missing).",
            remedy=_without_permission(environ),
        )
    query = urllib.parse.urlencode({"audience": AUDIENCE})
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked in _open
        f"{url}{'&' if '?' in url else '?'}{query}", headers={"Authorization": f"bearer {secret}"}
    )
    for attempt in range(TOKEN_ATTEMPTS):
        try:
            token = str(json.loads(open_url(request, TOKEN_TIMEOUT_SECONDS))["value"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code in {400, 401, 403, 404}
            if refused or attempt + 1 == TOKEN_ATTEMPTS:
                raise AwsError(
                    f"GitHub gave no identity token: {type(error).__name__}: {error}.",
                    remedy="Run the job again; https://www.githubstatus.com shows outages.",
                ) from error
        else:
            mask(token)
            return token
    raise AssertionError("the loop returns or raises")


def _without_permission(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_ACTIONS") != "true":
        return (
            "Only a GitHub Actions job has one. On your own machine unset DEPLOY_AWS_ROLE_ARN and use "
            "AWS_PROFILE "
            "or `aws configure`."
        )
    return (
        "Give the job that publishes these permissions, and, where a workflow calls ours, the calling job "
        "too:\n"
        "permissions:\n  contents: read\n  id-token: write\n"
        "Pull requests from forks never get them."
    )


def _open(request: urllib.request.Request, timeout: float) -> bytes:
    if not request.full_url.startswith(("https://", "http://")):
        raise ValueError("the token's URL is neither https nor http")
    with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - checked above
        body: bytes = answer.read()
    return body


def session_name(environ: Mapping[str, str]) -> str:
    """Name the session after the run, so that CloudTrail says which job it was (2 to 64 characters)."""
    words = ["slipway", environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_RUN_ID", "")]
    return re.sub(r"[^\w+=,.@-]", "-", "-".join(filter(None, words)), flags=re.ASCII)[:64]


def claims(token: str) -> Mapping[str, Any]:
    """Read what a token says about us, unchecked; STS does the checking. Empty when it is no JWT."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def _assume(role: str, token: str, name: str, *, region: str, mask: Callable[[str], None]) -> Keys:
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    # botocore's standard mode repeats throttling, 5xx and lost connections; never a refusal.
    config = Config(
        signature_version=UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=5,
        read_timeout=20,
        user_agent_appid="slipway",
    )
    sts = botocore.session.get_session().create_client("sts", region_name=region, config=config)
    try:
        given = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName=name, WebIdentityToken=token)[
            "Credentials"
        ]
    except ClientError as error:
        raise refused(role, claims(token), error) from error
    except BotoCoreError as error:
        raise refusals.explain(error, doing=f"take the role `{role}`") from error
    for secret in (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]):
        mask(secret)
    return Keys(
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
        expires=given["Expiration"].timestamp(),
    )


def refused(role: str, sent: Mapping[str, Any], error: Exception) -> AwsError:
    """Explain a refused exchange by what was `sent`: the claims, and the statement that would accept them."""
    code = error_code(error)
    issuer = str(sent.get("iss", f"https://{ISSUER}")).removeprefix("https://")
    subject, audience = str(sent.get("sub", "")), str(sent.get("aud", AUDIENCE))
    who = f"sub: {subject}\naud: {audience}\niss: https://{issuer}"
    if code == "InvalidIdentityToken":
        return AwsError(
            f"AWS doesn't accept GitHub's tokens in the account of `{role}`: {_said(error)}.\n{who}",
            remedy=(
                f"In IAM → Identity providers add the OpenID Connect provider `https://{issuer}` with the "
                "audience "
                f"`{audience}`, once per account. See {DOCUMENTATION}."
            ),
        )
    if code not in refusals.DENIALS:
        return refusals.explain(error, doing=f"take the role `{role}`")
    return AwsError(
        f"The role `{role}` doesn't accept this job ({_said(error)}). This was sent:\n{who}",
        remedy=(
            "Either the role doesn't exist, or its trust policy doesn't accept these. In IAM → Roles → the "
            "role → "
            f"Trust relationships this statement would:\n{statement(role, issuer, subject, audience)}\n"
            f"See {DOCUMENTATION}."
        ),
    )


def _said(error: Exception) -> str:
    answer: Mapping[str, Any] = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Message", error)).rstrip(".")


def statement(role: str, issuer: str, subject: str, audience: str) -> str:
    """Write the trust-policy statement that accepts exactly this subject and audience, as JSON."""
    found = ROLE.fullmatch(role)
    partition, account = (found["partition"], found["account"]) if found else ("aws", "ACCOUNT")
    document = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:aud": audience, f"{issuer}:sub": subject}},
    }
    return json.dumps(document, indent=2)
