"""Rolling out with CodeDeploy: create a deployment, and read how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from slipway.aws import codedeploy
from slipway.aws.raw import refused_for_now, unanswered
from slipway.aws.session import Aws, error_code
from slipway.clock import Clock
from slipway.errors import AwsError, SlipwayError
from slipway.events import Stage, Status
from slipway.rollout import appspec
from slipway.rollout.controller import BusyError, Deployment, Past, Snapshot, State, Step
from slipway.rollout.group import Group
from slipway.rollout.service import Service

# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
STAGES: Mapping[str, Stage] = {
    "BeforeInstall": "install",
    "Install": "install",
    "AfterInstall": "install",
    "AllowTestTraffic": "test-traffic",
    "AfterAllowTestTraffic": "test-traffic",
    "BeforeAllowTraffic": "shift-traffic",
    "AllowTraffic": "shift-traffic",
    "AfterAllowTraffic": "shift-traffic",
}
STATUSES: Mapping[str, Status] = {
    "InProgress": "started",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Skipped": "skipped",
}
LAST_OF_TRAFFIC = "AfterAllowTraffic"
ALL = 100
ATTEMPTS = 6
LOOKS = 3  # for a deployment whose creation got no answer
DESCRIPTION = 100  # characters that CodeDeploy surely takes
BATCH = 25  # what BatchGetDeployments takes at once


class CodeDeploy:
    """One deployment group."""

    rollback_apart = True

    def __init__(self, aws: Aws, group: Group, clock: Clock) -> None:
        self._aws = aws
        self.group = group
        self._clock = clock

    def notes(self) -> tuple[str, ...]:
        """Say when the last deployment's hooks can't be read: they would be lost in silence."""
        last = self.group.last
        if not last or appspec.read(last.get("revision") or {}):
            return ()
        kind = (last.get("revision") or {}).get("revisionType", "unknown")
        said = f"the AppSpec of the deployment {last.get('deploymentId')} can't be read (its type is {kind})"
        return (f"{said}: its hooks, if it has any, are not taken over",)

    def active(self, service: Service) -> Deployment | None:
        """The group's deployment in progress."""
        for identity in self._list(statuses=codedeploy.ACTIVE):
            if info := codedeploy.get_deployment(self._aws, identity):
                return self._deployment(service, info)
        return None

    def start(self, service: Service, task_definition: str, *, description: str) -> Deployment:
        """Create the deployment, once: what got no answer is looked for before it is asked for again."""
        asked = self._request(service, task_definition, description)
        for attempt in range(ATTEMPTS):
            try:
                identity = codedeploy.create_deployment(self._aws, asked)
            except AwsError as error:
                if found := self._after(error, service, task_definition, last=attempt == ATTEMPTS - 1):
                    return found
                self._clock.sleep(min(2**attempt, 8))
            else:
                return self._deployment(service, {"deploymentId": identity}, task_definition=task_definition)
        raise AssertionError

    def attach(self, service: Service, identity: str, *, task_definition: str = "") -> Deployment:
        """Return a deployment that is there."""
        info = codedeploy.get_deployment(self._aws, identity)
        if info is None:
            raise SlipwayError(f"CodeDeploy knows no deployment {identity}.")
        return self._deployment(service, info, task_definition=task_definition)

    def overtaken(self, service: Service) -> bool:  # noqa: ARG002
        """CodeDeploy refuses a second deployment of a group."""
        return False

    def successor(self, deployment: Deployment) -> str:
        """The id of a newer deployment that is no rollback and no failure."""
        infos = codedeploy.get_deployments(self._aws, self._list()[:BATCH])
        own = next((one for one in infos if one.get("deploymentId") == deployment.identity), {})
        for info in infos:
            newer = _time(info.get("createTime")) > _time(own.get("createTime"))
            asked = _asked(info)
            if newer and not _rolls_back(info) and info.get("status") not in {"Failed", "Stopped"}:
                return str(info["deploymentId"]) if asked != deployment.task_definition or not asked else ""
        return ""

    def since(self, service: Service, time: float) -> Iterator[Deployment]:
        """The deployments created since `time`, newest first."""
        infos = codedeploy.get_deployments(self._aws, self._list(since=time)[:BATCH])
        for info in sorted(infos, key=lambda one: _time(one.get("createTime")), reverse=True):
            yield self._deployment(service, info)

    def successes(self, service: Service) -> Iterator[Past]:
        """The deployments that succeeded, newest first; rollbacks are none of them."""
        identities = self._list(statuses=("Succeeded",))
        for start in range(0, len(identities), BATCH):
            infos = codedeploy.get_deployments(self._aws, identities[start : start + BATCH])
            for info in sorted(infos, key=lambda one: _time(one.get("createTime")), reverse=True):
                identity = str(info.get("deploymentId", ""))
                asked = service.brought_by(identity) or _asked(info)
                if asked and not _rolls_back(info):
                    yield Past(identity=identity, task_definition=asked, time=_time(info.get("createTime")))

    def _list(self, *, statuses: tuple[str, ...] = (), since: float = 0) -> tuple[str, ...]:
        return codedeploy.list_deployments(
            self._aws, self.group.application, self.group.name, statuses=statuses, since=since
        )

    def _deployment(
        self, service: Service, info: Mapping[str, Any], *, task_definition: str = ""
    ) -> EcsDeployment:
        asked = task_definition or service.brought_by(str(info.get("deploymentId", ""))) or _asked(info)
        return EcsDeployment(
            self._aws, info, cluster=service.cluster, service=service.name, task_definition=asked
        )

    def _request(self, service: Service, task_definition: str, description: str) -> dict[str, Any]:
        behind = balancer(service)
        last = self.group.last or self._last_succeeded()
        content = appspec.write(
            task_definition=task_definition,
            container_name=str(behind["containerName"]),
            container_port=int(behind["containerPort"]),
            task_set=service.serving,
            hooks=appspec.hooks_of(appspec.read(last.get("revision") or {})),
        )
        return {
            "applicationName": self.group.application,
            "deploymentGroupName": self.group.name,
            "revision": appspec.revision(content),
            "description": description[:DESCRIPTION],
            "autoRollbackConfiguration": {"enabled": True, "events": _rollback_events(self.group.info)},
        }

    def _last_succeeded(self) -> Mapping[str, Any]:
        identity = (self.group.info.get("lastSuccessfulDeployment") or {}).get("deploymentId")
        return (codedeploy.get_deployment(self._aws, identity) if identity else None) or {}

    def _after(
        self, error: AwsError, service: Service, task_definition: str, *, last: bool
    ) -> EcsDeployment | None:
        """After a failed creation: None to ask again, or the deployment that it made after all."""
        cause = error.__cause__
        if isinstance(cause, Exception) and error_code(cause) == "DeploymentLimitExceededException":
            raise BusyError(error.message, remedy=error.remedy) from error
        if unanswered(cause):
            for look in range(LOOKS):
                self._clock.sleep(1 + look)
                for identity in self._list(statuses=codedeploy.ACTIVE):
                    info = codedeploy.get_deployment(self._aws, identity)
                    if info and _asked(info) == task_definition:
                        return self._deployment(service, info)
        if last or not (unanswered(cause) or refused_for_now(cause)):
            raise error
        return None


class EcsDeployment:
    """One CodeDeploy deployment of an ECS service."""

    def __init__(
        self, aws: Aws, info: Mapping[str, Any], *, cluster: str, service: str, task_definition: str
    ) -> None:
        self._aws = aws
        self._info = info
        self._cluster = cluster.rpartition("/")[2]
        self._service = service.rpartition("/")[2]
        self._target: Mapping[str, Any] = {}
        self._task_definition = task_definition

    @property
    def identity(self) -> str:
        """`d-…`."""
        return str(self._info.get("deploymentId", ""))

    @property
    def task_definition(self) -> str:
        """The ARN that its AppSpec names, or that its task set has."""
        return self._task_definition

    @property
    def description(self) -> str:
        """What CreateDeployment was given."""
        return str(self._info.get("description") or "")

    @property
    def rolls_back(self) -> bool:
        """Whether CodeDeploy made it to roll another one back."""
        return _rolls_back(self._info)

    def look(self) -> Snapshot:
        """Read the deployment and its target: two calls, one before it has begun."""
        self._info = codedeploy.get_deployment(self._aws, self.identity) or self._info
        if self._info.get("status") not in {"Created", "Queued"}:
            self._target = codedeploy.get_target(
                self._aws, self.identity, cluster=self._cluster, service=self._service
            )
        return snapshot(self._info, self._target)

    def stop(self, *, rollback: bool) -> None:
        """StopDeployment."""
        codedeploy.stop_deployment(self._aws, self.identity, rollback=rollback)

    def proceed(self, snapshot: Snapshot) -> str:
        """End READY_WAIT: the group's STOP_DEPLOYMENT would let the deployment die of it."""
        if snapshot.state != "waiting":
            return ""
        ready = (self._info.get("blueGreenDeploymentConfiguration") or {}).get("deploymentReadyOption") or {}
        if ready.get("actionOnTimeout") == "CONTINUE_DEPLOYMENT":
            return "the new version is ready; CodeDeploy goes on by itself"
        codedeploy.continue_deployment(self._aws, self.identity, "READY_WAIT")
        return "the new version is ready and waited for somebody to continue: continued"

    def finish(self) -> bool:
        """End TERMINATION_WAIT: the old tasks go now."""
        codedeploy.continue_deployment(self._aws, self.identity, "TERMINATION_WAIT")
        return True


def snapshot(info: Mapping[str, Any], target: Mapping[str, Any]) -> Snapshot:
    """Put a deployment and its target into our words. Pure."""
    steps = tuple(_step(one) for one in target.get("lifecycleEvents") or [] if one.get("status") in STATUSES)
    green: Mapping[str, Any] = next(
        (one for one in target.get("taskSetsInfo") or [] if str(one.get("taskSetLabel")).lower() == "green"),
        {},
    )
    weight = float(green["trafficWeight"]) if "trafficWeight" in green else None
    tasks = (
        (int(green.get("runningCount", 0)), int(green["desiredCount"])) if "desiredCount" in green else None
    )
    failed = next((step for step in steps if step.status == "failed"), None)
    done = {step.name for step in steps if step.status in {"succeeded", "skipped"}}
    shifted_at = next((step.time for step in steps if step.name == LAST_OF_TRAFFIC), 0.0)
    wait = _termination_wait(info)
    state = _state(
        str(info.get("status", "")), shifted=LAST_OF_TRAFFIC in done and weight in {None, ALL}, wait=wait
    )
    return Snapshot(
        state=state,
        steps=steps,
        installing=state == "going" and "Install" not in done,
        weight=weight,
        tasks=tasks,
        reason=_reason(info, failed),
        failed_step=failed.name if failed else "",
        rollback=str((info.get("rollbackInfo") or {}).get("rollbackDeploymentId") or ""),
        leaves_at=shifted_at + wait * 60 if state == "shifted" and shifted_at else 0,
    )


def _state(status: str, *, shifted: bool, wait: int) -> State:
    ended: Mapping[str, State] = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "stopped"}
    if status in ended:
        return ended[status]
    if shifted and wait > 0:
        return "shifted"
    return "waiting" if status == "Ready" and not shifted else "going"


def _termination_wait(info: Mapping[str, Any]) -> int:
    """Return for how many minutes the old tasks stay after the shift."""
    option = (info.get("blueGreenDeploymentConfiguration") or {}).get(
        "terminateBlueInstancesOnDeploymentSuccess"
    ) or {}
    return int(option.get("terminationWaitTimeInMinutes") or 0) if option.get("action") != "KEEP_ALIVE" else 0


def _step(event: Mapping[str, Any]) -> Step:
    name = str(event.get("lifecycleEventName", ""))
    status = STATUSES[str(event.get("status"))]
    diagnostics = event.get("diagnostics") or {}
    said = str(diagnostics.get("message") or "") if status == "failed" else ""
    tail = str(diagnostics.get("logTail") or "") if status == "failed" else ""
    return Step(
        name=name,
        stage=STAGES.get(name, "cleanup"),
        status=status,
        detail=" ".join(part for part in (said, tail) if part),
        time=_time(event.get("startTime") if status == "started" else event.get("endTime")),
    )


def _reason(info: Mapping[str, Any], failed: Step | None) -> str:
    said = str((info.get("errorInformation") or {}).get("message") or "")
    return (failed.detail if failed else "") or said


def _asked(info: Mapping[str, Any]) -> str:
    return appspec.task_definition_of(appspec.read(info.get("revision") or {}))


def _rolls_back(info: Mapping[str, Any]) -> bool:
    triggered = (info.get("rollbackInfo") or {}).get("rollbackTriggeringDeploymentId")
    return info.get("creator") == "codeDeployRollback" or bool(triggered)


def _rollback_events(group: Mapping[str, Any]) -> list[str]:
    """Return when to roll back: on failure, when stopped, and on alarms if the group watches any."""
    alarms = group.get("alarmConfiguration") or {}
    watched = bool(alarms.get("enabled") and alarms.get("alarms"))
    return [
        "DEPLOYMENT_FAILURE",
        "DEPLOYMENT_STOP_ON_REQUEST",
        *(["DEPLOYMENT_STOP_ON_ALARM"] if watched else []),
    ]


def balancer(service: Service) -> Mapping[str, Any]:
    """Return container and port behind the load balancer. Raises SlipwayError when there is none."""
    for source in (service.serving, service.described):
        for one in source.get("loadBalancers") or []:
            if one.get("containerName"):
                found: Mapping[str, Any] = one
                return found
    raise SlipwayError(
        f"The service `{service.name}` has no load balancer, which CodeDeploy needs to shift traffic.",
        remedy="Add one to the service, or give the service ECS's own deployment controller.",
    )


def _time(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value or 0)
