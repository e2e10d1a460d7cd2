"""`${NAME}` and `{environment}` in values of slipway.yml.

Commands aren't interpolated: nothing from outside belongs in a shell line. They get variables instead.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.config.words import listed, nearest, quoted
from slipway.errors import UsageError

PLACEHOLDERS = ("environment", "component", "commit")
SECRETS = ("DEPLOY_AWS_ROLE_ARN", "DEPLOY_DOCKER_REPOSITORY", "DAGS_S3_BUCKET")  # which values may use
# What must never travel in a value: values are printed, become tags, names and parts of documents.
REFUSED = (
    "DEPLOY_AWS_ACCESS_KEY_ID",
    "DEPLOY_AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "SLACK_*",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_*",
)
_PART = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{\{(?P<expression>[^}]*)(\}\})?"
    r"|\$\{(?P<name>[^}]*)\}"
    r"|(?P<open>\$\{)"
    r"|\{\{(?P<literal>[A-Za-z][A-Za-z_-]*)\}\}"
    r"|\{(?P<placeholder>[A-Za-z][A-Za-z_-]*)\}"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A value with its names filled in, and the names that nothing was known for."""

    text: str
    missing: tuple[str, ...] = ()


def is_refused(name: str) -> bool:
    """Whether `${name}` holds credentials, which no value may use."""
    upper = name.upper()
    return upper != "SLACK_CHANNEL" and any(fnmatch.fnmatchcase(upper, pattern) for pattern in REFUSED)


def values_from(environ: Mapping[str, str]) -> dict[str, str]:
    """What `${NAME}` may use: the environment's `vars` (JSON in SLIPWAY_VARIABLES) over our variables.

    A secret that is set wins over a variable of its name: the secret may be the environment's own, where the
    variable is the whole repository's. Credentials are left out. Raises UsageError when SLIPWAY_VARIABLES is
    no JSON object.
    """
    values = {name: value for name, value in environ.items() if not is_refused(name)}
    text = values.pop("SLIPWAY_VARIABLES", "") or "{}"
    try:
        variables = json.loads(text) or {}
    except json.JSONDecodeError:
        variables = None
    if not isinstance(variables, dict):
        raise UsageError(
            "SLIPWAY_VARIABLES is not a JSON object.",
            remedy="Set it to `${{ toJSON(vars) }}`, as Slipway does.",
        )
    given = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()
    }
    secrets = {name: values[name] for name in SECRETS if values.get(name)}
    return values | {name: value for name, value in given.items() if not is_refused(name)} | secrets


def problems(text: str, *, placeholders: tuple[str, ...], once: bool) -> list[str]:
    """What is wrong with a value's names, whatever they will hold.

    `once` is for what is settled before any environment is known.
    """
    found = []
    for part in _PART.finditer(text):
        if part["open"]:
            found.append(f"{quoted(text)} has `${{` without its `}}`; `$${{` stands for a literal one.")
        elif part["expression"] is not None:
            name = part["expression"].strip().rpartition(".")[2]
            hint = f"write `${{{name}}}`" if _NAME.fullmatch(name) else "write `${NAME}`"
            found.append(f"{quoted(part[0])} is GitHub's; in slipway.yml {hint}.")
        elif part["name"] is not None:
            found += _problems_of_name(part["name"], once=once)
        elif part["placeholder"]:
            found += _problems_of_placeholder(part["placeholder"], placeholders=placeholders, once=once)
    return found


def _problems_of_name(name: str, *, once: bool) -> list[str]:
    if not _NAME.fullmatch(name):
        return [f"{quoted(f'${{{name}}}')} is no name; expected letters, digits and `_`."]
    if is_refused(name):
        return [f"`${{{name}}}` holds credentials, which no value may use; remove it."]
    if once:
        return [f"`${{{name}}}` can't be used here: it is built once, before any environment's settings."]
    return []


def _problems_of_placeholder(word: str, *, placeholders: tuple[str, ...], once: bool) -> list[str]:
    if word not in placeholders:
        near = nearest(word, placeholders)
        hint = (
            f"did you mean `{{{near}}}`?"
            if near
            else f"it takes {listed(f'{{{name}}}' for name in placeholders)}."
        )
        return [f"`{{{word}}}` is no placeholder here; {hint} `{{{{{word}}}}}` stands for a literal one."]
    if once and word == "environment":
        return ["`{environment}` can't be used here: it is built once, for all environments."]
    return []


def fill(text: str, values: Mapping[str, str], placeholders: Mapping[str, str], *, keep: bool) -> Filled:
    """Fill in what `text` names. An empty value counts as missing, as GitHub gives one for what isn't set.

    With `keep` there is no environment yet: `${NAME}` and unknown placeholders stay as they are written.
    """
    missing: list[str] = []

    def replaced(part: re.Match[str]) -> str:
        if part["escaped"]:
            return part[0] if keep else "${"
        if part["literal"]:
            return part[0] if keep else f"{{{part['literal']}}}"
        if part["placeholder"]:
            return placeholders.get(part["placeholder"], part[0])
        if part["name"] is None or keep:
            return part[0]
        if not values.get(part["name"]):
            missing.append(part["name"])
            return ""
        return values[part["name"]]

    return Filled(text=_PART.sub(replaced, text), missing=tuple(dict.fromkeys(missing)))
