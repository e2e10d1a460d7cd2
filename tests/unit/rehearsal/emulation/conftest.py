"""An emulated AWS on a clock of the test's own, and clients whose every answer is checked."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slipway.rehearsal.emulation import Emulation, Seeded, Settings, start
from slipway.rehearsal.emulation.scripted import ScriptedRuntime
from unit.rehearsal.emulation.conformance import Conformance

HOST = "127.0.0.1:5000"
OLD = "sha256:" + "a" * 64
NEW = "sha256:" + "b" * 64
START = 1_800_000_000.0


@functools.cache
def session() -> Any:
    """One session per process: it keeps the models it has read."""
    import botocore.session

    return botocore.session.get_session()


class FakeClock:
    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Registry:
    """A registry of a few manifests."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, str]] = {}
        self.manifests: dict[str, bytes] = {}
        self.media_type = "application/vnd.oci.image.manifest.v1+json"

    def push(self, repository: str, tag: str, document: dict[str, Any]) -> str:
        body = json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.manifests[digest] = body
        self.images.setdefault(repository, {})[tag] = digest
        return digest

    def digest_of(self, repository: str, tag: str) -> str | None:
        return self.images.get(repository, {}).get(tag)

    def tags(self, repository: str) -> tuple[str, ...]:
        return tuple(self.images.get(repository, {}))

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str] | None:
        digest = reference if reference.startswith("sha256:") else self.digest_of(repository, reference)
        return (self.manifests[digest], self.media_type) if digest in self.manifests else None


class Cloud:
    """One emulated AWS and what a test asks of it."""

    def __init__(self, emulation: Emulation, runtime: ScriptedRuntime, clock: FakeClock, registry: Registry):
        self.emulation, self.runtime, self.clock, self.registry = emulation, runtime, clock, registry
        self.conformance = Conformance()
        self._clients: dict[tuple[Any, ...], Any] = {}

    def client(self, name: str, *, read_timeout: float = 30, key: str = "AKIAREHEARSAL0000000") -> Any:
        identity = (name, read_timeout, key)
        if identity not in self._clients:
            self._clients[identity] = self._client(name, read_timeout, key)
        return self._clients[identity]

    def _client(self, name: str, read_timeout: float, key: str) -> Any:
        from botocore.config import Config

        client = session().create_client(
            name,
            region_name="us-east-1" if name == "ecr-public" else "eu-west-2",
            endpoint_url=self.emulation.url,
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
        )
        return self.conformance.listen(client)

    def seed(self, **fields: Any) -> Seeded:
        standard = {
            "cluster": "staging-cluster",
            "service": "staging-web",
            "image": f"{HOST}/example-web@{OLD}",
            "repository": "example-web",
        }
        return self.emulation.seed_application(**{**standard, **fields})

    def register(self, seeded: Seeded, digest: str = NEW, **environment: str) -> str:
        """Register the running task definition with another image; returns the new ARN."""
        ecs = self.client("ecs")
        found = ecs.describe_task_definition(taskDefinition=seeded.task_definition)["taskDefinition"]
        container = found["containerDefinitions"][0]
        container["image"] = f"{HOST}/example-web@{digest}"
        container["environment"] += [{"name": key, "value": value} for key, value in environment.items()]
        kept = ("family", "containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities")
        registered = ecs.register_task_definition(**{name: found[name] for name in kept})
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def deploy(self, seeded: Seeded, task_definition: str, **more: Any) -> str:
        """CreateDeployment; returns the id."""
        created = self.client("codedeploy").create_deployment(
            applicationName=seeded.application,
            deploymentGroupName=seeded.deployment_group,
            revision={
                "revisionType": "AppSpecContent",
                "appSpecContent": {"content": app_spec(task_definition)},
            },
            **more,
        )
        return str(created["deploymentId"])

    def until(self, done: Callable[[], bool], *, limit: float = 7200, step: float = 1.0) -> float:
        """Let time pass until `done`; returns how much did."""
        begun = self.clock.time
        while not done():
            assert self.clock.time - begun < limit, "it never happened"
            self.clock.sleep(step)
        return self.clock.time - begun

    def info(self, deployment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("codedeploy").get_deployment(deploymentId=deployment)[
            "deploymentInfo"
        ]
        return found

    def target(self, deployment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("codedeploy").get_deployment_target(
            deploymentId=deployment, targetId="staging-cluster:staging-web"
        )["deploymentTarget"]["ecsTarget"]
        return found

    def service(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client("ecs").describe_services(
            cluster="staging-cluster", services=["staging-web"]
        )["services"][0]
        return found

    def finish(self, deployment: str) -> dict[str, Any]:
        """Follow a deployment to its end."""
        self.until(lambda: self.info(deployment)["status"] in {"Succeeded", "Failed", "Stopped"}, step=5)
        return self.info(deployment)


def app_spec(task_definition: str, **hooks: str) -> str:
    info = {"ContainerName": "web", "ContainerPort": 8000}
    properties = {"TaskDefinition": task_definition, "LoadBalancerInfo": info}
    target = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    return json.dumps(
        {"version": 0.0, "Resources": [target], "Hooks": [{name: value} for name, value in hooks.items()]}
    )


@pytest.fixture
def launch() -> Iterator[Callable[..., Cloud]]:
    """Starts emulations; ends them, and fails the test when an answer did not fit botocore's model."""
    clouds: list[Cloud] = []

    def launch(**settings: Any) -> Cloud:
        clock, registry = FakeClock(), Registry()
        runtime = ScriptedRuntime(clock=clock)
        emulation = start(
            runtime=runtime,
            clock=clock,
            registry=registry,
            settings=Settings(**{"registry_host": HOST, "registry_password": "pw", **settings}),
        )
        clouds.append(Cloud(emulation, runtime, clock, registry))
        return clouds[-1]

    yield launch
    found = []
    for cloud in clouds:
        cloud.emulation.stop()
        found += [*cloud.conformance.mistakes, *cloud.emulation.problems]
    assert found == []


@pytest.fixture
def cloud(launch: Callable[..., Cloud]) -> Cloud:
    """An emulation with the standard settings."""
    return launch()
