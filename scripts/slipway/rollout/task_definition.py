"""The task definition that takes a new image: pure, and nothing but the image changes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.errors import SlipwayError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def with_image(
    body: Mapping[str, Any], *, repository: str, digest: str, container_name: str | None = None
) -> dict[str, Any]:
    """Return `body` with `repository@digest` on `container_name`, or on each container of `repository`.

    Everything else is the same object, in the same order. Raises SlipwayError naming the containers that are
    there when none fits.
    """
    chosen = targets(body, repository=repository, container_name=container_name)
    image = f"{repository}@{digest}"
    containers = [
        {**container, "image": image} if container.get("name") in chosen else container
        for container in body.get("containerDefinitions", [])
    ]
    return {**body, "containerDefinitions": containers}


def targets(
    body: Mapping[str, Any], *, repository: str, container_name: str | None = None
) -> tuple[str, ...]:
    """Return the names of the containers that take the image.

    Raises SlipwayError naming the containers that are there when none fits.
    """
    images = images_of(body)
    if container_name is not None:
        if container_name in images:
            return (container_name,)
        raise SlipwayError(
            f"The task definition `{body.get('family', '')}` has no container named `{container_name}`; "
            f"it has {names(images)}.{nearest(container_name, images)}",
            remedy="Set `container-name` to the container that runs this image.",
        )
    found = tuple(name for name, image in images.items() if repository_of(image) == repository)
    if found:
        return found
    listed = ", ".join(f"`{name}` ({repository_of(image)})" for name, image in images.items())
    raise SlipwayError(
        f"No container of the task definition `{body.get('family', '')}` runs `{repository}`; "
        f"it has {listed}.{nearest(repository, [repository_of(image) for image in images.values()])}",
        remedy="Set `container-name` to the container that takes this image, or correct `repository`.",
    )


def images_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return container name → image."""
    return {str(c.get("name", "")): str(c.get("image", "")) for c in body.get("containerDefinitions", [])}


def repository_of(image: str) -> str:
    """Return an image's repository, without tag and digest; a registry's port is no tag."""
    name = image.partition("@")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def digest_of(image: str) -> str:
    """Return the digest that an image is pinned to; empty when it isn't."""
    found = image.partition("@")[2]
    return found if DIGEST.fullmatch(found) else ""


def platform_of(body: Mapping[str, Any]) -> str:
    """Return the platform that the tasks need, such as `linux/arm64`; ECS's default is X86_64 on Linux."""
    platform = body.get("runtimePlatform") or {}
    architecture = str(platform.get("cpuArchitecture") or "X86_64")
    family = str(platform.get("operatingSystemFamily") or "LINUX")
    return f"{'windows' if family.startswith('WINDOWS') else 'linux'}/{_architecture(architecture)}"


def nearest(word: str, there: Iterable[str]) -> str:
    """Return " Did you mean `…`?" for the nearest of what is there, or nothing."""
    found = difflib.get_close_matches(word, list(there), n=1, cutoff=0.6)
    return f" Did you mean `{found[0]}`?" if found else ""


def names(there: Iterable[str]) -> str:
    """Return the names as a readable list."""
    return ", ".join(f"`{name}`" for name in there) or "none"


def _architecture(name: str) -> str:
    return {"ARM64": "arm64", "X86_64": "amd64"}.get(name, name.lower())
