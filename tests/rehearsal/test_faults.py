"""The fault matrix: every AWS call of a publish meets every fault, and the next run ends right.

After a fault the outcome is right, or there is one clear error; then a re-run ends with our digest serving,
one revision for it, one deployment, and nothing left in temporary folders.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.stage import Ended, Stage, digest_of, git, outputs, stage
from slipway.rehearsal.emulation import Call, oidc

HURRIED = Path(__file__).with_name("hurried.py")
COMMON = [
    ("ecr", "DescribeRepositories", 0),
    ("ecr", "BatchGetImage", 0),
    ("ecr", "BatchGetImage", 1),
    ("ecr", "GetAuthorizationToken", 0),
    ("ecs", "DescribeServices", 0),
    ("ecs", "DescribeServices", 1),
    ("ecs", "DescribeTaskDefinition", 0),
    ("ecs", "RegisterTaskDefinition", 0),
    ("ecs", "ListTasks", 0),
    ("ecs", "DescribeTasks", 0),
]
CALLS = {
    "CODE_DEPLOY": [
        *COMMON,
        ("codedeploy", "ListApplications", 0),
        ("codedeploy", "ListDeploymentGroups", 0),
        ("codedeploy", "BatchGetDeploymentGroups", 0),
        ("codedeploy", "ListDeployments", 0),
        ("codedeploy", "CreateDeployment", 0),
        ("codedeploy", "GetDeployment", 0),
        ("codedeploy", "GetDeploymentTarget", 0),
    ],
    "ECS": [
        ("ecs", "RegisterTaskDefinition", 0),
        ("ecs", "UpdateService", 0),
        ("ecs", "ListServiceDeployments", 0),
        ("ecs", "DescribeServiceDeployments", 0),
        ("ecs", "DescribeServiceRevisions", 0),
    ],
}
TRANSIENT = ("throttled", "error500", "timeout-before", "timeout-after", "dropped-after")
READ_FAULTS = ("throttled", "error500", "timeout-before", "access-denied", "killed-before", "killed-after")
WRITE_FAULTS = (*READ_FAULTS, "timeout-after", "dropped-after")  # whether it was done is not known
WRITES = {"RegisterTaskDefinition", "CreateDeployment", "UpdateService"}
MATRIX = [
    pytest.param(controller, call, fault, id=f"{controller}-{call[1]}-{call[2]}-{fault}")
    for controller, calls in CALLS.items()
    for call in calls
    for fault in (WRITE_FAULTS if call[1] in WRITES else READ_FAULTS)
]
NAMES = (f"e{number:03}" for number in itertools.count())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("faults") / "stage", speed=400) as made:
        yield made


def command(world: Stage, environment: str, **more: str) -> tuple[list[str], dict[str, str]]:
    words = ("publish", "--environment", environment, "--artifacts", str(world.artifacts))
    vector, environ = world.command(words, environment, **more)
    return [sys.executable, "-I", str(HURRIED), *vector[3:]], environ


def publish(world: Stage, environment: str, **more: str) -> Ended:
    vector, environ = command(world, environment, **more)
    done = subprocess.run(
        vector, cwd=world.repository, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    return Ended(
        status=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
        outputs=outputs(Path(environ["GITHUB_OUTPUT"])),
        summary=Path(environ["GITHUB_STEP_SUMMARY"]).read_text(),
    )


def kill(world: Stage, environment: str, call: tuple[str, str, int], when: str) -> Ended:
    """Publish, and SIGKILL the process before or after the call takes effect."""
    vector, environ = command(world, environment)
    service, operation, skip = call
    seen = itertools.count()
    process = subprocess.Popen(
        vector,
        cwd=world.repository,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def hook(made: Call) -> None:
        if (made.service, made.operation) == (service, operation) and next(seen) == skip:
            os.killpg(process.pid, signal.SIGKILL)

    setattr(world.aws, f"{when}_call", hook)
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        world.aws.before_call = world.aws.after_call = None
    return Ended(status=process.returncode, stdout=stdout, stderr=stderr, outputs={}, summary="")


@pytest.mark.parametrize(("controller", "call", "fault"), MATRIX)
def test_a_fault_ends_right_or_its_rerun_does(
    world: Stage, controller: str, call: tuple[str, str, int], fault: str
) -> None:
    environment = next(NAMES)
    world.seed(environment, controller=controller)
    service, operation, skip = call
    if fault.startswith("killed"):
        first = kill(world, environment, call, fault.removeprefix("killed-"))
        assert first.status in {-signal.SIGKILL, 0}, first.text  # 0: the call was never made
    else:
        world.aws.inject(service, operation, fault, times=1, skip=skip)  # type: ignore[arg-type]
        first = publish(world, environment)
        world.aws.forget_faults()
    if fault in TRANSIENT:
        assert first.status == 0, first.text
    elif fault == "access-denied":
        assert_one_clear_error(first, service, operation)
    if first.status != 0:
        again = publish(world, environment)
        assert again.status == 0, again.text
    assert_all_is_well(world, environment)


def assert_one_clear_error(ended: Ended, service: str, operation: str) -> None:
    if ended.status == 0:  # a read that the publish can do without
        assert operation in {"ListApplications", "ListDeploymentGroups", "DescribeServices"}, ended.text
        return
    errors = [line for line in ended.stdout.splitlines() if line.startswith("::error")]
    assert len(errors) == 1, ended.text
    assert f"{service}:{operation}" in ended.text
    assert "Traceback" not in ended.text


def assert_all_is_well(world: Stage, environment: str) -> None:
    repository = f"{world.registry.address}/{environment}/web"
    ours = f"{repository}@{digest_of(world)}"
    family = f"{environment}-web"
    revisions = world.revisions(environment)
    # The one before and one of ours: none is orphaned. A refused hand-off takes its own back.
    assert revisions[0] == f"{family}:1"
    assert len(revisions) == 2
    described = world.aws.perform("ecs", "DescribeTaskDefinition", taskDefinition=revisions[1])
    assert described["taskDefinition"]["containerDefinitions"][0]["image"] == ours
    assert ours in world.serving(environment)
    assert created(world, environment) == 1
    assert leftovers(world) == []


def created(world: Stage, environment: str) -> int:
    """How many deployments of ours the service had."""
    cluster, service = f"{environment}-cluster", f"{environment}-web"
    described: Any = world.aws.perform("ecs", "DescribeServices", cluster=cluster, services=[service])
    if described["services"][0]["deploymentController"]["type"] == "CODE_DEPLOY":
        listed = world.aws.perform(
            "codedeploy", "ListDeployments", applicationName=service, deploymentGroupName=service
        )
        return len(listed["deployments"])
    listed = world.aws.perform("ecs", "ListServiceDeployments", cluster=cluster, service=service)
    # The service's creation is a deployment of its own.
    return len(listed["serviceDeployments"]) - 1


def leftovers(world: Stage) -> list[str]:
    return sorted(path.name for path in (world.folder / "tmp").glob("slipway-login-*"))


@pytest.mark.parametrize("controller", CALLS)
def test_the_matrix_has_every_call_of_a_publish(world: Stage, controller: str) -> None:
    environment = next(NAMES)
    world.seed(environment, controller=controller)
    before = len(world.aws.calls)
    done = publish(world, environment)
    assert done.status == 0, done.text
    made = {(call.service, call.operation) for call in world.aws.calls[before:]}
    listed = {(service, operation) for service, operation, _ in [*COMMON, *CALLS[controller]]}
    assert made - listed == set()


@pytest.mark.parametrize("fault", ["throttled", "error500", "timeout-before", "access-denied"])
def test_the_exchange_of_a_token_meets_faults(world: Stage, fault: Any) -> None:
    environment = next(NAMES)
    world.seed(environment)
    issuer = oidc.start(subject="repo:acme/web:environment:staging")
    settings = {
        "DEPLOY_AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy",
        "ACTIONS_ID_TOKEN_REQUEST_URL": issuer.url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "rehearsal-bearer",
    }
    world.aws.inject("sts", "AssumeRoleWithWebIdentity", fault)
    before = len(world.aws.calls)
    try:
        first = publish(world, environment, **settings)
        world.aws.forget_faults()
        asked = [call for call in world.aws.calls[before:] if call.operation == "AssumeRoleWithWebIdentity"]
        if fault == "access-denied":
            assert first.status == 1, first.text
            assert len(asked) == 1  # refused is refused: asking again only takes time
            assert "repo:acme/web:environment:staging" in first.text
            assert "sts.amazonaws.com" in first.text
            first = publish(world, environment, **settings)
        assert first.status == 0, first.text
    finally:
        issuer.stop()
    assert_all_is_well(world, environment)


def test_a_throttled_read_that_stays_throttled_is_one_error(world: Stage) -> None:
    environment = next(NAMES)
    world.seed(environment)
    world.aws.inject("ecs", "DescribeServices", "throttled", times=100)
    done = publish(world, environment)
    world.aws.forget_faults()
    assert done.status == 1, done.text
    expected = (
        f"::error::Could not read the service `{environment}-web` of the cluster `{environment}-cluster`: "
        "AWS refused DescribeServices with ThrottlingException: Rate exceeded."
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("::error")] == [expected]
    assert world.revisions(environment) == [f"{environment}-web:1"]


def test_the_commit_is_the_tag(world: Stage) -> None:
    environment = next(NAMES)
    world.seed(environment)
    assert publish(world, environment).status == 0
    tag = f"sha-{git(world.repository, 'rev-parse', 'HEAD')}"
    assert world.registry.digest_of(f"{environment}/web", tag) == digest_of(world)
    assert world.registry.tags(f"{environment}/web") == ("latest", tag)
