"""Go back to the last rollout that succeeded, or stop the one in progress.

slipway rollback --environment production
slipway rollback --environment production --in-progress    only what a cancelled publish left going
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from slipway import install
from slipway.cli import Context, boolean
from slipway.commands import target
from slipway.commands.publish import cancellation
from slipway.config.model import Component, Config
from slipway.errors import Exit, SlipwayError, UsageError
from slipway.events import Emitter, Event
from slipway.rollout.vocabulary import Outcome

if TYPE_CHECKING:
    from slipway.aws.session import Aws


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    target.add_arguments(parser)
    parser.add_argument(
        "--in-progress",
        nargs="?",
        const=True,
        default=False,
        type=boolean,
        help="only end a deployment of this commit that is still going, as `on-cancel` says",
    )
    target.add_overrides(
        parser,
        (
            "repository",
            "cluster",
            "service",
            "on-cancel",
            "timeout-minutes",
            "application",
            "deployment-group",
        ),
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Roll one component back, or each, and say what serves."""
    install.ensure("aws")
    config, components = target.resolve(arguments, context)
    applications = [component for component in components if component.kind == "application"]
    if not applications:
        raise UsageError(
            "There is no application to roll back.", remedy="This version rolls applications back."
        )
    outcomes = [
        (each.name, _roll_back(each, config, arguments.in_progress, context)) for each in applications
    ]
    if context.json:
        records = [
            {"component": name, "outcome": each.ended, "detail": each.detail} for name, each in outcomes
        ]
        print(json.dumps(records, indent=2))
    ended = {each.ended for _, each in outcomes}
    if "stuck" in ended:
        return Exit.STUCK
    return Exit.SUPERSEDED if "superseded" in ended else Exit.DONE


def _roll_back(component: Component, config: Config, in_progress: bool, context: Context) -> Outcome:
    from slipway import rollout
    from slipway.report import summary

    environment = config.environment or ""
    events: list[Event] = []
    context.stream.subscribe(events.append)
    emit = Emitter(
        stream=context.stream, now=context.clock.now, component=component.name, environment=environment
    )
    deploy = component.deploy
    # Outermost: a signal while notices are sent must not hide how it ended.
    with cancellation() as cancelled, target.notices(context, environment) as failed, target.failing(emit):
        aws = target.connect(component, config, context)
        if in_progress:
            digest = _published(aws, component, context, emit)
            outcome = rollout.stop(
                digest=digest,
                application=deploy.application,
                deployment_group=deploy.deployment_group,
                container_name=deploy.container_name,
                cluster=deploy.cluster or "",
                service=deploy.service or "",
                commit=target.commit(context),
                repository=component.repository or "",
                on_cancel=deploy.on_cancel,
                aws=aws,
                emit=emit,
                clock=context.clock,
            )
        else:
            outcome = rollout.roll_back(
                cluster=deploy.cluster or "",
                service=deploy.service or "",
                aws=aws,
                emit=emit,
                clock=context.clock,
                cancelled=cancelled,
                application=deploy.application,
                deployment_group=deploy.deployment_group,
                timeout_minutes=deploy.timeout_minutes,
                repository=component.repository or "",
                container_name=deploy.container_name,
            )
        emit(
            "outcome",
            "failed" if outcome.ended in {"stuck", "superseded"} else "succeeded",
            outcome.detail,
            ended=outcome.ended,
        )
    context.system.set_output("outcome", outcome.ended)
    context.system.set_output("image-digest", outcome.digest)
    context.system.set_output("task-definition", outcome.task_definition.rsplit("/", 1)[-1])
    context.system.add_summary(
        summary.rollback(
            component=component.name,
            environment=environment,
            outcome=outcome,
            events=events,
            failed_notices=failed,
        )
    )
    return outcome


def _published(aws: Aws, component: Component, context: Context, emit: Emitter) -> str:
    """The digest that this commit has in the repository; empty when it has none, or we may not look.

    CodeDeploy's deployments are known by their commit; the digest is for ECS's own, which keep none.
    """
    from slipway.aws import ecr

    tag = f"sha-{target.commit(context)}"
    try:
        return ecr.digests(aws, ecr.parse(component.repository or ""), [tag]).tags.get(tag, "")
    except SlipwayError as error:
        # Whatever the registry says, a deployment that is known otherwise must still be stopped.
        emit("checks", "warning", f"the image of this commit can't be looked up: {error.message}")
        return ""
