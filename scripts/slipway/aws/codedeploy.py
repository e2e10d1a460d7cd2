"""AWS CodeDeploy, as far as a rollout of an ECS service needs it: one function per call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from slipway.aws.refusals import calling
from slipway.aws.session import Aws, error_code

ACTIVE = ("Created", "Queued", "InProgress", "Baking", "Ready")
NOT_YET = frozenset({"DeploymentNotStartedException", "DeploymentTargetDoesNotExistException"})
GROUPS_BATCH = 100  # what BatchGetDeploymentGroups takes at once


def list_applications(aws: Aws) -> tuple[str, ...]:
    """Return the region's applications."""
    with calling("list the CodeDeploy applications"):
        pages = aws.client("codedeploy").get_paginator("list_applications").paginate()
        return tuple(name for page in pages for name in page.get("applications", []))


def list_groups(aws: Aws, application: str) -> tuple[str, ...]:
    """Return an application's deployment groups; none when the application isn't there."""
    with calling(f"list the deployment groups of `{application}`"):
        try:
            pages = (
                aws.client("codedeploy")
                .get_paginator("list_deployment_groups")
                .paginate(applicationName=application)
            )
            return tuple(name for page in pages for name in page.get("deploymentGroups", []))
        except Exception as error:
            if error_code(error) == "ApplicationDoesNotExistException":
                return ()
            raise


def get_groups(aws: Aws, application: str, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the deployment groups of these names that are there."""
    found: list[Mapping[str, Any]] = []
    with calling(f"read the deployment groups of `{application}`"):
        for start in range(0, len(names), GROUPS_BATCH):
            answer = aws.client("codedeploy").batch_get_deployment_groups(
                applicationName=application, deploymentGroupNames=list(names[start : start + GROUPS_BATCH])
            )
            found += answer.get("deploymentGroupsInfo", [])
    return found


def get_group(aws: Aws, application: str, group: str) -> Mapping[str, Any] | None:
    """Return the deployment group; None when it or the application isn't there."""
    with calling(f"read the deployment group `{group}` of `{application}`"):
        try:
            answer = aws.client("codedeploy").get_deployment_group(
                applicationName=application, deploymentGroupName=group
            )
        except Exception as error:
            if error_code(error) in {
                "ApplicationDoesNotExistException",
                "DeploymentGroupDoesNotExistException",
            }:
                return None
            raise
    info: Mapping[str, Any] = answer.get("deploymentGroupInfo", {})
    return info


def list_deployments(
    aws: Aws, application: str, group: str, *, statuses: Iterable[str] = (), since: float = 0
) -> tuple[str, ...]:
    """Return the first page of a group's deployments, newest first, of `statuses`, created from `since`."""
    asked: dict[str, Any] = {"applicationName": application, "deploymentGroupName": group}
    if wanted := list(statuses):
        asked["includeOnlyStatuses"] = wanted
    if since:
        asked["createTimeRange"] = {"start": since}
    with calling(f"list the deployments of the deployment group `{group}`"):
        return tuple(aws.client("codedeploy").list_deployments(**asked).get("deployments", []))


def get_deployment(aws: Aws, deployment: str) -> Mapping[str, Any] | None:
    """Return a deployment; None when CodeDeploy doesn't know it."""
    with calling(f"read the deployment {deployment}"):
        try:
            answer = aws.client("codedeploy").get_deployment(deploymentId=deployment)
        except Exception as error:
            if error_code(error) in {"DeploymentDoesNotExistException", "InvalidDeploymentIdException"}:
                return None
            raise
    info: Mapping[str, Any] = answer.get("deploymentInfo", {})
    return info


def get_deployments(aws: Aws, deployments: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return these deployments (at most 25), in the order asked for."""
    if not deployments:
        return []
    with calling("read the group's deployments"):
        answer = aws.client("codedeploy").batch_get_deployments(deploymentIds=list(deployments))
    found = {one.get("deploymentId"): one for one in answer.get("deploymentsInfo", [])}
    return [found[deployment] for deployment in deployments if deployment in found]


def get_target(aws: Aws, deployment: str, *, cluster: str, service: str) -> Mapping[str, Any]:
    """Return the ECS target of a deployment; empty before it has one."""
    with calling(f"read the progress of the deployment {deployment}"):
        try:
            answer = aws.client("codedeploy").get_deployment_target(
                deploymentId=deployment, targetId=f"{cluster}:{service}"
            )
        except Exception as error:
            if error_code(error) in NOT_YET:
                return {}
            raise
    target: Mapping[str, Any] = answer.get("deploymentTarget", {}).get("ecsTarget", {})
    return target


def create_deployment(aws: Aws, asked: Mapping[str, Any]) -> str:
    """Create a deployment, asking once, and return its id."""
    with calling("create the deployment"):
        answer = aws.client("codedeploy", retries=False).create_deployment(**asked)
    return str(answer["deploymentId"])


def stop_deployment(aws: Aws, deployment: str, *, rollback: bool) -> None:
    """Stop a deployment; one that has ended already is no error."""
    with calling(f"stop the deployment {deployment}"):
        try:
            aws.client("codedeploy").stop_deployment(deploymentId=deployment, autoRollbackEnabled=rollback)
        except Exception as error:
            if error_code(error) != "DeploymentAlreadyCompletedException":
                raise


def continue_deployment(aws: Aws, deployment: str, wait: Literal["READY_WAIT", "TERMINATION_WAIT"]) -> None:
    """End a deployment's wait; one that doesn't wait any more is no error."""
    with calling(f"continue the deployment {deployment}"):
        try:
            aws.client("codedeploy").continue_deployment(deploymentId=deployment, deploymentWaitType=wait)
        except Exception as error:
            if error_code(error) not in {
                "DeploymentAlreadyCompletedException",
                "DeploymentIsNotInReadyStateException",
                "InvalidDeploymentStatusException",
            }:
                raise
