"""Show what runs where, at which commit and digest. Reads only.

slipway status --environment production
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from slipway import install
from slipway.cli import Context
from slipway.commands import target
from slipway.errors import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    target.add_arguments(parser)
    target.add_overrides(parser, ("repository", "cluster", "service", "application", "deployment-group"))


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Print a line for each application: what serves, and whether it is this commit."""
    install.ensure("aws")
    from slipway import rollout

    config, components = target.resolve(arguments, context)
    records = []
    for component in components:
        if component.kind != "application":
            continue
        running = rollout.status(
            cluster=component.deploy.cluster or "",
            service=component.deploy.service or "",
            aws=target.connect(component, config, context),
        )
        records.append({"component": component.name, "environment": config.environment, **asdict(running)})
    if context.json:
        print(json.dumps(records, indent=2, default=str))
    else:
        for record in records:
            print(_line(record))
    context.system.set_output("status", json.dumps([_public(record) for record in records], default=str))
    context.system.add_summary(
        "\n".join(["### What runs", "", *(f"- {_line(record)}" for record in records), ""])
    )
    return Exit.DONE


def _line(record: dict[str, object]) -> str:
    digests = ", ".join(str(digest)[:19] for digest in _listed(record["digests"])) or "no digest known"
    commit = str(record.get("commit") or "")[:12]
    definition = str(record["task_definition"]).rsplit("/", 1)[-1]
    at = f" at {commit}" if commit else ""
    return f"{record['component']} in {record['environment']}: {definition}{at}, {digests}"


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _public(record: dict[str, object]) -> dict[str, object]:
    """Digests and logical names only: an output that holds a registry address would be dropped."""
    definition = str(record["task_definition"]).rsplit("/", 1)[-1]
    return {
        "component": record["component"],
        "environment": record["environment"],
        "task-definition": definition,
        "digests": record["digests"],
        "commit": record.get("commit") or "",
    }
