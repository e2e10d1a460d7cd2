"""ECR, private and public: repositories of ours, images read from the registry that stands behind."""

from __future__ import annotations

import base64
import json
from typing import Any

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import World, page, present

LOGIN_LASTS = 12 * 3600.0  # seconds, as on AWS


def create(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:CreateRepository."""
    name = str(parameters.get("repositoryName"))
    if name in world.repositories:
        raise RefusedError(
            "RepositoryAlreadyExistsException",
            f"The repository with name '{name}' already exists in the registry "
            f"with id '{world.settings.account}'",
        )
    host = world.settings.registry_host or f"{world.settings.account}.dkr.ecr.{world.region}.amazonaws.com"
    world.repositories[name] = {
        "repositoryArn": world.arn("ecr", f"repository/{name}"),
        "registryId": world.settings.account,
        "repositoryName": name,
        "repositoryUri": f"{host}/{name}",
        "createdAt": world.now,
        "imageTagMutability": parameters.get("imageTagMutability") or "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    return {"repository": dict(world.repositories[name])}


def _repository(world: World, parameters: dict[str, Any]) -> str:
    name = str(parameters.get("repositoryName"))
    registry = parameters.get("registryId") or world.settings.account
    if name not in world.repositories or registry != world.settings.account:
        raise _absent(name, registry)
    return name


def _absent(name: str, registry: str) -> RefusedError:
    return RefusedError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def describe(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:DescribeRepositories; one that is named and not there is an error."""
    names = parameters.get("repositoryNames")
    wanted = names or list(world.repositories)
    found = [dict(world.repositories[_repository(world, {"repositoryName": name})]) for name in wanted]
    return page(found, parameters, key="repositories")


def batch_get_image(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:BatchGetImage: manifests as they are in the registry, failures for what isn't there."""
    name = _repository(world, parameters)
    images, failures = [], []
    for identity in parameters.get("imageIds") or []:
        found = _manifest(world, name, identity)
        if found is None:
            failures.append(
                {
                    "imageId": dict(identity),
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                }
            )
            continue
        body, media_type, digest = found
        images.append(
            {
                "registryId": world.settings.account,
                "repositoryName": name,
                "imageId": {**identity, "imageDigest": digest},
                "imageManifest": body.decode(),
                "imageManifestMediaType": media_type,
            }
        )
    return {"images": images, "failures": failures}


def _manifest(world: World, repository: str, identity: dict[str, str]) -> tuple[bytes, str, str] | None:
    if world.registry is None:
        return None
    digest = identity.get("imageDigest")
    if identity.get("imageTag"):
        tagged = world.registry.digest_of(repository, identity["imageTag"])
        if tagged is None or digest not in {None, tagged}:
            return None
        digest = tagged
    found = world.registry.manifest(repository, digest) if digest else None
    return (*found, digest) if found and digest else None


def _by_digest(world: World, repository: str) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    for tag in world.registry.tags(repository) if world.registry else ():
        digest = world.registry.digest_of(repository, tag) if world.registry else None
        if digest:
            tags.setdefault(digest, []).append(tag)
    return tags


def describe_images(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:DescribeImages; one that is named and not there is an error."""
    name = _repository(world, parameters)
    tags = _by_digest(world, name)
    wanted = parameters.get("imageIds") or [{"imageDigest": digest} for digest in tags]
    details = [_detail(world, name, identity, tags) for identity in wanted]
    return page(details, parameters, key="imageDetails")


def _detail(world: World, name: str, identity: dict[str, str], tags: dict[str, list[str]]) -> dict[str, Any]:
    found = _manifest(world, name, identity)
    if found is None:
        digest, tag = (identity.get(key) or "null" for key in ("imageDigest", "imageTag"))
        raise RefusedError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
            f"repository with name '{name}' in the registry with id '{world.settings.account}'",
        )
    body, media_type, digest = found
    document = json.loads(body)
    layers = document.get("layers") or []
    return present(
        {
            "registryId": world.settings.account,
            "repositoryName": name,
            "imageDigest": digest,
            "imageTags": tags.get(digest),
            "imageSizeInBytes": sum(int(layer.get("size", 0)) for layer in layers) or len(body),
            "imagePushedAt": world.now,
            "imageManifestMediaType": media_type,
            "artifactMediaType": (document.get("config") or {}).get("mediaType"),
        }
    )


def list_images(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:ListImages."""
    name = _repository(world, parameters)
    identities = [
        {"imageDigest": digest, "imageTag": tag}
        for digest, tags in _by_digest(world, name).items()
        for tag in tags
    ]
    return page(identities, parameters, key="imageIds")


def get_authorization_token(world: World, _parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr:GetAuthorizationToken: the registry's own user and password."""
    host = world.settings.registry_host or f"{world.settings.account}.dkr.ecr.{world.region}.amazonaws.com"
    scheme = "http" if host.startswith(("127.", "localhost", "[::1]")) else "https"
    login = {"authorizationToken": _login(world), "expiresAt": world.now + LOGIN_LASTS}
    return {"authorizationData": [{**login, "proxyEndpoint": f"{scheme}://{host}"}]}


def _login(world: World) -> str:
    pair = f"{world.settings.registry_user}:{world.settings.registry_password}"
    return base64.b64encode(pair.encode()).decode()


def public_token(world: World, _parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr-public:GetAuthorizationToken."""
    login = {"authorizationToken": _login(world), "expiresAt": world.now + LOGIN_LASTS}
    return {"authorizationData": login}


def public_repository(world: World, name: str) -> dict[str, Any]:
    """Make a public repository, as `describe_public` shows it."""
    host = world.settings.registry_host or f"public.ecr.aws/{world.settings.public_alias}"
    world.public_repositories[name] = {
        "repositoryArn": f"arn:aws:ecr-public::{world.settings.account}:repository/{name}",
        "registryId": world.settings.account,
        "repositoryName": name,
        "repositoryUri": f"{host}/{name}",
        "createdAt": world.now,
    }
    return world.public_repositories[name]


def describe_public(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr-public:DescribeRepositories."""
    names = parameters.get("repositoryNames") or list(world.public_repositories)
    for name in names:
        if name not in world.public_repositories:
            raise _absent(name, world.settings.account)
    return page([dict(world.public_repositories[name]) for name in names], parameters, key="repositories")


def describe_public_images(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """ecr-public:DescribeImages."""
    name = str(parameters.get("repositoryName"))
    if name not in world.public_repositories:
        raise _absent(name, world.settings.account)
    tags = _by_digest(world, name)
    wanted = parameters.get("imageIds") or [{"imageDigest": digest} for digest in tags]
    return page([_detail(world, name, each, tags) for each in wanted], parameters, key="imageDetails")
