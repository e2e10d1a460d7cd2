"""One rollout under way: what its parts share."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from slipway.aws.session import Aws
from slipway.clock import Clock
from slipway.events import Emitter
from slipway.rollout.controller import Controller
from slipway.rollout.service import Service
from slipway.rollout.vocabulary import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A rollout of `request` to `service`, with its collaborators. `deadline` is in seconds since 1970."""

    request: Request
    aws: Aws
    service: Service
    controller: Controller
    emit: Emitter
    clock: Clock
    cancelled: threading.Event
    deadline: float
