"""publish.yml's and rollback.yml's own order, run by act, with a stand-in for the commands."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workflows.acting import Consumer, Ran

PUBLISH = """\
name: Publish
on:
  push: {branches: [main]}
  workflow_dispatch: {inputs: {environment: {type: environment, required: true}}}
permissions: {contents: read, id-token: write}
jobs:
  publish:
    uses: example-org/slipway/.github/workflows/publish.yml@v1
    with: {environment: "${{ inputs.environment }}"}
    secrets:
      DEPLOY_AWS_ROLE_ARN: ${{ secrets.DEPLOY_AWS_ROLE_ARN }}
      SLACK_BOT_TOKEN: ${{ secrets.SLACK_BOT_TOKEN }}
"""
# What a caller does with the outputs, and with tests of its own.
AROUND = """\
name: Around
on: push
permissions: {contents: read, id-token: write}
jobs:
  own-tests: {runs-on: ubuntu-24.04, steps: [{run: "true"}]}
  publish:
    needs: own-tests
    uses: example-org/slipway/.github/workflows/publish.yml@v1
    with: {tests: false}
  after:
    needs: publish
    runs-on: ubuntu-24.04
    steps:
      - id: told
        env:
          DIGESTS: ${{ needs.publish.outputs.digests }}
          ORDER: ${{ needs.publish.outputs.environments }}
        run: printf 'digests=%s\\norder=%s\\n' "$DIGESTS" "$ORDER" >> "$GITHUB_OUTPUT"
"""
ROLLBACK = """\
name: Roll back
on: {workflow_dispatch: {inputs: {environment: {type: environment}, component: {type: string}}}}
permissions: {contents: read, id-token: write}
jobs:
  rollback:
    uses: example-org/slipway/.github/workflows/rollback.yml@v1
    with: {environment: "${{ inputs.environment }}", component: "${{ inputs.component }}"}
"""


def plan(*environments: str, components: tuple[str, ...] = ("web",), built: bool = True) -> dict[str, str]:
    builds = [{"component": name, "kind": "application"} for name in components] if built else []
    slots = (*environments, "", "", "", "")[:4]
    return {
        "builds": json.dumps(builds),
        "components": json.dumps(components),
        "environments": json.dumps(environments),
        **dict(zip(("first", "second", "third", "fourth"), slots, strict=True)),
    }


class Stage(Consumer):
    """A consumer whose commands are played by the stand-in."""

    def play(
        self,
        planned: Mapping[str, str],
        *,
        fail: tuple[str, ...] = (),
        wait: tuple[str, ...] = (),
        **more: Any,
    ) -> Ran:
        answers, player = self.folder / "answers.json", self.folder / "player"
        answers.write_text(json.dumps({"plan": planned, "fail": fail, "wait": wait}))
        player.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).parent}/stand_in.py" "$@"\n')
        player.chmod(player.stat().st_mode | stat.S_IXUSR)
        self.record.unlink(missing_ok=True)
        self.environ = {
            "SLIPWAY_PYTHON": str(player),
            "RECORD": str(self.record),
            "ANSWERS": str(answers),
        }
        return self.act(**more)

    @property
    def record(self) -> Path:
        return self.folder / "record"

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    @property
    def asked(self) -> list[str]:
        return [call["asked"] for call in self.calls]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    workflows = {"publish.yml": PUBLISH, "around.yml": AROUND, "rollback.yml": ROLLBACK}
    files = {f".github/workflows/{name}": text for name, text in workflows.items()}
    return Stage(folder=tmp_path, files={**files, "Dockerfile": "FROM scratch\n"})


def test_a_merge_goes_to_staging_then_production(stage: Stage) -> None:
    ran = stage.play(plan("staging", "production"))
    assert stage.asked == [
        "plan",
        "test",
        "build web",
        "plan staging web",
        "publish staging web",
        "plan production web",
        "publish production web",
    ]
    expected = dict.fromkeys(
        ["Plan", "Test", "Build web", "Digests", "staging (web)", "production (web)"], "success"
    )
    assert (0, expected) == (ran.status, ran.jobs)
    digests = [ran.outputs[job]["image-digest"] for job in ("staging (web)", "production (web)")]
    assert digests == ["sha256:web", "sha256:web"]


def test_four_environments_and_two_components(stage: Stage) -> None:
    environments = ("development", "test", "staging", "production")
    ran = stage.play(plan(*environments, components=("web", "worker")))
    published = [asked for asked in stage.asked if asked.startswith("publish")]
    in_pairs = [sorted(published[index : index + 2]) for index in range(0, 8, 2)]
    assert in_pairs == [[f"publish {name} web", f"publish {name} worker"] for name in environments]
    assert ran.outputs["Digests"]["digests"] == '{"web": "sha256:web", "worker": "sha256:worker"}'
    assert ran.status == 0


def test_a_failing_test_stops_the_build(stage: Stage) -> None:
    ran = stage.play(plan("staging", "production"), fail=("test",))
    assert stage.asked == ["plan", "test"]
    assert (ran.status, ran.jobs) == (1, {"Plan": "success", "Test": "failure"})


def test_a_failing_build_of_one_component_stops_all_environments(stage: Stage) -> None:
    ran = stage.play(plan("staging", components=("web", "worker")), fail=("build worker",))
    assert [asked for asked in stage.asked if asked.startswith("publish")] == []
    assert ran.status == 1


def test_a_failing_rollout_in_staging_stops_production(stage: Stage) -> None:
    ran = stage.play(plan("staging", "production"), fail=("publish staging web",))
    assert stage.asked == [
        "plan",
        "test",
        "build web",
        "plan staging web",
        "publish staging web",
    ]
    assert (ran.status, ran.jobs["staging (web)"]) == (1, "failure")


def test_a_failing_component_lets_the_other_finish_and_stops_what_follows(stage: Stage) -> None:
    planned = plan("staging", "production", components=("web", "worker"))
    ran = stage.play(planned, fail=("publish staging web",))
    published = sorted(asked for asked in stage.asked if asked.startswith("publish"))
    assert published == ["publish staging web", "publish staging worker"]
    # act gives one result to all jobs of a matrix, so the steps tell.
    name = "Publish and follow to the end"
    results = {job: result for job, step, result in ran.steps if step == name}
    assert results == {"staging (web)": "failure", "staging (worker)": "success"}


def test_what_is_not_built_is_published_all_the_same(stage: Stage) -> None:
    """Files and DAGs have nothing to build."""
    ran = stage.play(plan("staging", components=("dags",), built=False))
    assert stage.asked == ["plan", "test", "plan staging dags", "publish staging dags"]
    assert ran.outputs["staging (dags)"]["image-digest"] == "sha256:none"
    assert ran.status == 0


def test_nothing_to_publish(stage: Stage) -> None:
    ran = stage.play(plan(components=(), built=False))
    assert stage.asked == ["plan", "test"]
    assert (ran.status, ran.jobs) == (0, {"Plan": "success", "Test": "success"})


def test_a_dispatch_names_one_environment(stage: Stage) -> None:
    payload = {"inputs": {"environment": "development"}}
    ran = stage.play(plan("development"), event="workflow_dispatch", payload=payload)
    assert stage.asked == [
        "plan development",
        "test",
        "build web",
        "plan development web",
        "publish development web",
    ]
    assert ran.status == 0


def test_callers_tests_in_place_of_ours_and_our_outputs_in_its_jobs(stage: Stage) -> None:
    ran = stage.play(plan("staging"), workflow="around.yml")
    assert stage.asked == [
        "plan",
        "build web",
        "plan staging web",
        "publish staging web",
    ]
    expected = {"digests": '{"web": "sha256:web"}', "order": '["staging"]'}
    assert expected == ran.outputs["after"]


def test_only_an_environments_job_has_its_settings_and_secrets(stage: Stage) -> None:
    stage.play(
        plan("staging"),
        secrets={"DEPLOY_AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/x", "NOT_OURS": "not-for-slipway"},
        variables={"DEPLOY_DOCKER_REPOSITORY": "example"},
    )
    seen = {call["asked"]: call["environ"] for call in stage.calls}
    settings = {
        "SLIPWAY_VARIABLES": json.dumps({"DEPLOY_DOCKER_REPOSITORY": "example"}, indent=2),
        "DEPLOY_AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/x",
    }
    assert seen == {
        "plan": {},
        "test": {},
        "build web": {},
        "plan staging web": settings,
        "publish staging web": settings,
    }


def test_a_cancelled_job_stops_what_it_started(stage: Stage) -> None:
    def cancel(process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if stage.record.exists() and "publish staging web" in stage.asked:
                break
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)

    ran = stage.play(plan("staging", "production"), wait=("publish staging web",), during=cancel)
    assert stage.asked[-2:] == ["publish staging web", "rollback staging web"], ran.log
    assert stage.calls[-1]["inputs"]["in-progress"] == "true"
    assert "production (web)" not in ran.jobs


@pytest.mark.parametrize(
    ("component", "expected"),
    [("", ["rollback staging api", "rollback staging web"]), ("web", ["rollback staging web"])],
)
def test_rollback_takes_one_component_or_all(stage: Stage, component: str, expected: list[str]) -> None:
    payload = {"inputs": {"environment": "staging", "component": component}}
    planned = plan("staging", components=("api", "web"))
    ran = stage.play(planned, event="workflow_dispatch", payload=payload, workflow="rollback.yml")
    assert expected == sorted(asked for asked in stage.asked if asked.startswith("rollback"))
    assert ran.status == 0
