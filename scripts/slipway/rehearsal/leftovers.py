"""What a rehearsal leaves on a machine, and how it goes: at its end, or by the next one after a kill."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slipway import process
from slipway.rehearsal import containers

PREFIX = "slipway-rehearsal-"
RECORD = "owner.json"
YOUNG = 60.0  # seconds for which a folder without a record may be one that is being made


@dataclass(slots=True, kw_only=True)
class Record:
    """Who owns a rehearsal's folder and what it started, so that another process can end it."""

    identity: str
    pid: int
    born: int  # in the kernel's ticks since boot: a process id alone may be somebody else's by now
    began: float
    children: list[int] = field(default_factory=list)
    registry: str = ""  # host:port, before the names of the images that were pulled
    commits: list[str] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)


def new_folder() -> tuple[Path, Record]:
    """Make a private folder that another process recognises; returns it with its record."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    identity = folder.name.removeprefix(PREFIX).replace("_", "x").lower()
    record = Record(identity=identity, pid=os.getpid(), born=born(os.getpid()), began=time.time())
    write(folder, record)
    return folder, record


def write(folder: Path, record: Record) -> None:
    """Keep the record; a reader sees the old one or the new one, never half."""
    temporary = folder / f"{RECORD}.new"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.replace(folder / RECORD)


def found() -> list[tuple[Path, Record | None]]:
    """Return the folders of rehearsals on this machine that are ours to read."""
    folders = sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    return [
        (folder, _read(folder))
        for folder in folders
        if folder.is_dir() and folder.stat().st_uid == os.getuid()
    ]


def is_running(record: Record) -> bool:
    """Whether the process that made the rehearsal still lives."""
    return record.born != 0 and born(record.pid) == record.born


def sweep(*, run: process.Run = process.run) -> list[str]:
    """Remove what rehearsals left whose process was killed; returns one line for each."""
    swept = []
    for folder, record in found():
        if record is None:
            if time.time() - folder.stat().st_mtime > YOUNG:
                shutil.rmtree(folder, ignore_errors=True)
            continue
        if is_running(record):
            continue
        swept.append(remove(folder, record, run=run))
    return swept


def remove(folder: Path, record: Record, *, run: process.Run = process.run) -> str:
    """Remove all of one rehearsal: processes, containers, images, files; says what there was."""
    ended = sum(_end(pid) for pid in _processes(folder, record))
    gone = containers.sweep(record.identity, run=run)
    images = remove_images(record, run=run)
    shutil.rmtree(folder, ignore_errors=True)
    return f"rehearsal {record.identity}: {ended} processes, {gone} containers, {images} images"


def end_running() -> list[str]:
    """Ask the rehearsals that run now to end, as Ctrl-C does; returns their ids."""
    asked = []
    for _, record in found():
        if record is not None and is_running(record):
            os.kill(record.pid, signal.SIGINT)
            asked.append(record.identity)
    return asked


def remove_images(record: Record, *, run: process.Run = process.run) -> int:
    """Remove the images that a rehearsal pulled or built, and the layers that its builds left."""
    names = set()
    if record.registry:
        names |= _identities(run, f"reference={record.registry}/*/*")
    for commit in record.commits:
        names |= _identities(run, f"label=org.opencontainers.image.revision={commit}")
    layers = [_inspect(run, name) for name in names]
    if names:
        run(["docker", "image", "rm", "--force", *sorted(names)])
    _remove_intermediate(record, [each["layers"] for each in layers if each], run)
    return len(names)


def _remove_intermediate(record: Record, stacks: list[list[str]], run: process.Run) -> None:
    """Remove what the classic builder left below our images: untagged, new, its layers a part of ours."""
    dangling = _identities(run, "dangling=true", "--all")
    candidates = [each for each in (_inspect(run, name) for name in dangling) if each]
    ours = [
        each
        for each in candidates
        if each["created"] >= record.began - 1
        and any(stack[: len(each["layers"])] == each["layers"] for stack in stacks)
    ]
    for each in sorted(ours, key=lambda one: -float(one["created"])):  # children first
        run(["docker", "image", "rm", each["id"]])


def _identities(run: process.Run, condition: str, *more: str) -> set[str]:
    done = run(["docker", "image", "ls", "--quiet", "--no-trunc", *more, "--filter", condition])
    return set(done.stdout.split())


def _inspect(run: process.Run, name: str) -> dict[str, Any] | None:
    from datetime import datetime

    form = '{"id": {{json .Id}}, "created": {{json .Created}}, "layers": {{json .RootFS.Layers}}}'
    done = run(["docker", "image", "inspect", "--format", form, name])
    if done.status != 0:
        return None
    image: dict[str, Any] = json.loads(done.stdout)
    when = image["created"].partition(".")[0].removesuffix("Z")
    image["created"] = datetime.fromisoformat(f"{when}+00:00").timestamp()
    image["layers"] = image["layers"] or []
    return image


def _processes(folder: Path, record: Record) -> list[int]:
    """Find what a rehearsal left running: children that it noted, and jobs, which work in its folder."""
    mine = []
    for place in Path("/proc").glob("[0-9]*"):
        pid = int(place.name)
        try:
            # A child's command line names the folder: its number alone may be somebody else's by now.
            noted = pid in record.children and os.fsencode(folder) in (place / "cmdline").read_bytes()
            works_there = (place / "cwd").readlink().is_relative_to(folder)
        except OSError:  # it is gone, or not ours
            continue
        if (noted or works_there) and pid != os.getpid():
            mine.append(pid)
    return mine


def _end(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def born(pid: int) -> int:
    """When a process began, in ticks since boot; 0 when there is none (or no /proc)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name stands in brackets and may hold anything; the 22nd field is the 20th after it.
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def _read(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        return None
