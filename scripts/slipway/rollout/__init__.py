"""The infrastructure replacing what runs by what was published, up to healthy or rolled back."""

from slipway.rollout.cancel import stop
from slipway.rollout.checks import Prepared, prepare
from slipway.rollout.event import follow_event
from slipway.rollout.history import roll_back
from slipway.rollout.start import roll_out
from slipway.rollout.status import Running, status
from slipway.rollout.vocabulary import Ended, Outcome, Request

__all__ = [
    "Ended",
    "Outcome",
    "Prepared",
    "Request",
    "Running",
    "follow_event",
    "prepare",
    "roll_back",
    "roll_out",
    "status",
    "stop",
]
