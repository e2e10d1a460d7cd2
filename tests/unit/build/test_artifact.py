from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from slipway.build import artifact
from slipway.build.artifact import Artifact
from slipway.errors import PublishError


def made(folder: Path) -> Artifact:
    archive = folder / "web.oci.tar"
    archive.write_bytes(b"image")
    one = Artifact(
        component="web",
        kind="application",
        commit="c" * 40,
        digest=f"sha256:{'1' * 64}",
        media_type="application/vnd.oci.image.manifest.v1+json",
        platforms=("linux/amd64",),
        archive="web.oci.tar",
        archive_sha256=artifact.sha256_of(archive),
        created="2026-11-20T12:00:00Z",
        child_digests=(f"sha256:{'2' * 64}",),
    )
    artifact.write(one, folder)
    return one


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert artifact.read(tmp_path, "web") == (one, tmp_path / "web.oci.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.json", "web.oci.tar"]


def test_no_record(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"There is no `web\.json`.*was not built"):
        artifact.read(tmp_path, "web")


def test_a_changed_archive(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "web.oci.tar").write_bytes(b"other")
    with pytest.raises(PublishError, match="is not what was built"):
        artifact.read(tmp_path, "web")


def test_a_missing_archive(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "web.oci.tar").unlink()
    with pytest.raises(PublishError, match="is not beside it"):
        artifact.read(tmp_path, "web")


def test_an_archive_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    one = made(folder)
    (tmp_path / "secret").write_bytes(b"image")
    artifact.write(dataclasses.replace(one, archive="../secret"), folder)
    with pytest.raises(PublishError, match="is not beside it"):
        artifact.read(folder, "web")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"component": "web", "more": 1})])
def test_what_is_no_record(text: str, tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text(text)
    with pytest.raises(PublishError, match="is no record of a build"):
        artifact.read(tmp_path, "web")


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with artifact.replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_what_a_killed_process_left_beside_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".file.4194305.part"  # above the kernel's largest process id
    left.write_text("half")
    with artifact.replacing(tmp_path / "file") as beside:
        beside.write_text("new")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
