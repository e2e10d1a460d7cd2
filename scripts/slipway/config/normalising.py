"""What the tree of slipway.yml says at its top: components by name, environments, suites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.config import conventions
from slipway.config.building import unknown_key
from slipway.config.schema import Field, component_fields
from slipway.config.tree import Entry, Items, Node, Place, Scalar, Table, is_null, table_of, without
from slipway.config.words import SAFE_NAME_RULE, did_you_mean, is_safe, nearest, quoted
from slipway.errors import Mistake

SECTIONS = ("components", "environments", "suites")
ORDER_LIMIT = 4  # job slots of publish.yml


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What one environment changes."""

    region: Node | None = None
    components: Mapping[str, Table] = field(default_factory=dict)
    suites: Table = field(default_factory=Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The file's parts, still as trees; `single` when the component stands at the top level."""

    components: Mapping[str, Table]
    single: bool
    environments: Mapping[str, Override]
    order: tuple[str, ...]
    suites: Table
    notes: tuple[str, ...]


def take_apart(top: Table, root: Path, name: str, mistakes: list[Mistake]) -> Parts:
    """Find components, environments and suites, by convention where the file has no component."""
    known = {**component_fields(), **dict.fromkeys(("name", *SECTIONS))}
    several = "components" in top.entries
    notes: list[str] = []
    kept = dict(top.entries)
    for key, entry in top.entries.items():
        if key not in known:
            mistakes.append(entry.key.mistake(_unknown_at_top(key)))
            del kept[key]
        elif several and key not in SECTIONS:
            what = f"`{key}` can't stand beside `components`; move it under the component it belongs to."
            mistakes.append(entry.key.mistake(what))
            del kept[key]
    top = Table(entries=kept, place=top.place)
    if several:
        components = _named(top.get("components"), mistakes)
    else:
        components, notes = _single(top, root, name, mistakes)
    suites = _suites(top.get("suites"), mistakes)
    single = not several and len(components) == 1
    environments, order = _environments(
        top.get("environments"), mistakes, components=components, suites=suites, single=single
    )
    return Parts(
        components=components,
        single=single,
        environments=environments,
        order=order,
        suites=suites,
        notes=tuple(notes),
    )


def _unknown_at_top(key: str) -> str:
    fields = component_fields()
    if near := nearest(key, (*SECTIONS, "name", *fields)):
        return f"{quoted(key)} is no key; did you mean `{near}`?"
    return unknown_key(key, fields, "")


def _named(node: Node | None, mistakes: list[Mistake]) -> dict[str, Table]:
    if not isinstance(node, Table):
        if node is not None:
            mistakes.append(
                node.place.mistake("Expected components by name, such as `web:` with their keys.")
            )
        return {}
    components = {}
    for name, entry in node.entries.items():
        if not is_safe(name):
            what = f"A component can't be called {quoted(name)}; expected {SAFE_NAME_RULE}."
            mistakes.append(entry.key.mistake(what))
        elif is_null(entry.node):
            components[name] = Table(place=entry.key)
        elif isinstance(entry.node, Table):
            components[name] = entry.node
        else:
            what = f"Expected keys for `components.{name}`, such as `kind: application`."
            mistakes.append(entry.node.place.mistake(what))
    return components


def _single(top: Table, root: Path, name: str, mistakes: list[Mistake]) -> tuple[dict[str, Table], list[str]]:
    """The component at the top level, or those that the repository's files speak of."""
    own = without(top, "name", *SECTIONS)
    given = top.entries.get("name")
    if given:
        name = _name(given, mistakes) or name
    found = conventions.components(root, name)
    if own.entries:
        place = next(iter(own.entries.values())).key
        if "kind" not in own.entries and found:
            kind = Entry(key=place, node=Scalar(text=found[0].kind, place=place))
            why = f"`{name}` is of kind `{found[0].kind}`: {found[0].why}."
            return {name: Table(entries={"kind": kind, **own.entries}, place=place)}, [why]
        return {name: Table(entries=own.entries, place=place)}, []
    notes = [f"`{item.name}` is of kind `{item.kind}`: {item.why}." for item in found]
    if not found:
        notes = [
            "No component: there is no `Dockerfile`, no folder `dags`, and no `pyproject.toml` that builds."
        ]
    place = Place(file=top.place.file)
    return {item.name: conventions.as_table(item, place) for item in found}, notes


def _name(entry: Entry, mistakes: list[Mistake]) -> str:
    if isinstance(entry.node, Scalar) and is_safe(entry.node.text):
        return entry.node.text
    shown = quoted(entry.node.text) if isinstance(entry.node, Scalar) else "that"
    mistakes.append(entry.node.place.mistake(f"`name` can't be {shown}; expected {SAFE_NAME_RULE}."))
    return ""


def _suites(node: Node | None, mistakes: list[Mistake]) -> Table:
    """Suites by name; a plain text stands for its command."""
    if not isinstance(node, Table):
        if not is_null(node) and node is not None:
            mistakes.append(node.place.mistake("Expected suites by name, such as `unit: make test`."))
        return Table()
    kept = {}
    for name, entry in node.entries.items():
        if not is_safe(name):
            what = f"A suite can't be called {quoted(name)}; expected {SAFE_NAME_RULE}."
            mistakes.append(entry.key.mistake(what))
            continue
        suite = entry.node
        if isinstance(suite, Scalar) and not is_null(suite):
            suite = table_of({"run": suite}, suite.place)
        kept[name] = Entry(key=entry.key, node=suite)
    return Table(entries=kept, place=node.place)


def _environments(
    node: Node | None,
    mistakes: list[Mistake],
    *,
    components: Mapping[str, Table],
    suites: Table,
    single: bool,
) -> tuple[dict[str, Override], tuple[str, ...]]:
    if not isinstance(node, Table):
        if not is_null(node) and node is not None:
            mistakes.append(node.place.mistake("Expected `order` and environments by name."))
        return {}, conventions.ORDER
    found = {}
    for name, entry in node.entries.items():
        if name == "order":
            continue
        if not is_safe(name):
            what = f"An environment can't be called {quoted(name)}; expected {SAFE_NAME_RULE}."
            mistakes.append(entry.key.mistake(what))
        elif is_null(entry.node):
            found[name] = Override()
        elif isinstance(entry.node, Table):
            found[name] = _override(
                f"environments.{name}",
                entry.node,
                mistakes,
                components=components,
                suites=suites,
                single=single,
            )
        else:
            what = f"Expected keys for `environments.{name}`, such as `region: eu-west-2`."
            mistakes.append(entry.node.place.mistake(what))
    return found, _order(node.get("order"), mistakes)


def _order(node: Node | None, mistakes: list[Mistake]) -> tuple[str, ...]:
    if node is None:
        return conventions.ORDER
    if not isinstance(node, Items):
        what = "`environments.order` takes a list of environments, such as `[staging, production]`."
        mistakes.append(node.place.mistake(what))
        return conventions.ORDER
    names: list[str] = []
    for item in node.items:
        if not isinstance(item, Scalar) or not is_safe(item.text):
            shown = quoted(item.text) if isinstance(item, Scalar) else "that"
            what = f"An environment can't be called {shown}; expected {SAFE_NAME_RULE}."
            mistakes.append(item.place.mistake(what))
        elif item.text in names:
            mistakes.append(item.place.mistake(f"`{item.text}` stands twice in `environments.order`."))
        else:
            names.append(item.text)
    if len(node.items) > ORDER_LIMIT:
        what = f"`environments.order` has {len(node.items)} environments; a run publishes to at most"
        mistakes.append(node.place.mistake(f"{what} {ORDER_LIMIT}. Publish to the others by hand."))
    return tuple(names)


def _override(
    path: str,
    table: Table,
    mistakes: list[Mistake],
    *,
    components: Mapping[str, Table],
    suites: Table,
    single: bool,
) -> Override:
    fields = component_fields()
    own: dict[str, Entry] = {}
    for key, entry in table.entries.items():
        if key in {"region", "components", "suites"}:
            continue
        if key not in fields:
            known = ("region", "components", "suites", *fields)
            what = f"{quoted(key)} is no key of `{path}`{did_you_mean(key, known)}"
            mistakes.append(entry.key.mistake(what))
        elif not single:
            what = f"Whose `{key}`? Write it under `{path}.components` and the component's name."
            mistakes.append(entry.key.mistake(what))
        else:
            own[key] = entry
    changed = _changed_components(path, table.get("components"), components, mistakes)
    if own:
        only = next(iter(components))
        under = changed.get(only, Table())
        changed[only] = Table(entries={**under.entries, **own}, place=table.place)
    for name, change in changed.items():
        changed[name] = _that_may_differ(change, fields, mistakes)
    changed_suites = _suites(table.get("suites"), mistakes)
    for name, entry in changed_suites.entries.items():
        if name not in suites.entries:
            what = f"There is no suite {quoted(name)} to change{did_you_mean(name, suites.entries)}"
            mistakes.append(entry.key.mistake(what))
    return Override(region=table.get("region"), components=changed, suites=changed_suites)


def _changed_components(
    path: str, node: Node | None, components: Mapping[str, Table], mistakes: list[Mistake]
) -> dict[str, Table]:
    if node is None or is_null(node):
        return {}
    if not isinstance(node, Table):
        mistakes.append(node.place.mistake(f"Expected components by name for `{path}.components`."))
        return {}
    changed = {}
    for name, entry in node.entries.items():
        if name not in components:
            what = f"There is no component {quoted(name)} to change{did_you_mean(name, components)}"
            mistakes.append(entry.key.mistake(what))
        elif isinstance(entry.node, Table):
            changed[name] = entry.node
        elif not is_null(entry.node):
            mistakes.append(entry.node.place.mistake(f"Expected keys for `{path}.components.{name}`."))
    return changed


def _that_may_differ(change: Table, fields: Mapping[str, Field], mistakes: list[Mistake]) -> Table:
    """Leave out, as mistakes, keys that are settled before any environment is known."""
    kept = {}
    for key, entry in change.entries.items():
        if key in fields and fields[key].once:
            what = f"`{key}` can't differ between environments: a component is built once, and every "
            mistakes.append(entry.key.mistake(f"{what}environment gets the same artifact."))
        else:
            kept[key] = entry
    return Table(entries=kept, place=change.place)
