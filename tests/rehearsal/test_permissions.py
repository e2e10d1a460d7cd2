"""The policies in the documentation against the calls that each command makes of the emulated AWS."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from slipway import rollout
from slipway.aws import ecr, permissions
from slipway.aws.permissions import Names, Statement, Way
from slipway.aws.session import Aws, Keys
from slipway.build import registry
from slipway.commands import doctor_cloud
from slipway.config.model import Component, Deploy
from slipway.errors import SlipwayError
from slipway.rehearsal.emulation import Application, Call, Emulation, Settings, seed, start
from slipway.rehearsal.emulation.scripted import ScriptedRuntime
from unit.rollout.stage import (
    BAD,
    BEHAVIOURS,
    CRASHES,
    HANGS,
    NEW,
    NEWER,
    OLD,
    REPOSITORY,
    PlayedClock,
    Stage,
)

ECR = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web"
NAMES = Names(
    region="eu-west-2",
    account="123456789012",
    repository=ecr.parse(ECR),
    cluster="staging-cluster",
    service="staging-web",
    family="staging-web",
    application="staging-web",
    deployment_group="staging-web",
)
FREE = {"sts:GetCallerIdentity"}  # AWS allows it to everybody
WAYS: tuple[Way, ...] = ("codedeploy", "ecs")
MakeStage = Callable[..., Stage]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeStage]:
    """Make stages whose calls are kept in one list."""
    emulations: list[Emulation] = []

    def make(way: Way, *, settings: Settings | None = None, **differs: Any) -> Stage:
        clock = PlayedClock()
        runtime = ScriptedRuntime(clock=clock, behaviours=BEHAVIOURS)
        emulation = start(runtime=runtime, clock=clock, settings=settings or Settings())
        emulations.append(emulation)
        wished = Application(
            cluster="staging-cluster",
            service="staging-web",
            image=f"{REPOSITORY}@{OLD}",
            repository="web",
            controller="CODE_DEPLOY" if way == "codedeploy" else "ECS",
            desired=2,
            **differs,
        )
        seeded = seed(emulation, wished)
        emulation.calls.clear()
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulation.url)
        keys = Keys(access_key_id="AKIDEXAMPLE", secret_access_key="not-a-secret")
        aws = Aws(keys, "eu-west-2", connect_timeout=5, read_timeout=6)
        return Stage(emulation=emulation, clock=clock, aws=aws, seeded=seeded)

    yield make
    for emulation in emulations:
        emulation.stop()


def allowed(call: Call, statements: Iterable[Statement]) -> bool:
    """Whether the statements allow the call on all that it names; the emulation names nothing of IAM."""
    if call.service == "iam":
        return call.action in permissions.actions(statements)
    patterns = [pattern for one in statements if call.action in one.actions for pattern in one.resources]
    return bool(patterns) and all(
        any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns) for resource in call.resources
    )


def compare(calls: Iterable[Call], statements: tuple[Statement, ...]) -> None:
    """Fail unless what was called and what is allowed are the same."""
    calls = [call for call in calls if call.action not in FREE]
    refused = sorted({(call.action, *call.resources) for call in calls if not allowed(call, statements)})
    assert refused == [], "the policy lacks what was called"
    ours = permissions.actions(statements, "call", "optional")
    assert ours - {call.action for call in calls} == set(), "the policy has what was never called"


def read_registry(stage: Stage) -> None:
    """Look and log in as a publish does; the push itself is skopeo's."""
    registry.inspect(stage.aws, ECR, digest=NEW, tag="sha-" + "c" * 40, tags=())
    ecr.login(stage.aws, ecr.parse(ECR))


def with_wrong_names(stage: Stage) -> None:
    """What is called to name the nearest."""
    for wrong in ({"service": "staging-wab"}, {"cluster": "staging-clusta"}):
        names = {"cluster": "staging-cluster", "service": "staging-web", **wrong}
        with pytest.raises(SlipwayError):
            rollout.status(**names, aws=stage.aws)


def refusing(stage: Stage, way: Way) -> None:
    """A hand-off that AWS refuses."""
    service, operation = {"codedeploy": ("codedeploy", "CreateDeployment"), "ecs": ("ecs", "UpdateService")}[
        way
    ]
    stage.emulation.inject(service, operation, "access-denied", times=9)
    with pytest.raises(SlipwayError):
        stage.roll_out(BAD)


def publish(way: Way, stages: MakeStage) -> list[Call]:
    """Every way that a publish goes: first, again, failed, red in its verify suite, refused, cancelled."""
    stage = stages(way)
    read_registry(stage)
    assert stage.roll_out(until="success").ended == "healthy"
    assert stage.roll_out(NEWER).ended == "healthy"
    assert stage.roll_out(CRASHES).ended == "rolled-back"
    assert stage.roll_out(NEWER).ended == "already-out"
    assert stage.roll_back().ended == "healthy"
    refusing(stage, way)
    with_wrong_names(stage)
    cancelled = stages(way)  # and a service that CodeDeploy never deployed
    cancelled.clock.after(20, cancelled.cancelled.set)
    assert cancelled.roll_out(HANGS).ended == "rolled-back"
    return [*stage.emulation.calls, *cancelled.emulation.calls]


def roll_back(way: Way, stages: MakeStage) -> list[Call]:
    """Every way that a rollback goes: to a revision that was deregistered, and out of what is in progress."""
    stage = stages(way, **({"ready_minutes": 30} if way == "codedeploy" else {}))  # somebody must continue it
    first = stage.roll_out(until="success")
    stage.roll_out(NEWER, until="success")
    stage.aws.client("ecs").deregister_task_definition(taskDefinition=first.task_definition)
    stage.emulation.calls.clear()
    assert stage.roll_back().ended == "healthy"
    with_wrong_names(stage)
    going = stages(way)
    going.create(HANGS)
    going.clock.sleep(5)
    going.emulation.calls.clear()
    assert going.roll_back().ended == "healthy"
    ecr.digests(going.aws, ecr.parse(ECR), ["sha-" + "c" * 40])  # as `--in-progress` does
    return [*stage.emulation.calls, *going.emulation.calls]


@pytest.mark.parametrize("way", WAYS)
def test_publish(way: Way, stages: MakeStage) -> None:
    compare(publish(way, stages), permissions.needed("publish", way, NAMES))


@pytest.mark.parametrize("way", WAYS)
def test_rollback(way: Way, stages: MakeStage) -> None:
    compare(roll_back(way, stages), permissions.needed("rollback", way, NAMES))


@pytest.mark.parametrize("way", WAYS)
def test_status(way: Way, stages: MakeStage) -> None:
    stage = stages(way)
    stage.roll_out(until="success")
    stage.emulation.calls.clear()
    rollout.status(cluster="staging-cluster", service="staging-web", aws=stage.aws)
    with_wrong_names(stage)
    compare(stage.emulation.calls, permissions.needed("status", way, NAMES))


def test_publish_only(stages: MakeStage) -> None:
    stage = stages("codedeploy")
    read_registry(stage)
    compare(stage.emulation.calls, permissions.needed("publish", "published", NAMES))


@pytest.mark.parametrize("way", WAYS)
def test_doctor(way: Way, stages: MakeStage) -> None:
    stage = stages(way)
    stage.roll_out(until="success")
    stage.emulation.calls.clear()
    component = Component(
        name="web",
        kind="application",
        repository=ECR,
        deploy=Deploy(cluster="staging-cluster", service="staging-web"),
    )
    checks = {check.name: check.verdict for check in doctor_cloud.look(component, stage.aws)}
    assert checks == {
        "web: credentials": "good",
        "web: repository": "good",
        "web: service": "good",
        **({"web: deployment group": "good"} if way == "codedeploy" else {}),
        "web: permissions": "unknown",  # the emulation knows no policies
    }
    calls = stage.emulation.calls
    if way == "codedeploy":  # its deployment is told by the service; a service never deployed is searched for
        fresh = stages(way)
        fresh.emulation.calls.clear()
        list(doctor_cloud.look(component, fresh.aws))
        calls = [*calls, *fresh.emulation.calls]
    with_wrong_names(stage)
    compare([*calls, *stage.emulation.calls], permissions.needed("doctor", way, NAMES))
