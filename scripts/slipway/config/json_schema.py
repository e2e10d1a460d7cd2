"""The JSON Schema of slipway.yml, for editors; made from the same classes as the reader.

`python -m slipway.config.json_schema` prints it; it is committed as slipway.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slipway.config import conventions
from slipway.config.model import Suite
from slipway.config.normalising import ORDER_LIMIT
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
    Shape,
    TextByName,
    component_fields,
    record,
)
from slipway.config.tree import Place, table_from
from slipway.config.words import SAFE_NAME

NAMES = {"pattern": f"^{SAFE_NAME.pattern}$"}
TEXT: Mapping[str, Any] = {"type": ["string", "number"]}


def make() -> dict[str, Any]:
    """Make the schema, draft 7: what editors know best."""
    fields = component_fields()
    component = _object(fields)
    suites = {"description": "Suites of tests by name.", **_named(_reference("suite"))}
    components = {"description": "Components by name.", **_named(_reference("component"), empty=False)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "slipway.yml",
        "type": ["object", "null"],
        "properties": {
            "name": {"description": NAME_ABOUT, "type": ["string", "number"], **NAMES},
            "components": components,
            "environments": _environments(),
            "suites": suites,
            **component["properties"],
        },
        "additionalProperties": False,
        "allOf": _by_kind(fields),
        "dependencies": {
            "components": {"not": {"anyOf": [{"required": [key]} for key in ("name", *fields)]}},
        },
        "definitions": {
            "component": {**component, "required": ["kind"], "allOf": _by_kind(fields)},
            "difference": _object(
                {key: field for key, field in fields.items() if not field.once}, loose=True
            ),
            "suite": _suite(required=True),
            "suite-difference": _suite(required=False),
        },
    }


def _by_kind(fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    """What each kind needs beyond its defaults, and which keys it doesn't know."""
    shape = fields["kind"].shape
    rules = []
    for kind in shape.words if isinstance(shape, Choice) else ():
        given = conventions.with_defaults(table_from({"kind": kind}, Place()))
        needed = [key for key in conventions.NEEDS[kind] if key not in given.entries]
        unknown = {key: False for key, field in fields.items() if not field.fits(kind)}
        condition = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        rules.append({"if": condition, "then": {"required": needed, "properties": unknown}})
    return rules


def _suite(*, required: bool) -> dict[str, Any]:
    suite = _object(record(Suite).fields, loose=not required)
    return {"anyOf": [TEXT, suite]}


def _environments() -> dict[str, Any]:
    difference = _object(
        {key: field for key, field in component_fields().items() if not field.once}, loose=True
    )
    environment = {
        "type": ["object", "null"],
        "properties": {
            "region": {"description": REGION_ABOUT, "type": ["string", "null"], "examples": ["eu-west-2"]},
            "components": {
                "description": "Keys that differ, by component.",
                **_named(_reference("difference")),
            },
            "suites": {
                "description": "Suites that differ, by name.",
                **_named(_reference("suite-difference")),
            },
            **difference["properties"],
        },
        "additionalProperties": False,
    }
    order = {
        "description": ORDER_ABOUT,
        "type": "array",
        "items": {"type": ["string", "number"], **NAMES},
        "maxItems": ORDER_LIMIT,
        "uniqueItems": True,
        "default": ["staging", "production"],
    }
    return {
        "description": "The order of environments, and what differs in each.",
        "type": ["object", "null"],
        "properties": {"order": order},
        "patternProperties": {f"^(?!order$){SAFE_NAME.pattern}$": environment},
        "additionalProperties": False,
    }


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _named(value: Mapping[str, Any], *, empty: bool = True) -> dict[str, Any]:
    return {
        "type": ["object", "null"] if empty else "object",
        "patternProperties": {
            f"^{SAFE_NAME.pattern}$": {"anyOf": [value, {"type": "null"}]} if empty else value
        },
        "additionalProperties": False,
    }


def _object(fields: Mapping[str, Field], *, loose: bool = False) -> dict[str, Any]:
    """A table with known keys; a loose one only changes another, so nothing is required."""
    required = [key for key, field in fields.items() if field.required]
    return {
        "type": ["object", "null"] if loose or not required else "object",
        "properties": {key: _field(field, loose=loose) for key, field in fields.items()},
        "additionalProperties": False,
        **({"required": required} if required and not loose and "kind" not in fields else {}),
    }


def _field(field: Field, *, loose: bool) -> dict[str, Any]:
    shape = _shape(field.shape, loose=loose)
    about = field.about + (f" For {' and '.join(field.kinds)}." if field.kinds else "")
    if field.optional:
        shape = {
            **shape,
            "type": [*([shape["type"]] if isinstance(shape["type"], str) else shape["type"]), "null"],
        }
    extra: dict[str, Any] = {}
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    if default is not None and not loose:
        extra["default"] = default
    if field.example:
        extra["examples"] = [field.example]
    return {"description": about.replace("`", ""), **shape, **extra}


def _shape(shape: Shape, *, loose: bool) -> dict[str, Any]:
    if isinstance(shape, Choice):
        return {"type": "string", "enum": list(shape.words)}
    if isinstance(shape, Record):
        return _object(shape.fields, loose=loose)
    simple: Mapping[type, dict[str, Any]] = {
        Number: {"type": "integer", "minimum": 1},
        Boolean: {"type": "boolean"},
        ListOf: {"type": "array", "items": TEXT},
        TextByName: {"type": ["object", "null"], "additionalProperties": TEXT},
    }
    return simple.get(type(shape), dict(TEXT))


def text() -> str:
    """The schema as it is committed."""
    return json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
