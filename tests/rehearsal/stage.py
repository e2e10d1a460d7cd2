"""The world of one publish: a real registry, emulated AWS with scripted tasks, a repository with a build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.clock import SystemClock
from slipway.rehearsal import emulation
from slipway.rehearsal.emulation import Emulation
from slipway.rehearsal.emulation.scripted import Behaviour, ScriptedRuntime
from slipway.rehearsal.registry import USER, Registry

SCRIPTS = Path(__file__).parents[2] / "scripts"
OLD_IMAGE = "example.org/before@sha256:" + "0" * 64
SLIPWAY_YML = """\
kind: application
name: web
tags: [latest]
deploy:
  container-name: web
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str
    outputs: Mapping[str, str]
    summary: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@dataclass(kw_only=True)
class Stage:
    """What a test acts on."""

    folder: Path
    registry: Registry
    aws: Emulation
    runtime: ScriptedRuntime
    repository: Path
    artifacts: Path
    secrets: dict[str, str] = field(default_factory=dict)
    ran: int = 0

    def seed(self, environment: str, *, controller: str = "CODE_DEPLOY", **more: Any) -> None:
        self.registry.gate.create(f"{environment}/web", immutable=False)
        self.aws.seed_application(
            cluster=f"{environment}-cluster",
            service=f"{environment}-web",
            image=OLD_IMAGE,
            repository=f"{environment}/web",
            controller=controller,
            task_definition={"enableFaultInjection": True, "tags": [{"key": "owner", "value": "us"}]},
            **more,
        )

    def environ(self, environment: str, **more: str) -> dict[str, str]:
        base = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        return {
            **base,
            "SLIPWAY_PYTHON": sys.executable,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": "eu-west-2",
            "AWS_EC2_METADATA_DISABLED": "true",
            "DEPLOY_AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "DEPLOY_AWS_SECRET_ACCESS_KEY": "planted-secret-access-key",
            "DEPLOY_DOCKER_REPOSITORY": f"{self.registry.address}/{environment}/web",
            "TMPDIR": str(self.folder / "tmp"),
            **self.secrets,
            **more,
        }

    def command(
        self, words: Sequence[str], environment: str, **more: str
    ) -> tuple[list[str], dict[str, str]]:
        """The command line and its environment, as an action's step has them."""
        self.ran += 1
        files = {
            name: str(self.folder / f"{name}-{self.ran}") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            Path(file).touch()
        (self.folder / "tmp").mkdir(exist_ok=True)
        environ = self.environ(environment, GITHUB_ACTIONS="true", RUNNER_TEMP=str(self.folder / "tmp"))
        return [sys.executable, "-I", str(SCRIPTS), *words], {**environ, **files, **more}

    def run(self, *words: str, environment: str = "staging", **more: str) -> Ended:
        """Run one command to its end."""
        command, environ = self.command(words, environment, **more)
        done = subprocess.run(
            command,
            cwd=self.repository,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(
            status=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            outputs=outputs(Path(environ["GITHUB_OUTPUT"])),
            summary=Path(environ["GITHUB_STEP_SUMMARY"]).read_text(),
        )

    def publish(self, environment: str = "staging", *words: str, **more: str) -> Ended:
        command = ("publish", "--environment", environment, "--artifacts", str(self.artifacts), *words)
        return self.run(*command, environment=environment, **more)

    def calls(self, service: str, operation: str, since: int = 0) -> list[emulation.Call]:
        return [
            call for call in self.aws.calls[since:] if (call.service, call.operation) == (service, operation)
        ]

    def revisions(self, environment: str) -> list[str]:
        """Every revision of the family there is, active or not."""
        listed = self.aws.perform(
            "ecs", "ListTaskDefinitions", familyPrefix=f"{environment}-web", status="ACTIVE"
        )
        return [arn.rsplit("/", 1)[-1] for arn in listed["taskDefinitionArns"]]

    def serving(self, environment: str) -> tuple[str, ...]:
        """The images of the tasks that run."""
        service, cluster = f"{environment}-web", f"{environment}-cluster"
        arns = self.aws.perform("ecs", "ListTasks", cluster=cluster, serviceName=service)["taskArns"]
        if not arns:
            return ()
        tasks = self.aws.perform("ecs", "DescribeTasks", cluster=cluster, tasks=arns)["tasks"]
        return tuple(sorted(container["image"] for task in tasks for container in task["containers"]))


def outputs(file: Path) -> dict[str, str]:
    """Read GITHUB_OUTPUT as the runner does."""
    found: dict[str, str] = {}
    lines = iter(file.read_text().splitlines())
    for line in lines:
        name, mark, rest = line.partition("<<")
        if mark:
            value = []
            while (following := next(lines)) != rest:
                value.append(following)
            found[name] = "\n".join(value)
        else:
            name, _, value_text = line.partition("=")
            found[name] = value_text
    return found


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def make_repository(folder: Path, slipway_yml: str = SLIPWAY_YML) -> Path:
    """A repository whose image needs no base."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "hello").write_text("hello\n")
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n')
    (folder / "slipway.yml").write_text(slipway_yml)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")
    return folder


@contextmanager
def stage(
    folder: Path, *, built: Path | None = None, speed: float = 30, docker_config: str = "", **settings: Any
) -> Iterator[Stage]:
    """Start it all; `built` is a folder with `repository` and perhaps `artifacts` of an earlier build."""
    repository = (built or folder) / "repository"
    if not repository.is_dir():
        make_repository(repository)
    world = folder / "world"
    world.mkdir(parents=True)
    registry = Registry(world)
    clock = SystemClock()
    # Sooner healthy than the grace period ends, which passes `speed` times faster.
    runtime = ScriptedRuntime(clock=clock, default=Behaviour(starts_after=0.05, healthy_after=0.1))
    aws = emulation.start(
        runtime=runtime,
        registry=registry,
        settings=emulation.Settings(
            registry_host=registry.address,
            registry_user=USER,
            registry_password=registry.password,
            speed=speed,
            tick=0.05,
            step=0.1,
            drain=0.1,
            **settings,
        ),
    )
    made = Stage(
        folder=folder,
        registry=registry,
        aws=aws,
        runtime=runtime,
        repository=repository,
        artifacts=(built or folder) / "artifacts",
        secrets={"DOCKER_CONFIG": docker_config} if docker_config else {},
    )
    registry.gate.watch(lambda name, digest, tag: aws.image_pushed(name, tag, digest))
    try:
        if not made.artifacts.is_dir():
            done = made.run("build", "--output", str(made.artifacts))
            assert done.status == 0, done.text
        yield made
    finally:
        aws.stop()
        registry.stop()


def digest_of(made: Stage) -> str:
    return str(json.loads((made.artifacts / "web.json").read_text())["digest"])
