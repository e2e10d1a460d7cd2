"""Which CodeDeploy application and deployment group roll a service out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.aws import codedeploy
from slipway.aws.session import Aws
from slipway.errors import SlipwayError
from slipway.rollout.service import Service
from slipway.rollout.task_definition import names, nearest

REMEDY = "Set `application` and `deployment-group`, or add the service to a deployment group (`ecsServices`)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A deployment group, with the deployment that brought in what serves (empty when that isn't known)."""

    application: str
    name: str
    info: Mapping[str, Any] = field(repr=False)
    last: Mapping[str, Any] = field(repr=False)


def find(aws: Aws, service: Service, *, application: str | None, name: str | None) -> Group:
    """Find the service's group: by the names given, by what CodeDeploy deployed last, or by search.

    The deployment that made the serving task set names both, in one call; only a service that CodeDeploy
    never touched is searched for in every application. Raises SlipwayError when there is none, or more than
    one.
    """
    last = _last(aws, service)
    application = application or (str(last.get("applicationName") or "") if not name else None) or None
    if application and not name and last.get("applicationName") == application:
        name = str(last.get("deploymentGroupName") or "") or None
    if application and name:
        info = codedeploy.get_group(aws, application, name)
        if info is None:
            raise _missing(aws, application, name)
    else:
        info = _search(aws, service, application=application, name=name)
    found = str(info.get("applicationName") or application)
    group = str(info.get("deploymentGroupName") or name)
    return Group(application=found, name=group, info=info, last=last)


def _last(aws: Aws, service: Service) -> Mapping[str, Any]:
    """Return the deployment that brought in what serves."""
    deployment = str(service.serving.get("externalId") or "")
    return (codedeploy.get_deployment(aws, deployment) if deployment else None) or {}


def _search(aws: Aws, service: Service, *, application: str | None, name: str | None) -> Mapping[str, Any]:
    """Return the one group that names the service."""
    found = []
    applications = (application,) if application else codedeploy.list_applications(aws)
    for one in applications:
        wanted = [group for group in codedeploy.list_groups(aws, one) if name in {None, group}]
        found += [info for info in codedeploy.get_groups(aws, one, wanted) if _takes(info, service)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SlipwayError(
            f"No CodeDeploy deployment group rolls out the service `{service.name}` of the cluster "
            f"`{service.cluster}`; the applications here are {names(applications)}.",
            remedy=REMEDY,
        )
    listed = names(f"{info.get('applicationName')}/{info.get('deploymentGroupName')}" for info in found)
    raise SlipwayError(
        f"More than one CodeDeploy deployment group rolls out the service `{service.name}`: {listed}.",
        remedy="Set `application` and `deployment-group` to one of them.",
    )


def _takes(info: Mapping[str, Any], service: Service) -> bool:
    cluster = service.cluster.rpartition("/")[2]
    return any(
        one.get("serviceName") == service.name.rpartition("/")[2] and one.get("clusterName") == cluster
        for one in info.get("ecsServices") or []
    )


def _missing(aws: Aws, application: str, name: str) -> SlipwayError:
    groups = codedeploy.list_groups(aws, application)
    if groups:
        return SlipwayError(
            f"The CodeDeploy application `{application}` has no deployment group `{name}`; "
            f"it has {names(groups)}.{nearest(name, groups)}",
            remedy=REMEDY,
        )
    there = codedeploy.list_applications(aws)
    return SlipwayError(
        f"There is no CodeDeploy application `{application}` with a deployment group; "
        f"there is {names(there)}.{nearest(application, there)}",
        remedy=REMEDY,
    )
