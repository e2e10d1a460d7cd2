"""What can go wrong, one class per cause, each with its exit code and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1  # nothing left half-done
    CHANGES = 2  # `plan --detailed-exitcode` found some
    ROLLED_BACK = 3  # the old version serves
    STUCK = 4  # failed and not rolled back: a person must look
    SUPERSEDED = 5  # by a newer run
    HELD = 6  # a gate without enough evidence
    USAGE = 64  # bad usage or configuration


class SlipwayError(Exception):
    """Something a user can act on: what is wrong, and the remedy.

    `message` is one or more sentences that quote the offending value and name the place;
    `remedy` says what to do next and where to read more. Neither may hold a secret.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(SlipwayError):
    """An argument or an input that the command can't take."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a file: where it stands (line and column from 1; 0 when unknown), what to do."""

    message: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message


class ConfigurationError(SlipwayError):
    """All mistakes of one configuration, found before anything was written."""

    exit_code = Exit.USAGE

    def __init__(self, mistakes: Sequence[Mistake], *, remedy: str = "") -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes), remedy=remedy)
        self.mistakes = tuple(mistakes)


class ToolError(SlipwayError):
    """A program we run (docker, skopeo, git) is missing or failed."""


class AwsError(SlipwayError):
    """AWS refused or failed a call for good."""


class PublishError(SlipwayError):
    """An artifact could not be put where the environment takes it from; nothing was handed off."""


class RolledBackError(SlipwayError):
    """The rollout failed and the version before it serves again."""

    exit_code = Exit.ROLLED_BACK


class StuckError(SlipwayError):
    """The rollout failed and was not rolled back: a person must look."""

    exit_code = Exit.STUCK


class SupersededError(SlipwayError):
    """A newer run took over."""

    exit_code = Exit.SUPERSEDED
