"""Where a rehearsal plays: a registry, a proxy, containers and the emulated AWS, all on this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway import process
from slipway.errors import ToolError
from slipway.rehearsal import leftovers
from slipway.rehearsal.containers import DockerRuntime
from slipway.rehearsal.leftovers import Record
from slipway.rehearsal.proxy import Proxy
from slipway.rehearsal.registry import USER, Registry

REGION = "eu-west-2"
SPEED = 120.0  # a minute of AWS's waiting is half a second here
SIMPLE = {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TERM", "XDG_RUNTIME_DIR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An application's place in one environment, as its infrastructure made it."""

    environment: str
    cluster: str
    service: str
    container: str
    repository: str  # in the registry, without the host
    port: int
    health_path: str
    traffic: str  # CodeDeploy's configuration


class Stage:
    """Everything that runs beside the pipeline. `stop` leaves nothing of it."""

    def __init__(self, services: Sequence[Service], *, folder: Path, record: Record) -> None:
        """Start it. Raises ToolError for a program that is missing or does not start.

        `folder` and `record` are the rehearsal's, from `leftovers.new_folder`.
        """
        self.services = {service.environment: service for service in services}
        self.folder, self.record = folder, record
        self._ending = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        from slipway.rehearsal import emulation

        self.registry = Registry(self.folder)
        self._ending.callback(self.registry.stop)
        self._note(child=self.registry.pid)
        for service in self.services.values():
            self.registry.gate.create(service.repository)
        self.proxy = Proxy(self.folder, [service.service for service in self.services.values()])
        self._ending.callback(self.proxy.stop)
        self.record.registry = self.registry.address
        self.record.urls = {name: self.url(name) for name in self.services}
        self._note(child=self.proxy.pid)
        self.runtime = DockerRuntime(identity=self.record.identity, folder=self.folder, proxy=self.proxy)
        self.runtime.log_in(self.registry.address, self.registry.token)
        self._ending.callback(self.runtime.close)
        self.emulation = emulation.start(
            runtime=self.runtime,
            registry=self.registry,
            settings=emulation.Settings(
                region=REGION,
                speed=SPEED,
                registry_host=self.registry.address,
                registry_user=USER,
                registry_password=self.registry.password,
                health_interval=SPEED / 3,
                health_grace=SPEED,
                event_seconds=SPEED / 20,
            ),
        )
        self._ending.callback(self.emulation.stop)
        self.registry.gate.watch(
            lambda repository, digest, tag: self.emulation.image_pushed(repository, tag, digest)
        )

    def url(self, environment: str) -> str:
        """Return where people reach an environment."""
        return self.proxy.url(self.services[environment].service)

    def raise_infrastructure(self, environment: str, *, image: str) -> None:
        """Make the environment's cluster, service and CodeDeploy group; its first version starts."""
        from slipway.rehearsal import emulation

        service = self.services[environment]
        emulation.seed(
            self.emulation,
            emulation.Application(
                cluster=service.cluster,
                service=service.service,
                image=image,
                repository=service.repository,
                container=service.container,
                port=service.port,
                environment={"ENVIRONMENT": environment, "PORT": str(service.port)},
                health_path=service.health_path,
                deployment_config=service.traffic,
                mutability="IMMUTABLE",
            ),
            running=False,
        )

    def wait_until_steady(self, environment: str) -> None:
        """Wait until the environment's tasks are healthy. Raises ToolError that says why they aren't."""
        from slipway.rehearsal import emulation

        service = self.services[environment]
        try:
            emulation.wait_until_steady(self.emulation, cluster=service.cluster, service=service.service)
        except TimeoutError as error:
            raise ToolError(
                f"The first version did not become healthy in {environment}: {error}",
                remedy=f"It was asked `GET {service.health_path}` on port {service.port}: "
                "--health-path and --port set another.",
            ) from error

    def settings(self, environment: str) -> dict[str, str]:
        """Return what a job of this environment has: its secrets and variables, and where AWS is."""
        service = self.services[environment]
        return {
            "AWS_ENDPOINT_URL": self.emulation.url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TMPDIR": str(self.folder),  # what a killed job leaves goes with the folder
            "DEPLOY_AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
            "DEPLOY_AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "DEPLOY_DOCKER_REPOSITORY": f"{self.registry.address}/{service.repository}",
            "APPLICATION_URL": self.url(environment),
        }

    def copy_image(self, archive: str, environment: str, tag: str) -> str:
        """Put an image into the environment's repository as its first; returns its name."""
        repository = f"{self.registry.address}/{self.services[environment].repository}"
        done = process.run(
            [
                "skopeo",
                "copy",
                "--quiet",
                "--preserve-digests",
                "--dest-tls-verify=false",
                f"--authfile={self.folder / 'docker' / 'config.json'}",
                f"oci-archive:{archive}",
                f"docker://{repository}:{tag}",
            ]
        )
        if done.status != 0:
            raise ToolError(f"skopeo could not copy the first image: {done.stderr.strip()}")
        digest = self.registry.digest_of(self.services[environment].repository, tag)
        return f"{repository}@{digest}"

    def deployment(self, identity: str) -> dict[str, Any]:
        """Return what CodeDeploy says about a deployment and its target."""
        target = self.emulation.perform(
            "codedeploy", "GetDeploymentTarget", deploymentId=identity, targetId=self._target(identity)
        )
        info = self.emulation.perform("codedeploy", "GetDeployment", deploymentId=identity)
        return {**info["deploymentInfo"], "target": target["deploymentTarget"]["ecsTarget"]}

    def _target(self, identity: str) -> str:
        listed = self.emulation.perform("codedeploy", "ListDeploymentTargets", deploymentId=identity)
        return str(listed["targetIds"][0])

    def built(self, commit: str) -> None:
        """Note a commit whose images are ours to remove."""
        if commit not in self.record.commits:
            self.record.commits.append(commit)
            leftovers.write(self.folder, self.record)

    def stop(self) -> None:
        """End everything; `leftovers.remove` then takes images and files."""
        with contextlib.suppress(KeyboardInterrupt):
            self._ending.close()

    def _note(self, *, child: int) -> None:
        self.record.children.append(child)
        leftovers.write(self.folder, self.record)


def environment(*layers: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job: this machine's plain settings, no credentials, then `layers`."""
    kept = {name: value for name, value in os.environ.items() if name in SIMPLE or name.startswith("DOCKER_")}
    for layer in layers:
        kept.update(layer)
    return kept
