"""What was asked of AWS: every call, with the resources an IAM policy would name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

Protocol = Literal["json", "query", "rest"]

SCOPE = re.compile(r"Credential=([^/\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
TARGETS = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "CodeDeploy_20141006": "codedeploy",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "SpencerFrontendService": "ecr-public",
    "Logs_20140328": "logs",
    "AWSEvents": "events",
}
VERSIONS = {
    "2011-06-15": "sts",
    "2015-12-01": "elasticloadbalancing",
    "2010-05-08": "iam",
    "2010-03-31": "sns",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, and what was answered: `status` is 0 where the client got nothing."""

    service: str  # as in IAM: ecs, codedeploy, ecr, ecr-public, sts, elasticloadbalancing, …
    operation: str
    parameters: Mapping[str, Any]
    time: float
    status: int = 0
    resources: tuple[str, ...] = ()
    fault: str = ""
    error: str = ""  # the code of a refusal
    key: str = field(default="", repr=False)  # the caller's access key id
    region: str = ""
    protocol: Protocol = "json"

    @property
    def action(self) -> str:
        """The IAM action of the call."""
        return f"{self.service}:{self.operation}"


def parse(environ: Mapping[str, Any], body: bytes, *, time: float, region: str) -> Call:
    """Read a signed or unsigned request of any of AWS's protocols."""
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, scope_region, service = scope.groups() if scope else ("", region, "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    parameters: dict[str, Any]
    if target:
        prefix, _, operation = target.rpartition(".")
        service, parameters, protocol = TARGETS.get(prefix, service), _json(body), "json"
    elif "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        parameters = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        operation = parameters.pop("Action", "")
        service = service or VERSIONS.get(parameters.pop("Version", ""), "")
        parameters.pop("Version", None)
        protocol = "query"
    else:
        operation = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"
        parameters, protocol = dict(parse_qsl(environ.get("QUERY_STRING", ""))), "rest"
    return Call(
        service=service,
        operation=operation,
        parameters=parameters,
        time=time,
        key=key,
        region=scope_region,
        protocol="json" if protocol == "json" else "query" if protocol == "query" else "rest",
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
