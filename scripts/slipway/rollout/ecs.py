"""Rolling out with ECS's own controller: rolling, blue/green, linear and canary, as service deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from slipway.aws import ecs
from slipway.aws.raw import unanswered
from slipway.aws.session import Aws, error_code
from slipway.clock import Clock
from slipway.errors import AwsError, StuckError
from slipway.events import Stage, Status
from slipway.rollout.controller import Deployment, Past, Snapshot, State, Step
from slipway.rollout.service import Service, name_of

ACTIVE = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
STATES: Mapping[str, State] = {
    "SUCCESSFUL": "succeeded",
    "STOPPED": "stopped",
    "ROLLBACK_REQUESTED": "rolling-back",
    "ROLLBACK_IN_PROGRESS": "rolling-back",
    "ROLLBACK_SUCCESSFUL": "rolled-back",
    "ROLLBACK_FAILED": "failed",
}
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
STAGES: Mapping[str, Stage] = {
    "RECONCILE_SERVICE": "install",
    "PRE_SCALE_UP": "install",
    "SCALE_UP": "install",
    "POST_SCALE_UP": "install",
    "TEST_TRAFFIC_SHIFT": "test-traffic",
    "POST_TEST_TRAFFIC_SHIFT": "test-traffic",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "shift-traffic",
    "PRODUCTION_TRAFFIC_SHIFT": "shift-traffic",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "shift-traffic",
    "BAKE_TIME": "bake",
    "CLEAN_UP": "cleanup",
}
AFTER_SHIFT = frozenset({"BAKE_TIME", "CLEAN_UP"})
ALL = 100
APPEARS_SECONDS = 60  # until ECS lists the deployment that an update began
POLL_SECONDS = 2
STOPPED_ALREADY = frozenset({"ConflictException", "InvalidParameterException", "ClientException"})


class EcsService:
    """One service with the deployment controller ECS. `rollback` is part of the deployment that failed."""

    rollback_apart = False

    def __init__(self, aws: Aws, service: Service, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._known = frozenset({str(service.described.get("currentServiceDeployment") or "")})

    def notes(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def active(self, service: Service) -> Deployment | None:
        """The service deployment in progress."""
        listed = ecs.list_service_deployments(self._aws, service.cluster, service.name)
        self._known |= {str(one.get("serviceDeploymentArn", "")) for one in listed}
        going = [one for one in listed if one.get("status") in ACTIVE]
        return self._deployment(going[0]) if going else None

    def start(self, service: Service, task_definition: str, *, description: str) -> Deployment:  # noqa: ARG002
        """Update the service, and find the deployment that it begins."""
        # The same definition begins nothing by itself: asked for, it is because its last deployment failed.
        force = service.described.get("taskDefinition") == task_definition
        try:
            ecs.update_service(self._aws, service.cluster, service.name, task_definition, force=force)
        except AwsError as error:
            if not unanswered(error.__cause__) or not self._taken(service, task_definition):
                raise
        # From here on something was begun: what goes wrong now is nothing that can be taken back.
        try:
            return self._appearing(service, task_definition)
        except AwsError as error:
            raise StuckError(
                f"The service `{service.name}` was updated to {name_of(task_definition)}, but its deployment "
                f"can't be found. {error.message}",
                remedy=f"{error.remedy} Then run this again: it attaches.".strip(),
            ) from error

    def _appearing(self, service: Service, task_definition: str) -> Deployment:
        """Wait for the deployment that the update began."""
        end = self._clock.now() + APPEARS_SECONDS
        while self._clock.now() < end:
            if found := self._begun(service, task_definition):
                return found
            self._clock.sleep(POLL_SECONDS)
        raise StuckError(
            f"The service `{service.name}` was updated to {name_of(task_definition)}, but ECS lists no "
            f"deployment of it after {APPEARS_SECONDS} seconds.",
            remedy="Look at the service's deployments and events, then run this again: it attaches.",
        )

    def attach(self, service: Service, identity: str, *, task_definition: str = "") -> Deployment:  # noqa: ARG002
        """Return a deployment that is there."""
        info = {"serviceDeploymentArn": identity}
        if task_definition:
            return ServiceDeployment(self._aws, info, task_definition=task_definition)
        return self._deployment(ecs.describe_service_deployment(self._aws, identity) or info)

    def overtaken(self, service: Service) -> bool:
        """A rolling deployment simply gives way to the next."""
        return _strategy(service.described) == "ROLLING"

    def successor(self, deployment: Deployment) -> str:
        """The id of a newer deployment of something else, empty when there is none."""
        own = ecs.describe_service_deployment(self._aws, deployment.identity)
        listed = ecs.list_service_deployments(
            self._aws, str(own.get("clusterArn", "")), str(own.get("serviceArn", ""))
        )
        for one in listed:
            if _time(one.get("createdAt")) > _time(own.get("createdAt")):
                found = self._deployment(one)
                return found.identity if found.task_definition != deployment.task_definition else ""
        return ""

    def since(self, service: Service, time: float) -> Iterator[Deployment]:
        """The deployments created since `time`, newest first."""
        listed = ecs.list_service_deployments(self._aws, service.cluster, service.name)
        for one in listed:
            if _time(one.get("createdAt")) >= time:
                yield self._deployment(one)

    def successes(self, service: Service) -> Iterator[Past]:
        """The deployments that succeeded, newest first."""
        listed = ecs.list_service_deployments(
            self._aws, service.cluster, service.name, statuses=("SUCCESSFUL",), limit=20
        )
        targets = [str(one.get("targetServiceRevisionArn", "")) for one in listed]
        revisions = ecs.describe_service_revisions(self._aws, targets)
        for one, target in zip(listed, targets, strict=True):
            if asked := str(revisions.get(target, {}).get("taskDefinition") or ""):
                identity = str(one.get("serviceDeploymentArn", ""))
                yield Past(identity=identity, task_definition=asked, time=_time(one.get("createdAt")))

    def _taken(self, service: Service, task_definition: str) -> bool:
        """Whether an update that got no answer was done."""
        now = ecs.describe_service(self._aws, service.cluster, service.name) or {}
        return now.get("taskDefinition") == task_definition

    def _begun(self, service: Service, task_definition: str) -> ServiceDeployment | None:
        """Return the newest deployment that wasn't there before, if it brings in `task_definition`."""
        for one in ecs.list_service_deployments(self._aws, service.cluster, service.name):
            if str(one.get("serviceDeploymentArn", "")) not in self._known:
                found = self._deployment(one)
                if found.task_definition == task_definition:
                    return found
        return None

    def _deployment(self, info: Mapping[str, Any]) -> ServiceDeployment:
        target = str(
            info.get("targetServiceRevisionArn") or (info.get("targetServiceRevision") or {}).get("arn") or ""
        )
        revisions = ecs.describe_service_revisions(self._aws, [target] if target else [])
        asked = str(revisions.get(target, {}).get("taskDefinition") or "")
        return ServiceDeployment(self._aws, info, task_definition=asked)


class ServiceDeployment:
    """One service deployment. It remembers the stages it saw: ECS tells only the present one."""

    def __init__(self, aws: Aws, info: Mapping[str, Any], *, task_definition: str) -> None:
        self._aws = aws
        self._info = info
        self._task_definition = task_definition
        self._seen: list[str] = []

    @property
    def identity(self) -> str:
        """The service deployment's ARN."""
        return str(self._info.get("serviceDeploymentArn", ""))

    @property
    def task_definition(self) -> str:
        """The ARN in its target service revision."""
        return self._task_definition

    @property
    def description(self) -> str:
        """Nothing: ECS keeps none."""
        return ""

    @property
    def rolls_back(self) -> bool:
        """Whether it goes back to the revision before it."""
        return str(self._info.get("status", "")).startswith("ROLLBACK")

    def look(self) -> Snapshot:
        """Read the service deployment: one call."""
        self._info = ecs.describe_service_deployment(self._aws, self.identity) or self._info
        stage = str(self._info.get("lifecycleStage") or "")
        if stage and stage not in self._seen and not self.rolls_back:
            self._seen.append(stage)
        return snapshot(self._info, tuple(self._seen))

    def stop(self, *, rollback: bool) -> None:  # noqa: ARG002
        """StopServiceDeployment; ECS always goes back to the revision before."""
        try:
            ecs.stop_service_deployment(self._aws, self.identity)
        except AwsError as error:
            cause = error.__cause__
            ended = isinstance(cause, Exception) and error_code(cause) in STOPPED_ALREADY
            if not ended or self.look().state in {"going", "waiting", "shifted"}:
                raise

    def proceed(self, snapshot: Snapshot) -> str:  # noqa: ARG002
        """Say which PAUSE hook waits for a person: it was put there to be decided by one."""
        for hook in self._info.get("lifecycleHookDetails") or []:
            if hook.get("status") == "AWAITING_ACTION":
                then = str(hook.get("timeoutAction") or "ROLLBACK").lower()
                expires = hook.get("expiresAt")
                until = f" until {expires:%Y-%m-%d %H:%M} UTC, then: {then}" if expires else ""
                return f"the hook {hook.get('hookId')} waits for somebody to continue it{until}"
        return ""

    def finish(self) -> bool:
        """Nothing: ECS's bake time can't be cut short."""
        return False


def snapshot(info: Mapping[str, Any], seen: tuple[str, ...]) -> Snapshot:
    """Put a service deployment into our words. Pure."""
    status = str(info.get("status", ""))
    target = info.get("targetServiceRevision") or {}
    strategy = _strategy(info)
    weight = target.get("requestedProductionTrafficWeight") if strategy != "ROLLING" else None
    stage = str(info.get("lifecycleStage") or "")
    state = STATES.get(status, "going")
    if state == "going" and strategy != "ROLLING" and stage in AFTER_SHIFT and weight in {None, ALL}:
        state = "shifted"
    failing = state in {"rolling-back", "rolled-back", "failed", "stopped"}
    tasks = None
    if "requestedTaskCount" in target:
        tasks = (int(target.get("runningTaskCount") or 0), int(target["requestedTaskCount"]))
    return Snapshot(
        state=state,
        steps=_steps(info, seen, state=state),
        installing=state == "going" and STAGES.get(stage, "install") == "install",
        weight=None if weight is None or failing else float(weight),
        tasks=tasks,
        reason=_reason(info) if failing else "",
        failed_step=seen[-1] if failing and seen else "",
    )


def _steps(info: Mapping[str, Any], seen: tuple[str, ...], *, state: State) -> tuple[Step, ...]:
    """Return the stages that were passed as done, the last one as it stands, and the rollback."""
    steps = [Step(name=name, stage=STAGES.get(name, "install"), status="succeeded") for name in seen[:-1]]
    going = state in {"going", "shifted", "waiting"}
    for name in seen[-1:]:
        status: Status = "started" if going else "succeeded" if state == "succeeded" else "failed"
        steps.append(Step(name=name, stage=STAGES.get(name, "install"), status=status))
    reason = _reason(info)
    if state in {"rolling-back", "rolled-back"} or info.get("rollback"):
        at = _time((info.get("rollback") or {}).get("startedAt"))
        steps.append(Step(name="rollback", stage="rollback", status="started", detail=reason, time=at))
    if state == "rolled-back":
        at = _time(info.get("finishedAt"))
        steps.append(Step(name="rollback", stage="rollback", status="succeeded", time=at))
    return tuple(steps)


def _reason(info: Mapping[str, Any]) -> str:
    said = str((info.get("rollback") or {}).get("reason") or info.get("statusReason") or "")
    alarms = (info.get("alarms") or {}).get("triggeredAlarmNames") or []
    breaker = (info.get("deploymentCircuitBreaker") or {}).get("failureCount")
    if alarms:
        return f"{said} Alarms: {', '.join(alarms)}".strip()
    return said or (f"{breaker} tasks failed" if breaker else "")


def _strategy(described: Mapping[str, Any]) -> str:
    return str((described.get("deploymentConfiguration") or {}).get("strategy") or "ROLLING")


def _time(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value or 0)
