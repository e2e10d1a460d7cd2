"""What a component can be: one module per kind, found by name and imported only when it is used."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

from slipway.aws.session import Aws
from slipway.build.artifact import Artifact
from slipway.build.image import Source
from slipway.clock import Clock
from slipway.config.model import Component, Suite
from slipway.errors import UsageError
from slipway.events import Emitter
from slipway.process import Run
from slipway.rollout.vocabulary import Outcome

KINDS: Mapping[str, str] = {"application": "slipway.kinds.application"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One component that is put into one environment."""

    component: Component
    environment: str
    commit: str
    artifacts: Path | None  # the folder that `build` wrote
    digest: str  # of an image that is published already; empty for the artifact's, or the commit's tag
    until: Literal["handed-off", "published"]
    alone: bool  # by hand, to this environment only: then an earlier build of the commit may be taken
    dry_run: bool
    verify: Suite | None
    root: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a kind acts through."""

    aws: Aws
    emit: Emitter
    clock: Clock
    run: Run
    cancelled: threading.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish left in an environment."""

    digest: str
    tag: str
    outcome: Outcome


class Kind(Protocol):
    """What each module in `kinds/` gives."""

    def build(
        self, component: Component, *, source: Source, root: Path, output: Path, emit: Emitter
    ) -> Artifact:
        """Build the component once; done already for the same commit is done."""

    def publish(self, publication: Publication, tools: Tools) -> Published:
        """Put the artifact into the environment, hand off and follow to the end."""


def kind(name: str) -> Kind:
    """Return the module of one kind; raises UsageError for one that this version can't publish."""
    if name not in KINDS:
        raise UsageError(
            f"Components of kind `{name}` can't be built or published by this version of Slipway.",
            remedy=f"It knows: {', '.join(KINDS)}. Name the component to publish with `--component`.",
        )
    return cast("Kind", importlib.import_module(KINDS[name]))
