"""What a repository publishes without saying so, and what a component needn't say."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from slipway import process
from slipway.config.tree import Entry, Node, Place, Scalar, Table, is_null, table_of
from slipway.config.words import made_safe
from slipway.errors import ToolError

ORDER = ("staging", "production")
CHOICES = ("development", *ORDER)  # environments that people expect, whether or not the file names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A component that the repository's files speak of, and why."""

    name: str
    kind: str
    why: str


def repository_name(root: Path) -> str:
    """The repository's own name: of its remote `origin`, else of its folder; made safe."""
    origin = ""
    if (root / ".git").exists():
        try:
            done = process.run(["git", "-C", str(root), "config", "--get", "remote.origin.url"])
            origin = done.stdout.strip().rstrip("/").removesuffix(".git")
        except ToolError:
            origin = ""
    return made_safe(origin.replace(":", "/").rpartition("/")[2] or root.resolve().name)


def components(root: Path, name: str) -> list[Found]:
    """What the repository's files speak of: a Dockerfile, a `dags` folder, a Python library."""
    found = []
    dockerfile = (root / "Dockerfile").is_file()
    if dockerfile:
        found.append(Found(name=name, kind="application", why="there is a `Dockerfile`"))
    if (root / "dags").is_dir():
        taken = "dags" in {item.name for item in found}
        why = "there is a folder `dags`"
        found.append(Found(name="airflow-dags" if taken else "dags", kind="dags", why=why))
    if not dockerfile and _builds_a_library(root / "pyproject.toml"):
        why = "`pyproject.toml` has a `[build-system]` and there is no `Dockerfile`"
        found.append(Found(name="library" if name == "dags" else name, kind="library", why=why))
    return found


def _builds_a_library(path: Path) -> bool:
    try:
        return "build-system" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def with_defaults(component: Table) -> Table:
    """Add what follows from the kind to what the component says, at the component's own place."""
    kind = component.get("kind")
    word = kind.text if isinstance(kind, Scalar) else ""
    return _over(table_of(_defaults(word, component), component.place), component)


def _over(defaults: Table, given: Table) -> Table:
    """Lay what is given on defaults; an empty value leaves the default."""
    entries = dict(defaults.entries)
    for key, entry in given.entries.items():
        below = defaults.get(key)
        if isinstance(below, Table) and isinstance(entry.node, Table):
            entries[key] = Entry(key=entry.key, node=_over(below, entry.node))
        elif below is None or not is_null(entry.node):
            entries[key] = entry
    return Table(entries=entries, place=given.place)


def _defaults(kind: str, component: Table) -> dict[str, Node]:
    place = component.place

    def text(value: str) -> Scalar:
        return Scalar(text=value, place=place)

    match kind:
        case "application":
            names = {"cluster": text("{environment}-cluster"), "service": text("{environment}-{component}")}
            deploy = {} if _handoff(component) == "none" else {"deploy": table_of(names, place)}
            return {"repository": text("${DEPLOY_DOCKER_REPOSITORY}"), **deploy}
        case "task":
            deploy = {"deploy": table_of({"cluster": text("{environment}-cluster")}, place)}
            services = deploy if component.get("services") else {}
            return {"repository": text("${DEPLOY_DOCKER_REPOSITORY}"), **services}
        case "dags":
            return {"path": text("dags"), "target": text("s3://${DAGS_S3_BUCKET}/dags")}
        case "library":
            return {"path": text(".")}
        case "model":
            return {"target": text("folder")}
    return {}


def _handoff(component: Table) -> str:
    deploy = component.get("deploy")
    handoff = deploy.get("handoff") if isinstance(deploy, Table) else None
    return handoff.text if isinstance(handoff, Scalar) else "deploy"


def as_table(found: Found, place: Place) -> Table:
    """A found component as if it had been written."""
    return Table(entries={"kind": Entry(key=place, node=Scalar(text=found.kind, place=place))}, place=place)


# What a kind can't do without, once the defaults are in.
NEEDS = {
    "application": ("repository",),
    "task": ("repository",),
    "dags": ("path", "target"),
    "files": ("path", "target"),
    "function": ("path", "functions"),
    "library": ("path",),
    "model": ("path", "target"),
}
