"""A tree -> the model's objects. Every mistake is collected with its place; nothing stops at the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from slipway.config.model import Component
from slipway.config.schema import (
    Boolean,
    Choice,
    Field,
    ListOf,
    Number,
    Record,
    Shape,
    Text,
    TextByName,
    component_fields,
)
from slipway.config.tree import Items, Node, Place, Scalar, Table, is_null
from slipway.config.words import did_you_mean, listed, nearest, quoted
from slipway.errors import Mistake

_WHOLE = re.compile(r"[0-9]{1,9}")

# Takes a text, the key it belongs to, and its path; gives what the object shall hold.
Fill = Callable[[Scalar, Field, str], str]


class Building:
    """Builds objects and collects mistakes, each once. `fill` is asked for every text."""

    def __init__(self, fill: Fill, mistakes: list[Mistake]) -> None:
        self.fill = fill
        self.mistakes = mistakes

    def add(self, place: Place, message: str) -> None:
        """Note a mistake; the same one of two environments counts once."""
        mistake = place.mistake(message)
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def component(self, name: str, node: Node, path: str) -> Component | None:
        """Build one component; None when it is unusable. Its keys must fit its kind."""
        if not isinstance(node, Table):
            self.add(node.place, f"Expected keys for `{path or name}`, such as `kind: application`.")
            return None
        known = component_fields()
        kind = node.get("kind")
        if isinstance(kind, Scalar):
            for key, entry in node.entries.items():
                field = known.get(key)
                if field and not field.fits(kind.text) and kind.text in _kinds():
                    what = f"`{key}` has no meaning for the kind `{kind.text}`"
                    self.add(entry.key, f"{what}, only for {listed(field.kinds)}.")
        values = self.values(known, node, path)
        return Component(name=name, **values) if values.get("kind") else None

    def record(self, shape: Record, node: Node, path: str) -> Any:
        """Build one record of the model; None when a required key is missing."""
        if shape.shorthand and isinstance(node, Scalar) and not is_null(node):
            field = shape.fields[shape.shorthand]
            return shape.type(**{field.attribute: self.text(node, field, path)})
        if is_null(node) and not any(field.required for field in shape.fields.values()):
            return shape.type()
        if not isinstance(node, Table):
            self.add(node.place, f"Expected keys for `{path}`{_some(shape.fields)}, not {_what(node)}.")
            return None
        values = self.values(shape.fields, node, path)
        complete = all(values.get(field.attribute) for field in shape.fields.values() if field.required)
        return shape.type(**values) if complete else None

    def values(self, fields: Mapping[str, Field], table: Table, path: str) -> dict[str, Any]:
        """Read a table's values by attribute; unknown and missing keys are mistakes."""
        values = {}
        for key, entry in table.entries.items():
            if key not in fields:
                self.add(entry.key, unknown_key(key, fields, path))
                continue
            field = fields[key]
            value = self.value(field.shape, field, entry.node, f"{path}.{key}" if path else key)
            if value is not None:
                values[field.attribute] = value
        for field in fields.values():
            if field.required and field.key not in table.entries:
                words = field.shape.words if isinstance(field.shape, Choice) else ()
                choices = f": {listed(words, 'or')}" if words else ""
                whose = f"`{path}`" if path else "The component"
                self.add(table.place, f"{whose} needs `{field.key}`{choices}.")
        return values

    def value(self, shape: Shape, field: Field, node: Node, path: str) -> Any:
        """Read one value; None when it is empty or wrong."""
        if isinstance(shape, Record):
            return self.record(shape, node, path)
        if is_null(node):
            if not field.optional and not isinstance(shape, TextByName):
                self.add(node.place, f"`{path}` has no value; expected {expected(shape)}, or leave it out.")
            return None
        match shape:
            case Text():
                return self.text(node, field, path)
            case ListOf():
                return self.list(node, field, path)
            case TextByName():
                return self.texts(node, field, path)
            case _:
                return self.word(shape, node, path)

    def word(self, shape: Shape, node: Node, path: str) -> Any:
        """Read a number, a boolean or one of some words."""
        if isinstance(node, Scalar):
            if isinstance(shape, Choice) and node.text in shape.words:
                return node.text
            if isinstance(shape, Boolean) and node.type == "boolean" and node.text in {"true", "false"}:
                return node.text == "true"
            if isinstance(shape, Number) and _WHOLE.fullmatch(node.text) and int(node.text) > 0:
                return int(node.text)
        near = (
            nearest(node.text, shape.words) if isinstance(shape, Choice) and isinstance(node, Scalar) else ""
        )
        hint = f"; did you mean `{near}`?" if near else "."
        self.add(node.place, f"`{path}` is {_what(node)}; expected {expected(shape)}{hint}")
        return None

    def text(self, node: Node, field: Field, path: str) -> str | None:
        """Read one text and fill it."""
        if not isinstance(node, Scalar) or node.type == "null":
            self.add(node.place, f"`{path}` is {_what(node)}; expected text.")
            return None
        if node.type == "boolean":
            self.add(
                node.place, f"`{path}` is the boolean {quoted(node.text)}; expected text: put it in quotes."
            )
            return None
        if field.inside and (node.text.startswith(("/", "~")) or ".." in re.split(r"[/\\]", node.text)):
            self.add(node.place, f"`{path}` is {quoted(node.text)}; expected a path inside the repository.")
            return None
        return self.fill(node, field, path)

    def list(self, node: Node, field: Field, path: str) -> tuple[str, ...] | None:
        """Read a list of texts."""
        if not isinstance(node, Items):
            example = f"; write `[{node.text}]`" if isinstance(node, Scalar) else ""
            self.add(node.place, f"`{path}` is {_what(node)}; expected a list{example}.")
            return None
        texts = [self.text(item, field, f"{path}[{index}]") for index, item in enumerate(node.items)]
        return tuple(text for text in texts if text is not None)

    def texts(self, node: Node, field: Field, path: str) -> dict[str, str] | None:
        """Read a table of texts."""
        if not isinstance(node, Table):
            self.add(node.place, f"`{path}` is {_what(node)}; expected names with texts.")
            return None
        found = {key: self.text(item.node, field, f"{path}.{key}") for key, item in node.entries.items()}
        return {key: text for key, text in found.items() if text is not None}


def unknown_key(key: str, fields: Mapping[str, Field], path: str) -> str:
    """Say that a key is unknown, and which was meant: of this table, or of one inside or around it."""
    what = f"{quoted(key)} is no key{f' of `{path}`' if path else ''}"
    if near := nearest(key, fields):
        return f"{what}; did you mean `{near}`?"
    for outer in fields.values():
        if isinstance(outer.shape, Record) and key in outer.shape.fields:
            return f"{what}; did you mean `{outer.key}.{key}`?"
    if path and key in component_fields():
        return f"{what}; it belongs to the component."
    return what + did_you_mean(key, fields)


def expected(shape: Shape) -> str:
    """Words for what a shape takes."""
    match shape:
        case Choice(words=words):
            return listed(words, "or")
        case Number():
            return "a whole number from 1"
        case Boolean():
            return "`true` or `false`"
        case ListOf():
            return "a list"
        case _:
            return "text"


def _what(node: Node) -> str:
    match node:
        case Scalar(type="null"):
            return "empty"
        case Scalar():
            return quoted(node.text)
        case Items():
            return "a list"
    return "a table of keys"


def _some(fields: Mapping[str, Field]) -> str:
    return f" such as {listed(list(fields)[:3], 'or')}"


def _kinds() -> tuple[str, ...]:
    shape = component_fields()["kind"].shape
    return shape.words if isinstance(shape, Choice) else ()
