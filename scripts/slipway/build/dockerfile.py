"""What can be said of a Dockerfile before it is built: it is there, and has the stage that is asked for."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from slipway.config.model import Image
from slipway.errors import UsageError

STAGE = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*\S+(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE | re.MULTILINE)


def check(image: Image, root: Path) -> None:
    """Raise UsageError when the Dockerfile, the context or the stage is not there."""
    dockerfile, context = root / image.dockerfile, root / image.context
    if not context.is_dir():
        raise UsageError(
            f"`image.context: {image.context}` is no folder of `{root.name}`.",
            remedy=(
                "Name the folder that the build sees, from the repository's root; a `before` command may "
                "make it."
            ),
        )
    if not dockerfile.is_file():
        raise UsageError(
            f"There is no `{image.dockerfile}` in `{root.name}`{_nearest_file(dockerfile, root)}",
            remedy="Set `image: {dockerfile: PATH}` in slipway.yml, from the repository's root.",
        )
    if image.target:
        _check_target(image, dockerfile.read_text(encoding="utf-8", errors="replace"))


def _nearest_file(dockerfile: Path, root: Path) -> str:
    names = (
        [path.name for path in dockerfile.parent.glob("*ockerfile*")] if dockerfile.parent.is_dir() else []
    )
    near = difflib.get_close_matches(dockerfile.name, sorted(names), n=1, cutoff=0.3)
    return f"; did you mean `{(dockerfile.parent / near[0]).relative_to(root)}`?" if near else "."


def _check_target(image: Image, text: str) -> None:
    target = image.target or ""
    stages = [found["name"] or "" for found in STAGE.finditer(text)]
    # A stage may also be named by its number, counted from 0. A stage's name has no case.
    if target.lower() in {name.lower() for name in stages} or (
        target.isdigit() and int(target) < len(stages)
    ):
        return
    names = [name for name in stages if name]
    near = difflib.get_close_matches(target, names, n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    has = f"has the stages {', '.join(f'`{name}`' for name in names)}" if names else "names no stages"
    raise UsageError(
        f"`image.target: {target}` is no stage: `{image.dockerfile}` {has}.{hint}",
        remedy=f"Write `FROM … AS {target}` there, or correct `target:`; without it the last stage is built.",
    )
