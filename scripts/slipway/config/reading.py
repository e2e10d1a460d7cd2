"""The text of slipway.yml -> a tree in which every value knows its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from slipway.config.tree import Entry, Items, Node, Place, Scalar, Table
from slipway.config.words import quoted
from slipway.errors import Mistake

NAME = "slipway.yml"
STANDARD = "tag:yaml.org,2002:"
TYPES = {"int": "number", "float": "number", "timestamp": "number", "bool": "boolean", "null": "null"}
TEXTS = {"str", "merge", "value"}  # `<<` and `=` as values are text like any other
LIMIT = 20_000  # values after aliases; a file that people write has some hundreds


def load(path: Path, shown: str) -> tuple[Table, list[Mistake]]:
    """Read a file that messages call `shown`; returns what it says and every mistake of form."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Table(), [Mistake(message=f"is not UTF-8 text (byte {error.start + 1}).", file=shown)]
    except OSError as error:
        return Table(), [Mistake(message=f"can't be read: {error.strerror}.", file=shown)]
    return parse(text, shown)


def parse(text: str, file: str) -> tuple[Table, list[Mistake]]:
    """Parse YAML text into a table; an empty text is an empty table. Mistakes are returned."""
    top = Place(file=file, line=1, column=1)
    walk = _Walk(file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        node = Table(place=top) if root is None else walk.node(root)
    except yaml.MarkedYAMLError as error:
        return Table(place=top), [_bad_yaml(error, file)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"holds a character that YAML doesn't allow (U+{error.character:04X})."
        return Table(place=top), [Mistake(message=what, file=file, line=line)]
    except RecursionError:
        return Table(place=top), [top.mistake("is nested too deeply to be read.")]
    if isinstance(node, Table):
        return node, walk.mistakes
    if not (isinstance(node, Scalar) and node.type == "null"):
        walk.mistakes.append(node.place.mistake("Expected keys with values, such as `kind: application`."))
    return Table(place=top), walk.mistakes


def _bad_yaml(error: yaml.MarkedYAMLError, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "unknown"
    if "\\t" in problem or "'\t'" in problem:
        message = "A tab can't indent in YAML; use spaces."
    elif "single document" in (error.context or ""):
        message = "One document is expected; remove what follows `---`."
    else:
        context = f" {error.context}" if error.context and error.problem else ""
        message = f"This is not YAML:{context} {problem}."
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Mistake(message=message, file=file, line=line, column=column)


class _Walk:
    """Walks PyYAML's nodes. Aliases may repeat nodes, but not contain themselves."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self._above: set[int] = set()
        self._count = 0

    def node(self, node: yaml.Node) -> Node:
        place = self.place(node)
        self._count += 1
        if self._count > LIMIT:
            if self._count == LIMIT + 1:
                self.mistakes.append(place.mistake(f"has more than {LIMIT} values, aliases included."))
            return Scalar(text="", type="null", place=place)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if id(node) in self._above:
            self.mistakes.append(place.mistake("An alias can't stand inside what it names."))
            return Scalar(text="", type="null", place=place)
        self._above.add(id(node))
        try:
            return self.table(node) if isinstance(node, yaml.MappingNode) else self.items(node)
        finally:
            self._above.discard(id(node))

    def place(self, node: yaml.Node) -> Place:
        return Place(file=self.file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)

    def scalar(self, node: yaml.ScalarNode) -> Scalar:
        place, tag = self.place(node), node.tag.removeprefix(STANDARD)
        match TYPES.get(tag):
            case "number":
                return Scalar(text=node.value, type="number", place=place)
            case "boolean":
                return Scalar(text=node.value, type="boolean", place=place)
            case "null":
                return Scalar(text=node.value, type="null", place=place)
        if tag not in TEXTS:
            self.mistakes.append(place.mistake(f"The tag {quoted(node.tag)} has no meaning here; remove it."))
        return Scalar(text=node.value, place=place)

    def items(self, node: yaml.Node) -> Items:
        self.check_tag(node, "seq")
        return Items(items=tuple(self.node(item) for item in node.value), place=self.place(node))

    def check_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag != STANDARD + expected:
            what = f"The tag {quoted(node.tag)} has no meaning here; remove it."
            self.mistakes.append(self.place(node).mistake(what))

    def table(self, node: yaml.MappingNode) -> Table:
        self.check_tag(node, "map")
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == f"{STANDARD}merge":
                for name, entry in self.merged(value):
                    merged.setdefault(name, entry)
                continue
            place = self.place(key)
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                self.mistakes.append(place.mistake("A key is expected here, such as `kind`."))
            elif key.value in own:
                first = own[key.value].key.line
                what = f"{quoted(key.value)} stands here a second time; the first is on line {first}."
                self.mistakes.append(place.mistake(what))
            else:
                own[key.value] = Entry(key=place, node=self.node(value))
        return Table(entries={**merged, **own}, place=self.place(node))

    def merged(self, value: yaml.Node) -> Iterator[tuple[str, Entry]]:
        """What `<<` brings in: one table, or several of which the earlier wins."""
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            found = self.node(source)
            if isinstance(found, Table):
                yield from found.entries.items()
            else:
                what = "`<<` takes a table, or a list of tables, such as `*name` of one with `&name`."
                self.mistakes.append(self.place(source).mistake(what))
