"""A repository's present workflows, read for what Slipway will do in their place. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from slipway.commands.adoption import shell
from slipway.commands.adoption.shell import Build

_EXPRESSION = re.compile(r"\$\{\{\s*(?P<what>.*?)\s*\}\}")
_DEPLOYS = re.compile(
    r"\baws (ecs (update-service|deploy|register)|deploy create-deployment)|amazon-ecs-deploy"
)
_REGION = re.compile(r"\b(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d\b")
# What the runner of our own jobs has without setting it up.
_THERE = {
    "setup-python": re.compile(r"|3|3\.x|3\.12(\..*)?"),
    "setup-node": re.compile(r"|(20|22)(\..*)?|lts/\*"),
    "cache": re.compile(r""),
}
WRITTEN = "# Written by `slipway init`; yours to change."
_OURS = re.compile(
    r"/(?:\.github/workflows/(?:publish|test|rollback)\.yml|actions/(?:deploy|build|publish|run)-)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that a workflow builds, and where it goes."""

    build: Build
    repository: str  # as slipway.yml writes it; empty when the workflow makes it up while it runs
    tags: tuple[str, ...]  # moved ones, such as latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as far as we understand it."""

    file: str
    name: str
    text: str  # as written, without its indentation
    prepares: tuple[str, ...]  # commands before the first docker build, that neither test nor are ours
    tests: tuple[str, ...]  # all commands of a job that tests, in order
    images: tuple[Image, ...]
    environments: tuple[str, ...]
    secrets: tuple[str, ...]
    deploys: bool  # tells ECS or CodeDeploy itself
    region: str  # that it names; empty when it names none
    idle: bool  # does nothing by itself: only finds out what other jobs need
    because: str  # why its tests can't be a suite of slipway.yml; empty when they can
    ours: bool  # calls Slipway already, or was written by `slipway init`

    @property
    def publishes(self) -> bool:
        """Whether it builds or pushes images, or deploys them."""
        return bool(self.images) or self.deploys


def read(root: Path) -> list[Job]:
    """Read every workflow below `root`; what isn't YAML is left out."""
    folder = root / ".github" / "workflows"
    paths = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return [job for path in paths if path.is_file() for job in _jobs(path)]


def _jobs(path: Path) -> Iterator[Job]:
    import yaml

    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return
    try:
        document, tree = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
        return
    written, known = _texts(text, tree), _table(document, "env")
    for name, job in document["jobs"].items():
        if isinstance(job, dict):
            found = _job(path.name, str(name), job, written.get(str(name), ""), known)
            yield replace(found, ours=found.ours or text.startswith(WRITTEN))


def _table(of: Any, key: str) -> dict[str, Any]:
    """A table inside a workflow; an expression may stand for one, which only a run could resolve."""
    found = of.get(key) if isinstance(of, dict) else None
    return found if isinstance(found, dict) else {}


def _texts(text: str, tree: Any) -> dict[str, str]:
    """Each job's own lines, as they are written."""
    jobs = next(value for key, value in tree.value if key.value == "jobs")
    lines = text.splitlines()
    return {
        key.value: _trimmed(dedent("\n".join(lines[key.start_mark.line : value.end_mark.line])))
        for key, value in jobs.value
    }


def _trimmed(text: str) -> str:
    """Leave off the blank lines and comments at the end, which belong to what comes next."""
    lines = text.splitlines()
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "\n".join(lines)


def _job(file: str, name: str, job: Mapping[str, Any], text: str, environ: Mapping[str, Any]) -> Job:
    given = job.get("steps")
    steps = [step for step in given if isinstance(step, dict)] if isinstance(given, list) else []
    known = {**environ, **_table(job, "env")}
    commands = [line for step in steps for line in _lines(step, known)]
    built = next((index for index, line in enumerate(commands) if shell.build_of(line)), len(commands))
    kept = [line for line in commands[:built] if not shell.is_ours(line) and not shell.is_test(line)]
    tests = any(shell.is_test(line) for line in commands)
    return Job(
        file=file,
        name=name,
        text=text,
        prepares=tuple(kept) if not tests and built < len(commands) else (),
        tests=tuple(line for line in commands if not shell.is_ours(line)) if tests else (),
        images=tuple(_images(commands, steps, known)),
        environments=_environments(job),
        secrets=tuple(dict.fromkeys(re.findall(r"secrets\.(\w+)", text))),
        deploys=bool(_DEPLOYS.search(text)),
        region=next(iter(_REGION.findall(f"{text}\n{environ}")), ""),
        idle=all(shell.is_ours(line) for line in commands) and _actions(steps) <= {"github-script"},
        because=_because(job, commands, steps) if tests else "",
        ours=bool(_OURS.search(text)) and "slipway" in text,
    )


def _lines(step: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    environ = {**known, **_table(step, "env")}
    for line in shell.lines(str(step.get("run") or "")):
        resolved = _resolve(line, environ)
        folder = str(step.get("working-directory") or ".").removeprefix("./")
        yield f"(cd {folder} && {resolved})" if folder != "." and not shell.is_ours(line) else resolved


def _resolve(line: str, environ: Mapping[str, Any]) -> str:
    """Write secrets and variables as `${NAME}`, and put in what `env:` says of the names it uses."""

    def expression(match: re.Match[str]) -> str:
        kind, _, name = match["what"].partition(".")
        if kind in {"secrets", "vars"} and name.isidentifier():
            return f"${{{name}}}"
        if kind == "env" and name in environ:
            return _EXPRESSION.sub(expression, str(environ[name]))
        return match[0]

    def variable(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        return _EXPRESSION.sub(expression, str(environ[name])) if name in environ else match[0]

    # What stays an expression is written without spaces, so that it is one word.
    resolved = _EXPRESSION.sub(r"${{\g<what>}}", _EXPRESSION.sub(expression, line))
    return re.sub(r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", variable, resolved)


def _images(commands: list[str], steps: list[dict[str, Any]], known: Mapping[str, Any]) -> Iterator[Image]:
    renamed = [pair for line in commands if (pair := shell.tagged(line))]
    pushes = {name for line in commands if (name := shell.pushed(line))}
    for line in commands:
        if build := shell.build_of(line):
            names = {*build.names, *(to for source, to in renamed if source in build.names)}
            remote = sorted(names & pushes) or sorted(name for name in names if "/" in name or "$" in name)
            yield _image(build, remote)
    for step in steps:
        if str(step.get("uses", "")).startswith("docker/build-push-action@"):
            given = {key: _resolve(str(value), known) for key, value in _table(step, "with").items()}
            pairs = (row.partition("=") for row in given.get("build-args", "").split())
            build = Build(
                dockerfile=given.get("file", "Dockerfile").removeprefix("./"),
                context=given.get("context", "."),
                target=given.get("target", ""),
                build_args={name: value for name, _, value in pairs},
            )
            yield _image(build, given.get("tags", "").replace(",", "\n").split())


def _image(build: Build, remote: list[str]) -> Image:
    split = [_split(name) for name in remote]
    repositories = [repository for repository, _ in split if not re.search(r"\$\{\{|\$\(|\$\w", repository)]
    moved = tuple(dict.fromkeys(tag for _, tag in split if re.fullmatch(r"[A-Za-z][\w.-]*", tag)))
    return Image(build=build, repository=repositories[0] if repositories else "", tags=moved)


def _split(name: str) -> tuple[str, str]:
    """Part a repository from its tag; the colon of a registry's port is no tag's."""
    found = re.fullmatch(r"(?P<repository>.*?)(?::(?P<tag>[^/]*))?", name)
    assert found is not None  # noqa: S101  it matches every text
    return found["repository"], found["tag"] or ""


def _environments(job: Mapping[str, Any]) -> tuple[str, ...]:
    given = job.get("environment")
    name = str(given.get("name", "") if isinstance(given, dict) else given or "")
    if found := re.fullmatch(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", name):
        values = _table(_table(job, "strategy"), "matrix").get(found[1])
        return tuple(map(str, values)) if isinstance(values, list) else ()
    return (name,) if name and "${{" not in name else ()


def _because(job: Mapping[str, Any], commands: list[str], steps: list[dict[str, Any]]) -> str:
    runner = str(job.get("runs-on", ""))
    services = ", ".join(map(str, _table(job, "services")))
    reasons = {
        f"it needs services{f' ({services})' if services else ''}": bool(job.get("services")),
        "it runs in a container of its own": bool(job.get("container")),
        "it runs once for each value of a matrix": bool(job.get("strategy")),
        "its commands use expressions of GitHub Actions": any(
            "${{" in line for line in commands if not shell.is_ours(line)
        ),
        f"it runs on {runner}": not runner.startswith("ubuntu"),
        "its steps set variables": any(
            step.get("env") for step in steps if shell.is_test(str(step.get("run") or ""))
        ),
    }
    reasons |= {f"it uses {name}": True for name in sorted(_foreign(steps))}
    return next((reason for reason, holds in reasons.items() if holds), "")


def _actions(steps: list[dict[str, Any]]) -> set[str]:
    """The actions that are used, without GitHub's own owner; checking out counts for nothing."""
    names = {str(step["uses"]).partition("@")[0].removeprefix("actions/") for step in steps if "uses" in step}
    return names - {"checkout"}


def _foreign(steps: list[dict[str, Any]]) -> set[str]:
    """The actions whose work nothing of ours does."""
    found = set()
    for step in steps:
        for name in _actions([step]):
            given = _table(step, "with")
            version = str(given.get("python-version") or given.get("node-version") or "")
            if name not in _THERE or not _THERE[name].fullmatch(version):
                found.add(f"{name} {version}".strip())
    return found
