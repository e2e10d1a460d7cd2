"""Build with the real engine, publish to a real registry: one digest, no second build, no secret left."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rehearsal import registry_of_tests
from rehearsal.registry_of_tests import PASSWORD, Aws, Ecr
from slipway import process
from slipway.build import artifact, cache, image, registry, source
from slipway.config.model import Component, Image
from slipway.errors import PublishError, ToolError, UsageError
from slipway.events import Emitter, Event
from slipway.process import Finished

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("docker") or not shutil.which("skopeo"), reason="needs docker and skopeo"
    ),
    pytest.mark.xdist_group("the engine's layers"),  # it looks at what the engine holds
]
DOCKERFILE = """\
FROM scratch AS slow
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox date -u +%s > /built"]
FROM slow AS production
COPY message /message
CMD ["/bin/busybox", "cat", "/message"]
"""
WEB = Component(name="web", kind="application", image=Image(target="production"))


class Recorded:
    """Runs programs and keeps their argument vectors."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        stream: bool = False,
    ) -> Finished:
        self.commands.append(list(command))
        return process.run(command, cwd=cwd, env=env, stdin=stdin, stream=stream)

    def of(self, *words: str) -> list[list[str]]:
        return [command for command in self.commands if command[: len(words)] == list(words)]


@pytest.fixture(scope="module")
def busybox() -> Path:
    found = shutil.which("busybox")
    if not found:
        pytest.skip("needs busybox-static")
    return Path(found)


@pytest.fixture
def repository(tmp_path: Path, busybox: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    shutil.copy(busybox, root / "busybox")
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / "message").write_text("one")
    (root / ".gitignore").write_text("generated\n")
    git(root, "init", "--quiet")
    commit(root, "one")
    return root


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with registry_of_tests.registry(tmp_path / "registry") as address:
        yield address


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True)


def commit(root: Path, message: str) -> None:
    (root / "message").write_text(message)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def emitter(events: list[Event]) -> Emitter:
    return Emitter(stream=events.append, now=lambda: 0.0, component="web", environment="")


def build(
    root: Path,
    output: Path,
    component: Component = WEB,
    *,
    run: process.Run = process.run,
    events: list[Event] | None = None,
    cache_from: tuple[str, ...] = (),
) -> artifact.Artifact:
    found = dataclasses.replace(source.read(root, environ={}, output=output), cache_from=cache_from)
    return image.build(
        component,
        root=root,
        output=output,
        source=found,
        run=run,
        emit=emitter([] if events is None else events),
        environ=os.environ,
    )


def publish(
    aws: Any,
    where: str,
    made: artifact.Artifact,
    archive: Path,
    *,
    tags: tuple[str, ...] = (),
    run: Any = None,
) -> list[tuple[str, str, str]]:
    events: list[Event] = []
    presence = registry.inspect(aws, where, digest=made.digest, tag=f"sha-{made.commit}", tags=tags)
    registry.push(
        aws,
        archive,
        presence,
        run=run or process.run,
        emit=emitter(events),
        environ={"RUNNER_TEMP": str(archive.parent)},
    )
    return [(event.stage, event.status, event.detail) for event in events]


def build_images() -> set[str]:
    listed = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"],
        check=True,
        capture_output=True,
        text=True,
    )
    own = f"-{os.getpid()}"  # other tests build at the same time
    return {
        line
        for line in listed.stdout.splitlines()
        if line.startswith("slipway-cache/") or (line.startswith("slipway-build/") and line.endswith(own))
    }


def test_one_build_has_one_digest_in_two_repositories(repository: Path, tmp_path: Path, host: str) -> None:
    output = tmp_path / "output"
    made = build(repository, output)
    assert artifact.read(output, "web") == (made, output / "web.oci.tar")
    assert sorted(path.name for path in output.iterdir()) == ["web.json", "web.oci.tar"]
    assert build_images() == set()

    ecr = Ecr(host, {"staging": "IMMUTABLE", "production": "MUTABLE"})
    run = Recorded()
    publish(Aws(ecr), f"{host}/staging", made, output / "web.oci.tar", run=run)
    publish(Aws(ecr), f"{host}/production", made, output / "web.oci.tar", tags=("latest",), run=run)

    tag = f"sha-{made.commit}"
    for name, reference in (("staging", tag), ("production", tag), ("production", "latest")):
        with registry_of_tests.ask(host, f"/v2/{name}/manifests/{reference}") as answer:
            assert answer.headers["Docker-Content-Digest"] == made.digest
    # No password in an argument, in a file that stays, or in the record.
    assert not any(PASSWORD in word for command in run.commands for word in command)
    assert sorted(path.name for path in output.iterdir()) == ["web.json", "web.oci.tar"]
    assert PASSWORD not in (output / "web.json").read_text()


def test_labels_and_platform_are_those_of_the_commit(repository: Path, tmp_path: Path) -> None:
    made = build(repository, tmp_path / "output")
    described = image.archive.describe(tmp_path / "output" / "web.oci.tar")
    assert (described.labels, described.platforms) == (
        {
            "org.opencontainers.image.revision": made.commit,
            "org.opencontainers.image.created": made.created,
        },
        made.platforms,
    )


def test_a_re_run_does_nothing(repository: Path, tmp_path: Path, host: str) -> None:
    output, run, events = tmp_path / "output", Recorded(), list[Event]()
    made = build(repository, output)
    assert build(repository, output, run=run, events=events) == made
    assert (run.commands, [event.detail for event in events]) == ([], [f"already built: {made.digest}"])

    ecr = Ecr(host, {"web": "IMMUTABLE"})
    publish(Aws(ecr), f"{host}/web", made, output / "web.oci.tar")
    ecr.calls.clear()
    told = publish(Aws(ecr), f"{host}/web", made, output / "web.oci.tar", run=run)
    assert told == [("push", "skipped", f"sha-{made.commit} is there already")]
    assert (ecr.calls, run.commands) == (["DescribeRepositories", "BatchGetImage"], [])


def test_a_tag_that_is_another_image_is_an_error(repository: Path, tmp_path: Path, host: str) -> None:
    first = build(repository, tmp_path / "first")
    other = build(repository, tmp_path / "second", dataclasses.replace(WEB, image=Image(target="slow")))
    aws = Aws(Ecr(host, {"web": "MUTABLE"}))
    publish(aws, f"{host}/web", first, tmp_path / "first" / "web.oci.tar")
    with pytest.raises(PublishError) as refused:
        publish(aws, f"{host}/web", other, tmp_path / "second" / "web.oci.tar")
    assert refused.value.message == (
        f"`{host}/web:sha-{first.commit}` is there already, as another image: {first.digest}. "
        f"This build made {other.digest}."
    )
    assert f"slipway publish --image-digest {first.digest}" in refused.value.remedy


def test_a_race_with_a_run_that_pushed_the_same_is_fine(repository: Path, tmp_path: Path, host: str) -> None:
    made = build(repository, tmp_path / "output")
    archive = tmp_path / "output" / "web.oci.tar"
    aws = Aws(Ecr(host, {"web": "IMMUTABLE"}))
    seen = registry.inspect(aws, f"{host}/web", digest=made.digest, tag=f"sha-{made.commit}")
    publish(aws, f"{host}/web", made, archive)

    def refusing(command: Sequence[str], **_: Any) -> Finished:
        return Finished(
            status=1, stdout="", stderr="tag invalid: the tag is immutable and can't be overwritten"
        )

    events: list[Event] = []
    registry.push(aws, archive, seen, run=refusing, emit=emitter(events), environ={})
    assert [event.status for event in events] == ["started", "succeeded"]


def test_a_commit_that_is_published_is_taken_instead_of_built(
    repository: Path, tmp_path: Path, host: str
) -> None:
    made = build(repository, tmp_path / "first")
    aws: Any = Aws(Ecr(host, {"web": "MUTABLE"}))
    publish(aws, f"{host}/web", made, tmp_path / "first" / "web.oci.tar")
    facts = source.read(repository, environ={})
    found = cache.find(aws, f"{host}/web", facts)
    assert found is not None
    taken = cache.take(aws, found, WEB, output=tmp_path / "second", source=facts, environ={})
    assert taken == dataclasses.replace(made, archive_sha256=taken.archive_sha256)
    assert build(repository, tmp_path / "second") == taken


def test_the_image_published_last_gives_layers_to_the_engines_builder(
    repository: Path, tmp_path: Path, host: str
) -> None:
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        pytest.skip("BuildKit takes no layers from an image without its own record; see build/cache.py")
    # A step that no other test has cached, so that only the published image can give its layer.
    text = DOCKERFILE.replace(
        "date -u +%s > /built", f"echo {tmp_path}-{os.getpid()}; /bin/busybox date -u > /built"
    )
    (repository / "Dockerfile").write_text(text)
    commit(repository, "first")
    first = build(repository, tmp_path / "first")
    aws: Any = Aws(Ecr(host, {"web": "MUTABLE"}))
    publish(aws, f"{host}/web", first, tmp_path / "first" / "web.oci.tar")
    forget_layers(str(tmp_path))
    commit(repository, "second")

    facts = source.read(repository, environ={})
    found = cache.find(aws, f"{host}/web", facts)
    assert found is not None
    with cache.layers(aws, found, environ={"RUNNER_TEMP": str(tmp_path)}) as names:
        second = build(repository, tmp_path / "second", cache_from=names)
    assert len(names) == 1
    assert shared_layers(tmp_path / "first" / "web.oci.tar", tmp_path / "second" / "web.oci.tar") == 2
    assert second.digest != first.digest
    assert build_images() == set()

    forget_layers(str(tmp_path))
    build(repository, tmp_path / "without")
    assert shared_layers(tmp_path / "first" / "web.oci.tar", tmp_path / "without" / "web.oci.tar") == 1


def forget_layers(words: str) -> None:
    """Remove the intermediate images of a build, found by a word in one of its steps."""
    listed = subprocess.run(
        ["docker", "images", "--all", "--quiet", "--no-trunc", "--filter", "dangling=true"],
        check=True,
        capture_output=True,
        text=True,
    )
    for one in listed.stdout.split():
        history = subprocess.run(
            ["docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", one],
            check=False,
            capture_output=True,
            text=True,
        )
        if words in history.stdout:
            subprocess.run(["docker", "image", "rm", "--force", one], check=False, capture_output=True)


def shared_layers(one: Path, other: Path) -> int:
    """Count the layers that two archives have in common."""
    import tarfile

    def layers(path: Path) -> list[str]:
        with tarfile.open(path) as file:

            def document(name: str) -> Any:
                member = file.extractfile(name)
                assert member
                return json.loads(member.read())

            digest = document("index.json")["manifests"][0]["digest"].replace("sha256:", "blobs/sha256/")
            return [layer["digest"] for layer in document(digest)["layers"]]

    return len(set(layers(one)) & set(layers(other)))


def test_a_dirty_tree_is_built_again(repository: Path, tmp_path: Path) -> None:
    first = build(repository, tmp_path / "output")
    (repository / "message").write_text("changed by hand")
    again = build(repository, tmp_path / "output")
    assert (first.dirty, again.dirty, first.digest == again.digest) == (False, True, False)


def test_before_runs_once_with_the_components_name(repository: Path, tmp_path: Path) -> None:
    component = dataclasses.replace(
        WEB, before='echo "$SLIPWAY_COMPONENT ${SLIPWAY_COMMIT:0:4}" >> generated'
    )
    made = build(repository, tmp_path / "output", component)
    build(repository, tmp_path / "output", component)
    assert (repository / "generated").read_text() == f"web {made.commit[:4]}\n"


@pytest.mark.parametrize(
    ("component", "expected", "error"),
    [
        (
            Component(name="web", kind="application", image=Image(dockerfile="dockerfile.web")),
            "There is no `dockerfile.web` in `repository`; did you mean `Dockerfile`?",
            UsageError,
        ),
        (
            Component(name="web", kind="application", image=Image(target="prodction")),
            (
                "`image.target: prodction` is no stage: `Dockerfile` has the stages `slow`, `production`. "
                "Did you mean `production`?"
            ),
            UsageError,
        ),
        (
            Component(name="web", kind="application", before="echo why; exit 3"),
            "`before: echo why; exit 3` ended with status 3:\nwhy",
            ToolError,
        ),
    ],
)
def test_each_mistake_is_one_clear_error(
    component: Component, expected: str, error: type[Exception], repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(error) as raised:
        build(repository, tmp_path / "output", component)
    assert getattr(raised.value, "message", "") == expected
    assert not (tmp_path / "output" / "web.oci.tar").exists()


def test_a_build_that_fails_shows_its_last_lines(repository: Path, tmp_path: Path) -> None:
    (repository / "Dockerfile").write_text(
        DOCKERFILE + 'RUN ["/bin/busybox", "sh", "-c", "echo because; exit 7"]\n'
    )
    commit(repository, "broken")
    with pytest.raises(ToolError) as failed:
        build(repository, tmp_path / "output")
    assert "because" in failed.value.message
    assert list((tmp_path / "output").iterdir()) == []
    assert build_images() == set()


def test_several_platforms_say_what_to_set_up(repository: Path, tmp_path: Path) -> None:
    component = Component(
        name="web",
        kind="application",
        image=Image(platforms=("linux/amd64", "linux/arm64"), target="production"),
    )
    with pytest.raises(ToolError) as refused:
        build(repository, tmp_path / "output", component)
    assert "docker buildx create --use --driver docker-container" in refused.value.remedy


def test_a_killed_build_leaves_no_half_written_archive(repository: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    first = build(repository, output)

    def killed(command: Sequence[str], **options: Any) -> Finished:
        if command[:2] == ["skopeo", "copy"]:
            Path(command[-1].removeprefix("oci-archive:")).write_bytes(b"half")
            raise KeyboardInterrupt
        return process.run(command, **options)

    commit(repository, "two")
    with pytest.raises(KeyboardInterrupt):
        build(repository, output, run=killed)
    assert artifact.read(output, "web")[0] == first
    assert sorted(path.name for path in output.iterdir()) == ["web.json", "web.oci.tar"]
    assert build_images() == set()
