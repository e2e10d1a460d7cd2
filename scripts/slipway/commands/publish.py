"""Put a component into one environment: publish its image by digest, hand off, follow to the end.

Every check comes before the first write. A failed rollout is followed back to what serves; a re-run
picks up where the last one ended, and one for a commit that is already out changes nothing.

  slipway publish --environment staging --artifacts dist     what `slipway build` made
  slipway publish --environment production --dry-run         the checks alone
  slipway publish --environment staging --until published    push, without the hand-off
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from slipway import install
from slipway.cli import Context, boolean
from slipway.commands import target
from slipway.config.model import Component, Config
from slipway.errors import Exit, UsageError
from slipway.events import Emitter, Event, Status
from slipway.kinds import Publication, Published, Tools, kind
from slipway.process import run as run_program
from slipway.rollout.vocabulary import Ended

EXIT_CODES: Mapping[Ended, Exit] = {
    "healthy": Exit.DONE,
    "already-out": Exit.DONE,
    "published": Exit.DONE,
    "detached": Exit.DONE,
    "rolled-back": Exit.ROLLED_BACK,
    "stuck": Exit.STUCK,
    "superseded": Exit.SUPERSEDED,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    target.add_arguments(parser)
    parser.add_argument("--artifacts", metavar="DIR", help="the folder that `slipway build` wrote")
    parser.add_argument(
        "--image-digest", metavar="sha256:…", help="publish this image, which the repository has already"
    )
    parser.add_argument(
        "--until",
        choices=["handed-off", "published", "traffic", "success"],
        help="`published` stops before the hand-off; `traffic` and `success` follow that far",
    )
    parser.add_argument(
        "--dry-run", nargs="?", const=True, default=False, type=boolean, help="the checks alone"
    )
    target.add_overrides(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Publish one component, or each that the configuration has, one after the other."""
    install.ensure("aws")
    config, components = target.resolve(arguments, context)
    results: list[tuple[Component, Published]] = []
    for component in components:
        results.append(_publish(component, config, arguments, context))
        if EXIT_CODES[results[-1][1].outcome.ended] != Exit.DONE:
            break  # what comes after may stand on it
    if context.json:
        print(json.dumps([_record(*result) for result in results], indent=2))
    return max((EXIT_CODES[published.outcome.ended] for _, published in results), default=Exit.DONE)


def _publish(
    component: Component, config: Config, arguments: argparse.Namespace, context: Context
) -> tuple[Component, Published]:
    environment = config.environment or ""
    if arguments.until in {"traffic", "success"}:
        component = replace(component, deploy=replace(component.deploy, until=arguments.until))
    module = kind(component.kind)
    publication = Publication(
        component=component,
        environment=environment,
        commit=target.commit(context),
        artifacts=Path(arguments.artifacts).resolve() if arguments.artifacts else None,
        digest=arguments.image_digest or "",
        until="published" if arguments.until == "published" else "handed-off",
        alone=context.system.run(context.root).trigger == "workflow_dispatch",
        dry_run=arguments.dry_run,
        verify=_suite(component, config),
        root=context.root,
        environ=context.environ,
    )
    events: list[Event] = []
    context.stream.subscribe(events.append)
    emit = Emitter(
        stream=context.stream, now=context.clock.now, component=component.name, environment=environment
    )
    # Until all is said: a signal while notices are sent must not hide how it ended.
    with cancellation() as cancelled:
        with target.notices(context, environment) as failed, target.failing(emit):
            aws = target.connect(component, config, context)
            tools = Tools(aws=aws, emit=emit, clock=context.clock, run=run_program, cancelled=cancelled)
            published = module.publish(publication, tools)
            outcome = published.outcome
            status: Status = "succeeded" if EXIT_CODES[outcome.ended] == Exit.DONE else "failed"
            emit("outcome", status, outcome.detail, ended=outcome.ended)
        _tell(
            component,
            published,
            events=events,
            failed_notices=failed,
            context=context,
            environment=environment,
        )
    return component, published


def _suite(component: Component, config: Config) -> Any:
    if component.verify is None:
        return None
    if component.verify not in config.suites:
        raise UsageError(
            f"`{component.name}` is verified by the suite `{component.verify}`, which isn't there.",
            remedy=f"Declare it under `suites:`; there are: {', '.join(config.suites) or 'none'}.",
        )
    return config.suites[component.verify]


def _tell(
    component: Component,
    published: Published,
    *,
    events: list[Event],
    failed_notices: list[str],
    context: Context,
    environment: str,
) -> None:
    """Give the outputs, the summary and, where it failed, the annotation."""
    from slipway.report import summary

    outcome, system = published.outcome, context.system
    for name, value in _outputs(component, published).items():
        system.set_output(name, value)
    system.add_summary(
        summary.publish(
            component=component.name,
            environment=environment,
            commit=target.commit(context),
            published=published,
            url=component.url or "",
            events=events,
            failed_notices=failed_notices,
        )
    )
    if EXIT_CODES[outcome.ended] != Exit.DONE:
        system.annotate("error", outcome.detail, title=f"{component.name} in {environment}: {outcome.ended}")


def _outputs(component: Component, published: Published) -> dict[str, str]:
    """Digests, tags and logical names: what holds a registry address would be dropped between jobs."""
    return {
        "image-digest": published.digest,
        "image-tag": published.tag,
        "outcome": published.outcome.ended,
        "deployment-id": published.outcome.deployment.rsplit("/", 1)[-1],
        "task-definition": published.outcome.task_definition.rsplit("/", 1)[-1],
        "url": component.url or "",
    }


def _record(component: Component, published: Published) -> dict[str, str]:
    return {"component": component.name, **_outputs(component, published), "detail": published.outcome.detail}


@contextmanager
def cancellation() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event that a rollout looks at; the handlers before come back after."""
    cancelled = threading.Event()

    def cancel(_number: int, _frame: FrameType | None) -> None:
        cancelled.set()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancelled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
