"""slipway.yml as it was read, and what it means in one environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slipway.config import conventions, interpolation, reading
from slipway.config.building import Building
from slipway.config.interpolation import PLACEHOLDERS
from slipway.config.model import Component, Config, Suite
from slipway.config.normalising import Override, Parts, take_apart
from slipway.config.schema import REGION_ABOUT, Field, Text, record
from slipway.config.tree import Node, Place, Scalar, Table, is_null, merge, table_from
from slipway.config.words import did_you_mean, listed, nearest, quoted
from slipway.errors import ConfigurationError, Mistake, UsageError

REGION = Field(
    key="region",
    attribute="region",
    shape=Text(),
    optional=True,
    required=False,
    default=None,
    about=REGION_ABOUT,
    example="eu-west-2",
    kinds=(),
    once=False,
    command=False,
    inside=False,
)
# Gives the fill function of one component; an empty name stands for what belongs to none.
Filling = Callable[[str], Callable[[Scalar, Field, str], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A configuration without mistakes. `component` is the only one that matters to this run, if any."""

    root: Path
    file: str  # as messages call it; empty when there is none
    parts: Parts
    component: str | None = None
    overrides: Table | None = None  # of the chosen component, from the command line

    @property
    def components(self) -> tuple[str, ...]:
        """The components' names, in the order they were written."""
        return tuple(self.parts.components)

    @property
    def order(self) -> tuple[str, ...]:
        """What a merge to the default branch publishes to."""
        return self.parts.order

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that the file speaks of, and those that people expect."""
        return tuple(dict.fromkeys((*conventions.CHOICES, *self.parts.order, *self.parts.environments)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What conventions found, and why."""
        return self.parts.notes

    def resolve(
        self,
        *,
        environment: str | None,
        values: Mapping[str, str],
        commit: str,
        repository: str = "",
        component: str | None = None,
    ) -> Config:
        """What the file means in one environment, names filled in; with None `${NAME}` stays as written.

        With `component` (or one chosen when reading) only that one is filled in and returned. `repository`
        (OWNER/NAME) makes the links in messages. Raises ConfigurationError with every name that isn't set.
        """
        missing: list[tuple[Place, str, str]] = []
        mistakes: list[Mistake] = []

        def filling(name: str) -> Callable[[Scalar, Field, str], str]:
            known = {"component": name, "commit": commit, "environment": environment or ""}
            placeholders = {word: text for word, text in known.items() if text}

            def fill(node: Scalar, field: Field, path: str) -> str:
                if field.command:
                    return node.text
                keep = environment is None and not field.once
                filled = interpolation.fill(node.text, values, placeholders, keep=keep)
                missing.extend((node.place, name, path) for name in filled.missing)
                return filled.text

            return fill

        config = self.build(environment, filling, mistakes, only=component or self.component)
        mistakes += _that_hold_tags(config, self.parts)
        if missing:
            mistakes += [_missing(*item, environment=environment or "", values=values) for item in missing]
            raise ConfigurationError(mistakes, remedy=_where_to_set(environment or "", repository))
        if mistakes:
            raise ConfigurationError(mistakes)
        return config

    def build(
        self,
        environment: str | None,
        filling: Filling,
        mistakes: list[Mistake],
        *,
        only: str | None = None,
    ) -> Config:
        """Build the objects for one environment (None: for none); mistakes are collected."""
        override = self.parts.environments.get(environment or "", Override())
        suites = self._suites(override, filling(""), mistakes)
        components = {}
        for name, table in self.parts.components.items():
            if only in {None, name}:
                made = self._component(name, table, override, Building(filling(name), mistakes))
                if made:
                    components[name] = made
                    self._check_suite(made, self._tree(name, table, override), mistakes)
        region = override.region
        built = Building(filling(""), mistakes)
        path = f"environments.{environment}.region"
        return Config(
            environment=environment,
            region=None if region is None else built.value(Text(), REGION, region, path),
            components=components,
            order=self.parts.order,
            suites=suites,
            notes=self.parts.notes,
        )

    def _tree(self, name: str, table: Table, override: Override) -> Table:
        changed: Node = table
        if name in override.components:
            changed = merge(changed, override.components[name])
        if self.overrides and name == self.component:
            changed = merge(changed, self.overrides)
        return conventions.with_defaults(changed if isinstance(changed, Table) else table)

    def _component(self, name: str, table: Table, override: Override, building: Building) -> Component | None:
        path = "" if self.parts.single else f"components.{name}"
        tree = self._tree(name, table, override)
        made = building.component(name, tree, path)
        if not made:
            return None
        whose = f"`{path or name}`, of kind `{made.kind}`,"
        for key in conventions.NEEDS[made.kind]:
            if is_null(tree.get(key)):
                building.add(tree.place, f"{whose} needs `{key}`.")
        deploy = tree.get("deploy")
        if made.kind == "application" and isinstance(deploy, Table) and made.deploy.handoff == "deploy":
            for key in ("cluster", "service"):
                if is_null(deploy.get(key)):
                    building.add(deploy.place, f"{whose} needs `deploy.{key}` for `handoff: deploy`.")
        return made

    def _suites(self, override: Override, fill: Any, mistakes: list[Mistake]) -> dict[str, Suite]:
        merged = merge(self.parts.suites, override.suites)
        building = Building(fill, mistakes)
        suites = {}
        for name, entry in merged.entries.items() if isinstance(merged, Table) else ():
            made = building.record(record(Suite), entry.node, f"suites.{name}")
            if made:
                suites[name] = made
        return suites

    def _check_suite(self, component: Component, tree: Table, mistakes: list[Mistake]) -> None:
        node = tree.get("verify")
        if component.verify and component.verify not in self.parts.suites.entries and node:
            hint = did_you_mean(component.verify, self.parts.suites.entries)
            mistake = node.place.mistake(f"There is no suite {quoted(component.verify)}{hint}")
            if mistake not in mistakes:
                mistakes.append(mistake)


def read(root: Path, *, overrides: Mapping[str, Any] | None = None, component: str | None = None) -> Document:
    """Read slipway.yml in `root`, or what conventions say where there is none.

    `overrides` are a component's keys from the command line; they belong to `component`, or to the only one.
    Raises ConfigurationError with every mistake of every environment, UsageError for an unknown `component`.
    """
    mistakes: list[Mistake] = []
    path = root / reading.NAME
    shown = _shown(path)
    if not path.exists() and (root / "slipway.yaml").exists():
        what = f"is not read; rename it to `{reading.NAME}`."
        raise ConfigurationError([Mistake(message=what, file="slipway.yaml")])
    top = Table(place=Place(file=shown))
    if path.exists():
        top, mistakes = reading.load(path, shown)
    parts = take_apart(top, root, conventions.repository_name(root), mistakes)
    document = Document(root=root, file=shown if path.exists() else "", parts=parts)
    document = _chosen(document, component, table_from(overrides or {}, Place()))
    for environment in (None, *parts.environments):
        document.build(environment, lambda name: _checking(name, mistakes), mistakes)
    if mistakes:
        raise ConfigurationError(
            sorted(dict.fromkeys(mistakes), key=lambda mistake: (mistake.line, mistake.column)),
            remedy="docs/reference/configuration.md lists every key.",
        )
    return document


def _shown(path: Path) -> str:
    """The file as a person names it from where they are, as annotations need it too."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.name


def _chosen(document: Document, component: str | None, overrides: Table) -> Document:
    given = overrides if overrides.entries else None
    parts = document.parts
    if component is None and given is None:
        return document
    if not document.file and len(parts.components) <= 1:
        # Nothing is written down: what the arguments say is the whole configuration.
        name = component or next(iter(parts.components), conventions.repository_name(document.root))
        table = next(iter(parts.components.values()), None)
        implied = table_from({"kind": "application"}, Place())
        parts = replace(parts, components={name: table or implied}, single=True)
        return replace(document, parts=parts, component=name, overrides=given)
    if component is None and len(parts.components) == 1:
        component = next(iter(parts.components))
    if component is None:
        raise UsageError(
            f"Which component? There are {listed(parts.components)}.", remedy="Name it with `--component`."
        )
    if component not in parts.components:
        hint = did_you_mean(component, parts.components)
        raise UsageError(
            f"There is no component {quoted(component)}{hint}", remedy="`slipway plan` lists them."
        )
    return replace(document, component=component, overrides=given)


def _checking(name: str, mistakes: list[Mistake]) -> Callable[[Scalar, Field, str], str]:
    """A fill that fills nothing in, and notes what can never be filled."""
    placeholders = PLACEHOLDERS if name else tuple(word for word in PLACEHOLDERS if word != "component")

    def fill(node: Scalar, field: Field, path: str) -> str:
        if not field.command:
            for problem in interpolation.problems(node.text, placeholders=placeholders, once=field.once):
                mistake = node.place.mistake(f"`{path}`: {problem}")
                if mistake not in mistakes:
                    mistakes.append(mistake)
        return node.text

    return fill


def _missing(place: Place, name: str, path: str, *, environment: str, values: Mapping[str, str]) -> Mistake:
    near = nearest(name, values, cutoff=0.8)
    hint = f" Did you mean `${{{near}}}`?" if near and near != name else ""
    where = f"Settings → Environments → {environment} → Environment variables, or secrets"
    what = f"`${{{name}}}` is not set for `{environment}`; `{path}` needs it. Set it in {where}.{hint}"
    return place.mistake(what)


def _where_to_set(environment: str, repository: str) -> str:
    link = f" (https://github.com/{repository}/settings/environments)" if repository else ""
    return (
        f"GitHub: Settings → Environments → {environment}{link}; names of places, such as a registry or a "
        "bucket, are best variables. A secret of another name than Slipway's own reaches it only as `env:` "
        "of a step that uses a composite action. On your own machine: export NAME=…"
    )


def _that_hold_tags(config: Config, parts: Parts) -> list[Mistake]:
    """Repositories with a tag or digest. The value isn't quoted: it may come from a secret."""
    return [
        parts.components[name].place.mistake(
            f"The repository of `{name}` ends with a tag or a digest; expected the repository alone."
        )
        for name, component in config.components.items()
        if component.repository and set(":@") & set(component.repository.rpartition("/")[2])
    ]
