"""The AppSpec of a deployment to ECS: what CodeDeploy reads in a revision."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import yaml

from slipway.rehearsal.emulation.refusals import RefusedError

HOOKS = (
    "BeforeInstall",
    "AfterInstall",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpec:
    """What is deployed, and the functions called between the lifecycle events."""

    task_definition: str
    container: str
    port: int
    hooks: dict[str, str]


def read(revision: dict[str, Any]) -> AppSpec:
    """Read `revision` (RevisionLocation), JSON or YAML. Raises RefusedError in CodeDeploy's words."""
    document = _document(_content(revision))
    resources = document.get("Resources") or document.get("resources") or []
    services = [
        target for each in resources for target in each.values() if target.get("Type") == "AWS::ECS::Service"
    ]
    if len(services) != 1:
        raise RefusedError(
            "InvalidRevisionException",
            f"For ECS deployments, the AppSpec file must specify exactly one service, found {len(services)}",
        )
    properties = services[0].get("Properties") or {}
    info = properties.get("LoadBalancerInfo") or {}
    if not properties.get("TaskDefinition"):
        raise RefusedError("InvalidRevisionException", "The AppSpec file has no TaskDefinition")
    if not info.get("ContainerName") or not isinstance(info.get("ContainerPort"), int):
        raise RefusedError(
            "InvalidRevisionException",
            "The AppSpec file must specify LoadBalancerInfo: ContainerName, ContainerPort",
        )
    return AppSpec(
        task_definition=str(properties["TaskDefinition"]),
        container=str(info["ContainerName"]),
        port=info["ContainerPort"],
        hooks=_hooks(document.get("Hooks") or document.get("hooks") or []),
    )


def _content(revision: dict[str, Any]) -> str:
    kind = revision.get("revisionType")
    field = {"String": "string", "AppSpecContent": "appSpecContent"}.get(str(kind))
    if field is None:
        raise RefusedError(
            "InvalidRevisionException", f"Revision type {kind} is not known to this emulation of CodeDeploy"
        )
    location = revision.get(field) or {}
    content = str(location.get("content") or "")
    given, real = location.get("sha256"), hashlib.sha256(content.encode()).hexdigest()
    if given and given != real:
        raise RefusedError(
            "InvalidRevisionException", f"The sha256 {given} doesn't match the content's: {real}"
        )
    return content


def _document(content: str) -> dict[str, Any]:
    try:
        document = json.loads(content) if content.lstrip().startswith("{") else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError) as error:
        raise RefusedError(
            "InvalidRevisionException", "The AppSpec file is not well-formed YAML or JSON"
        ) from error
    if not isinstance(document, dict) or str(document.get("version")) not in {"0.0", "1", "1.0", "0"}:
        raise RefusedError("InvalidRevisionException", "The AppSpec file must have the version 0.0")
    return document


def _hooks(given: list[dict[str, str]]) -> dict[str, str]:
    hooks = {name: function for each in given for name, function in each.items()}
    for name in hooks:
        if name not in HOOKS:
            raise RefusedError("InvalidRevisionException", f"The AppSpec file names an unknown hook: {name}")
    return hooks
