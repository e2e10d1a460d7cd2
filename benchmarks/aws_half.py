"""The AWS half of a publish: credentials, registry login, register, create, follow: wall, processor, calls.

A repository publishes one commit after the other to one environment, as it does in life: the shipped
command, by OIDC, to a real registry and the emulated AWS. The image is a few bytes, so that the push costs
what a push costs at least. What the deployment itself takes is AWS's and is taken off the wall time.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import waiter
from measuring import (
    Figure,
    Metered,
    Result,
    Table,
    load,
    median,
    metered,
    remove_layers,
    show,
    use_the_tests_world,
)

use_the_tests_world()

from rehearsal.stage import Stage, git, make_repository, stage  # noqa: E402
from slipway.rehearsal.emulation import Call, oidc  # noqa: E402

ROUNDS = 5
SLIPWAY_YML = "kind: application\nname: web\ndeploy: {container-name: web}\n"
ROLE = "arn:aws:iam::123456789012:role/deploy"
FIVE_MINUTES = 300
POLL_SECONDS = 2

WHY = {
    "sts:AssumeRoleWithWebIdentity": "GitHub's token for a role's keys; asked once, also when refused",
    "ecr:DescribeRepositories": "check: the repository is there, and whether its tags can be moved",
    "ecr:BatchGetImage": "check: which tags and digests are there; after the push, that ours is",
    "ecs:DescribeServices": "check: the service, its controller, what serves; at the end, what runs",
    "codedeploy:ListApplications": "finds the application (none when its name is given)",
    "codedeploy:ListDeploymentGroups": "finds the group (none when its name is given)",
    "codedeploy:BatchGetDeploymentGroups": "the group that names our service: its waits and alarms",
    "codedeploy:GetDeploymentGroup": "the same, where application and group are named or known",
    "sts:GetCallerIdentity": "not needed: the first call refuses bad keys as well",
    "codedeploy:ListDeployments": "check: is another deployment in progress, which AWS would refuse us for",
    "ecs:DescribeTaskDefinition": "what runs, of which only the image changes; whether it is out already",
    "ecr:GetAuthorizationToken": "the registry's password; only where something is pushed",
    "ecs:RegisterTaskDefinition": "the new revision; only where something changed",
    "codedeploy:CreateDeployment": "the hand-off",
    "codedeploy:GetDeployment": "follow: the deployment's state; before it, the last one's hooks are kept",
    "codedeploy:GetDeploymentTarget": "follow: lifecycle events and traffic weights",
    "ecs:ListTasks": "the tasks of the new revision",
    "ecs:DescribeTasks": "verify: the digest that they run",
}
FOLLOWING = {"codedeploy:GetDeployment", "codedeploy:GetDeploymentTarget"}
# Read in the actions' sources: configure-aws-credentials (OIDC), amazon-ecr-login, render with
# `task-definition-family`, deploy with CodeDeploy. build-push-action's own requests go to the registry.
OFFICIAL = {
    "sts:AssumeRoleWithWebIdentity": 1,
    "sts:GetCallerIdentity": 1,
    "ecr:GetAuthorizationToken": 1,
    "ecs:DescribeTaskDefinition": 1,
    "ecs:RegisterTaskDefinition": 1,
    "ecs:DescribeServices": 1,
    "codedeploy:GetDeploymentGroup": 1,
    "codedeploy:CreateDeployment": 1,
}
OFFICIAL_NOTE = (
    "The official actions' wall and processor time was not measured: they are not run here. Their calls are "
    "counted in their sources, for OIDC, a task definition by its family, and CodeDeploy by named "
    "application and group."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One publish: what was measured, and what AWS was asked."""

    run: Metered
    calls: tuple[Call, ...]
    deployment: float  # seconds that the deployment itself took
    handed_off: float  # seconds from the start to CreateDeployment's call
    known: float  # seconds from the deployment's end to the command's end

    def until(self, operation: str) -> float:
        """Seconds from the start to the first call of `operation`."""
        return next(call.time for call in self.calls if call.operation == operation) - self.run.began


def _publish(made: Stage, number: int, oidc_settings: dict[str, str]) -> Round:
    """Commit, build, and publish: the last is measured."""
    (made.repository / "hello").write_text(f"hello {number}\n")
    git(made.repository, "commit", "-qam", f"Number {number}")
    artifacts = made.folder / f"artifacts-{number}"
    built = made.run("build", "--output", str(artifacts))
    assert built.status == 0, built.text
    words = ["publish", "--environment", "staging", "--artifacts", str(artifacts)]
    _, environ = made.command(words, "staging", **oidc_settings)
    _let_it_end(made)
    since, before = len(made.aws.calls), set(made.aws.world().deployments)
    run = metered(words, cwd=made.repository, environ=environ, note=made.folder / "used.json")
    calls = tuple(made.aws.calls[since:])
    (identity,) = set(made.aws.world().deployments) - before
    deployment = made.aws.world().deployments[identity]
    shifted = deployment.events["AfterAllowTraffic"].ended
    created = next(call.time for call in calls if call.operation == "CreateDeployment")
    return Round(
        run=run,
        calls=calls,
        deployment=shifted - deployment.created,
        handed_off=created - run.began,
        known=run.ended - shifted,
    )


def _let_it_end(made: Stage) -> None:
    """Wait for the old tasks of the round before to go: an ordinary publish finds nothing in progress."""
    while any(one.active for one in made.aws.world().deployments.values()):
        made.aws.clock.sleep(0.1)


def measure() -> Result:
    """Publish some commits, and take the middle of what each took."""
    with tempfile.TemporaryDirectory(prefix="slipway-benchmark-") as folder:
        make_repository(Path(folder) / "repository", SLIPWAY_YML)
        issuer = oidc.start(subject="repo:example/web:environment:staging")
        settings = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": issuer.url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "rehearsal-bearer",
            "DEPLOY_AWS_ROLE_ARN": ROLE,
        }
        try:
            with stage(Path(folder)) as made:
                made.seed("staging", termination_minutes=1)
                rounds = [_publish(made, number, settings) for number in range(ROUNDS + 1)]
                remove_layers(made.repository)
        finally:
            issuer.stop()
    return _result(rounds[1:])  # the first finds nothing in the file cache


def _result(rounds: list[Round]) -> Result:
    counted = [Counter(call.action for call in one.calls) for one in rounds]
    once = min(counted, key=lambda count: sum(count.values()))
    polls = once["codedeploy:GetDeploymentTarget"]
    steady = sum(once.values()) - 2 * polls
    work = [one.run.wall - one.deployment for one in rounds]
    waits = len(_waiting(FIVE_MINUTES))
    ours = 2 * FIVE_MINUTES // POLL_SECONDS
    return Result(
        name="The AWS half of a publish",
        figures=(
            Figure(name="wall, without the deployment's own time", value=median(work), unit="s"),
            Figure(
                name="— start to the first call to AWS",
                value=median([one.calls[0].time - one.run.began for one in rounds]),
                unit="s",
            ),
            Figure(
                name="— credentials and every check",
                value=median(
                    [one.until("GetAuthorizationToken") - one.calls[0].time + one.run.began for one in rounds]
                ),
                unit="s",
            ),
            Figure(
                name="— registry login and push",
                value=median(
                    [
                        one.until("RegisterTaskDefinition") - one.until("GetAuthorizationToken")
                        for one in rounds
                    ]
                ),
                unit="s",
            ),
            Figure(
                name="— register and create",
                value=median([one.handed_off - one.until("RegisterTaskDefinition") for one in rounds]),
                unit="s",
            ),
            Figure(
                name="— from the deployment's end to the command's",
                value=median([one.known for one in rounds]),
                unit="s",
                bound=5,
            ),
            Figure(name="processor, own", value=median([one.run.own for one in rounds]), unit="s"),
            Figure(
                name="processor, skopeo and git", value=median([one.run.children for one in rounds]), unit="s"
            ),
            Figure(name="calls, without those of following", value=steady, unit=""),
            Figure(name="the official actions' calls, likewise", value=sum(OFFICIAL.values()), unit=""),
            Figure(name="calls while following five minutes", value=ours, unit=""),
            Figure(name="the official waiter's, likewise", value=waits, unit=""),
        ),
        tables=(_calls(once, polls),),
        notes=(
            (
                f"{len(rounds)} publishes, the middle of each figure; {load()}. The calls are those of the "
                "run that needed fewest."
            ),
            OFFICIAL_NOTE,
        ),
    )


def _waiting(length: float) -> list[float]:
    """The times at which the official waiter looks at a deployment of this length."""
    times = []
    for time in waiter.check_times(random.Random(1)):  # noqa: S311 - nothing secret is drawn
        times.append(time)
        if time >= length:
            return times
    return times


def _calls(once: Counter[str], polls: int) -> Table:
    """Each call with its reason: one without a reason here fails the benchmark, so that none slips in."""
    rows = []
    for action in dict.fromkeys([*once, *OFFICIAL]):
        number = once[action] - (polls if action in FOLLOWING else 0)
        said = f"{number} and one per look" if number and action in FOLLOWING else str(number)
        said = "one per look" if not number and action in FOLLOWING else said
        theirs = OFFICIAL.get(action, 0)
        looks = "one per look" if action == "codedeploy:GetDeployment" else str(theirs or "")
        rows.append((f"`{action}`", said if once[action] else "", looks, WHY[action]))
    return Table(heading=("call", "ours", "official actions", "why"), rows=tuple(rows))


def main() -> int:
    """Print the table; 1 where a bound isn't kept."""
    result = measure()
    show(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
