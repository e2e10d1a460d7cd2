"""Build each component once, as an artifact named by its digest; every environment gets the same.

The same commit is not built twice. With `--environment` (and credentials for it) what that environment's
repository has already of this commit is taken instead of built, and an ancestor's image gives layers.

  slipway build --output dist
  slipway build --component web --output dist --environment staging
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import install
from slipway.build import source as sources
from slipway.build.artifact import Artifact
from slipway.build.source import Source
from slipway.cli import Context, lines
from slipway.config.model import Component, Config
from slipway.errors import Exit, SlipwayError
from slipway.events import Emitter
from slipway.kinds import kind

if TYPE_CHECKING:
    from slipway.config import Document

KINDS_WITH_IMAGE = ("application", "task")
IN_RECORD = ("component", "kind", "commit", "digest", "media_type", "platforms", "archive")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    parser.add_argument("--component", metavar="NAME", help="one component; default all of them")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="the folder to write (default: one in $RUNNER_TEMP, where that is set; else dist)",
    )
    parser.add_argument(
        "--environment",
        metavar="NAME",
        action="append",
        type=lines,
        default=[],
        help=(
            "environments whose repository may hold this commit or layers, one per line; the first that "
            "has one"
        ),
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Build one component, or each that the configuration has."""
    install.ensure("core")
    from slipway import config

    document = config.read(context.root)
    output = (context.root / (arguments.output or _default_output(context))).resolve()
    source = sources.read(context.root, environ=context.environ, output=output)
    resolved = _resolved(document, None, source, context)
    environments = tuple(dict.fromkeys(name for names in arguments.environment for name in names))
    places = {name: partial(_resolved, document, name, source, context) for name in environments}
    made = [
        _build(component, places, output=output, source=source, context=context)
        for component in _chosen(resolved, arguments.component)
    ]
    _tell(made, output, context)
    return Exit.DONE


def _default_output(context: Context) -> str:
    """Keep archives out of the checkout where we can: a Dockerfile's `COPY . .` would take them along."""
    temporary = context.environ.get("RUNNER_TEMP")
    return str(Path(temporary) / "slipway-artifacts") if temporary else "dist"


def _resolved(document: Document, environment: str | None, source: Source, context: Context) -> Config:
    from slipway import config

    return document.resolve(
        environment=environment,
        values=config.values_from(context.environ),
        commit=source.commit,
        repository=context.system.run().repository,
    )


def _chosen(config: Config, name: str | None) -> list[Component]:
    from slipway.commands import target

    return target.pick(config, name)


def _build(
    component: Component,
    places: Mapping[str, Callable[[], Config]],
    *,
    output: Path,
    source: Source,
    context: Context,
) -> Artifact:
    emit = Emitter(stream=context.stream, now=context.clock.now, component=component.name, environment="")
    module = kind(component.kind)
    with ExitStack() as stack:
        if component.kind in KINDS_WITH_IMAGE:
            source = _with_published(
                component, places, output=output, source=source, context=context, emit=emit, stack=stack
            )
        return module.build(component, source=source, root=context.root, output=output, emit=emit)


def _with_published(
    component: Component,
    places: Mapping[str, Callable[[], Config]],
    *,
    output: Path,
    source: Source,
    context: Context,
    emit: Emitter,
    stack: ExitStack,
) -> Source:
    """Take what is published of this commit, or load layers of an ancestor; neither can fail the build."""
    from slipway.build import image

    if image.already(component, source, output):
        return source
    for name, resolve in places.items():
        try:
            config = resolve()
            if config.components[component.name].repository is None:
                continue
            return _from_repository(
                component, name, config, output=output, source=source, context=context, emit=emit, stack=stack
            )
        except SlipwayError as error:
            emit("build", "warning", f"nothing taken from {name}: {error.message.splitlines()[0]}")
    return source


def _from_repository(
    component: Component,
    environment: str,
    config: Config,
    *,
    output: Path,
    source: Source,
    context: Context,
    emit: Emitter,
    stack: ExitStack,
) -> Source:
    install.ensure("aws")
    from slipway.aws import credentials
    from slipway.build import cache

    repository = config.components[component.name].repository or ""
    aws = credentials.obtain(
        context.environ,
        region=config.region,
        environment=environment,
        repository=repository,
        mask=context.system.mask,
    )
    found = cache.find(aws, repository, source)
    if found is None:
        emit("build", "progress", f"no earlier image in {environment} to take layers from")
        return source
    if found.commit == source.commit and not source.dirty:
        cache.take(aws, found, component, output=output, source=source, environ=context.environ)
        emit("build", "progress", f"this commit is in {environment}'s repository: taken, not built")
        return source
    if not component.image.cache:
        return source
    tags = stack.enter_context(cache.layers(aws, found, environ=context.environ))
    if tags:
        emit("build", "progress", f"layers of commit {found.commit[:12]}, published last, are used again")
    return replace(source, cache_from=tags)


def _tell(made: list[Artifact], output: Path, context: Context) -> None:
    if len(made) == 1:
        context.system.set_output("image-digest", made[0].digest)
    if made:
        context.system.set_output("image-tag", f"sha-{made[0].commit}")
    context.system.set_output("artifact", str(output))
    rows = "\n".join(
        f"| `{one.component}` | `{one.digest}` | {', '.join(one.platforms)} | `{one.commit[:12]}`"
        f"{' and uncommitted changes' if one.dirty else ''} |"
        for one in made
    )
    context.system.add_summary(
        f"### Built\n\n| component | digest | platforms | commit |\n| --- | --- | --- | --- |\n{rows}\n"
    )
    if context.json:
        records = [{key: asdict(one)[key] for key in IN_RECORD} for one in made]
        print(json.dumps({"output": str(output), "artifacts": records}, indent=2))
