"""publish.yml and the composite actions, for real: act, a real build and registry, emulated AWS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rehearsal.stage import Stage, make_repository, stage
from slipway.rehearsal.emulation.scripted import NEVER_HEALTHY
from workflows.acting import Consumer, Ran
from workflows.tree import program

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
      DEPLOY_AWS_ACCESS_KEY_ID: ${{ secrets.DEPLOY_AWS_ACCESS_KEY_ID }}
      DEPLOY_AWS_SECRET_ACCESS_KEY: ${{ secrets.DEPLOY_AWS_SECRET_ACCESS_KEY }}
"""
ALONE = """\
name: Alone
on: push
permissions: {contents: read, id-token: write}
jobs:
  staging:
    runs-on: ubuntu-24.04
    environment: staging
    env:
      DEPLOY_AWS_ACCESS_KEY_ID: ${{ secrets.DEPLOY_AWS_ACCESS_KEY_ID }}
      DEPLOY_AWS_SECRET_ACCESS_KEY: ${{ secrets.DEPLOY_AWS_SECRET_ACCESS_KEY }}
      SLIPWAY_VARIABLES: ${{ toJSON(vars) }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - {id: build, uses: example-org/slipway/actions/build-image@v1, with: {component: web}}
      - id: publish
        uses: example-org/slipway/actions/publish-image@v1
        with: {environment: staging, component: web, artifacts: "${{ steps.build.outputs.artifact }}"}
      - id: deploy
        uses: example-org/slipway/actions/deploy-application@v1
        with:
          environment: staging
          component: web
          image-digest: ${{ steps.publish.outputs.image-digest }}
          container-name: web
      - id: status
        uses: example-org/slipway@v1
        with:
          command: status
          arguments: |
            --environment=staging
            --component=web
"""
ROLLBACK = """\
name: Roll back
on: {workflow_dispatch: {inputs: {environment: {type: environment}}}}
permissions: {contents: read, id-token: write}
jobs:
  rollback:
    uses: example-org/slipway/.github/workflows/rollback.yml@v1
    with: {environment: "${{ inputs.environment }}"}
    secrets:
      DEPLOY_AWS_ACCESS_KEY_ID: ${{ secrets.DEPLOY_AWS_ACCESS_KEY_ID }}
      DEPLOY_AWS_SECRET_ACCESS_KEY: ${{ secrets.DEPLOY_AWS_SECRET_ACCESS_KEY }}
"""
COMPONENT = """\
  {name}:
    kind: application
    image: {{dockerfile: {name}/Dockerfile, context: {name}}}
    repository: ${{REGISTRY}}/{{environment}}/{name}
    deploy: {{container-name: web, max-failed-tasks: 1}}
    url: https://{{environment}}.example.org/{name}
"""
DOCKERFILE = 'FROM scratch\nCOPY {name} /{name}\nCMD ["/{name}"]\n'
SECRETS = {
    "DEPLOY_AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "DEPLOY_AWS_SECRET_ACCESS_KEY": "planted-secret-access-key",
}


class World(Consumer):
    """A consumer, and the registry and AWS that its jobs reach."""

    outside: Stage

    def run(self, event: str = "push", **more: Any) -> Ran:
        return self.act(event, secrets=SECRETS, variables={"REGISTRY": self.outside.registry.address}, **more)

    def seed(self, *environments: str, components: tuple[str, ...] = ("web",)) -> None:
        for environment in environments:
            for name in components:
                repository = f"{environment}/{name}"
                self.outside.registry.gate.create(repository, immutable=True)
                self.outside.aws.seed_application(
                    cluster=f"{environment}-cluster",
                    service=f"{environment}-{name}",
                    image="example.org/before@sha256:" + "0" * 64,
                    repository=repository,
                )

    def digest(self, environment: str, name: str = "web") -> str | None:
        tag = f"sha-{self.git('rev-parse', 'HEAD')}"
        return self.outside.registry.digest_of(f"{environment}/{name}", tag)

    def statuses(self, environment: str, name: str = "web") -> list[str]:
        """How the deployments of a service ended, the oldest first."""
        service = f"{environment}-{name}"
        perform = self.outside.aws.perform
        listed = perform(
            "codedeploy", "ListDeployments", applicationName=service, deploymentGroupName=service
        )
        ids = listed["deployments"]
        found = [perform("codedeploy", "GetDeployment", deploymentId=one)["deploymentInfo"] for one in ids]
        return [one["status"] for one in sorted(found, key=lambda one: one["createTime"])]


@contextmanager
def world(folder: Path, components: tuple[str, ...], suite: str) -> Iterator[World]:
    built = folder / "unused"
    make_repository(built / "repository")
    (built / "artifacts").mkdir()
    text = "components:\n" + "".join(COMPONENT.format(name=name) for name in components)
    files = {
        ".github/workflows/publish.yml": PUBLISH,
        ".github/workflows/alone.yml": ALONE,
        ".github/workflows/rollback.yml": ROLLBACK,
        "slipway.yml": f"{text}environments: {{order: [staging, production]}}\nsuites: {{unit: {suite}}}\n",
        **{f"{name}/Dockerfile": DOCKERFILE.format(name=name) for name in components},
        **{f"{name}/{name}": f"{name}\n" for name in components},
    }
    with stage(folder / "stage", built=built, speed=60) as outside:
        made = World(folder=folder / "consumer", files=files)
        made.outside = outside
        made.environ = {
            "AWS_ENDPOINT_URL": outside.aws.url,
            "AWS_REGION": "eu-west-2",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield made


Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    for name in ("act", "docker", "skopeo"):
        program(name)
    if not shutil.which("docker-registry") and not shutil.which("registry"):
        pytest.skip("docker-registry is not installed: `scripts/bootstrap test` says what it needs")
    from contextlib import ExitStack

    with ExitStack() as stack:

        def made(*components: str, suite: str = '"true"') -> World:
            return stack.enter_context(world(tmp_path, components or ("web",), suite))

        yield made


def test_a_merge_publishes_one_digest_to_staging_then_production(make: Make) -> None:
    it = make()
    it.seed("staging", "production")
    ran = it.run()
    jobs = ["Plan", "Test", "Build web", "Digests", "staging (web)", "production (web)"]
    assert (0, dict.fromkeys(jobs, "success")) == (ran.status, ran.jobs), ran.log
    digest = it.digest("staging")
    assert digest == it.digest("production") is not None
    assert ran.outputs["Digests"]["digests"] == json.dumps({"web": digest})
    for environment in ("staging", "production"):
        # The old tasks may still wait to be terminated; the new ones have the traffic.
        assert any(image.endswith(str(digest)) for image in it.outside.serving(environment))
        outputs = ran.outputs[f"{environment} (web)"]
        assert (outputs["outcome"], outputs["image-digest"]) == ("healthy", digest)
        assert outputs["url"] == f"https://{environment}.example.org/web"
        assert environment in ran.summaries[f"{environment} (web)"]
    assert SECRETS["DEPLOY_AWS_SECRET_ACCESS_KEY"] not in ran.log

    # "Re-run all jobs": the same build again, and nothing to do.
    it.environ["GITHUB_RUN_ATTEMPT"] = "2"
    again = it.run()
    assert {again.outputs[f"{name} (web)"]["outcome"] for name in ("staging", "production")} == {
        "already-out"
    }, again.log


def test_a_dispatch_publishes_to_the_chosen_environment_alone(make: Make) -> None:
    it = make()
    it.seed("development", "staging")
    ran = it.run("workflow_dispatch", payload={"inputs": {"environment": "development"}})
    assert (ran.status, ran.jobs["development (web)"]) == (0, "success"), ran.log
    assert (it.digest("development") is not None, it.digest("staging")) == (True, None)


def test_a_pull_request_builds_and_publishes_nothing(make: Make) -> None:
    it = make()
    base = it.git("rev-parse", "HEAD")
    workflow = it.repository / ".github/workflows/publish.yml"
    workflow.write_text(PUBLISH.replace("on:\n", "on:\n  pull_request:\n", 1))
    (it.repository / "web/web").write_text("proposed\n")
    head = it.commit("proposed")
    pull_request = {"number": 1, "base": {"ref": "main", "sha": base}, "head": {"ref": "x", "sha": head}}
    ran = it.run("pull_request", payload={"pull_request": pull_request})
    expected = dict.fromkeys(["Plan", "Test", "Build web", "Digests"], "success")
    assert (0, expected) == (ran.status, ran.jobs), ran.log


def test_a_failing_test_stops_the_build(make: Make) -> None:
    ran = make(suite='"echo it fails; exit 3"').run()
    assert (ran.status, ran.jobs) == (1, {"Plan": "success", "Test": "failure"})
    assert "The suite `unit` ended with status 3" in ran.log


def test_a_failing_rollout_in_staging_is_rolled_back_and_stops_production(make: Make) -> None:
    it = make()
    it.seed("staging", "production")
    it.outside.runtime.default = NEVER_HEALTHY
    ran = it.run()
    assert ran.status == 1
    assert ran.jobs["staging (web)"] == "failure"
    assert ran.outputs["staging (web)"]["outcome"] == "rolled-back", ran.log
    assert it.digest("production") is None
    assert it.statuses("staging")[0] in {"Failed", "Stopped"}
    assert it.outside.serving("staging") == ("example.org/before@sha256:" + "0" * 64,)


def test_two_components_in_a_matrix(make: Make) -> None:
    it = make("web", "api")
    it.seed("staging", "production", components=("web", "api"))
    ran = it.run()
    assert ran.status == 0, ran.log
    digests = {name: it.digest("production", name) for name in ("api", "web")}
    assert ran.outputs["Digests"]["digests"] == json.dumps(digests)
    assert len(set(digests.values())) == 2


def test_composite_actions_alone_in_a_job(make: Make) -> None:
    it = make()
    it.seed("staging")
    ran = it.run(workflow="alone.yml")
    assert (ran.status, ran.jobs) == (0, {"staging": "success"}), ran.log
    digest = it.digest("staging")
    outputs = {step: ran.by_step["staging", step] for step in ("build", "publish", "deploy")}
    assert {step: given["image-digest"] for step, given in outputs.items()} == dict.fromkeys(outputs, digest)
    assert (outputs["publish"]["outcome"], outputs["deploy"]["outcome"]) == ("published", "healthy")
    assert "### What runs" in ran.summaries["staging"]


def test_rollback_goes_to_the_version_before(make: Make) -> None:
    it = make()
    it.seed("staging")
    payload = {"inputs": {"environment": "staging"}}
    first = it.run("workflow_dispatch", payload=payload)
    old = it.digest("staging")
    (it.repository / "web/web").write_text("second\n")
    it.commit("second")
    second = it.run("workflow_dispatch", payload=payload)
    new = it.digest("staging")
    assert (first.status, second.status, old != new) == (0, 0, True), second.log
    ran = it.run("workflow_dispatch", payload=payload, workflow="rollback.yml")
    assert ran.status == 0, ran.log
    outputs = ran.outputs["Roll back staging (web)"]
    assert (outputs["outcome"], outputs["image-digest"]) == ("healthy", old), ran.log
    assert any(image.endswith(str(old)) for image in it.outside.serving("staging"))


def test_a_cancelled_job_leaves_the_old_version_serving(make: Make) -> None:
    it = make()
    it.seed("staging", "production")
    it.outside.runtime.default = NEVER_HEALTHY

    def cancel(process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if it.outside.calls("codedeploy", "CreateDeployment"):
                break
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)

    ran = it.run(during=cancel)
    assert "production (web)" not in ran.jobs
    assert it.statuses("staging")[0] == "Stopped", ran.log
    assert it.digest("production") is None


def test_without_an_interpreter_of_ours_it_installs_what_is_locked(make: Make) -> None:
    it = make()
    it.seed("staging")
    it.environ |= {"SLIPWAY_PYTHON": ""}
    ran = it.run("workflow_dispatch", payload={"inputs": {"environment": "staging"}})
    assert (ran.status, ran.jobs["staging (web)"]) == (0, "success"), ran.log
