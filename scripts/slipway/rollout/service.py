"""An ECS service as AWS describes it: what serves, and what a rollout must keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.aws import ecs
from slipway.aws.session import Aws
from slipway.errors import SlipwayError
from slipway.rollout.task_definition import names, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, by the names it was asked for."""

    cluster: str
    name: str
    described: Mapping[str, Any] = field(repr=False)

    @property
    def controller(self) -> str:
        """Who rolls out: CODE_DEPLOY, ECS or EXTERNAL."""
        return str((self.described.get("deploymentController") or {}).get("type") or "ECS")

    @property
    def desired(self) -> int:
        """How many tasks shall run."""
        return int(self.described.get("desiredCount") or 0)

    @property
    def serving(self) -> Mapping[str, Any]:
        """The task set or deployment that serves: CodeDeploy's primary, or ECS's newest that completed."""
        sets = self.described.get("taskSets") or []
        if self.controller == "CODE_DEPLOY":
            return next((one for one in sets if one.get("status") == "PRIMARY"), sets[0] if sets else {})
        deployments = self.described.get("deployments") or []
        done = [one for one in deployments if one.get("rolloutState", "COMPLETED") == "COMPLETED"]
        older = [one for one in deployments if one.get("status") != "PRIMARY" and one.get("runningCount")]
        return next(iter([*done, *older, *deployments]), {})

    @property
    def settled(self) -> bool:
        """Whether what serves came out of a rollout that completed."""
        return str(self.serving.get("rolloutState", "COMPLETED")) == "COMPLETED"

    @property
    def running(self) -> str:
        """The ARN of the task definition that serves."""
        return str(self.serving.get("taskDefinition") or self.described.get("taskDefinition") or "")

    @property
    def running_count(self) -> int:
        """How many tasks of what serves do run."""
        counted = self.serving.get("runningCount", self.described.get("runningCount"))
        return int(counted or 0)

    def brought_by(self, deployment: str) -> str:
        """Return the task definition that CodeDeploy's `deployment` brings in; empty before it has tasks."""
        for one in self.described.get("taskSets") or []:
            if one.get("externalId") == deployment:
                return str(one.get("taskDefinition") or "")
        return ""


def find(aws: Aws, cluster: str, service: str) -> Service:
    """Read the service. Raises SlipwayError, naming the nearest, when it isn't there or isn't active."""
    try:
        described = ecs.describe_service(aws, cluster, service)
    except LookupError:
        there = ecs.list_clusters(aws)
        raise SlipwayError(
            f"There is no cluster `{cluster}` in {aws.region}; there is {names(there)}."
            f"{nearest(cluster, there)}",
            remedy="Correct `cluster`, or the region of the environment.",
        ) from None
    if described is None or described.get("status") == "INACTIVE":
        there = ecs.list_services(aws, cluster)
        raise SlipwayError(
            f"The cluster `{cluster}` has no service `{service}`; it has {names(there)}."
            f"{nearest(service, there)}",
            remedy="Correct `service`, or create it first: Slipway rolls out, it doesn't make services.",
        )
    if described.get("status") != "ACTIVE":
        raise SlipwayError(
            f"The service `{service}` of the cluster `{cluster}` is {described.get('status')}.",
            remedy="A service that is going away takes no rollout: wait until it is gone and create it anew.",
        )
    return Service(cluster=cluster, name=service, described=described)


def name_of(task_definition: str) -> str:
    """Return `family:revision` of a task definition's ARN."""
    return task_definition.rpartition("/")[2]


def family_of(task_definition: str) -> str:
    """Return the family of a task definition's ARN."""
    return name_of(task_definition).partition(":")[0]
