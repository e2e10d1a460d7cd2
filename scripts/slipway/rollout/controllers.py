"""Which controller rolls a service out: the one place that lists them."""

from __future__ import annotations

from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.errors import SlipwayError
from slipway.rollout import group
from slipway.rollout.codedeploy import CodeDeploy, balancer
from slipway.rollout.controller import Controller
from slipway.rollout.ecs import EcsService
from slipway.rollout.service import Service


def find(
    aws: Aws, service: Service, *, application: str | None, deployment_group: str | None, clock: Clock
) -> Controller:
    """Return the service's controller, with all that it needs to start a deployment.

    Raises SlipwayError for a controller that we can't drive, or when CodeDeploy has no group for the service.
    """
    if service.controller == "CODE_DEPLOY":
        balancer(service)
        found = group.find(aws, service, application=application, name=deployment_group)
        return CodeDeploy(aws, found, clock)
    if service.controller == "ECS":
        return EcsService(aws, service, clock)
    raise SlipwayError(
        f"The service `{service.name}` has the deployment controller {service.controller}: "
        "somebody else drives it.",
        remedy="Slipway rolls out with CODE_DEPLOY and ECS. Set `handoff: none` to publish only.",
    )
