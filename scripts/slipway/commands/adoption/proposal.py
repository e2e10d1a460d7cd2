"""From what a repository does today to what its slipway.yml says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slipway.commands.adoption.workflows import Image, Job

DECLARED = (
    "DEPLOY_AWS_ROLE_ARN",
    "DEPLOY_AWS_ACCESS_KEY_ID",
    "DEPLOY_AWS_SECRET_ACCESS_KEY",
    "DEPLOY_DOCKER_REPOSITORY",
    "DAGS_S3_BUCKET",
    "SLACK_WEBHOOK_URL",
    "SLACK_BOT_TOKEN",
)
REPOSITORY = "${DEPLOY_DOCKER_REPOSITORY}"
ORDER = ("staging", "production")
# Words in an image's name that speak of work done once, not of a service that stays up.
_TASK = re.compile(r"task|worker|batch|cron|job|collector|pipeline|etl", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One image, as slipway.yml will say it."""

    name: str
    kind: str
    image: Image
    before: str
    handoff: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the files will say, and what a person should know."""

    components: tuple[Component, ...]
    order: tuple[str, ...]
    suites: tuple[tuple[str, str], ...]
    own_tests: tuple[Job, ...]  # jobs whose tests stay jobs of the repository's own
    secrets: tuple[tuple[str, str], ...]  # (our name, the repository's name)
    region: str
    branch: str  # the default one
    per_environment: bool  # secrets of other names that only an environment's job sees
    notes: tuple[str, ...]


def propose(root: Path, jobs: Sequence[Job], *, name: str, branch: str) -> Proposal:
    """Decide what slipway.yml says; `name` is the repository's own, `branch` its default one."""
    theirs = [job for job in jobs if not job.ours]
    publishing = [job for job in theirs if job.publishes]
    components = tuple(_components(root, publishing, name))
    testing = [job for job in theirs if job.tests]
    own = tuple(_named_apart(job for job in testing if job.because))
    suites = tuple(_suites([job for job in testing if not job.because])) or tuple(
        () if own else _by_convention(root)
    )
    secrets, differ = _secrets(publishing)
    environments = tuple(dict.fromkeys(one for job in publishing for one in job.environments))
    order = _order(environments)
    return Proposal(
        components=components,
        order=order,
        suites=suites,
        own_tests=own,
        secrets=secrets,
        region=next((job.region for job in publishing if job.region), ""),
        branch=branch,
        per_environment=bool(differ and environments),
        notes=(*_notes(publishing, own, components, differ), *_left_out(environments, order)),
    )


def _components(root: Path, publishing: Sequence[Job], name: str) -> Iterator[Component]:
    pairs = [(job, image) for job in publishing for image in job.images]
    distinct: dict[tuple[str, str, str], tuple[Job, Image]] = {}
    for job, image in pairs:
        key = (image.build.dockerfile, image.build.context, image.build.target)
        distinct.setdefault(key, (job, image))
    deploys = any(job.deploys for job in publishing)
    taken: set[str] = set()
    for job, image in distinct.values():
        called = name if len(distinct) == 1 else _name(image, taken, name)
        taken.add(called)
        is_task = len(distinct) > 1 and _TASK.search(called) is not None
        yield Component(
            name=called,
            kind="task" if is_task else "application",
            image=image,
            before=" && ".join(job.prepares),
            handoff="" if is_task or deploys else "event",
        )
    if not distinct and (root / "Dockerfile").is_file():
        from slipway.commands.adoption.shell import Build

        plain = Image(build=Build(), repository=REPOSITORY, tags=())
        yield Component(name=name, kind="application", image=plain, before="", handoff="")


def _name(image: Image, taken: set[str], repository: str) -> str:
    """A component's name: its Dockerfile's folder or suffix, its stage, or its registry's name."""
    path = Path(image.build.dockerfile)
    suffix = path.name.removeprefix("Dockerfile").strip(".-_") or path.name.removesuffix("Dockerfile").strip(
        ".-_"
    )
    folder = path.parent.name if path.parent != Path() else Path(image.build.context).name
    variable = re.sub(r"^DEPLOY_|_?(DOCKER|ECR)?_?REPOSITORY.*$", "", image.repository.strip("${}"))
    for candidate in (suffix, folder, image.build.target, variable, repository):
        called = re.sub(r"[^a-z0-9]+", "-", candidate.lower()).strip("-")
        if called and called not in taken:
            return called
    return f"{repository}-{len(taken) + 1}"


def _named_apart(own: Iterable[Job]) -> Iterator[Job]:
    """Give jobs of several files names of their own in one file, beside the names of ours."""
    taken = {"build", "publish", "suites", *ORDER}
    for job in own:
        called = job.name
        while called in taken:
            called += f"-{re.sub(r'[^A-Za-z0-9_-]+', '-', Path(job.file).stem)}"
        taken.add(called)
        _, colon, rest = job.text.partition(":")
        yield job if called == job.name else replace(job, name=called, text=f"{called}{colon}{rest}")


def _order(environments: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in ORDER if one in environments) if environments else ORDER


def _left_out(environments: Sequence[str], order: Sequence[str]) -> Iterator[str]:
    """Name the environments that a merge doesn't publish to: what today's workflows do, they may miss."""
    others = [one for one in environments if one not in {*order, "development"}]
    if others:
        yield (
            f"A merge publishes to {', then '.join(order) or 'no environment'}. Your workflows also name "
            f"{', '.join(others)}: add what belongs there to `environments.order`; the rest is published "
            "to by hand."
        )


def _suites(testing: Sequence[Job]) -> Iterator[tuple[str, str]]:
    taken: set[str] = set()
    for job in testing:
        called = re.sub(r"[^a-z0-9]+", "-", job.name.lower()).strip("-") or "test"
        while called in taken:
            called += f"-{Path(job.file).stem}"
        taken.add(called)
        commands = list(job.tests)
        if any(re.match(r"(python3? -m )?pip3? install", line) for line in commands):
            # The runner's own Python takes no packages; a workflow used to set one up.
            commands = ["python3 -m venv .venv && . .venv/bin/activate", *commands]
        yield called, "\n".join(commands)


def _by_convention(root: Path) -> Iterator[tuple[str, str]]:
    makefile = root / "Makefile"
    targets = (
        re.findall(r"^([\w-]*test[\w-]*)\s*:", makefile.read_text("utf-8", errors="replace"), re.MULTILINE)
        if makefile.is_file()
        else []
    )
    if "test" in targets:
        yield "test", "make test"
        return
    for target in dict.fromkeys(targets):
        yield target, f"make {target}"
    package = root / "package.json"
    if not targets and package.is_file():
        try:
            scripts = json.loads(package.read_text("utf-8")).get("scripts") or {}
        except (ValueError, AttributeError):
            return
        if "test" in scripts:
            yield "test", "npm ci && npm test"


def _secrets(publishing: Sequence[Job]) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Our names for what the publishing jobs use, and whether one of theirs differs."""
    used = dict.fromkeys(name for job in publishing for name in job.secrets if name != "GITHUB_TOKEN")
    found: dict[str, str] = {}
    for name in used:
        if ours := _ours(name):
            found.setdefault(ours, name)
    if not any(key.startswith("DEPLOY_AWS_") for key in found):
        found["DEPLOY_AWS_ROLE_ARN"] = "DEPLOY_AWS_ROLE_ARN"
    ordered = tuple((name, found[name]) for name in DECLARED if name in found)
    declared = {theirs for _, theirs in ordered}
    registries = {name for name in used if "REPOSITORY" in name or "ECR" in name}
    differ = any(ours != theirs for ours, theirs in ordered) or bool(registries - declared)
    return ordered, differ


def _ours(name: str) -> str:
    if name in DECLARED:
        return name
    patterns = {
        r"ACCESS_KEY_ID$": "DEPLOY_AWS_ACCESS_KEY_ID",
        r"SECRET_(ACCESS_)?KEY$": "DEPLOY_AWS_SECRET_ACCESS_KEY",
        r"ROLE(_TO_ASSUME)?(_ARN)?$": "DEPLOY_AWS_ROLE_ARN",
        r"SLACK.*WEBHOOK": "SLACK_WEBHOOK_URL",
    }
    return next((ours for pattern, ours in patterns.items() if re.search(pattern, name)), "")


def _notes(
    publishing: Sequence[Job], own: Sequence[Job], components: Sequence[Component], differ: bool
) -> Iterator[str]:
    for component in components:
        if not component.image.repository:
            yield (
                f"`{component.name}`: its workflow makes the registry's name up while it runs; set the "
                "variable DEPLOY_DOCKER_REPOSITORY in each environment to the ECR repository, without a tag."
            )
        if component.handoff == "event":
            yield (
                f"`{component.name}`: no workflow tells ECS or CodeDeploy, so `handoff: event` follows the "
                "deployment that AWS starts on the push. `handoff: deploy` lets Slipway start it."
            )
    for job in own:
        yield (
            f"{job.file}: `{job.name}` stays a job of your own, since {job.because}; "
            "the new files run it first, as it is."
        )
    if any("ACCESS_KEY" in secret for job in publishing for secret in job.secrets):
        yield "Static AWS keys are kept. DEPLOY_AWS_ROLE_ARN (OIDC) replaces them when you are ready."
    if differ:
        yield "Secrets of other names are passed under Slipway's; nothing needs to be set again."
