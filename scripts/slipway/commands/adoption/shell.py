"""Shell lines of a workflow: which build an image, which push one, which test, which only prepare."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# Docker's own options that stand alone; every other one takes the next word.
_ALONE = {"--push", "--load", "--pull", "--no-cache", "--quiet", "-q", "--rm", "--force-rm", "--squash"}
# What Slipway does itself, or what only served that.
_OURS = re.compile(
    r"^(aws|docker|unzip|(sudo )?\./aws/|curl .*(awscli|aws-?cli)|pip3? install (--upgrade |--user )?awscli"
    r"|echo .*>>\s*[\"']?\$\{?GITHUB_|echo .*::|mkdir -p ~?/?\.aws|set -|cat .*GITHUB_)"
)
_TEST = re.compile(
    r"(^|[\s;(])(pytest|tox|nox|jest|vitest|mocha|behave|flake8|ruff|mypy|pylint|eslint|cypress"
    r"|playwright test"
    r"|make [\w-]*(test|lint|check|black|flake8|format-check|coverage)[\w-]*|black --check\b.*"
    r"|(npm|yarn|pnpm)( run)? [\w:-]*(test|lint|check)[\w:-]*"
    r"|python3? -m (pytest|unittest|tox|nox|flake8|mypy)|go test|cargo test|bundle exec rspec"
    r"|manage\.py test)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One `docker build`."""

    dockerfile: str = "Dockerfile"
    context: str = "."
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # that it tags the image with


def lines(script: str) -> Iterator[str]:
    """Split a `run:` into commands: continued lines joined, `&&` chains of docker and others parted."""
    for line in re.sub(r"\\\n\s*", " ", script).splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if "docker " in stripped and " && " in stripped:
            yield from (part.strip() for part in stripped.split(" && "))
        else:
            yield stripped


def is_ours(line: str) -> bool:
    """Whether Slipway takes the line's place: logging in, tagging, pushing, installing the AWS CLI."""
    return bool(_OURS.match(line))


def is_test(line: str) -> bool:
    """Whether the line tests or lints."""
    return bool(_TEST.search(line)) and not is_ours(line)


def build_of(line: str) -> Build | None:
    """Read a `docker build`; None for any other line."""
    words = _words(line)
    if words[:2] == ["docker", "build"]:
        words = words[2:]
    elif words[:3] == ["docker", "buildx", "build"]:
        words = words[3:]
    else:
        return None
    options, context = _options(words)
    pairs = (item.partition("=") for item in options.get("--build-arg", []))
    return Build(
        dockerfile=(options.get("-f", []) + options.get("--file", []) + [""])[0]
        or f"{context.rstrip('/')}/Dockerfile".removeprefix("./"),
        context=context,
        target=(options.get("--target") or [""])[0],
        build_args={name: value for name, separator, value in pairs if separator},
        names=tuple(options.get("-t", []) + options.get("--tag", [])),
    )


def tagged(line: str) -> tuple[str, str] | None:
    """Read a `docker tag FROM TO`."""
    words = _words(line)
    return (words[2], words[3]) if words[:2] == ["docker", "tag"] and len(words) == 4 else None  # noqa: PLR2004


def pushed(line: str) -> str:
    """Read a `docker push NAME`; empty for any other line."""
    words = [word for word in _words(line) if not word.startswith("-")]
    return words[2] if words[:2] == ["docker", "push"] and len(words) > 2 else ""  # noqa: PLR2004


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _options(words: list[str]) -> tuple[dict[str, list[str]], str]:
    options: dict[str, list[str]] = {}
    context, rest = ".", iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            context = word
        elif "=" in word:
            name, _, value = word.partition("=")
            options.setdefault(name, []).append(value)
        elif word not in _ALONE:
            options.setdefault(word, []).append(next(rest, ""))
    return options, context
