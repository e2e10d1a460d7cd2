from __future__ import annotations

from typing import Any

import pytest

from slipway.rollout.controller import Snapshot, Step
from slipway.rollout.diagnose import explain, table
from slipway.rollout.task_failures import DeadTask, dead, died, summary

FAILED = Snapshot(state="failed", failed_step="Install", reason="It timed out.")
TASK = DeadTask(name="1", reason="Essential container in task exited", exits=(("web", "exit code 3"),))


def test_what_failed_why_and_what_serves() -> None:
    assert explain("", FAILED, (TASK, TASK), "web:1 serves.") == (
        "`Install` failed: It timed out. 2 replacement tasks stopped: Essential container in task exited — "
        "`web` exit code 3. web:1 serves."
    )


def test_the_end_is_never_cut() -> None:
    long = Snapshot(state="failed", failed_step="Install", reason="x" * 500)

    said = explain("", long, (), "web:1 serves.")

    assert len(said) < 300
    assert said.endswith("… web:1 serves.")


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container"}, True),
        ({"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError"}, True),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Task failed ELB health checks"}, True),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by"}, False),
        ({"stopCode": "UserInitiated", "stoppedReason": "by hand"}, False),
        ({"stopCode": "SpotInterruption"}, False),
    ],
)
def test_which_tasks_died(task: dict[str, Any], expected: bool) -> None:
    assert died(task) is expected


def test_what_aws_says_of_a_dead_task() -> None:
    group = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/web-green/0123456789abcdef"
    task = {
        "taskArn": "arn:aws:ecs:eu-west-2:123456789012:task/c/abc",
        "stoppedReason": f"Task failed ELB health checks in (target-group {group})",
        "containers": [{"name": "web", "exitCode": 137}, {"name": "init", "reason": "OutOfMemory"}, {}],
    }

    expected = DeadTask(
        name="abc",
        reason="Task failed ELB health checks in (target group web-green)",
        exits=(("web", "exit code 137"), ("init", "OutOfMemory")),
    )
    assert expected == dead(task)
    assert summary((expected,)).startswith("1 replacement task stopped: Task failed ELB")
    assert summary(()) == ""


def test_the_table_has_everything() -> None:
    step = Step(name="Install", stage="install", status="failed", detail="It timed out.")
    seen = Snapshot(state="failed", steps=(step,), weight=0)
    back = Snapshot(
        state="succeeded", steps=(Step(name="AllowTraffic", stage="shift-traffic", status="succeeded"),)
    )

    assert table(seen, (TASK,), back) == (
        ("Install", "failed", "It timed out."),
        ("traffic", "progress", "0% went to the new version"),
        ("task 1", "failed", "Essential container in task exited — `web` exit code 3"),
        ("rollback: AllowTraffic", "succeeded", ""),
    )
