"""Check tools, configuration, credentials, names and permissions, and say what to change. Writes nothing.

slipway doctor                            this machine and slipway.yml
slipway doctor --environment staging      and what staging needs: settings, AWS, permissions, notices
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from slipway.cli import Context
from slipway.commands import doctor_cloud, doctor_here, target
from slipway.commands.doctor_check import Check, attempt
from slipway.config.model import Component, Config
from slipway.errors import Exit
from slipway.report import markup

SIGNS = {"good": "✔", "bad": "✘", "unknown": "?"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each one's name is also its input's name."""
    target.add_arguments(parser)
    target.add_overrides(
        parser, ("repository", "cluster", "service", "handoff", "application", "deployment-group")
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Print each check with what to change; exit code 1 when one is bad."""
    checks: list[Check] = []
    for check in _checks(arguments, context):
        checks.append(check)
        if not context.json:
            for line in lines_of(check):
                print(markup.for_log(line), flush=True)
    bad = sum(check.verdict == "bad" for check in checks)
    if context.json:
        print(json.dumps({"checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print(f"{bad} of {len(checks)} checks failed" if bad else f"{len(checks)} checks, nothing to change")
    context.system.add_summary(summary_of(checks))
    return Exit.FAILED if bad else Exit.DONE


def lines_of(check: Check) -> Iterator[str]:
    """Yield the lines that show a check."""
    first, *rest = markup.plain(check.detail).splitlines() or [""]
    yield f"{SIGNS[check.verdict]} {check.name}: {first}" if first else f"{SIGNS[check.verdict]} {check.name}"
    remedy = markup.plain(check.remedy).splitlines() if check.verdict != "good" else []
    yield from (f"  {line}" for line in rest)
    yield from (f"  → {line}" if number == 0 else f"    {line}" for number, line in enumerate(remedy))


def summary_of(checks: Sequence[Check]) -> str:
    """Return the checks as a table for the job's summary, the bad ones first."""
    order = sorted(checks, key=lambda check: ("bad", "unknown", "good").index(check.verdict))
    rows = [
        f"| {SIGNS[check.verdict]} | {markup.markdown(check.name)} | {markup.markdown(check.detail, 500)} | "
        f"{markup.markdown('' if check.verdict == 'good' else check.remedy, 1000)} |"
        for check in order
    ]
    return (
        "\n".join(["### Doctor", "", "| | check | found | change |", "|---|---|---|---|", *rows, ""]) + "\n"
    )


def _checks(arguments: argparse.Namespace, context: Context) -> Iterator[Check]:
    yield from doctor_here.tools(context.root)
    environment = arguments.environment or context.system.run().environment
    if not environment:
        yield doctor_here.configuration(context.root)
        yield Check(
            name="environment",
            verdict="unknown",
            detail="none was named, so its settings and AWS were not looked at",
            remedy="Give `--environment NAME`; its settings are there in a job with `environment:`.",
        )
        return
    resolved, check = attempt(
        "configuration",
        lambda: target.resolve(arguments, context),
        "valid, and every setting it names is set",
    )
    yield check
    if resolved is not None:
        yield from _environment(*resolved, context=context)
    yield from doctor_here.notices(context.environ)


def _environment(config: Config, components: list[Component], *, context: Context) -> Iterator[Check]:
    from slipway import install

    install.ensure("aws")
    for component in components:
        if component.kind not in {"application", "task"}:
            detail = f"components of kind `{component.kind}` are not checked by this version"
            yield Check(name=component.name, verdict="unknown", detail=detail)
            continue
        aws, check = attempt(
            f"{component.name}: credentials",
            lambda component=component: target.connect(component, config, context),  # type: ignore[misc]
            "found",
        )
        if aws is None:
            yield check
            continue
        yield from doctor_cloud.look(component, aws)
