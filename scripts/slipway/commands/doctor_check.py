"""One check of `slipway doctor`, and how an error becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from slipway.errors import SlipwayError

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, how it stands, what was found, and what to change."""

    name: str
    verdict: Literal["good", "bad", "unknown"]
    detail: str = ""
    remedy: str = ""


def attempt(name: str, look: Callable[[], Found], good: str) -> tuple[Found | None, Check]:
    """Look, and return what was found with a good check, or None with a bad one that says what to do."""
    try:
        found = look()
    except SlipwayError as error:
        return None, Check(name=name, verdict="bad", detail=error.message, remedy=error.remedy)
    return found, Check(name=name, verdict="good", detail=good)
