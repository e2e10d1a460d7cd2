"""The record of what a build made; it travels between jobs beside the archive it describes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a build made, named by its content digest.

    `digest` is `sha256:<64 hex>` of the image's manifest (or index), the name under which every
    environment deploys it; `archive` is the file's name beside the record, `archive_sha256` its content.
    """

    component: str
    kind: str
    commit: str
    digest: str
    media_type: str
    platforms: tuple[str, ...]
    archive: str
    archive_sha256: str
    created: str  # ISO 8601, the commit's time
