"""CodeDeploy's AppSpec for an ECS service: pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def write(
    *,
    task_definition: str,
    container_name: str,
    container_port: int,
    task_set: Mapping[str, Any],
    hooks: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the AppSpec, as JSON, that puts `task_definition` behind the load balancer.

    `task_set` is the one that runs now (or the service): platform version, network and capacity providers
    stay as they are there, since CodeDeploy would otherwise take its own defaults (platform version LATEST).
    https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
    """
    properties: dict[str, Any] = {
        "TaskDefinition": task_definition,
        "LoadBalancerInfo": {"ContainerName": container_name, "ContainerPort": container_port},
    }
    if version := task_set.get("platformVersion"):
        properties["PlatformVersion"] = version
    if network := (task_set.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        properties["NetworkConfiguration"] = {"AwsvpcConfiguration": _capital(network)}
    if strategy := task_set.get("capacityProviderStrategy"):
        properties["CapacityProviderStrategy"] = [_capital(provider) for provider in strategy]
    target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    document: dict[str, Any] = {"version": 0.0, "Resources": [target]}
    if hooks:
        document["Hooks"] = [dict(hook) for hook in hooks]
    return json.dumps(document)


def revision(content: str) -> dict[str, Any]:
    """Return what CreateDeployment takes as its revision."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": digest}}


def read(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the AppSpec in a deployment's revision (JSON or YAML); empty when it lies elsewhere (S3)."""
    content = ""
    for key in ("appSpecContent", "string"):
        content = content or str((given.get(key) or {}).get("content") or "")
    if not content:
        return {}
    import yaml

    try:
        document = yaml.safe_load(content)  # YAML holds JSON
    except yaml.YAMLError:
        return {}
    return document if isinstance(document, dict) else {}


def task_definition_of(document: Mapping[str, Any]) -> str:
    """Return the task definition that an AppSpec names; empty when it names none."""
    for resource in document.get("Resources") or document.get("resources") or []:
        for target in resource.values() if isinstance(resource, dict) else ():
            properties = target.get("Properties") or target.get("properties") or {}
            return str(properties.get("TaskDefinition") or properties.get("taskDefinition") or "")
    return ""


def hooks_of(document: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """Return an AppSpec's hooks: lifecycle event → Lambda function."""
    hooks = document.get("Hooks") or document.get("hooks") or []
    return tuple({str(k): str(v) for k, v in hook.items()} for hook in hooks if isinstance(hook, dict))


def _capital(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write ECS's camelCase keys as the AppSpec has them."""
    return {key[0].upper() + key[1:]: value for key, value in values.items()}
