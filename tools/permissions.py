"""Write docs/reference/permissions.md from `slipway.aws.permissions`; with `--check` only compare it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from slipway.aws import ecr, permissions
from slipway.aws.permissions import Command, Names, Statement, Way

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "permissions.md"
WAYS: tuple[tuple[Way, str], ...] = (
    ("codedeploy", "rolled out by CodeDeploy"),
    ("ecs", "rolled out by ECS's own controller"),
    ("published", "only published"),
)
COMMANDS: tuple[tuple[Command, str], ...] = (
    ("publish", "Publish"),
    ("rollback", "Roll back"),
    ("plan", "Plan with `--environment`, and status"),
    ("doctor", "Doctor"),
)
INTRODUCTION = """\
<!-- made by tools/permissions.py; don't edit -->

# Permissions in AWS

The least that the role or user of an environment needs, for each command. Put your own names in place of
`ACCOUNT`, `REGION`, `REPOSITORY`, `CLUSTER`, `SERVICE`, `FAMILY` (of the task definition), `APPLICATION`
and `GROUP` (of CodeDeploy), `TASK_ROLE` and `EXECUTION_ROLE`. `slipway doctor --environment NAME` compares
the policy with what the role has; where it may not ask or something is missing, it prints the policy with
your names.

Each table says why an action is there. *call*: Slipway calls it; the tests record every call of a publish,
a rollback and the rest against the emulated AWS, and compare them with these lists in both directions.
*skopeo*: the push of the image. *implied*: AWS checks it beside a call; this is from AWS's documentation,
since nothing emulated checks it. *optional*: it makes a message better, or finds a name that you could
write into slipway.yml; leave it out if you like.

A role may cover one environment alone: see [credentials](../credentials.md).
"""
PUBLIC = """\
## Public repositories

For `public.ecr.aws/ALIAS/NAME` these take the place of the `ecr:` actions. They are answered in `us-east-1`
alone.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for command, title in COMMANDS:
        for way, words in WAYS:
            if way == "published" and command != "publish":
                continue
            parts.append(f"## {title}: {words}\n")
            parts.extend(_shown(permissions.needed(command, way, Names())))
    parts.append(PUBLIC)
    public = Names(repository=ecr.parse("public.ecr.aws/alias/repository"))
    parts.extend(_shown(permissions.needed("publish", "published", public)))
    return "\n".join(parts).replace(":repository/repository", ":repository/REPOSITORY")


def _shown(statements: tuple[Statement, ...]) -> Iterator[str]:
    rows = "\n".join(_row(one) for one in statements)
    yield f"| action | | what for |\n|---|---|---|\n{rows}\n"
    yield f"```json\n{json.dumps(permissions.policy(statements), indent=2)}\n```\n"


def _row(statement: Statement) -> str:
    actions = "<br>".join(f"`{action}`" for action in statement.actions)
    return f"| {actions} | {statement.by} | {statement.why.removeprefix('optional: ')} |"


def main() -> int:
    """Write the page, or check it; exit code 1 when it isn't current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        PAGE.write_text(page(), "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == page():
        return 0
    print(f"{PAGE.name} is not current: run `python tools/permissions.py`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
