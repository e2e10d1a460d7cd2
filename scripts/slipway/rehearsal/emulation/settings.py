"""What can be set about the emulated AWS, and what it needs from the rest of the rehearsal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable


class RegistryReader(Protocol):
    """Reads the registry that stands behind ECR. Repositories are named as in ECR, without the host."""

    def digest_of(self, repository: str, tag: str) -> str | None:
        """Digest that the tag names; None when there is no such tag."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags of the repository; empty when nothing was pushed yet."""

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str] | None:
        """Manifest and its media type, by tag or digest; None when there is none."""


@runtime_checkable
class Timed(Protocol):
    """A runtime whose tasks live on our clock: it is told which moment is being played."""

    def at(self, now: float) -> None:
        """From here on it is `now` (seconds since 1970)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may take a role by web identity. `*` and `?` in patterns, as in IAM's StringLike."""

    role: str  # pattern for the role's ARN
    subjects: tuple[str, ...] = ("*",)
    audiences: tuple[str, ...] = ("sts.amazonaws.com",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """AWS's side starts CodeDeploy by itself when this tag of the repository is pushed."""

    repository: str
    tag: str
    application: str
    deployment_group: str
    pinned: bool = True  # the new revision names the pushed digest; else it keeps the tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the emulated AWS behaves. Times in AWS's seconds pass `speed` times faster than the clock."""

    account: str = "123456789012"
    region: str = "eu-west-2"
    speed: float = 1.0
    step: float = 0.25  # seconds of the clock between two moments that are played
    tick: float = 0.15  # seconds between two looks when the clock is the machine's
    registry_host: str = ""  # in repositoryUri; empty: ECR's own form
    registry_user: str = "AWS"
    registry_password: str = field(default="", repr=False)
    public_alias: str = "example"  # of public.ecr.aws/ALIAS/NAME
    health_path: str = "/"  # of services that none was seeded for; empty: running is healthy
    health_interval: float = 5.0  # AWS's seconds between two checks of a target
    healthy_checks: int = 2
    unhealthy_checks: int = 2
    health_grace: float = 60.0  # AWS's seconds in which a starting task isn't stopped for its health
    drain: float = 0.5  # seconds of the clock that a task outlives its traffic
    event_seconds: float = 1.0  # AWS's seconds that a lifecycle event without work takes
    install_timeout_minutes: float = 60.0  # CodeDeploy's limit for the replacement to become healthy
    registrations_burst: int = 20  # RegisterTaskDefinition: so many at once, then one a second
    registrations_per_second: float = 1.0
    image_digests: bool = True  # DescribeTasks tells them; not of every public image
    event_delay: float = 2.0  # AWS's seconds from a push to the deployment that it starts
    trusts: tuple[Trust, ...] = ()  # empty: every token is accepted for every role
    handoffs: tuple[Handoff, ...] = ()
    hook_results: Mapping[str, Literal["Succeeded", "Failed"]] = field(default_factory=dict)  # by function
