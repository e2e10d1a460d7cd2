"""Task definitions as raw JSON: every field that AWS sends comes back to it, known to botocore or not.

boto3 drops fields that its model doesn't know when it reads, and refuses them when it writes. So the two
calls that carry a task definition go around the model, but through botocore's signer, its endpoint and its
errors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.aws.refusals import calling
from slipway.aws.session import Aws, error_code
from slipway.clock import Clock
from slipway.errors import AwsError

TARGET_PREFIX = "AmazonEC2ContainerServiceV20141113"  # ECS's name in the JSON 1.1 protocol
READ_ATTEMPTS = 5
REGISTER_ATTEMPTS = 8
THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "RateExceeded"}
)
SERVER_ERROR = 500

# What AWS adds when it registers; RegisterTaskDefinition takes none of it.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
READ_ONLY = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A task definition as AWS holds it. `body` is what RegisterTaskDefinition takes to make it again."""

    arn: str
    status: str  # ACTIVE, INACTIVE, DELETE_IN_PROGRESS
    body: Mapping[str, Any] = field(repr=False)  # it holds environment values: never printed

    @property
    def name(self) -> str:
        """`family:revision`, the ARN's end."""
        return self.arn.rpartition("/")[2]


def describe(aws: Aws, task_definition: str, *, clock: Clock) -> Revision:
    """Read a revision by its ARN, or a family's newest ACTIVE one by the family's name.

    Throttling, 5xx and lost connections are tried again; raises AwsError.
    """
    asked = {"taskDefinition": task_definition, "include": ["TAGS"]}
    with calling(f"read the task definition `{_short(task_definition)}`"):
        return _revision(_read(aws, "DescribeTaskDefinition", asked, clock=clock))


def register(aws: Aws, body: Mapping[str, Any], *, clock: Clock) -> Revision:
    """Register `body` once, whatever happens on the way, and return the revision it became.

    Throttling and "Too many concurrent attempts" are refusals: waited out and tried again. A time-out, a 5xx
    or a cut connection says nothing about what happened: then the family's newest revision is ours if it is
    what we sent, and only if it isn't do we send again. Raises AwsError.
    """
    family = str(body.get("family", ""))
    with calling(f"register a revision of `{family}`"):
        for attempt in range(REGISTER_ATTEMPTS):
            last = attempt == REGISTER_ATTEMPTS - 1
            try:
                return _revision(_send(aws, "RegisterTaskDefinition", body))
            except Exception as error:
                if not (refused_for_now(error) or unanswered(error)):
                    raise
                clock.sleep(min(2**attempt, 8))
                if unanswered(error) and (ours := _adopt(aws, family, body, clock=clock)):
                    return ours
                if last:
                    raise
    raise AssertionError  # the loop returns or raises


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether registering `one` would make what `other` is: the order of tags means nothing."""
    return _settled(one) == _settled(other)


def refused_for_now(error: BaseException | None) -> bool:
    """Whether AWS refused for the moment: throttled, or the family was being registered by another.

    The second is a ClientException, which botocore's retries don't see.
    """
    if error is None:
        return False
    code = error_code(error) if isinstance(error, Exception) else ""
    return code in THROTTLED or "Too many concurrent attempts" in str(error)


def unanswered(error: BaseException | None) -> bool:
    """Whether a call may have been done or not: no answer, a cut connection, or a fault on AWS's side."""
    from botocore.exceptions import (
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
    )

    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status >= SERVER_ERROR or error_code(error) in {"ServerException", "InternalFailure"}
    return isinstance(error, (HTTPClientError, ConnectTimeoutError, EndpointConnectionError))


def transient(error: AwsError) -> bool:
    """Whether an error of ours comes of something that passes: what AWS was asked may be asked again."""
    return refused_for_now(error.__cause__) or unanswered(error.__cause__)


def _adopt(aws: Aws, family: str, body: Mapping[str, Any], *, clock: Clock) -> Revision | None:
    """Return the family's newest revision if it is exactly `body`."""
    try:
        newest = _revision(
            _read(aws, "DescribeTaskDefinition", {"taskDefinition": family, "include": ["TAGS"]}, clock=clock)
        )
    except Exception as error:
        if not isinstance(error, AwsError) and error_code(error) == "ClientException":
            return None  # a family without revisions
        raise
    return newest if same(newest.body, body) else None


def _read(aws: Aws, operation: str, asked: Mapping[str, Any], *, clock: Clock) -> Mapping[str, Any]:
    """Send a call that only reads, again if need be."""
    for attempt in range(READ_ATTEMPTS):
        try:
            return _send(aws, operation, asked)
        except Exception as error:
            if attempt == READ_ATTEMPTS - 1 or not (refused_for_now(error) or unanswered(error)):
                raise
            clock.sleep(0.5 * 2**attempt)
    raise AssertionError


def _send(aws: Aws, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send one signed JSON 1.1 request, once; raises what a botocore client raises."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import ClientError, NoCredentialsError
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    meta = aws.client("ecs").meta
    credentials = aws.credentials()
    if credentials is None:
        raise NoCredentialsError
    request = AWSRequest(
        method="POST",
        url=meta.endpoint_url.rstrip("/") + "/",
        data=json.dumps(asked).encode(),
        headers={
            "X-Amz-Target": f"{TARGET_PREFIX}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "User-Agent": f"{meta.config.user_agent} app/slipway",
        },
    )
    SigV4Auth(credentials.get_frozen_credentials(), "ecs", meta.region_name).add_auth(request)
    session = URLLib3Session(
        verify=os.environ.get("AWS_CA_BUNDLE") or True,
        proxies=get_environ_proxies(meta.endpoint_url),
        timeout=(meta.config.connect_timeout, meta.config.read_timeout),
    )
    try:
        response = session.send(request.prepare())
        content = response.content
    finally:
        session.close()
    try:
        answer = json.loads(content)
    except ValueError:
        answer = {}
    if response.status_code >= 300:  # noqa: PLR2004
        raise ClientError(_refusal(response.status_code, answer, response.headers), operation)
    return answer if isinstance(answer, dict) else {}


def _refusal(status: int, answer: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read an error as botocore's JSON parser does: code without its namespace, message in either case."""
    said = answer if isinstance(answer, dict) else {}
    code = str(said.get("__type") or headers.get("x-amzn-errortype") or status)
    return {
        "Error": {
            "Code": code.rpartition("#")[2].partition(":")[0],
            "Message": str(said.get("message") or said.get("Message") or ""),
        },
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": headers.get("x-amzn-requestid", "")},
    }


def _revision(answer: Mapping[str, Any]) -> Revision:
    """Take AWS's own fields off, carry the tags."""
    definition = answer.get("taskDefinition", {})
    body = {key: value for key, value in definition.items() if key not in READ_ONLY}
    # Tags that AWS's services set themselves (`aws:cloudformation:…`) are refused when sent.
    if tags := [tag for tag in answer.get("tags") or [] if not str(tag.get("key", "")).startswith("aws:")]:
        body["tags"] = tags
    return Revision(
        arn=str(definition.get("taskDefinitionArn", "")), status=str(definition.get("status", "")), body=body
    )


def _settled(body: Mapping[str, Any]) -> dict[str, Any]:
    tags = sorted((body.get("tags") or []), key=lambda tag: str(tag.get("key", "")))
    settled = {key: value for key, value in body.items() if key != "tags"}
    return {**settled, "tags": tags} if tags else settled


def _short(name: str) -> str:
    return name.rpartition("/")[2]
