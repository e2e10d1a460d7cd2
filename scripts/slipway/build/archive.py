"""Reading an OCI archive: the digest under which its image is known, and what it runs on.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import ToolError

INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Manifests and configs are small; layers are not and are never read.
LARGEST_DOCUMENT_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What an OCI archive holds. `children` are the image manifests of an index, without attestations."""

    digest: str
    media_type: str
    platforms: tuple[str, ...]
    children: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None


def describe(path: Path) -> Described:
    """Read the one image of an OCI archive; members are looked at in place, nothing is unpacked.

    Raises ToolError when it is no OCI archive, holds several images, or a document isn't its digest's.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            return _describe(_Layout(archive))
    except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise ToolError(
            f"`{path.name}` is no OCI archive: {error}.", remedy="Remove it and build again."
        ) from error


class _Layout:
    """The documents of an image layout in a tar file."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {
            member.name.removeprefix("./"): member for member in archive.getmembers() if member.isreg()
        }

    def read(self, name: str) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise ValueError(f"`{name}` is missing")
        if member.size > LARGEST_DOCUMENT_BYTES:
            raise ValueError(f"`{name}` is too large for a document")
        file = self._archive.extractfile(member)
        content = file.read() if file else b""
        if len(content) != member.size:
            raise ValueError(f"`{name}` is cut short")
        return content

    def document(self, digest: str) -> dict[str, Any]:
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"`{digest}` is no sha256 digest")
        hexadecimal = digest.removeprefix("sha256:")
        content = self.read(f"blobs/sha256/{hexadecimal}")
        if hashlib.sha256(content).hexdigest() != hexadecimal:
            raise ValueError(f"the content of {digest} is another's")
        found = json.loads(content)
        if not isinstance(found, dict):
            raise TypeError(f"{digest} is no object")
        return found


def _describe(layout: _Layout) -> Described:
    manifests = json.loads(layout.read("index.json"))["manifests"]
    if len(manifests) != 1:
        raise ValueError(f"it holds {len(manifests)} images, not one")
    top = manifests[0]
    digest, media_type = str(top["digest"]), str(top["mediaType"])
    document = layout.document(digest)
    if media_type not in INDEX_TYPES:
        config = layout.document(str(document["config"]["digest"]))
        return Described(
            digest=digest,
            media_type=media_type,
            platforms=(_platform(config),),
            labels=(config.get("config") or {}).get("Labels") or {},
        )
    # BuildKit puts attestations beside the images, on the platform unknown/unknown.
    images = [one for one in document["manifests"] if one.get("platform", {}).get("os") != "unknown"]
    return Described(
        digest=digest,
        media_type=media_type,
        platforms=tuple(_platform(_platform_of(layout, one)) for one in images),
        children=tuple(str(one["digest"]) for one in images),
    )


def _platform_of(layout: _Layout, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the platform that an index's entry states, else that of the image's own configuration."""
    stated: Mapping[str, Any] | None = entry.get("platform")
    if stated:
        return stated
    manifest = layout.document(str(entry["digest"]))
    return layout.document(str(manifest["config"]["digest"]))


def _platform(found: Mapping[str, Any]) -> str:
    parts = (found["os"], found["architecture"], found.get("variant"))
    return "/".join(str(part) for part in parts if part)
