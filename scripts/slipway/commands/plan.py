"""Show what would be built and published, in which order; writes nothing.

slipway plan                         what a merge of this commit would publish: reads git alone
slipway plan --environment staging   what a publish to one environment would change there
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from slipway import config, plan
from slipway.cli import Context, boolean
from slipway.config.model import Component, Config
from slipway.errors import Exit, SlipwayError
from slipway.git import Repository
from slipway.report.plan import Difference, render, to_markdown

if TYPE_CHECKING:
    from slipway.rollout import Running

# Where none of these is set there are no keys: a plan job takes no environment, so that nobody is asked.
KEYS = ("DEPLOY_AWS_ROLE_ARN", "DEPLOY_AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    parser.add_argument(
        "--environment", metavar="NAME", help="plan for one environment, and compare with what runs there"
    )
    parser.add_argument("--component", metavar="NAME", help="one component; default all of them")
    parser.add_argument(
        "--aws-region", metavar="REGION", help="default the environment's `region:`, else AWS_REGION"
    )
    parser.add_argument(
        "--detailed-exitcode",
        nargs="?",
        const=True,
        default=False,
        type=boolean,
        help="exit with 2 when something would be published, 0 when nothing would",
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Print the plan, and give it to the summary and to later steps."""
    from slipway.kinds import KINDS

    triggered = context.system.run(context.root)
    git = Repository(root=context.root)
    document = config.read(context.root, component=arguments.component)
    made = plan.make(
        document,
        triggered,
        git,
        supported=KINDS,
        environment=arguments.environment or "",
        component=arguments.component,
    )
    differences: tuple[Difference, ...] = ()
    if arguments.environment and _has_keys(context):
        differences = tuple(_differences(arguments, context, document, made))
    elif arguments.environment:
        note = f"What runs in `{arguments.environment}` is not shown: there are no AWS keys here."
        made = replace(made, notes=(*made.notes, note))
    record = made.to_json() | {"differences": [asdict(difference) for difference in differences]}
    if context.json:
        print(json.dumps(record, indent=2))
    else:
        print(render(made, differences), end="")
    context.system.add_summary(to_markdown(made, differences))
    for name, value in outputs(record).items():
        context.system.set_output(name, value)
    if arguments.detailed_exitcode and _changes(made, differences):
        return Exit.CHANGES
    return Exit.DONE


def outputs(record: Mapping[str, object]) -> dict[str, str]:
    """What later steps and jobs get: the plan, its lists, and the environments by job slot."""
    lists = {name: json.dumps(record[name]) for name in ("builds", "components", "environments")}
    return {"plan": json.dumps(record), **lists, **{slot: str(record[slot]) for slot in plan.SLOTS}}


def _changes(made: plan.Plan, differences: Sequence[Difference]) -> bool:
    if differences:
        return any(difference.changes is not False for difference in differences)
    return bool(made.components)


def _differences(
    arguments: argparse.Namespace, context: Context, document: config.Document, made: plan.Plan
) -> Iterator[Difference]:
    """What runs in the chosen environment against what would, for each application of the plan."""
    resolved = document.resolve(
        environment=arguments.environment,
        values=config.values_from(context.environ),
        commit=made.commit,
        repository=context.system.run(context.root).repository,
    )
    if arguments.aws_region:
        resolved = replace(resolved, region=arguments.aws_region)
    for name in made.components:
        component = resolved.components[name]
        if component.kind == "application" and component.deploy.handoff != "none":
            try:
                yield _difference(component, resolved, context, made.commit)
            except SlipwayError as error:
                # A plan that is only shown may lack this; an exit code that speaks of changes may not.
                if arguments.detailed_exitcode:
                    raise
                yield Difference(
                    component=name,
                    environment=arguments.environment,
                    changes=None,
                    running=f"not known: {error.message.splitlines()[0]}",
                    planned=made.commit[:12],
                )


def _has_keys(context: Context) -> bool:
    """Whether there are keys to ask AWS with; a person's machine may have them where only botocore looks."""
    if not context.environ.get("CI"):
        return True
    values = {**context.environ, **config.values_from(context.environ)}
    return any(values.get(name) or context.environ.get(name) for name in KEYS)


def _difference(component: Component, resolved: Config, context: Context, commit: str) -> Difference:
    running = _running(component, resolved, context)
    at, newer = running.commit, None
    out = bool(at) and commit.startswith(at)  # AWS may show a commit cut short
    if at and not out:
        newer = Repository(root=context.root).count(at, commit)
    return Difference(
        component=component.name,
        environment=resolved.environment or "",
        changes=not out,
        running=at[:12] or "".join(running.digests[:1])[:19] or "nothing that we know",
        planned=f"{commit[:12]}{_newer(newer)}",
    )


def _newer(count: int | None) -> str:
    return f" ({count} commit{'' if count == 1 else 's'} newer)" if count else ""


def _running(component: Component, resolved: Config, context: Context) -> Running:
    """Ask AWS what serves; boto3 is installed and imported here and nowhere before."""
    from slipway import install

    install.ensure("aws")
    from slipway import rollout
    from slipway.commands import target

    return rollout.status(
        cluster=component.deploy.cluster or "",
        service=component.deploy.service or "",
        aws=target.connect(component, resolved, context),
    )
