"""Amazon ECS, as far as a rollout needs it. One function per call; answers are botocore's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slipway.aws.refusals import calling
from slipway.aws.session import Aws, error_code

BATCH = 100  # what DescribeTasks takes at once


def describe_service(aws: Aws, cluster: str, service: str) -> Mapping[str, Any] | None:
    """Return the service; None when the cluster has none of that name.

    Raises LookupError when there is no such cluster.
    """
    with calling(f"read the service `{service}` of the cluster `{cluster}`"):
        try:
            answer = aws.client("ecs").describe_services(cluster=cluster, services=[service])
        except Exception as error:
            if error_code(error) == "ClusterNotFoundException":
                raise LookupError(cluster) from error
            raise
    found: list[Mapping[str, Any]] = answer.get("services", [])
    return found[0] if found else None


def list_clusters(aws: Aws) -> tuple[str, ...]:
    """Return the names of the region's clusters."""
    with calling("list the clusters"):
        pages = aws.client("ecs").get_paginator("list_clusters").paginate()
        return tuple(_name(arn) for page in pages for arn in page.get("clusterArns", []))


def list_services(aws: Aws, cluster: str) -> tuple[str, ...]:
    """Return the names of the cluster's services."""
    with calling(f"list the services of the cluster `{cluster}`"):
        pages = aws.client("ecs").get_paginator("list_services").paginate(cluster=cluster)
        return tuple(_name(arn) for page in pages for arn in page.get("serviceArns", []))


def list_tasks(aws: Aws, cluster: str, service: str, *, stopped: bool = False) -> tuple[str, ...]:
    """Return the ARNs of the service's tasks that shall run, or of those that stopped in the last hour."""
    wanted = "STOPPED" if stopped else "RUNNING"
    with calling(f"list the tasks of the service `{service}`"):
        pages = (
            aws.client("ecs")
            .get_paginator("list_tasks")
            .paginate(cluster=cluster, serviceName=service, desiredStatus=wanted)
        )
        return tuple(arn for page in pages for arn in page.get("taskArns", []))


def describe_tasks(aws: Aws, cluster: str, tasks: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the tasks that are still known."""
    found: list[Mapping[str, Any]] = []
    with calling("read the service's tasks"):
        for start in range(0, len(tasks), BATCH):
            answer = aws.client("ecs").describe_tasks(
                cluster=cluster, tasks=list(tasks[start : start + BATCH])
            )
            found += answer.get("tasks", [])
    return found


def update_service(aws: Aws, cluster: str, service: str, task_definition: str, *, force: bool) -> None:
    """Have the service run `task_definition`. Asking twice for the same changes nothing the second time."""
    with calling(f"update the service `{service}`"):
        aws.client("ecs").update_service(
            cluster=cluster, service=service, taskDefinition=task_definition, forceNewDeployment=force
        )


def list_service_deployments(
    aws: Aws, cluster: str, service: str, *, statuses: Iterable[str] = (), limit: int = 20
) -> list[Mapping[str, Any]]:
    """Return the service's deployments, newest first: at most `limit`, of the statuses named."""
    asked: dict[str, Any] = {"cluster": cluster, "service": service, "maxResults": limit}
    if wanted := list(statuses):
        asked["status"] = wanted
    with calling(f"list the deployments of the service `{service}`"):
        answer = aws.client("ecs").list_service_deployments(**asked)
    found: list[Mapping[str, Any]] = answer.get("serviceDeployments", [])
    return sorted(found, key=lambda one: str(one.get("createdAt", "")), reverse=True)


def describe_service_deployment(aws: Aws, arn: str) -> Mapping[str, Any]:
    """Return one service deployment; empty when it isn't known (yet)."""
    with calling("read the service deployment"):
        answer = aws.client("ecs").describe_service_deployments(serviceDeploymentArns=[arn])
    found: list[Mapping[str, Any]] = answer.get("serviceDeployments", [])
    return found[0] if found else {}


def describe_service_revisions(aws: Aws, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return service revision ARN → the revision, with its task definition."""
    if not arns:
        return {}
    with calling("read the service's revisions"):
        answer = aws.client("ecs").describe_service_revisions(serviceRevisionArns=list(arns))
    return {str(one.get("serviceRevisionArn", "")): one for one in answer.get("serviceRevisions", [])}


def stop_service_deployment(aws: Aws, arn: str) -> None:
    """Stop a service deployment and go back to the revision before it."""
    with calling("stop the service deployment"):
        aws.client("ecs").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")


def deregister(aws: Aws, task_definition: str) -> bool:
    """Take a revision that was never used back; False when AWS doesn't let us, which harms nothing."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        aws.client("ecs").deregister_task_definition(taskDefinition=task_definition)
    except (BotoCoreError, ClientError):
        return False  # the next run finds the revision and uses it
    return True


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
