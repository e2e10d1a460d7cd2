"""What AWS refuses, and what to do about it: one table from cause to remedy for every `aws` module."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.aws.session import error_code
from slipway.errors import AwsError

KEYS_PAGE = "the environment's page (Settings → Environments → its name → Environment secrets)"

# IAM's sentence, as its services write it:
# User: arn:… is not authorized to perform: ecr:BatchGetImage on resource: arn:… because no identity-based
# policy allows the ecr:BatchGetImage action
DENIED = re.compile(
    r"(?:User|Principal)?:?\s*(?P<principal>arn:\S+|anonymous)? ?is not authorized to perform:? "
    r"(?P<action>[a-z0-9-]+:[A-Za-z*]+)(?: on resource:? (?P<resource>\S+))?"
    r"(?P<because> (?:because|with an) [^\n]*)?"
)
DENIALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AccessDeniedFault",
    }
)

# Error code -> what it means and what to do.
REMEDIES: Mapping[str, str] = {
    "ExpiredToken": (
        "The session's keys have expired. Run the job again; where keys are set by hand, set new ones."
    ),
    "RequestExpired": (
        "The request's time is too old: set this machine's clock right (NTP), then run it again."
    ),
    "InvalidClientTokenId": (
        "The access key doesn't exist (any more), or a session token belongs to it and isn't set. Set "
        f"DEPLOY_AWS_ACCESS_KEY_ID and DEPLOY_AWS_SECRET_ACCESS_KEY anew on {KEYS_PAGE}, or use "
        "DEPLOY_AWS_ROLE_ARN."
    ),
    "SignatureDoesNotMatch": (
        "The secret key doesn't belong to the access key, or was cut when it was pasted (a space or line "
        "break at "
        f"its end?). Set DEPLOY_AWS_SECRET_ACCESS_KEY anew on {KEYS_PAGE}; check that this machine's clock "
        "is right."
    ),
    "OptInRequired": (
        "The account has no access to this service in this region: enable the region, or name another."
    ),
    "ThrottlingException": (
        "AWS limits how often this may be called, by everyone in the account, and went on "
        "refusing after our retries. Run it again in a few minutes."
    ),
    "ServiceUnavailable": (
        "AWS failed, also after our retries. Run it again; https://health.aws.amazon.com/health/status "
        "shows outages."
    ),
}
# Services name the same cause differently.
SAME_AS: Mapping[str, str] = {
    "ExpiredTokenException": "ExpiredToken",
    "RequestTimeTooSkewed": "RequestExpired",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "UnrecognizedClient": "InvalidClientTokenId",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "AuthFailure": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "IncompleteSignature": "SignatureDoesNotMatch",
    "SubscriptionRequiredException": "OptInRequired",
    "Throttling": "ThrottlingException",
    "TooManyRequestsException": "ThrottlingException",
    "RequestLimitExceeded": "ThrottlingException",
    "RateExceeded": "ThrottlingException",
    "SlowDown": "ThrottlingException",
    "InternalFailure": "ServiceUnavailable",
    "InternalError": "ServiceUnavailable",
    "InternalServerError": "ServiceUnavailable",
    "ServerException": "ServiceUnavailable",
    "ServiceUnavailableException": "ServiceUnavailable",
    "500": "ServiceUnavailable",
    "502": "ServiceUnavailable",
    "503": "ServiceUnavailable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """What IAM's sentence says; unknown parts are empty."""

    principal: str = ""
    action: str = ""
    resource: str = ""
    because: str = ""


def denial(message: str) -> Denial:
    """Read principal, action and resource out of an AccessDenied message."""
    found = DENIED.search(message)
    if not found:
        return Denial()
    return Denial(
        principal=found["principal"] or "",
        action=found["action"],
        resource=(found["resource"] or "").rstrip(".,"),
        because=(found["because"] or "").strip().rstrip("."),
    )


def code_of(error: AwsError) -> str:
    """Return AWS's code, such as `RepositoryNotFoundException`; empty when there was no answer."""
    return error_code(error.__cause__) if isinstance(error.__cause__, Exception) else ""


def explain(error: Exception, *, doing: str) -> AwsError:
    """Turn a botocore error into ours: what we were `doing`, what AWS said, and what to do.

    `doing` completes "Could not …", such as "find the repository `web`". The message quotes what AWS said,
    which holds no secrets; request headers and keys are not in it.
    """
    code = error_code(error)
    if not code:
        return _without_answer(error, doing=doing)
    answer: Mapping[str, Any] = getattr(error, "response", {})
    said = str(answer.get("Error", {}).get("Message", "")).strip() or "no reason given"
    operation = str(getattr(error, "operation_name", ""))
    message = f"Could not {doing}: AWS refused {operation} with {code}: {said.rstrip('.')}."
    if code in DENIALS or " is not authorized to perform" in said:
        return AwsError(message, remedy=_allow(denial(said), operation))
    return AwsError(message, remedy=REMEDIES.get(SAME_AS.get(code, code), ""))


def _allow(found: Denial, operation: str) -> str:
    """Say which statement is missing, and where."""
    if "explicit deny" in found.because:
        where = f"on {found.resource}" if found.resource else "on it"
        return (
            f"A policy denies {found.action} {where} explicitly ({found.because}): an allow can't lift "
            "that. Look "
            "for the Deny in the role's policies, its permissions boundary and the organisation's policies."
        )
    who = f"`{found.principal}`" if found.principal else "the role or user whose credentials the job uses"
    if not found.action:
        return (
            f"Allow the action that belongs to {operation} in the IAM policy of {who}; `slipway doctor` "
            "lists them."
        )
    resource = found.resource or "*"
    statement = f'{{"Effect": "Allow", "Action": "{found.action}", "Resource": "{resource}"}}'
    return (
        f"Add this to the IAM policy of {who} (and look at the resource's own policy, if it has one):\n"
        f"{statement}\n`slipway doctor` lists everything that a publish needs."
    )


def _without_answer(error: Exception, *, doing: str) -> AwsError:
    """Explain what never got an answer: no network, no credentials, a wrong region or profile."""
    name = type(error).__name__
    remedy = {
        "EndpointConnectionError": (
            "Is the region's name right, and does this machine reach it (proxy, firewall, DNS)?"
        ),
        "ConnectTimeoutError": (
            "Nothing answered. Does this machine reach AWS (proxy, firewall, VPC endpoint)?"
        ),
        "ReadTimeoutError": "AWS took the connection and didn't answer in time. Run it again.",
        "ConnectionClosedError": "The connection was closed before the answer. Run it again.",
        "SSLError": (
            "The certificate is not trusted: a proxy in between? Set AWS_CA_BUNDLE to its certificate."
        ),
        "ProxyConnectionError": "The proxy didn't answer: check HTTPS_PROXY and NO_PROXY.",
        "NoCredentialsError": (
            "Set DEPLOY_AWS_ROLE_ARN (with `permissions: id-token: write`), or both of "
            "DEPLOY_AWS_ACCESS_KEY_ID and "
            f"DEPLOY_AWS_SECRET_ACCESS_KEY, on {KEYS_PAGE}; on your own machine `aws configure` or "
            "AWS_PROFILE."
        ),
        "ProfileNotFound": (
            "AWS_PROFILE names a profile that ~/.aws/config doesn't have: correct or unset it."
        ),
        "UnknownServiceError": "This botocore doesn't know the service: update Slipway.",
        "UnauthorizedSSOTokenError": "Sign in again: `aws sso login`.",
        "SSOTokenLoadError": "Sign in: `aws sso login`.",
        "CredentialRetrievalError": (
            "The credentials could not be fetched; what the provider said stands above."
        ),
    }.get(name, "")
    return AwsError(f"Could not {doing}: {name}: {error}.", remedy=remedy)


@contextlib.contextmanager
def calling(doing: str) -> Iterator[None]:
    """Turn what botocore raises in the block into AwsError; other errors pass.

    >>> with calling("find the repository `web`"):
    ...     client.describe_repositories(repositoryNames=["web"])
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explain(error, doing=doing) from error
