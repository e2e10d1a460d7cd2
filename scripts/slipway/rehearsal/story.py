"""The rehearsal's story: build once, publish everywhere, publish again, publish a bad version, roll back."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.errors import Exit, ToolError
from slipway.rehearsal import jobs, repositories
from slipway.rehearsal.display import Display
from slipway.rehearsal.jobs import Done, Trigger
from slipway.rehearsal.repositories import Rehearsed
from slipway.rehearsal.stage import Stage
from slipway.rehearsal.traffic import Client

BAD = "the bad version"
ENVIRONMENTS = ("development", "staging", "production")
EVENT_LINE = re.compile(r"\d\d:\d\d:\d\d  |A push |  [+~=-] |::error")  # events, plans, what went wrong
SHOWN_LINES = 25  # of a job that did not end as expected
GONE_WITHIN = 30.0  # seconds for the old containers to go after the last rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that the rehearsal shows, and whether it was so."""

    claim: str
    seen: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One publish: what the job said and what CodeDeploy has recorded."""

    title: str
    environment: str
    commit: str
    done: Done
    deployment: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Told:
    """What happened, for the page and the summary."""

    name: str
    began: float
    commits: dict[str, str] = field(default_factory=dict)  # commit -> what people call it
    digests: dict[str, str] = field(default_factory=dict)  # commit -> digest that was built
    registry: dict[str, str] = field(default_factory=dict)  # environment -> digest of the good commit's tag
    rollouts: list[Rollout] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    ended: float = 0.0


class Story:
    """Plays the story on a stage; `told` has what happened, so far."""

    def __init__(
        self, stage: Stage, rehearsed: Rehearsed, *, component: str, dockerfile: str, display: Display
    ) -> None:
        self._stage = stage
        self._repository = rehearsed
        self._component = component
        self._dockerfile = dockerfile
        self._display = display
        self._root = rehearsed.root
        path = "/" if rehearsed.speaks else next(iter(stage.services.values())).health_path
        urls = {name: stage.url(name) for name in ENVIRONMENTS}
        self._client = Client(urls, path=path, speaks=rehearsed.speaks)
        self.told = Told(name=rehearsed.name, began=time.time())

    @property
    def client(self) -> Client:
        """Who asks throughout."""
        return self._client

    def play(self) -> Told:
        """Play it from the first version to the last fact. Raises SlipwayError when it can't go on."""
        try:
            self._set_the_scene()
            good = self._publish_everywhere()
            self._publish_again(good)
            self._publish_a_bad_one(good)
            self._wait_for_the_old_to_go(good)
        finally:
            self._client.stop()
            self.told.ended = time.time()
            self._display.close()
        self._count_answers()
        return self.told

    def _set_the_scene(self) -> None:
        first = repositories.git(self._root, "rev-parse", "HEAD")
        self._name(first, "the first version")
        with self._display.step("What runs today: the first version, as the infrastructure made it"):
            self._build(first)
            archive = str(self._root / "dist" / f"{self._component}.oci.tar")
            for environment in ENVIRONMENTS:
                image = self._stage.copy_image(archive, environment, "first")
                self._stage.raise_infrastructure(environment, image=image)
            for environment in ENVIRONMENTS:
                self._stage.wait_until_steady(environment)
                self._display.detail(f"{environment} answers at {self._stage.url(environment)}")
        self._client.start()
        self._display.watch(lambda: self._client.answers, lambda one: self.told.commits.get(one, one))

    def _publish_everywhere(self) -> str:
        if self._repository.speaks:
            repositories.improve_example(self._root)
        good = repositories.commit(self._root, "A new version")
        self._name(good, "the new version")
        with self._display.step(f"Build commit {good[:12]} once"):
            self._build(good)
        chosen = Trigger(event="workflow_dispatch", commit=good, environment="development")
        self._publish("development", chosen, "Publish to development, as by hand (workflow_dispatch)")
        merge = Trigger(event="push", commit=good)
        with self._display.step("Plan the merge to main"):
            planned = self._slipway(["plan"], merge, {})
            self._expect(planned, Exit.DONE, "slipway plan")
        for environment in ("staging", "production"):
            self._publish(environment, merge, f"Publish to {environment}, as on a merge to main")
        for environment in ENVIRONMENTS:
            repository = self._stage.services[environment].repository
            self.told.registry[environment] = self._stage.registry.digest_of(repository, f"sha-{good}") or ""
        built = self.told.digests[good]
        self._fact(
            "One build: every environment's registry and service have the same digest",
            f"{built[:19]}… in {', '.join(self.told.registry)}",
            set(self.told.registry.values()) == {built}
            and all(rollout.done.outputs.get("image-digest") == built for rollout in self.told.rollouts),
        )
        for rollout in self.told.rollouts:
            self._fact(
                f"{rollout.environment}: followed to healthy",
                _ended(rollout),
                rollout.done.status == Exit.DONE and rollout.done.outputs.get("outcome") == "healthy",
            )
        return good

    def _publish_again(self, good: str) -> None:
        before = self._writes()
        merge = Trigger(event="push", commit=good)
        rollout = self._publish("staging", merge, "Publish the same commit to staging again")
        wrote = self._writes() - before
        self._fact(
            "The same commit again: no build, no push, no revision, no deployment",
            f"{_ended(rollout)}, {wrote} writes",
            rollout.done.outputs.get("outcome") == "already-out" and wrote == 0,
        )

    def _publish_a_bad_one(self, good: str) -> None:
        if self._repository.speaks:
            repositories.break_example(self._root)
        else:
            repositories.break_any(self._root, self._dockerfile)
        bad = repositories.commit(self._root, "A version that is not healthy")
        self._name(bad, BAD)
        with self._display.step(f"Build commit {bad[:12]}, whose health check fails"):
            self._build(bad)
        merge = Trigger(event="push", commit=bad)
        rollout = self._publish("staging", merge, "Publish it to staging", expected=Exit.ROLLED_BACK)
        self._fact(
            "A bad version is rolled back, and the job says so (exit 3)",
            f"exit {rollout.done.status}, {rollout.done.outputs.get('outcome', 'nothing')} "
            f"in {rollout.done.seconds:.1f} s",
            rollout.done.status == Exit.ROLLED_BACK,
        )
        time.sleep(1)
        if self._repository.speaks:
            after = self._client.versions("staging", since=time.time() - 1)
            served = self._client.versions("staging")[bad]
            self._fact(
                "The old version keeps serving; nobody was answered by the bad one",
                f"{served} answers by the bad version; now {self._called(after)}",
                served == 0 and set(after) == {good},
            )

    def _wait_for_the_old_to_go(self, good: str) -> None:
        with self._display.step("Old containers go"):
            deadline = time.monotonic() + GONE_WITHIN
            wanted = len(ENVIRONMENTS)
            while len(left := self._stage.runtime.containers()) != wanted and time.monotonic() < deadline:
                time.sleep(0.2)
        self._fact(
            "Old containers are gone: one is left for each environment",
            f"{len(left)} left",
            len(left) == wanted,
        )
        if self._repository.speaks:
            seen = {name: self._client.versions(name, since=time.time() - 1) for name in ENVIRONMENTS}
            self._fact(
                "Every environment answers with the new version",
                "; ".join(f"{name}: {self._called(counted)}" for name, counted in seen.items()),
                all(set(counted) == {good} for counted in seen.values()),
            )

    def _count_answers(self) -> None:
        answers = self._client.answers
        failed = [answer for answer in answers if answer.fault]
        known = {commit for commit, name in self.told.commits.items() if not name.startswith(BAD)}
        strange = [
            one for one in answers if self._repository.speaks and not one.fault and one.version not in known
        ]
        slowest = max((answer.seconds for answer in answers), default=0.0)
        seen = f"{len(answers)} answers, {len(failed)} failed, {len(strange)} wrong"
        seen += f"; slowest {slowest * 1000:.0f} ms"
        if failed:
            seen += f"; the first: {failed[0].environment}: {failed[0].fault}"
        self._fact(
            "A client asked throughout: no answer failed or was wrong",
            seen,
            bool(answers) and not failed + strange,
        )

    def _build(self, commit: str) -> None:
        self._stage.built(commit)
        done = self._slipway(
            ["build", "--component", self._component, "--output", "dist"],
            Trigger(event="push", commit=commit),
            {},
        )
        self._expect(done, Exit.DONE, "slipway build")
        self.told.digests[commit] = done.outputs.get("image-digest", "")

    def _publish(
        self, environment: str, trigger: Trigger, title: str, *, expected: Exit = Exit.DONE
    ) -> Rollout:
        words = [
            "publish",
            "--component",
            self._component,
            "--environment",
            environment,
            "--artifacts",
            "dist",
        ]
        if not self._repository.speaks:
            words += ["--repository", self._stage.settings(environment)["DEPLOY_DOCKER_REPOSITORY"]]
        with self._display.step(title):
            done = self._slipway(words, trigger, self._stage.settings(environment))
            self._expect(done, expected, f"slipway publish --environment {environment}")
        identity = done.outputs.get("deployment-id", "")
        known = identity and done.outputs.get("outcome") != "already-out"
        rollout = Rollout(
            title=title,
            environment=environment,
            commit=trigger.commit,
            done=done,
            deployment=self._stage.deployment(identity) if known else {},
        )
        self.told.rollouts.append(rollout)
        return rollout

    def _slipway(self, words: list[str], trigger: Trigger, settings: dict[str, str]) -> Done:
        self._display.detail(f"$ slipway {' '.join(words)}")
        return jobs.run(words, root=self._root, trigger=trigger, settings=settings, show=self._show)

    def _show(self, line: str) -> None:
        """Show what a job says of its own; the builder's output and the runner's commands are in the page."""
        if EVENT_LINE.match(line):
            self._display.detail(line)

    def _expect(self, done: Done, expected: Exit, what: str) -> None:
        if done.status != expected:
            for line in done.printed.splitlines()[-SHOWN_LINES:]:
                self._display.detail(line)
            raise ToolError(f"`{what}` ended with {done.status}; the rehearsal expected {int(expected)}.")

    def _writes(self) -> int:
        writing = ("Register", "Create", "Update", "Put", "Stop")
        return sum(call.operation.startswith(writing) for call in self._stage.emulation.calls)

    def _name(self, commit: str, words: str) -> None:
        self.told.commits[commit] = f"{words} ({commit[:7]})"

    def _called(self, counted: Any) -> str:
        return ", ".join(self.told.commits.get(one, one[:12]) for one in counted) or "nobody"

    def _fact(self, claim: str, seen: str, passed: bool) -> None:
        self.told.facts.append(Fact(claim=claim, seen=seen, passed=passed))


def _ended(rollout: Rollout) -> str:
    return f"{rollout.done.outputs.get('outcome', 'nothing')} in {rollout.done.seconds:.1f} s"


def output_folder(name: str | None) -> Path:
    """Return the folder that the page and the summary go to, made where it isn't there."""
    folder = Path(name or "rehearsal").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
