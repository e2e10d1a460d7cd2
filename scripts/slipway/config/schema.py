"""The schema as data, made from the classes in `model`: reader, JSON Schema and reference page share it."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from slipway.config.model import Component, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text; numbers count as text, as they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextByName:
    """A table of texts under names of the user's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A table with known keys; `shorthand` is the key that a plain text stands for."""

    type: type
    fields: Mapping[str, Field]
    shorthand: str = ""


Shape = Text | Number | Boolean | Choice | ListOf | TextByName | Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key: its shape and what the model says about it."""

    key: str
    attribute: str
    shape: Shape
    optional: bool  # may be empty
    required: bool
    default: Any
    about: str
    example: str
    kinds: tuple[str, ...]
    once: bool
    command: bool
    inside: bool

    def fits(self, kind: str) -> bool:
        """Whether components of `kind` know this key."""
        return not self.kinds or kind in self.kinds


SHORTHANDS: Mapping[type, str] = {Suite: "run"}
NAME_ABOUT = "The component's name; default the repository's."
REGION_ABOUT = "The AWS region of the environment."
ORDER_ABOUT = (
    "The environments that a merge to the default branch publishes to, in order; "
    "at most four, default `staging`, then `production`."
)


@functools.cache
def record(model: type) -> Record:
    """The shape of one class of the model. Fields without `about(...)` are no keys."""
    hints = get_type_hints(model)
    fields = {}
    for item in dataclasses.fields(model):
        if "about" in item.metadata:
            key = item.name.replace("_", "-")
            fields[key] = _field(key, item, hints[item.name])
    return Record(type=model, fields=fields, shorthand=SHORTHANDS.get(model, ""))


def component_fields() -> Mapping[str, Field]:
    """The keys of a component."""
    return record(Component).fields


def _field(key: str, item: dataclasses.Field[Any], hint: Any) -> Field:
    inner, optional = _without_none(hint)
    made = item.default_factory is not dataclasses.MISSING
    default = None if made else item.default
    shape = _shape(inner)
    if item.metadata["once"] and isinstance(shape, Record):
        nested = {name: dataclasses.replace(field, once=True) for name, field in shape.fields.items()}
        shape = dataclasses.replace(shape, fields=nested)
    return Field(
        key=key,
        attribute=item.name,
        shape=shape,
        optional=optional,
        required=not (optional or made) and default is None,
        default=default,
        **item.metadata,
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in {Union, types.UnionType}:
        (inner,) = (word for word in get_args(hint) if word is not type(None))
        return inner, True
    return hint, False


def _shape(hint: Any) -> Shape:
    simple: dict[Any, Shape] = {
        str: Text(),
        int: Number(),
        bool: Boolean(),
        tuple[str, ...]: ListOf(),
        Mapping[str, str]: TextByName(),
    }
    if hint in simple:
        return simple[hint]
    if get_origin(hint) is Literal:
        return Choice(words=get_args(hint))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record(hint)
    raise TypeError(f"the schema has no shape for {hint}")
