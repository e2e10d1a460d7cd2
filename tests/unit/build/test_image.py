from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.build import image, source
from slipway.build.source import Source
from slipway.config.model import Component, Image
from slipway.errors import ToolError
from slipway.events import Emitter, Event
from slipway.process import Finished
from unit.build.test_archive import MANIFEST, Layout

SOURCE = Source(commit="c" * 40, created=1795176000)
WEB = Component(name="web", kind="application", before="make assets")
ENVIRON = {
    "PATH": "/bin",
    "DEPLOY_AWS_SECRET_ACCESS_KEY": "planted",
    "SLACK_BOT_TOKEN": "planted",
    "NPM": "kept",
}


class Machine:
    """Docker, skopeo and bash that succeed, but for what `failing` names by its first words."""

    def __init__(self, *, buildx: bool = False, failing: str = "", said: str = "") -> None:
        self.buildx, self.failing, self.said = buildx, failing, said
        self.commands: list[str] = []
        self.environs: list[Any] = []

    def __call__(self, command: Sequence[str], *, env: Any = None, **_: Any) -> Finished:
        line = " ".join(command)
        self.commands.append(line)
        self.environs.append(env)
        if (self.failing and line.startswith(self.failing)) or (
            line == "docker buildx version" and not self.buildx
        ):
            return Finished(status=1, stdout="", stderr=self.said)
        if command[0] == "skopeo":
            layout = Layout()
            layout.write(
                Path(command[-1].removeprefix("oci-archive:")),
                {"digest": layout.image("amd64"), "mediaType": MANIFEST},
            )
        return Finished(status=0, stdout="20.10", stderr="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def build(root: Path, machine: Any, component: Component = WEB, facts: Source = SOURCE) -> list[str]:
    events: list[Event] = []
    image.build(
        component,
        root=root,
        output=root / "output",
        source=facts,
        run=machine,
        emit=Emitter(stream=events.append, now=lambda: 0.0, component="web", environment=""),
        environ=ENVIRON,
    )
    return [event.status for event in events]


def test_before_then_build_save_convert_and_tidy_up(root: Path) -> None:
    machine = Machine()
    assert build(root, machine) == ["started", "succeeded"]
    verbs = [" ".join(line.split()[:3]) for line in machine.commands]
    assert verbs == [
        "docker version --format",
        "docker buildx version",
        "bash -euo pipefail",
        "docker build --force-rm",
        "docker save --output",
        "skopeo copy --quiet",
        "docker image inspect",
        "docker image rm",
    ]
    given = machine.environs[2]
    assert given == {
        "PATH": "/bin",
        "NPM": "kept",
        "SOURCE_DATE_EPOCH": "1795176000",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDKIT_PROGRESS": "plain",
        "SLIPWAY_COMPONENT": "web",
        "SLIPWAY_COMMIT": "c" * 40,
    }
    assert "planted" not in str(machine.environs) + str(machine.commands)
    record = json.loads((root / "output" / "web.json").read_text())
    assert (record["commit"], record["platforms"], record["created"]) == (
        "c" * 40,
        ["linux/amd64"],
        "2026-11-20T12:00:00Z",
    )


def test_the_same_commit_is_not_built_twice_but_other_settings_are(root: Path) -> None:
    build(root, Machine())
    again, other = Machine(), Machine()
    assert (build(root, again), again.commands) == (["skipped"], [])
    changed = Component(
        name="web", kind="application", before="make assets", image=Image(build_args={"A": "1"})
    )
    assert build(root, other, changed) == ["started", "succeeded"]


def test_an_archive_that_was_cut_short_is_built_again(root: Path) -> None:
    build(root, Machine())
    (root / "output" / "web.oci.tar").write_bytes(b"half")
    assert build(root, Machine()) == ["started", "succeeded"]


@pytest.mark.parametrize(
    ("failing", "said", "message", "remedy"),
    [
        ("docker version", "Cannot connect", "No Docker engine answers: Cannot connect.", "Start it"),
        (
            "docker build ",
            "the --mount option requires BuildKit.",
            (
                "The image of `web` could not be built (`Dockerfile`, status 1); its last lines:\n"
                "the --mount option requires BuildKit."
            ),
            "This Dockerfile needs BuildKit: install the buildx plugin",
        ),
        (
            "skopeo copy",
            "no space left on device",
            (
                "Could not make an OCI archive of the image: `skopeo copy` ended with status 1:\n"
                "no space left on device"
            ),
            "The disk is full",
        ),
    ],
)
def test_each_failure_is_one_clear_error(
    failing: str, said: str, message: str, remedy: str, root: Path
) -> None:
    with pytest.raises(ToolError) as raised:
        build(root, Machine(failing=failing, said=said))
    assert (raised.value.message, raised.value.remedy.startswith(remedy)) == (message, True)
    assert not (root / "output" / "web.oci.tar").exists()


def test_git_says_what_a_build_starts_from(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        environ = {
            "PATH": "/usr/bin:/bin",
            "GIT_COMMITTER_DATE": "2026-11-20T12:00:00Z",
            "HOME": str(tmp_path),
        }
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, env=environ)

    git("init", "--quiet")
    for message in ("one", "two"):
        git("commit", "--quiet", "--allow-empty", "--message", message)
    git("remote", "add", "origin", "https://user:planted@github.com/owner/name.git")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "web.json").write_text("{}")
    found = source.read(tmp_path, environ={}, output=tmp_path / "dist")
    assert (found.created_iso, found.url, found.dirty, len(found.ancestors)) == (
        "2026-11-20T12:00:00Z",
        "https://github.com/owner/name.git",
        False,
        1,
    )
    (tmp_path / "new").write_text("")
    assert (
        source.read(tmp_path, environ={"GITHUB_REPOSITORY": "owner/name"}).url
        == "https://github.com/owner/name"
    )
    assert source.read(tmp_path, environ={}, output=tmp_path / "dist").dirty is True


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="`git log` failed"):
        source.read(tmp_path, environ={"GIT_CEILING_DIRECTORIES": str(tmp_path)})
