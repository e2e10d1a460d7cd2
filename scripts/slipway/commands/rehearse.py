"""Run the whole pipeline on this machine: a real image, registry, proxy and containers; AWS's APIs emulated.

Nothing is left but the page and the summary, and the base image that later rehearsals use again.

  slipway rehearse                     the example application
  slipway rehearse ../my-repository    a repository of yours, as it is committed
  slipway rehearse --keep              leave it running to look at; Ctrl-C or --end ends it
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from slipway.cli import Context, boolean
from slipway.errors import Exit, SlipwayError, UsageError

if TYPE_CHECKING:
    from slipway.config.model import Component
    from slipway.rehearsal.display import Display
    from slipway.rehearsal.repositories import Rehearsed
    from slipway.rehearsal.stage import Service, Stage
    from slipway.rehearsal.story import Story

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRAFFIC = {
    "development": "CodeDeployDefault.ECSAllAtOnce",
    "staging": "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "production": "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "what", nargs="?", default="application", metavar="EXAMPLE|PATH", help="default: application"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="where the page and the summary go (default: rehearsal)"
    )
    parser.add_argument(
        "--component", metavar="NAME", help="the application to rehearse, where there are several"
    )
    parser.add_argument(
        "--port", type=int, metavar="PORT", help="that the container listens on (default: EXPOSE)"
    )
    parser.add_argument("--health-path", metavar="PATH", help="default: / (the example: /health)")
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="such as BASE=IMAGE; may be repeated",
    )
    for name, text in (("keep", "leave it running until Ctrl-C"), ("end", "end the rehearsals that run")):
        parser.add_argument(f"--{name}", nargs="?", const=True, default=False, type=boolean, help=text)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Rehearse, show the facts, write the page; 1 when a fact failed, 130 after Ctrl-C."""
    from slipway.rehearsal import leftovers
    from slipway.report import console

    if arguments.end:
        asked = leftovers.end_running()
        print(f"asked to end: {', '.join(asked)}" if asked else "no rehearsal runs")
        return Exit.DONE
    stream: TextIO = sys.stderr if context.json else sys.stdout
    from slipway.rehearsal.display import Display

    display = Display(
        stream,
        live=console.is_live(stream, context.environ),
        colour=console.has_colour(stream, context.environ),
    )
    with _terminable():
        try:
            return _rehearse(arguments, context, display)
        except KeyboardInterrupt:
            display.close()
            display.say("interrupted: nothing of the rehearsal is left")
            return INTERRUPTED


def _rehearse(arguments: argparse.Namespace, context: Context, display: Display) -> int:
    from slipway.rehearsal import leftovers, repositories

    for line in leftovers.sweep():
        display.say(f"swept what a killed one left: {line}")
    source, is_example = repositories.find(arguments.what)
    with contextlib.ExitStack() as ending:
        folder, record = leftovers.new_folder()
        ending.callback(_finally, display, leftovers.remove, folder, record)
        rehearsed = repositories.copy(source, folder / "work" / source.name, is_example=is_example)
        with display.step(f"Set the stage for {rehearsed.name}"):
            component, services = _prepared(arguments, rehearsed, display)
            from slipway.rehearsal.stage import Stage

            stage = Stage(services, folder=folder, record=record)
        ending.callback(_finally, display, stage.stop)
        story = _story(stage, rehearsed, component, display)
        return _played(story, stage, arguments, context, display)


def _finally(display: Display, act: Callable[..., object], *given: object) -> None:
    """Clean up whole: a second Ctrl-C would only leave things behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        display.close()
        act(*given)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepared(
    arguments: argparse.Namespace, rehearsed: Rehearsed, display: Display
) -> tuple[Component, list[Service]]:
    from slipway.rehearsal import repositories

    given = dict(_pair(word) for word in arguments.build_arg)
    component = _component(rehearsed.root, arguments.component, environment="staging")
    dockerfile = rehearsed.root / component.image.dockerfile
    if not dockerfile.is_file():
        raise UsageError(
            f"`{component.name}` has no `{component.image.dockerfile}`.", remedy="Is it committed?"
        )
    known = {**component.image.build_args, **given}
    values, note = repositories.choose_base(dockerfile, known, is_example=rehearsed.speaks)
    display.detail(note)
    changed = {name: value for name, value in {**given, **values}.items() if name in given or name == "BASE"}
    if changed or component.verify:
        repositories.amend(
            rehearsed.root, component.name, build_arguments=changed, url=bool(component.verify)
        )
        repositories.commit(rehearsed.root, "What the rehearsal sets")
    port = arguments.port or repositories.exposed_port(dockerfile)
    if port is None:
        raise UsageError(
            f"`{component.image.dockerfile}` has no EXPOSE, so the container's port isn't known.",
            remedy="Give it: --port PORT.",
        )
    path = arguments.health_path or ("/health" if rehearsed.speaks else "/")
    return component, [_service(rehearsed, component.name, name, port, path) for name in TRAFFIC]


def _service(rehearsed: Rehearsed, component: str, environment: str, port: int, path: str) -> Service:
    from slipway.rehearsal.stage import Service

    deploy = _component(rehearsed.root, component, environment=environment).deploy
    return Service(
        environment=environment,
        cluster=deploy.cluster or f"{environment}-cluster",
        service=deploy.service or f"{environment}-{component}",
        container=deploy.container_name or component,
        repository=f"{environment}/{component}".lower(),
        port=port,
        health_path=path,
        traffic=TRAFFIC[environment],
    )


def _component(root: Path, name: str | None, *, environment: str) -> Component:
    from slipway import config

    values = {"DEPLOY_DOCKER_REPOSITORY": "127.0.0.1:1/rehearsed", "APPLICATION_URL": "http://127.0.0.1:1"}
    resolved = config.read(root).resolve(environment=environment, values=values, commit="0" * 40)
    applications = {key: one for key, one in resolved.components.items() if one.kind == "application"}
    if name is None and len(applications) == 1:
        return next(iter(applications.values()))
    if name not in applications:
        raise UsageError(
            f"There is no application `{name}`."
            if name
            else "There is not exactly one application to rehearse.",
            remedy=f"Choose one with --component: {', '.join(applications) or 'the repository has none'}.",
        )
    return applications[name]


def _pair(word: str) -> tuple[str, str]:
    name, mark, value = word.partition("=")
    if not mark or not name:
        raise UsageError(f"--build-arg takes NAME=VALUE, not `{word}`.")
    return name, value


def _story(stage: Stage, rehearsed: Rehearsed, component: Component, display: Display) -> Story:
    from slipway.rehearsal.story import Story

    dockerfile = component.image.dockerfile
    return Story(stage, rehearsed, component=component.name, dockerfile=dockerfile, display=display)


def _played(
    story: Story, stage: Stage, arguments: argparse.Namespace, context: Context, display: Display
) -> int:
    stopped: SlipwayError | None = None
    try:
        story.play()
    except SlipwayError as error:
        stopped = error
    finished = _shown(story, arguments, context, display, stopped)
    if arguments.keep:
        _kept(stage, display)
    return finished


def _shown(
    story: Story,
    arguments: argparse.Namespace,
    context: Context,
    display: Display,
    stopped: SlipwayError | None,
) -> int:
    from slipway.rehearsal import page
    from slipway.rehearsal.story import Fact, output_folder

    told = story.told
    if stopped is not None:
        told.facts.append(Fact(claim="The story was played to its end", seen=stopped.message, passed=False))
    folder = output_folder(arguments.output)
    page.write(folder / "index.html", told, story.client.answers)
    summary = page.summary(told)
    (folder / "summary.md").write_text(summary)
    context.system.add_summary(summary)
    display.say()
    for fact in told.facts:
        display.verdict(passed=fact.passed, text=f"{fact.claim}: {fact.seen}")
    passed = all(fact.passed for fact in told.facts)
    display.say()
    display.say(
        f"{'All of it was seen' if passed else 'NOT all of it was seen'}, in {told.ended - told.began:.0f} s."
    )
    display.say(f"The page: xdg-open {folder / 'index.html'}")
    display.say(f"The summary: {folder / 'summary.md'}")
    if context.json:
        facts = [{"claim": one.claim, "seen": one.seen, "passed": one.passed} for one in told.facts]
        print(json.dumps({"passed": passed, "facts": facts, "page": str(folder / "index.html")}, indent=2))
    return Exit.DONE if passed else Exit.FAILED


def _kept(stage: Stage, display: Display) -> None:
    """Leave it running until somebody ends it."""
    display.say("\nIt runs on:")
    for environment in stage.services:
        display.say(f"  {environment:<12} {stage.url(environment)}")
    display.say(f"  {'AWS':<12} AWS_ENDPOINT_URL={stage.emulation.url} (any keys, region eu-west-2)")
    display.say("Ctrl-C here, or `slipway rehearse --end` elsewhere, ends it.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        display.say("ending")


@contextmanager
def _terminable() -> Iterator[None]:
    """Take SIGTERM and a closed terminal as Ctrl-C, so that nothing is left then either."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
