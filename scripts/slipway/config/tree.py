"""What a file says, as a tree in which every value knows its place. Environments merge such trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from slipway.config.words import one_line
from slipway.errors import Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands: line and column from 1; 0 when it stands in no file."""

    file: str = ""
    line: int = 0
    column: int = 0

    def mistake(self, message: str) -> Mistake:
        """Make a mistake at this place. Keys and values in messages are outside text: it stays one line."""
        return Mistake(message=one_line(message), file=self.file, line=self.line, column=self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value, as it was written."""

    text: str
    type: Literal["text", "number", "boolean", "null"] = "text"
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value of a table, and where its key stands."""

    key: Place
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Values by key, in the order they were written."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    place: Place = field(default_factory=Place)

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        entry = self.entries.get(key)
        return entry.node if entry else None


Node = Scalar | Items | Table


def is_null(node: Node | None) -> bool:
    """Whether nothing was written there."""
    return node is None or (isinstance(node, Scalar) and node.type == "null")


def merge(base: Node | None, over: Node) -> Node:
    """Lay `over` on `base`: tables merge by key, anything else replaces. An empty value changes no table."""
    if isinstance(base, Table) and is_null(over):
        return base
    if not (isinstance(base, Table) and isinstance(over, Table)):
        return over
    merged = dict(base.entries)
    for key, entry in over.entries.items():
        below = merged.get(key)
        merged[key] = Entry(key=entry.key, node=merge(below.node if below else None, entry.node))
    return Table(entries=merged, place=base.place)


def without(table: Table, *keys: str) -> Table:
    """The table less some keys."""
    return Table(
        entries={key: entry for key, entry in table.entries.items() if key not in keys}, place=table.place
    )


def table_of(value: Mapping[str, Node], place: Place) -> Table:
    """Make a table whose keys stand where the values' owner does."""
    return Table(
        entries={key: Entry(key=place, node=node) for key, node in value.items()},
        place=place,
    )


def table_from(value: Mapping[str, Any], place: Place) -> Table:
    """Turn keys given as arguments into a tree, at `place`; what is None is left out."""
    given = {str(key): from_python(item, place) for key, item in value.items() if item is not None}
    return table_of(given, place)


def from_python(value: Any, place: Place) -> Node:
    """Turn a value given as an argument into a tree, at `place`; what is None is left out of tables."""
    match value:
        case Mapping():
            return table_from(value, place)
        case list() | tuple():
            return Items(items=tuple(from_python(item, place) for item in value), place=place)
        case bool():
            return Scalar(text="true" if value else "false", type="boolean", place=place)
        case int():
            return Scalar(text=str(value), type="number", place=place)
        case None:
            return Scalar(text="", type="null", place=place)
        case _:
            return Scalar(text=str(value), place=place)
