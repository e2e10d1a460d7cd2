from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from slipway import rollout
from slipway.aws import raw
from slipway.errors import AwsError, SlipwayError, StuckError
from slipway.rehearsal.emulation import Settings
from unit.rollout.stage import BAD, BEHAVIOURS, CRASHES, HANGS, NEW, NEWER, ODD, OLD, REPOSITORY, START, Stage


def test_a_new_image_is_rolled_out_until_it_has_all_traffic(stage: Stage) -> None:
    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert outcome.detail == "staging-web:2 serves. The old tasks go at 20:28 UTC."
    assert outcome.digest == NEW
    assert stage.served() == f"{OLD},{NEW}"
    assert [name for name, status, _ in outcome.table if status == "succeeded"] == [
        "BeforeInstall",
        "Install",
        "AfterInstall",
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ]


def test_each_step_is_told_once_with_the_time_that_aws_gives_it(stage: Stage) -> None:
    stage.roll_out()

    told = [(event.status, event.detail) for event in stage.events if "step" in event.data]
    assert len(told) == len(set(told))
    assert told[-1] == ("succeeded", "AfterAllowTraffic")
    weights = [event.data["weight"] for event in stage.events if "weight" in event.data]
    assert weights == [100.0]
    times = {event.detail: event.time - START for event in stage.events if event.status == "succeeded"}
    assert times["AllowTraffic"] < times["AfterAllowTraffic"] < times["AfterAllowTraffic"] + 1


def test_the_second_rollout_needs_few_calls(stage: Stage) -> None:
    stage.roll_out(until="success")
    stage.emulation.calls.clear()

    stage.roll_out(NEWER)

    calls = Counter(stage.calls())
    polls = {name: calls.pop(name) for name in ("GetDeployment", "GetDeploymentTarget")}
    assert calls == {
        "DescribeServices": 2,
        "GetDeploymentGroup": 1,
        "ListDeployments": 1,
        "DescribeTaskDefinition": 1,
        "RegisterTaskDefinition": 1,
        "CreateDeployment": 1,
        "ListTasks": 2,
        "DescribeTasks": 2,
    }
    assert polls["GetDeployment"] <= 12


def test_what_runs_already_needs_no_write(stage: Stage) -> None:
    stage.roll_out(until="success")
    stage.emulation.calls.clear()

    outcome = stage.roll_out()

    assert outcome.ended == "already-out"
    assert stage.calls() == [
        "DescribeServices",
        "GetDeployment",
        "GetDeploymentGroup",
        "DescribeTaskDefinition",
        "ListDeployments",
    ]


def test_until_success_waits_for_the_old_tasks_to_go(stage: Stage) -> None:
    outcome = stage.roll_out(until="success")

    assert outcome.ended == "healthy"
    assert stage.served() == NEW
    assert stage.clock.now() - START > 60


def test_a_version_whose_health_check_fails_is_rolled_back(stage: Stage) -> None:
    outcome = stage.roll_out(BAD)

    assert outcome.ended == "rolled-back"
    assert outcome.detail == (
        "`max-failed-tasks` (3) reached: 4 replacement tasks stopped: Task failed ELB health checks in "
        "(target group staging-web-green) — `web` exit code 143. staging-web:1 serves."
    )
    assert outcome.digest == OLD
    assert stage.served() == OLD


def test_codedeploy_failing_by_itself_is_explained_and_its_rollback_followed(
    staged: Callable[..., Stage],
) -> None:
    stage = staged(settings=Settings(install_timeout_minutes=2))

    outcome = stage.roll_out(BAD, max_failed_tasks=1000)

    assert outcome.ended == "rolled-back"
    assert outcome.detail.startswith("`Install` failed: The deployment timed out while waiting")
    assert outcome.detail.endswith("staging-web:1 serves.")
    assert len(outcome.detail) < 300
    assert stage.told("rollback")[-1][0] == "succeeded"
    assert stage.served() == OLD


def test_a_version_that_crashes_is_stopped_when_enough_tasks_have_died(stage: Stage) -> None:
    outcome = stage.roll_out(CRASHES)

    assert outcome.ended == "rolled-back"
    assert outcome.detail == (
        "`max-failed-tasks` (3) reached: 4 replacement tasks stopped: Essential container in task exited — "
        "`web` exit code 3. staging-web:1 serves."
    )
    assert stage.clock.now() - START < 60


def test_the_time_limit_stops_with_rollback(stage: Stage) -> None:
    outcome = stage.roll_out(BAD, max_failed_tasks=1000, timeout_minutes=1)

    assert outcome.ended == "rolled-back"
    assert outcome.detail.startswith("Not done after 1 minutes")
    assert stage.served() == OLD


def test_a_cancelled_job_stops_with_rollback(stage: Stage) -> None:
    prepared = stage.prepare()
    stage.clock.after(6, stage.cancelled.set)

    outcome = rollout.roll_out(prepared, emit=stage.emit, clock=stage.clock, cancelled=stage.cancelled)

    assert outcome.ended == "rolled-back"
    assert outcome.detail == "The job was cancelled. staging-web:1 serves."
    assert stage.served() == OLD


def test_a_cancelled_job_may_leave_it_going(stage: Stage) -> None:
    stage.clock.after(6, stage.cancelled.set)

    outcome = stage.roll_out(on_cancel="detach")

    assert outcome.ended == "detached"
    assert "StopDeployment" not in stage.calls()


def test_a_job_cancelled_before_the_hand_off_changes_nothing(stage: Stage) -> None:
    stage.cancelled.set()

    with pytest.raises(SlipwayError, match="nothing of ours runs"):
        stage.roll_out()

    assert stage.revisions() == ["staging-web:1"]


def test_a_rerun_attaches_to_the_deployment_in_progress(stage: Stage) -> None:
    identity = stage.create(NEW)
    stage.clock.sleep(5)

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert outcome.deployment == identity
    assert stage.calls().count("CreateDeployment") == 1
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


def test_another_deployment_is_waited_for(stage: Stage) -> None:
    stage.create(NEW)

    outcome = stage.roll_out(NEWER)

    assert outcome.ended == "healthy"
    assert outcome.detail.startswith("staging-web:3 serves.")
    # It had shifted and kept its old tasks for a minute: those were let go.
    assert stage.calls().count("ContinueDeployment") == 1
    assert stage.clock.now() - START < 60


def test_another_deployment_is_superseded(stage: Stage) -> None:
    stage.create(BAD)
    stage.clock.sleep(5)

    outcome = stage.roll_out(NEW, on_active="supersede")

    assert outcome.ended == "healthy"
    assert stage.calls().count("StopDeployment") == 1


def test_another_deployment_may_be_an_error(stage: Stage) -> None:
    identity = stage.create(BAD)
    stage.clock.sleep(5)

    with pytest.raises(SlipwayError, match=f"{identity} of the service `staging-web` is in progress"):
        stage.prepare(NEW, on_active="fail")


def test_being_superseded_is_no_failure_of_ours(stage: Stage) -> None:
    def somebody_else() -> None:
        codedeploy = stage.aws.client("codedeploy")
        names = {
            "applicationName": stage.seeded.application,
            "deploymentGroupName": stage.seeded.deployment_group,
        }
        (ours,) = codedeploy.list_deployments(**names)["deployments"]
        codedeploy.stop_deployment(deploymentId=ours, autoRollbackEnabled=False)
        stage.clock.sleep(1)
        stage.create(NEWER)

    stage.clock.after(6, somebody_else)

    outcome = stage.roll_out(BAD)

    assert outcome.ended == "superseded"


def test_a_group_that_waits_for_somebody_is_continued(staged: Callable[..., Stage]) -> None:
    stage = staged(ready_minutes=30)

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert (
        "warning",
        "the new version is ready and waited for somebody to continue: continued",
    ) in stage.told("shift-traffic")


def test_a_service_without_tasks_is_no_silent_success(staged: Callable[..., Stage]) -> None:
    stage = staged(desired=0)

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert "desired count is 0: no task runs" in outcome.detail
    assert stage.told("checks")[0][0] == "warning"


def test_tasks_that_run_another_digest_are_no_success(stage: Stage) -> None:
    outcome = stage.roll_out(ODD)

    assert outcome.ended == "stuck"
    assert f"A running task has sha256:{'f' * 64}" in outcome.detail


def test_a_manifest_of_our_index_is_ours(stage: Stage) -> None:
    outcome = stage.roll_out(ODD, child_digests=(f"sha256:{'f' * 64}",))

    assert outcome.ended == "healthy"


@pytest.mark.parametrize(
    "fault", ["throttled", "error500", "timeout-before", "timeout-after", "dropped-before", "dropped-after"]
)
@pytest.mark.parametrize(
    "operation",
    [("ecs", "RegisterTaskDefinition"), ("codedeploy", "CreateDeployment"), ("codedeploy", "GetDeployment")],
)
def test_faults_of_aws_change_nothing_about_the_end(
    stage: Stage, operation: tuple[str, str], fault: str
) -> None:
    stage.emulation.inject(*operation, fault)  # type: ignore[arg-type]

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]
    created = [call for call in stage.emulation.calls if call.operation == "CreateDeployment"]
    deployments = stage.aws.client("codedeploy").list_deployments(
        applicationName=stage.seeded.application, deploymentGroupName=stage.seeded.deployment_group
    )["deployments"]
    assert len(deployments) == 1
    assert len(created) <= 2


def test_too_many_concurrent_registrations_are_waited_out(stage: Stage) -> None:
    stage.emulation.inject("ecs", "RegisterTaskDefinition", "too-many-concurrent", times=3)

    assert stage.roll_out().ended == "healthy"
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "time-limit"])
def test_somebody_who_comes_in_between_leaves_no_revision_of_ours(stage: Stage, cancel: bool) -> None:
    prepared = stage.prepare(NEW, max_failed_tasks=1000, timeout_minutes=1)
    stage.create(BAD)
    if cancel:
        stage.clock.after(10, stage.cancelled.set)

    with pytest.raises(SlipwayError):
        rollout.roll_out(prepared, emit=stage.emit, clock=stage.clock, cancelled=stage.cancelled)

    assert stage.revisions() == ["staging-web:1", "staging-web:2"]


def test_a_refused_hand_off_leaves_no_revision(stage: Stage) -> None:
    stage.emulation.inject("codedeploy", "CreateDeployment", "access-denied")

    with pytest.raises(AwsError, match="codedeploy:CreateDeployment"):
        stage.roll_out()

    assert stage.revisions() == ["staging-web:1"]


def test_what_was_begun_and_cannot_be_followed_is_no_clean_failure(stage: Stage) -> None:
    stage.emulation.inject("codedeploy", "GetDeployment", "access-denied", times=99)

    with pytest.raises(StuckError, match="was begun and can't be followed"):
        stage.roll_out()


def test_tasks_that_may_not_be_listed_lose_no_deployment(staged: Callable[..., Stage]) -> None:
    stage = staged(settings=Settings(install_timeout_minutes=2))
    stage.emulation.inject("ecs", "ListTasks", "access-denied", times=999)

    outcome = stage.roll_out(BAD)

    assert outcome.ended == "rolled-back"
    assert outcome.detail.startswith("`Install` failed")
    (warning,) = [detail for status, detail in stage.told("install") if status == "warning"]
    assert warning.startswith("Tasks that die are not counted. Could not list the tasks")


def test_a_version_of_which_no_task_runs_is_not_out(staged: Callable[..., Stage]) -> None:
    stage = staged(settings=Settings(install_timeout_minutes=2))
    stage.emulation._runtime.behaviours = {OLD: BEHAVIOURS[HANGS]}  # type: ignore[attr-defined]
    ecs = stage.aws.client("ecs")
    for task in ecs.list_tasks(cluster="staging-cluster", serviceName="staging-web")["taskArns"]:
        ecs.stop_task(cluster="staging-cluster", task=task)
    stage.clock.sleep(5)

    outcome = stage.roll_out(OLD)

    assert outcome.ended == "stuck"
    assert outcome.detail.endswith("staging-web:1 is still in place. A person must look.")
    assert stage.revisions() == ["staging-web:1"]


def test_a_newer_revision_of_somebody_is_shown_and_left_out(stage: Stage) -> None:
    ecs = stage.aws.client("ecs")
    container = {"name": "web", "image": f"{REPOSITORY}@{OLD}", "memory": 64}
    arn = ecs.register_task_definition(family="staging-web", containerDefinitions=[container])[
        "taskDefinition"
    ]["taskDefinitionArn"]

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert outcome.task_definition.endswith("staging-web:3")
    (warning,) = [detail for status, detail in stage.told("checks") if status == "warning"]
    assert warning == (
        "staging-web:2 is newer than staging-web:1, which runs, and differs in more than the image: "
        f"it is left out; `base: latest` would take it ({arn})"
    )


def test_killed_after_registering_the_next_run_uses_that_revision(stage: Stage) -> None:
    prepared = stage.prepare()
    raw.register(stage.aws, prepared.body, clock=stage.clock)

    outcome = stage.roll_out()

    assert outcome.ended == "healthy"
    assert stage.revisions() == ["staging-web:1", "staging-web:2"]
