"""Amazon ECR, private and public: which repository is meant, what is in it, and the password to push."""

from __future__ import annotations

import base64
import difflib
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from slipway.aws.refusals import DENIALS, calling, code_of
from slipway.aws.session import Aws, error_code
from slipway.errors import AwsError, PublishError, UsageError

PRIVATE = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
)
PUBLIC_HOST = "public.ecr.aws"
PUBLIC_REGION = "us-east-1"  # the only one that answers for public repositories' administration
# The registry specification's names: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
HOST = re.compile(
    r"(?:localhost|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::\d+)?|[A-Za-z0-9-]+:\d+"
)
# Without these ECR answers with a manifest converted to an older type, whose digest is another.
MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository in a registry: `host`/`name`. `account` and `region` are known from a private ECR host."""

    host: str
    name: str
    kind: Literal["private", "public", "other"]
    account: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"

    @property
    def api_name(self) -> str:
        """The name that the ECR API knows: a public repository's without the alias."""
        return self.name.partition("/")[2] if self.kind == "public" else self.name

    @property
    def loopback(self) -> bool:
        """Whether the registry is on this machine, and so plain HTTP, as for Docker itself."""
        address = (
            self.host[1:].partition("]")[0] if self.host.startswith("[") else self.host.partition(":")[0]
        )
        return address in {"localhost", "::1"} or address.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a repository allows; `exclusions` are patterns of tags for which the opposite holds."""

    immutable: bool = False
    exclusions: tuple[str, ...] = ()

    def fixed(self, tag: str) -> bool:
        """Whether `tag`, once there, can't be moved."""
        return self.immutable != any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.exclusions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A registry's user name and password."""

    user: str
    password: str = field(repr=False)


def parse(text: str) -> Repository:
    """Read a `repository:` setting. Raises UsageError for a tag, a digest, a URL, or a name that can't be."""
    remedy = (
        "Write it without scheme, tag and digest, such as "
        "`123456789012.dkr.ecr.eu-west-2.amazonaws.com/web` or "
        "`public.ecr.aws/alias/web`."
    )
    host, _, name = text.partition("/")
    if "://" in text:
        raise UsageError(f"`repository: {text}` has a scheme.", remedy=remedy)
    if "@" in text:
        raise UsageError(f"`repository: {text}` has a digest: Slipway adds the one it built.", remedy=remedy)
    if ":" in name:
        raise UsageError(f"`repository: {text}` has a tag: Slipway adds `sha-<commit>`.", remedy=remedy)
    if not HOST.fullmatch(host) or not name:
        raise UsageError(f"`repository: {text}` names no registry.", remedy=remedy)
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`repository: {text}`: `{name}` is no repository's name (lower-case letters, digits, `.`, "
            "`_`, `-`, `/`).",
            remedy=remedy,
        )
    if host == PUBLIC_HOST:
        if "/" not in name:
            raise UsageError(f"`repository: {text}` lacks the registry's alias or the name.", remedy=remedy)
        return Repository(host=host, name=name, kind="public", region=PUBLIC_REGION)
    if found := PRIVATE.fullmatch(host):
        return Repository(
            host=host, name=name, kind="private", account=found["account"], region=found["region"]
        )
    return Repository(host=host, name=name, kind="other")


def region_in(repository: str) -> str:
    """Return the region that a private ECR repository's host names; empty for anything else."""
    found = PRIVATE.fullmatch(repository.partition("/")[0])
    return found["region"] if found else ""


def settings(aws: Aws, repository: Repository) -> Settings:
    """Look the repository up (DescribeRepositories).

    Raises PublishError when it is not there, naming what is nearest; AwsError when we may not look.
    """
    client = _client(aws, repository)
    doing = f"find the repository `{repository}`"
    try:
        with calling(doing):
            answer = client.describe_repositories(
                repositoryNames=[repository.api_name], **_registry(repository)
            )
    except AwsError as error:
        if code_of(error) != "RepositoryNotFoundException":
            raise
        raise _missing(client, aws, repository) from error
    found = answer["repositories"][0]
    mutability = str(found.get("imageTagMutability", "MUTABLE"))
    exclusions = found.get("imageTagMutabilityExclusionFilters", ())
    return Settings(
        immutable=mutability.startswith("IMMUTABLE"),
        exclusions=tuple(str(one["filter"]) for one in exclusions),
    )


def _missing(client: Any, aws: Aws, repository: Repository) -> PublishError:
    """Say what is wrong with the name, with the nearest names where we may list them."""
    account = repository.account or "the account of the credentials"
    region = repository.region or aws.region
    near = _near(client, repository)
    hint = f" Did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""
    create = "ecr-public" if repository.kind == "public" else "ecr"
    return PublishError(
        f"There is no repository `{repository.api_name}` in ECR, in {account} in {region}.{hint}",
        remedy=(
            "Correct `repository:` (account, region and name count), or have the infrastructure create it: "
            f"`aws {create} create-repository --repository-name {repository.api_name} --region {region}`. "
            "Slipway never creates one."
        ),
    )


def _near(client: Any, repository: Repository) -> list[str]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:  # a courtesy: whoever may not list gets the error without it
        answer = client.describe_repositories(maxResults=1000, **_registry(repository))
    except (BotoCoreError, ClientError):
        return []
    names = [str(one["repositoryName"]) for one in answer["repositories"]]
    return difflib.get_close_matches(repository.api_name, names, n=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What a repository has of what was asked for: `tags` is tag -> digest."""

    tags: Mapping[str, str]
    has_digest: bool = False


def digests(aws: Aws, repository: Repository, tags: Sequence[str], *, digest: str = "") -> Images:
    """Return which of `tags` are there, and whether `digest` is: one BatchGetImage for up to 100.

    Public ECR has no such call: there each is asked for by DescribeImages.
    """
    wanted = [{"imageTag": tag} for tag in tags] + ([{"imageDigest": digest}] if digest else [])
    if repository.kind == "public":
        found = _public_images(aws, repository, wanted)
    else:
        with calling(f"read which images are in `{repository}`"):
            answer = _client(aws, repository).batch_get_image(
                repositoryName=repository.api_name,
                imageIds=wanted,
                acceptedMediaTypes=list(MEDIA_TYPES),
                **_registry(repository),
            )
        found = [image["imageId"] for image in answer.get("images", ())]
    return Images(
        tags={str(one["imageTag"]): str(one["imageDigest"]) for one in found if one.get("imageTag") in tags},
        has_digest=bool(digest) and any(one.get("imageDigest") == digest for one in found),
    )


def _public_images(
    aws: Aws, repository: Repository, wanted: Sequence[dict[str, str]]
) -> list[dict[str, str]]:
    from botocore.exceptions import ClientError

    client = _client(aws, repository)
    found: list[dict[str, str]] = []
    for one in wanted:
        with calling(f"read which images are in `{repository}`"):
            try:
                answer = client.describe_images(repositoryName=repository.api_name, imageIds=[one])
            except ClientError as error:
                if error_code(error) == "ImageNotFoundException":
                    continue
                raise
        found.append({**one, "imageDigest": str(answer["imageDetails"][0]["imageDigest"])})
    return found


def login(aws: Aws, repository: Repository) -> Login:
    """Return the registry's user name and password (GetAuthorizationToken), valid for 12 hours."""
    client = _client(aws, repository)
    try:
        with calling(f"get a password for the registry `{repository.host}`"):
            data = client.get_authorization_token()["authorizationData"]
    except AwsError as error:
        if code_of(error) in DENIALS:
            error.remedy += '\nThis action knows no single resource: it needs `"Resource": "*"`.'
        raise
    token = data["authorizationToken"] if isinstance(data, dict) else data[0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Login(user=user, password=password)


def _client(aws: Aws, repository: Repository) -> Any:
    name = "ecr-public" if repository.kind == "public" else "ecr"
    return aws.client(name, region=repository.region)


def _registry(repository: Repository) -> dict[str, str]:
    """Name the account of a private repository: it may be another than the credentials'."""
    return {"registryId": repository.account} if repository.kind == "private" else {}
