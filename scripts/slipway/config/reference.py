"""The reference page of slipway.yml, made from the same classes as the reader.

`python -m slipway.config.reference` prints it; it is committed as docs/reference/configuration.md, and the
example in it is docs/reference/slipway.yml.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from slipway.config.interpolation import REFUSED
from slipway.config.model import Suite
from slipway.config.schema import (
    NAME_ABOUT,
    ORDER_ABOUT,
    REGION_ABOUT,
    Boolean,
    Choice,
    Field,
    ListOf,
    Number,
    Record,
    TextByName,
    component_fields,
    record,
)
from slipway.config.words import SAFE_NAME_RULE, listed

ROOT = Path(__file__).resolve().parents[3]

PAGE = """\
<!-- Made by `python -m slipway.config.reference`; don't edit. -->

# slipway.yml

The file is optional. Without it, or where it names no component, what is in the repository counts:

| there is | then there is a component |
|---|---|
| a `Dockerfile` | of kind `application`, called as the repository (its remote `origin`, else its folder) |
| a folder `dags` | of kind `dags`, called `dags` |
| a `pyproject.toml` that builds, and no `Dockerfile` | of kind `library`, called as the repository |

`slipway plan` says what was found and why. Every mistake is reported at once, with its line and column.
Editors know the keys from `slipway.schema.json`.

```yaml
{example}```

## Top level

One component stands at the top level with its keys; several stand by name under `components`.
Names of components, environments and suites: {names}.

| key | meaning |
|---|---|
| `name` | {name_about} Not beside `components`. |
| `components` | Components by name; each has the keys below. |
| `environments` | The order, and what differs in each environment. |
| `suites` | Suites by name; a plain text is the suite's `run`. |

## Component

Keys marked *once* are settled before any environment is known: they can't differ between environments,
and can't use `${{NAME}}` or `{{environment}}`. Paths stay inside the repository.

{component}

### `image`

All of it is *once*: every environment gets the same digest.

{image}

### `deploy`

{deploy}

## Environments

| key | meaning |
|---|---|
| `order` | {order_about} |
| NAME`.region` | {region_about} |
| NAME`.components.`COMPONENT | Keys of the component that differ; tables merge, lists are replaced. |
| NAME`.`KEY | The same for the only component of the repository. |
| NAME`.suites.`SUITE | Keys of the suite that differ. |

A push to the default branch publishes what it touched to the environments in `order`, one after another.
Touched is what changed since the commit before the push: what a failed run left unpublished is published
by running it again, or by hand.

## Suites

{suite}

## Values

- `${{NAME}}` is the environment's variable or secret of that name. A name that isn't set, or is empty, is an
  error that says where to set it. `$${{NAME}}` stands for a literal `${{NAME}}`.
- `{{environment}}`, `{{component}}` and `{{commit}}` stand for their names; `{{{{word}}}}` for a literal
  `{{word}}`.
- Names of credentials can't be used: {refused}, except `SLACK_CHANNEL`.
- Commands (`before`, `before-publish`, a suite's `run`) are run as they are written: nothing is filled in,
  so that nothing from outside gets into a shell line. A component's have the variables
  `SLIPWAY_COMPONENT` and `SLIPWAY_COMMIT`, those of a publish `ENVIRONMENT` too, and `verify` `SLIPWAY_URL`.
- Numbers count as text where text is expected, as they are written; booleans are only `true` and `false`.
- An empty value resets a key to its default; an environment can do so too.
"""


def page() -> str:
    """Make the whole page."""
    fields = component_fields()
    return PAGE.format(
        example=(ROOT / "docs/reference/slipway.yml").read_text(encoding="utf-8"),
        names=SAFE_NAME_RULE,
        name_about=NAME_ABOUT,
        order_about=ORDER_ABOUT,
        region_about=REGION_ABOUT,
        component="\n".join(_rows(fields, whole=True)),
        image="\n".join(_rows(_fields(fields["image"]))),
        deploy="\n".join(_rows(_fields(fields["deploy"]))),
        suite="\n".join(_rows(record(Suite).fields)),
        refused=listed(REFUSED),
    )


def _fields(field: Field) -> Mapping[str, Field]:
    return field.shape.fields if isinstance(field.shape, Record) else {}


def _rows(fields: Mapping[str, Field], *, whole: bool = False) -> Iterator[str]:
    """The rows of a table of keys; the whole one says which kinds know a key."""
    yield "| key | for | takes | default | meaning |" if whole else "| key | takes | default | meaning |"
    yield "|---|---|---|---|---|" if whole else "|---|---|---|---|"
    for key, field in fields.items():
        kinds = f" {', '.join(field.kinds) or 'all'} |" if whole else ""
        once = " *once*" if whole and field.once else ""
        about = field.about.replace("|", "\\|")
        yield f"| `{key}`{once} |{kinds} {_takes(field)} | {_default(field)} | {about} |"


def _takes(field: Field) -> str:
    if isinstance(field.shape, Choice):
        return ", ".join(f"`{word}`" for word in field.shape.words)
    words: Mapping[type, str] = {
        Number: "number",
        Boolean: "boolean",
        ListOf: "list",
        TextByName: "texts by name",
        Record: "keys, below",
    }
    text = "command" if field.command else "path" if field.inside else "text"
    return words.get(type(field.shape), text)


def _default(field: Field) -> str:
    match field.default:
        case bool(value):
            return f"`{str(value).lower()}`"
        case str() | int():
            return f"`{field.default}`"
    return "needed" if field.required else ""


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(page(), end="")
