from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from slipway.build import archive
from slipway.build.archive import Described
from slipway.errors import ToolError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Layout:
    """Collects the documents of an image layout and writes them as a tar file."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def add(self, document: Any) -> str:
        content = json.dumps(document).encode()
        hexadecimal = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{hexadecimal}"] = content
        return f"sha256:{hexadecimal}"

    def image(self, architecture: str, **labels: str) -> str:
        config = self.add({"os": "linux", "architecture": architecture, "config": {"Labels": labels}})
        return self.add({"config": {"digest": config}, "layers": []})

    def write(self, path: Path, *tops: dict[str, Any]) -> Path:
        self.files["index.json"] = json.dumps({"manifests": list(tops)}).encode()
        with tarfile.open(path, "w") as file:
            for name, content in self.files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
        return path


def test_one_image(tmp_path: Path) -> None:
    layout = Layout()
    digest = layout.image("amd64", key="value")
    path = layout.write(tmp_path / "x.tar", {"digest": digest, "mediaType": MANIFEST})
    assert archive.describe(path) == Described(
        digest=digest, media_type=MANIFEST, platforms=("linux/amd64",), labels={"key": "value"}
    )


def test_an_index_without_its_attestations(tmp_path: Path) -> None:
    layout = Layout()
    one, two, proof = layout.image("amd64"), layout.image("arm64"), layout.image("unknown")
    index = layout.add(
        {
            "manifests": [
                {"digest": one, "platform": {"os": "linux", "architecture": "amd64"}},
                {"digest": two, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
                {"digest": proof, "platform": {"os": "unknown", "architecture": "unknown"}},
            ]
        }
    )
    path = layout.write(tmp_path / "x.tar", {"digest": index, "mediaType": INDEX})
    assert archive.describe(path) == Described(
        digest=index, media_type=INDEX, platforms=("linux/amd64", "linux/arm64/v8"), children=(one, two)
    )


def test_several_images_are_refused(tmp_path: Path) -> None:
    layout = Layout()
    top = {"digest": layout.image("amd64"), "mediaType": MANIFEST}
    with pytest.raises(ToolError, match="it holds 2 images, not one"):
        archive.describe(layout.write(tmp_path / "x.tar", top, top))


def test_a_document_that_is_not_its_digests(tmp_path: Path) -> None:
    layout = Layout()
    digest = layout.image("amd64")
    layout.files[f"blobs/sha256/{digest.removeprefix('sha256:')}"] = b"{}"
    with pytest.raises(ToolError, match=r"the content of sha256:.* is another's"):
        archive.describe(layout.write(tmp_path / "x.tar", {"digest": digest, "mediaType": MANIFEST}))


def test_a_digest_is_no_path(tmp_path: Path) -> None:
    path = Layout().write(tmp_path / "x.tar", {"digest": "sha256:../../index.json", "mediaType": MANIFEST})
    with pytest.raises(ToolError, match="is no sha256 digest"):
        archive.describe(path)


@pytest.mark.parametrize("content", [b"", b"half", b"\0" * 1024])
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(ToolError, match=r"`x\.tar` is no OCI archive"):
        archive.describe(path)
