"""Configuration + what triggered us -> what is built and published, in which order. Reads git alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from slipway.ci.system import Run
from slipway.config import Document
from slipway.config.model import Component
from slipway.config.words import SAFE_NAME_RULE, did_you_mean, is_safe, listed, quoted
from slipway.errors import UsageError
from slipway.git import Git

FILE = "slipway.yml"  # a change of it touches every component
SLOTS = ("first", "second", "third", "fourth")  # the job slots of publish.yml


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component: whether this run is about it, and why."""

    name: str
    kind: str
    touched: bool
    supported: bool  # by this version of Slipway
    because: str

    @property
    def counts(self) -> bool:
        """Whether it is built and published, where anything is."""
        return self.touched and self.supported


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does: it publishes to `environments`; a merge of it would publish to `would`."""

    commit: str
    trigger: str
    why: str
    environments: tuple[str, ...]
    would: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def components(self) -> tuple[str, ...]:
        """The components that are published now or by the merge; none where nothing ever is."""
        somewhere = self.environments or self.would
        return tuple(part.name for part in self.parts if part.counts and somewhere)

    def to_json(self) -> dict[str, Any]:
        """What publish.yml and other machines use. Names only: nothing that a secret may be part of."""
        names = self.components
        return {
            "commit": self.commit,
            "trigger": self.trigger,
            "why": self.why,
            "builds": [
                {"component": part.name, "kind": part.kind} for part in self.parts if part.name in names
            ],
            "components": list(names),
            "environments": list(self.environments),
            "would": list(self.would),
            "untouched": [part.name for part in self.parts if not part.touched],
            "unsupported": [
                {"component": part.name, "kind": part.kind} for part in self.parts if not part.supported
            ],
            "notes": list(self.notes),
            **self.slots(),
        }

    def slots(self) -> dict[str, str]:
        """The environments by job slot; empty for a slot that isn't used."""
        names = (*self.environments, "", "", "", "")
        return dict(zip(SLOTS, names, strict=False))


def make(
    document: Document,
    run: Run,
    git: Git,
    *,
    supported: Collection[str],
    environment: str = "",
    component: str | None = None,
) -> Plan:
    """Plan what `run` does; `environment` and `component` are a person's own choice.

    Raises UsageError for a dispatch without an environment, and for names that can't be.
    """
    chosen = environment or (run.environment if run.trigger == "workflow_dispatch" else "")
    notes = list(document.notes)
    if chosen:
        notes += _check_environment(chosen, document)
    elif run.trigger == "workflow_dispatch":
        raise UsageError(
            f"Which environment? This repository has {listed(document.environments, 'or')}.",
            remedy="Give the workflow_dispatch an input `environment` with `type: environment`.",
        )
    config = document.resolve(environment=None, values={}, commit=run.commit, component=component)
    because, note = _comparison(run, git, chosen)
    notes += filter(None, [note])
    parts = tuple(_part(one, because(one), supported) for one in config.components.values())
    notes += [] if run.commit else ["There is no commit here: a build is named by its commit."]
    notes += _unsupported(parts)
    environments, would, why = _where(document, run, chosen)
    if environments and not any(part.counts for part in parts):
        why = f"{why} But there is nothing to publish."
        environments = ()
    return Plan(
        commit=run.commit,
        trigger=run.trigger,
        why=why,
        environments=environments,
        would=would,
        parts=parts,
        notes=tuple(notes),
    )


def _check_environment(name: str, document: Document) -> list[str]:
    if not is_safe(name):
        raise UsageError(f"An environment can't be called {quoted(name)}; expected {SAFE_NAME_RULE}.")
    if name in document.environments:
        return []
    return [f"`{name}` is no environment that {FILE} names{did_you_mean(name, document.environments)}"]


def _where(document: Document, run: Run, chosen: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """To which environments this run publishes, to which a merge of it would, and why."""
    order = document.order
    merged = f"a merge would publish to {_in_order(order)}" if order else "so does a merge: `order` is empty"
    if chosen:
        by = "By hand" if run.trigger in {"workflow_dispatch", "local"} else "As was asked for"
        return (chosen,), (), f"{by}, to `{chosen}` alone."
    if run.trigger == "push":
        return (order, (), why) if (why := _published(run, order)) else ((), (), _unpublished(run, order))
    who = {"pull_request": "A pull request", "merge_group": "The merge queue"}.get(run.trigger)
    who = who or (f"`{run.event}`" if run.event else "This run")
    return (), order, f"{who} publishes nothing by itself; {merged}."


def _published(run: Run, order: tuple[str, ...]) -> str:
    if order and run.branch and run.branch == run.default_branch:
        return f"A push to the default branch {quoted(run.branch)} publishes to {_in_order(order)}."
    return ""


def _unpublished(run: Run, order: tuple[str, ...]) -> str:
    if not run.branch:
        return "A tag, or a branch that is gone, publishes nothing."
    if not run.default_branch:
        return f"A push to {quoted(run.branch)} publishes nothing: the default branch is not known here."
    if not order and run.branch == run.default_branch:
        return f"`environments.order` of {FILE} is empty: a push publishes nothing."
    what = f"A push to {quoted(run.branch)} publishes nothing"
    return f"{what}: only the default branch {quoted(run.default_branch)} does."


def _in_order(names: Iterable[str]) -> str:
    return ", then ".join(f"`{name}`" for name in names)


def _comparison(run: Run, git: Git, chosen: str) -> tuple[Callable[[Component], tuple[bool, str]], str]:
    """A function that tells whether a component is touched and why, and what to note about it."""
    if chosen:
        return _everything("by hand everything is published"), ""
    before, unknown = _before(run, git)
    changed = git.changed(before, run.commit) if before else None
    if changed is None:
        note = f"{unknown or 'Git can not compare the commits'}: every component counts as touched."
        return _everything("there is nothing to compare with"), note
    if FILE in changed:
        return _everything(f"`{FILE}` changed"), ""
    return lambda component: _touched(component, changed), ""


def _everything(why: str) -> Callable[[Component], tuple[bool, str]]:
    return lambda _component: (True, why)


def _before(run: Run, git: Git) -> tuple[str, str]:
    """The commit to compare with, or why there is none."""
    short = run.before[:12]
    if not run.before:
        return "", "The commit before is not known (a new branch or a first push)"
    if not git.commit(run.before):
        return (
            "",
            f"The commit before, {short}, is not here (a force push, or a clone without `fetch-depth: 0`)",
        )
    if run.trigger == "push":
        known = git.is_ancestor(run.before, run.commit)
        why = f"The commit before, {short}, is not part of this history (a force push)"
        return (run.before, "") if known else ("", why)
    base = git.base(run.before, run.commit)
    if base == run.commit:
        return "", "The default branch has this commit already"
    why = f"No common history with {short} is here (a clone without `fetch-depth: 0`)"
    return (base, "") if base else ("", why)


def paths_of(component: Component) -> tuple[str, ...]:
    """What belongs to a component: its `paths`, else its image's context and Dockerfile, or its `path`."""
    if component.paths:
        return component.paths
    if component.path:
        return (component.path,)
    return (component.image.context, component.image.dockerfile)


def _touched(component: Component, changed: Iterable[str]) -> tuple[bool, str]:
    patterns = [(path.startswith("!"), _pattern(path.removeprefix("!"))) for path in paths_of(component)]
    files = [name for name in changed if _belongs(name, patterns)]
    if not files:
        return False, f"nothing of {listed(paths_of(component))} changed"
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return True, f"{quoted(files[0])}{more} changed"


def _belongs(name: str, patterns: Iterable[tuple[bool, re.Pattern[str]]]) -> bool:
    """Whether a file belongs; of the patterns that match it the last decides, as in GitHub's `paths:`."""
    belongs = False
    for excluded, pattern in patterns:
        if pattern.fullmatch(name):
            belongs = not excluded
    return belongs


def _pattern(path: str) -> re.Pattern[str]:
    """A file or folder, and all below it; `*` and `?` stay within a name, `**` doesn't."""
    path = re.sub(r"/(\./)+", "/", f"/{path}/").strip("/")
    if path in {"", ".", "**"}:
        return re.compile(r".*", re.DOTALL)
    words = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", path)
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts) + r"(?:/.*)?", re.DOTALL)


def _part(component: Component, touched: tuple[bool, str], supported: Collection[str]) -> Part:
    return Part(
        name=component.name,
        kind=component.kind,
        touched=touched[0],
        supported=component.kind in supported,
        because=touched[1],
    )


def _unsupported(parts: Iterable[Part]) -> list[str]:
    """Say plainly which components this version of Slipway doesn't publish."""
    names = [f"`{part.name}` ({part.kind})" for part in parts if not part.supported]
    return [f"Not published by this version of Slipway, for their kind: {', '.join(names)}."] if names else []
