"""Which component, in which environment, with which keys: what the commands that talk to AWS share."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slipway.cli import Context
from slipway.config.model import Component, Config
from slipway.errors import SlipwayError, UsageError
from slipway.events import Emitter

if TYPE_CHECKING:
    from slipway.aws.session import Aws

# Options that stand for a key of the component, and where the key is in slipway.yml.
_OVERRIDES = {
    "repository": ("repository",),
    "cluster": ("deploy", "cluster"),
    "service": ("deploy", "service"),
    "container-name": ("deploy", "container-name"),
    "handoff": ("deploy", "handoff"),
    "base": ("deploy", "base"),
    "on-active": ("deploy", "on-active"),
    "on-cancel": ("deploy", "on-cancel"),
    "max-failed-tasks": ("deploy", "max-failed-tasks"),
    "timeout-minutes": ("deploy", "timeout-minutes"),
    "application": ("deploy", "application"),
    "deployment-group": ("deploy", "deployment-group"),
}
_NUMBERS = ("max-failed-tasks", "timeout-minutes")  # any other may be `007`, and stays so


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose a component and an environment."""
    parser.add_argument("--environment", metavar="NAME", help="such as development, staging or production")
    parser.add_argument("--component", metavar="NAME", help="one component; default all of them")
    parser.add_argument(
        "--aws-region", metavar="REGION", help="default the environment's `region:`, else AWS_REGION"
    )


def add_overrides(parser: argparse.ArgumentParser, names: Sequence[str] = tuple(_OVERRIDES)) -> None:
    """Declare the options that stand for keys of slipway.yml, which they override."""
    for name in names:
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"overrides `{'.'.join(_OVERRIDES[name])}`")


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, path in _OVERRIDES.items():
        value = getattr(arguments, name.replace("-", "_"), None)
        if value is None:
            continue
        place = found
        for key in path[:-1]:
            place = place.setdefault(key, {})
        # Options are text; where the schema wants a number it is the one that the text is.
        place[path[-1]] = int(value) if name in _NUMBERS and value.isdecimal() else value
    return found


def resolve(arguments: argparse.Namespace, context: Context) -> tuple[Config, list[Component]]:
    """Read the configuration for the chosen environment and pick the components.

    Raises UsageError where no environment is chosen, or no component has the name; ConfigurationError
    for all mistakes at once.
    """
    from slipway import config

    run = context.system.run(context.root)
    environment = arguments.environment or run.environment
    if not environment:
        raise UsageError("No environment was named.", remedy="Give `--environment NAME`, such as staging.")
    document = config.read(context.root, overrides=_overrides(arguments), component=arguments.component)
    resolved = document.resolve(
        environment=environment,
        values=config.values_from(context.environ),
        commit=run.commit,
        repository=run.repository,
    )
    chosen = replace(resolved, region=arguments.aws_region or resolved.region)
    return chosen, pick(chosen, arguments.component)


def pick(config: Config, name: str | None) -> list[Component]:
    """Return the named component, or all; raises UsageError for a name that isn't there."""
    if name is None:
        return list(config.components.values())
    if name not in config.components:
        raise UsageError(
            f"There is no component `{name}`.",
            remedy=f"slipway.yml has: {', '.join(config.components) or 'none'}.",
        )
    return [config.components[name]]


def commit(context: Context) -> str:
    """The full commit that is published; raises UsageError where it can't be known."""
    found = context.system.run(context.root).commit
    if not found:
        raise UsageError(f"`{context.root}` is not a git checkout.", remedy="Check the repository out first.")
    return found


def connect(component: Component, config: Config, context: Context) -> Aws:
    """Obtain credentials for the environment; raises SlipwayError that says what is missing or refused."""
    from slipway.aws import credentials

    return credentials.obtain(
        context.environ,
        region=config.region,
        environment=config.environment or "",
        repository=component.repository or "",
        mask=context.system.mask,
    )


@contextmanager
def failing(emit: Emitter) -> Iterator[None]:
    """Emit the outcome of what ends in an error, so that notices and the record have it too."""
    try:
        yield
    except SlipwayError as error:
        emit("outcome", "failed", error.message.splitlines()[0][:300], ended="failed")
        raise


@contextmanager
def notices(context: Context, environment: str) -> Iterator[list[str]]:
    """Send events to whoever the environment's settings name; yields what could not be sent, once known."""
    from slipway import config, notify

    failed: list[str] = []
    sinks = notify.sinks(
        context.environ,
        channel=config.values_from(context.environ).get("SLACK_CHANNEL", ""),
        environment=environment,
        run=context.system.run(context.root),
        warn=lambda text: context.system.annotate("warning", text),
    )
    for sink in sinks:
        context.stream.subscribe(sink)
    try:
        yield failed
    finally:
        for sink in sinks:
            failed.extend(sink.close(timeout=10))
