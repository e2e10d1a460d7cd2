"""What slipway.yml says, as data. These classes are the schema: names, types, defaults and meaning.

Keys are the field names in kebab-case. The reader, the JSON Schema and the reference page are made
from the type hints and from `about(...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["application", "task", "function", "dags", "files", "library", "model"]
IMAGES = ("application", "task")  # the kinds that are images


def about(
    text: str,
    *,
    default: Any = None,
    default_factory: Any = None,
    example: str = "",
    kinds: tuple[str, ...] = (),
    once: bool = False,
    command: bool = False,
    inside: bool = False,
) -> Any:
    """Declare a field with its meaning, for error messages, the JSON Schema and the reference page.

    `kinds` are those that know the key (none: all); `once` marks what is settled before any environment
    is known, so it can't differ between them; `command` a shell command, which is never interpolated;
    `inside` a path that must stay in the repository.
    """
    metadata = {
        "about": text,
        "example": example,
        "kinds": kinds,
        "once": once,
        "command": command,
        "inside": inside,
    }
    if default_factory is not None:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """How a component's image is built."""

    dockerfile: str = about("The Dockerfile, from the repository's root.", default="Dockerfile", inside=True)
    context: str = about("The folder that the build sees.", default=".", inside=True)
    target: str | None = about("The stage of the Dockerfile to build; default the last.")
    build_args: Mapping[str, str] = about(
        "`ARG` values; never secrets, they stay in the image.", default_factory=dict
    )
    platforms: tuple[str, ...] = about(
        "Platforms such as `linux/arm64`; default the builder's own.", default=()
    )
    cache: bool = about("Whether layers of earlier builds are used again.", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """How an application's service takes a new image."""

    cluster: str | None = about(
        "The ECS cluster; default `{environment}-cluster`.", example="{environment}-cluster"
    )
    service: str | None = about(
        "The ECS service; default `{environment}-{component}` for an application.",
        example="{environment}-web",
    )
    container_name: str | None = about(
        "The container to change; default every container that runs this repository."
    )
    handoff: Literal["deploy", "event", "none"] = about(
        "`deploy` starts the rollout, `event` follows the one that AWS starts on the push, "
        "`none` only publishes.",
        default="deploy",
    )
    base: Literal["running", "latest"] = about(
        "The task definition that is changed: the one that runs, or the family's newest revision.",
        default="running",
    )
    on_active: Literal["wait", "supersede", "fail"] = about(
        "What to do when another deployment of the service is in progress.", default="wait"
    )
    on_cancel: Literal["rollback", "detach"] = about(
        "What a cancelled job does to the deployment it follows.", default="rollback"
    )
    until: Literal["traffic", "success"] = about(
        "Follow until the new version has all traffic, or until the old one is gone too.", default="traffic"
    )
    max_failed_tasks: int = about("Stop with rollback when so many replacement tasks have died.", default=3)
    timeout_minutes: int = about("Give up, with rollback, after this long.", default=60)
    application: str | None = about("The CodeDeploy application; default the one that names the service.")
    deployment_group: str | None = about(
        "The CodeDeploy deployment group; default the one that names the service."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite of tests: `run` is its shell command."""

    run: str = about("The command that runs the suite.", command=True)
    when: Literal["test", "verify"] = about(
        "`test` before the build is published; `verify` against the environment after its rollout.",
        default="test",
    )
    working_directory: str = about(
        "Where the command runs, from the repository's root.", default=".", inside=True
    )
    compose: str | None = about("A compose file whose services start before the suite.", inside=True)
    shards: int = about("Over how many jobs the suite is split.", default=1)
    timeout_minutes: int = about("Give up after this long.", default=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One thing the repository publishes."""

    name: str
    kind: Kind = about("What the component is.", once=True)  # noqa: RUF009 - it makes a field()
    image: Image = about(  # noqa: RUF009
        "How its image is built.", default_factory=Image, kinds=IMAGES, once=True
    )
    before: str | None = about(
        "A command that runs once, before the build.",
        example="npm ci && make frontend-all",
        once=True,
        command=True,
    )
    before_publish: str | None = about(
        "A command that runs before each publish, with `ENVIRONMENT` set.", command=True
    )
    repository: str | None = about(
        "The ECR repository, private or public, without a tag; default `${DEPLOY_DOCKER_REPOSITORY}`.",
        example="${DEPLOY_DOCKER_REPOSITORY}",
        kinds=IMAGES,
    )
    tags: tuple[str, ...] = about(
        "Tags moved beside the immutable `sha-<40 hex>`; default none.", default=(), kinds=IMAGES
    )
    deploy: Deploy = about(  # noqa: RUF009
        "How the service takes the image.", default_factory=Deploy, kinds=IMAGES
    )
    verify: str | None = about(
        "The suite that is run against the environment after the rollout; it sees SLIPWAY_URL."
    )
    url: str | None = about("Where the component answers.", example="https://www.{environment}.example.org")
    paths: tuple[str, ...] = about(
        "What belongs to the component: a commit that changes none of it leaves the component untouched. "
        "Folders, files and patterns (`*`, `**`, `!except/this`); default the image's context and "
        "Dockerfile, or `path`.",
        default=(),
        once=True,
    )
    services: tuple[str, ...] = about(
        "Long-lived ECS services that run a task's image.", default=(), kinds=("task",)
    )
    path: str | None = about(
        "The folder or file that is published; default `dags` for dags, the root for a library.",
        kinds=("dags", "files", "function", "library", "model"),
        inside=True,
    )
    target: str | None = about(
        "Where it goes: `s3://…`, `folder`, `registry` or `image`; "
        "default `s3://${DAGS_S3_BUCKET}/dags` for dags, `folder` for a model.",
        kinds=("dags", "files", "model"),
    )
    functions: tuple[str, ...] = about(
        "The Lambda functions that take the zip.", default=(), kinds=("function",)
    )
    alias: str | None = about("The Lambda alias that is moved.", kinds=("function",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """slipway.yml as it stands for one environment, or for none (then `${NAME}` stays as written)."""

    environment: str | None
    region: str | None
    components: Mapping[str, Component]
    order: tuple[str, ...]  # what a merge to the default branch publishes to
    suites: Mapping[str, Suite]
    notes: tuple[str, ...] = ()  # what conventions found, and why, for people
