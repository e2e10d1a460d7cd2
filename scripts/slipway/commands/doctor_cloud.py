"""What `slipway doctor` reads in AWS: who we are, repository, service, deployment group, permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from slipway.aws import ecr, permissions
from slipway.aws.permissions import Names, Statement, Way
from slipway.aws.refusals import calling
from slipway.aws.session import Aws
from slipway.clock import SystemClock
from slipway.commands.doctor_check import Check, attempt
from slipway.config.model import Component
from slipway.errors import AwsError, SlipwayError
from slipway.rollout import group, service

ASSUMED = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
SHA_TAG = "sha-" + "0" * 40


def look(component: Component, aws: Aws) -> Iterator[Check]:
    """Yield the checks of one component's AWS side; reads only."""
    identity, check = attempt(f"{component.name}: credentials", lambda: _who(aws), "")
    if identity is None:
        yield check
        return
    arn = str(identity["Arn"])
    yield Check(name=check.name, verdict="good", detail=f"{arn} in {aws.region}")
    repository, checks = _repository(component, aws)
    yield from checks
    names = Names(
        partition=arn.split(":")[1],
        account=str(identity["Account"]),
        region=aws.region,
        repository=repository,
    )
    way: Way = "published"
    if component.kind == "application" and component.deploy.handoff != "none":
        found, checks = _service(component, aws, names)
        yield from checks
        if found is None:
            return
        names, way = found
    yield _permissions(component, aws, arn, permissions.needed("publish", way, names))


def _who(aws: Aws) -> dict[str, Any]:
    with calling("ask AWS who these credentials are"):
        found: dict[str, Any] = aws.client("sts").get_caller_identity()
        return found


def _repository(component: Component, aws: Aws) -> tuple[ecr.Repository | None, list[Check]]:
    name = f"{component.name}: repository"
    if not component.repository:
        remedy = "Set `repository:` in slipway.yml, such as `${DEPLOY_DOCKER_REPOSITORY}`."
        return None, [Check(name=name, verdict="bad", detail="none is named", remedy=remedy)]
    text = component.repository
    parsed, check = attempt(name, lambda: ecr.parse(text), "")
    if parsed is None:
        return None, [check]
    settings, check = attempt(name, lambda: ecr.settings(aws, parsed), f"{parsed} is there")
    if settings is None:
        return parsed, [check]
    fixed = [tag for tag in component.tags if settings.fixed(tag)]
    if fixed:
        listed = ", ".join(f"`{tag}`" for tag in fixed)
        return parsed, [
            Check(
                name=name,
                verdict="bad",
                detail=f"{parsed} has immutable tags, so {listed} can't be moved to a new image",
                remedy="Take it out of `tags:`, or exclude it from the repository's immutability.",
            )
        ]
    kept = "immutable" if settings.fixed(SHA_TAG) else "mutable (immutable ones are safer)"
    return parsed, [Check(name=name, verdict="good", detail=f"{parsed} is there; its sha- tags are {kept}")]


def _service(component: Component, aws: Aws, names: Names) -> tuple[tuple[Names, Way] | None, list[Check]]:
    deploy, name = component.deploy, f"{component.name}: service"
    if not deploy.cluster or not deploy.service:
        remedy = "Set `deploy: {cluster: …, service: …}`, or `handoff: none` to only publish."
        return None, [Check(name=name, verdict="bad", detail="no cluster and service named", remedy=remedy)]
    cluster, wanted = deploy.cluster, deploy.service
    found, check = attempt(name, lambda: service.find(aws, cluster, wanted), "")
    if found is None:
        return None, [check]
    running = service.name_of(found.running) or "nothing"
    detail = f"{cluster}/{wanted} runs {running}, {found.running_count} of {found.desired} tasks"
    checks = [Check(name=name, verdict="good", detail=detail)]
    names = replace(
        names,
        cluster=cluster.rpartition("/")[2],
        service=wanted.rpartition("/")[2],
        family=service.family_of(found.running) or "*",
        roles=_roles(aws, found.running),
    )
    if found.controller != "CODE_DEPLOY":
        return (names, "ecs"), checks
    deployed, check = attempt(
        f"{component.name}: deployment group",
        lambda: group.find(aws, found, application=deploy.application, name=deploy.deployment_group),
        "",
    )
    if deployed is None:
        return None, [*checks, check]
    checks.append(Check(name=check.name, verdict="good", detail=f"{deployed.application}/{deployed.name}"))
    names = replace(names, application=deployed.application, deployment_group=deployed.name)
    return (names, "codedeploy"), checks


def _roles(aws: Aws, task_definition: str) -> tuple[str, ...]:
    from slipway.aws import raw

    if not task_definition:
        return ()
    try:
        return permissions.roles_of(raw.describe(aws, task_definition, clock=SystemClock()).body)
    except SlipwayError:
        return ()  # what may not be read is named by the check of permissions


def _permissions(component: Component, aws: Aws, principal: str, needed: tuple[Statement, ...]) -> Check:
    """Compare what a publish needs with what IAM allows; where it may not be asked, show the policy."""
    name = f"{component.name}: permissions"
    document = json.dumps(permissions.policy(needed), indent=2)
    if principal.endswith(":root"):
        return Check(name=name, verdict="good", detail="the account's root may do everything")
    try:
        refused = _refused(aws, principal, needed)
    except AwsError as error:
        return Check(
            name=name,
            verdict="unknown",
            detail=f"could not be compared: {error.message}",
            remedy="Allow iam:SimulatePrincipalPolicy to have it compared. A publish needs:\n" + document,
        )
    if not refused:
        return Check(name=name, verdict="good", detail="IAM allows what a publish needs")
    listed = "\n".join(f"{action} on {resource}" for action, resource in refused)
    return Check(
        name=name,
        verdict="bad",
        detail=f"{principal} may not:\n{listed}",
        remedy="Give it this policy, or look for what denies:\n" + document,
    )


def _refused(aws: Aws, principal: str, needed: tuple[Statement, ...]) -> tuple[tuple[str, str], ...]:
    """Ask IAM which of the actions it would refuse (reads only). Raises AwsError when it may not be asked."""
    assumed = ASSUMED.fullmatch(principal)
    # A session's ARN lacks the role's path; a role that has one isn't found by this name.
    source = (
        f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['role']}"
        if assumed
        else principal
    )
    refused: list[tuple[str, str]] = []
    for statement in needed:
        if statement.by == "optional":
            continue
        with calling("ask IAM what these credentials may do"):
            answer = aws.client("iam").simulate_principal_policy(
                PolicySourceArn=source,
                ActionNames=list(statement.actions),
                ResourceArns=list(statement.resources),
                ContextEntries=_context(statement),
            )
        refused += [
            (str(one["EvalActionName"]), str(one.get("EvalResourceName", "*")))
            for one in answer["EvaluationResults"]
            if one["EvalDecision"] != "allowed"
        ]
    return tuple(dict.fromkeys(refused))


def _context(statement: Statement) -> list[dict[str, Any]]:
    return [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for operator in (statement.condition or {}).values()
        for key, value in operator.items()
    ]
