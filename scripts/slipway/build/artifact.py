"""The record of what a build made; it travels between jobs beside the archive it describes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from slipway.errors import PublishError

CHUNK_BYTES = 1 << 20


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
    dirty: bool = False  # built from a working tree that differs from the commit
    recipe: str = ""  # a digest of the settings it was built by; other settings, another build
    child_digests: tuple[str, ...] = ()  # the manifests of an index; a task may report one of these


def record_of(folder: Path, component: str) -> Path:
    """Return where a component's record stands."""
    return folder / f"{component}.json"


def write(artifact: Artifact, folder: Path) -> Path:
    """Write the record whole or not at all, and return its path."""
    path = record_of(folder, artifact.component)
    with replacing(path) as beside:
        beside.write_text(json.dumps(asdict(artifact), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def read(folder: Path, component: str) -> tuple[Artifact, Path]:
    """Return a component's record and its archive, whose content is checked against the record.

    Raises PublishError when either is missing, cut short or changed.
    """
    path = record_of(folder, component)
    remedy = f"Build it: `slipway build --component {component} --output {folder}`."
    try:
        artifact = _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise PublishError(
            f"There is no `{path.name}` in `{folder}`: `{component}` was not built.", remedy=remedy
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise PublishError(f"`{path}` is no record of a build: {error}.", remedy=remedy) from error
    if artifact.component != component:
        raise PublishError(f"`{path}` is the record of `{artifact.component}`.", remedy=remedy)
    archive = folder / artifact.archive
    if archive.parent != folder or not archive.is_file():
        raise PublishError(f"`{artifact.archive}`, which `{path}` names, is not beside it.", remedy=remedy)
    found = sha256_of(archive)
    if found != artifact.archive_sha256:
        raise PublishError(
            f"`{archive}` is not what was built: its sha256 is {found}, the record says "
            f"{artifact.archive_sha256}.",
            remedy=remedy,
        )
    return artifact, archive


def _parse(document: object) -> Artifact:
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    known = {one.name for one in fields(Artifact)}
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown key `{unknown[0]}`")
    return Artifact(**values)  # type: ignore[arg-type]  # a missing key is a TypeError, which the caller reports


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content as 64 hex digits."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            total.update(chunk)
    return total.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; afterwards it takes the place of `path` in one step.

    A kill at any moment leaves the old file or the new one, never half of one. What an earlier kill left
    beside it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*.part"):
        _remove_if_dead(left)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _remove_if_dead(left: Path) -> None:
    """Remove a half-written file unless the process that it is named after is writing it now."""
    process = left.name.split(".")[-2]
    if process.isdigit() and int(process) != os.getpid():
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            pass
        except PermissionError:
            return
        else:
            return
    left.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
