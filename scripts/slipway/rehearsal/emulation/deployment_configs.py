"""CodeDeploy's predefined deployment configurations for ECS, and the traffic steps that each means."""

from __future__ import annotations

import re
from typing import Any

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import World

ALL_AT_ONCE = "CodeDeployDefault.ECSAllAtOnce"
NAMES = (
    ALL_AT_ONCE,
    "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "CodeDeployDefault.ECSCanary10Percent15Minutes",
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
)
FORM = re.compile(r"\.ECS(Canary|Linear)(\d+)Percent(?:Every)?(\d+)Minutes$")


def routing(name: str) -> dict[str, Any]:
    """The `trafficRoutingConfig` of a predefined configuration. Raises RefusedError for another name."""
    if name not in NAMES:
        raise RefusedError(
            "DeploymentConfigDoesNotExistException", f"No Deployment Config found for name: {name}"
        )
    form = FORM.search(name)
    if form is None:
        return {"type": "AllAtOnce"}
    percent, minutes = int(form[2]), int(form[3])
    if form[1] == "Canary":
        canary = {"canaryPercentage": percent, "canaryInterval": minutes}
        return {"type": "TimeBasedCanary", "timeBasedCanary": canary}
    linear = {"linearPercentage": percent, "linearInterval": minutes}
    return {"type": "TimeBasedLinear", "timeBasedLinear": linear}


def steps(name: str) -> list[tuple[float, float]]:
    """Weights of the replacement, each with the minutes it stays before the next."""
    config = routing(name)
    if "timeBasedCanary" in config:
        canary = config["timeBasedCanary"]
        return [(float(canary["canaryPercentage"]), float(canary["canaryInterval"])), (100.0, 0.0)]
    if "timeBasedLinear" in config:
        percent, minutes = (
            config["timeBasedLinear"]["linearPercentage"],
            config["timeBasedLinear"]["linearInterval"],
        )
        return [(float(weight), float(minutes)) for weight in range(percent, 100, percent)] + [(100.0, 0.0)]
    return [(100.0, 0.0)]


def get(_world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:GetDeploymentConfig."""
    name = str(parameters.get("deploymentConfigName"))
    return {
        "deploymentConfigInfo": {
            "deploymentConfigId": f"00000000-0000-4000-8000-{abs(hash(name)) % 10**12:012d}",
            "deploymentConfigName": name,
            "createTime": 1543190400.0,
            "computePlatform": "ECS",
            "trafficRoutingConfig": routing(name),
        }
    }


def listed(_world: World, _parameters: dict[str, Any]) -> dict[str, Any]:
    """codedeploy:ListDeploymentConfigs."""
    return {"deploymentConfigsList": list(NAMES)}
