"""Faults on demand: the next calls of an operation fail in a chosen way, as AWS and networks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slipway.rehearsal.emulation.calls import Call
from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.task_definitions import LIMIT

Fault = Literal[
    "throttled",
    "error500",
    "timeout",  # never answered, nothing was done
    "timeout-before",  # the same
    "timeout-after",  # never answered, but done
    "access-denied",
    "too-many-concurrent",  # RegisterTaskDefinition's ClientException
    "dropped-before",  # the connection is cut, nothing was done
    "dropped-after",  # the connection is cut, but it was done
]
EFFECT = frozenset({"timeout-after", "dropped-after"})
THROTTLED = {"ecs": "ThrottlingException", "codedeploy": "ThrottlingException", "sts": "Throttling"}
DENIED = {
    "ecs": "AccessDeniedException",
    "codedeploy": "AccessDeniedException",
    "ecr": "AccessDeniedException",
}


@dataclass(slots=True)
class _Planned:
    service: str
    operation: str
    fault: Fault
    times: int
    skip: int


class Faults:
    """What is planned to fail. Not safe across threads: the caller holds a lock."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def inject(self, service: str, operation: str, fault: Fault, times: int = 1, skip: int = 0) -> None:
        """Let the operation fail `times` times, after `skip` calls of it went well. `*` is any operation."""
        self._planned.append(_Planned(service, operation, fault, times, skip))

    def clear(self) -> None:
        """Forget what is planned."""
        self._planned.clear()

    def take(self, call: Call) -> Fault | None:
        """The fault that this call meets, which is then used up."""
        for planned in self._planned:
            if planned.service != call.service or planned.operation not in {"*", call.operation}:
                continue
            if planned.skip > 0:
                planned.skip -= 1
                continue
            if planned.times > 0:
                planned.times -= 1
                return planned.fault
        return None


def refusal(fault: Fault, call: Call, *, account: str) -> RefusedError | None:
    """What AWS answers for the fault; None for those of the network."""
    if fault == "throttled":
        code = THROTTLED.get(call.service, "ThrottlingException")
        return RefusedError(code, "Rate exceeded", 503 if call.protocol == "rest" else 400)
    if fault == "error500":
        code = {"ecs": "ServerException", "ecr": "ServerException"}.get(call.service, "InternalFailure")
        return RefusedError(code, "Service Unavailable. Please try again later.", 500)
    if fault == "too-many-concurrent":
        return RefusedError("ClientException", LIMIT)
    if fault == "access-denied":
        who = f"arn:aws:iam::{account}:user/rehearsal"
        message = (
            f"User: {who} is not authorized to perform: {call.action} on resource: {call.resources[0]} "
            f"because no identity-based policy allows the {call.action} action"
        )
        status = 400 if call.protocol == "json" else 403
        return RefusedError(DENIED.get(call.service, "AccessDenied"), message, status)
    return None
