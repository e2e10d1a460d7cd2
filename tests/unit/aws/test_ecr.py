from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from slipway.aws import ecr
from slipway.aws.ecr import Images, Login, Repository, Settings
from slipway.errors import AwsError, PublishError, UsageError

PRIVATE = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"
DIGEST = f"sha256:{'1' * 64}"


class Client:
    """Answers each operation with what it was given: a document, or an error's code."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, list[tuple[str, dict[str, Any]]]()

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append((name, parameters))
            answer = self.answers[name]
            if callable(answer):
                answer = answer(**parameters)
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "no"}}, name)
            return answer

        return call


class Aws:
    region = "eu-west-2"

    def __init__(self, client: Client) -> None:
        self.asked, self._client = list[tuple[str, str]](), client

    def client(self, name: str, *, region: str = "") -> Client:
        self.asked.append((name, region))
        return self._client


def session(**answers: Any) -> Any:
    return Aws(Client(**answers))


@pytest.mark.parametrize(
    ("text", "expected", "api_name", "loopback"),
    [
        (
            f"{PRIVATE}/team/web",
            Repository(
                host=PRIVATE, name="team/web", kind="private", account="123456789012", region="eu-west-2"
            ),
            "team/web",
            False,
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/web",
            Repository(
                host="123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                name="web",
                kind="private",
                account="123456789012",
                region="cn-north-1",
            ),
            "web",
            False,
        ),
        (
            "public.ecr.aws/a1b2c3/web",
            Repository(host="public.ecr.aws", name="a1b2c3/web", kind="public", region="us-east-1"),
            "web",
            False,
        ),
        ("127.0.0.1:5000/web", Repository(host="127.0.0.1:5000", name="web", kind="other"), "web", True),
        ("[::1]:5000/web", Repository(host="[::1]:5000", name="web", kind="other"), "web", True),
        ("localhost:5000/web", Repository(host="localhost:5000", name="web", kind="other"), "web", True),
        (
            "registry.example.org/web",
            Repository(host="registry.example.org", name="web", kind="other"),
            "web",
            False,
        ),
    ],
)
def test_a_repository_is_read(text: str, expected: Repository, api_name: str, *, loopback: bool) -> None:
    found = ecr.parse(text)
    assert (found, found.api_name, found.loopback, str(found)) == (expected, api_name, loopback, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{PRIVATE}/web:latest", "has a tag"),
        (f"{PRIVATE}/web@{DIGEST}", "has a digest"),
        (f"https://{PRIVATE}/web", "has a scheme"),
        ("web", "names no registry"),
        ("", "names no registry"),
        (f"{PRIVATE}/", "names no registry"),
        (f"{PRIVATE}/Web", "`Web` is no repository's name"),
        ("public.ecr.aws/web", "lacks the registry's alias"),
    ],
)
def test_what_is_no_repository_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ecr.parse(text)


@pytest.mark.parametrize(
    ("described", "tag", "fixed"),
    [
        ({"imageTagMutability": "MUTABLE"}, "latest", False),
        ({"imageTagMutability": "IMMUTABLE"}, "latest", True),
        ({}, "latest", False),
        (
            {
                "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "late*"}],
            },
            "latest",
            False,
        ),
        (
            {
                "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "v*"}],
            },
            "v1",
            True,
        ),
    ],
)
def test_which_tags_can_be_moved(described: dict[str, Any], tag: str, *, fixed: bool) -> None:
    aws = session(describe_repositories={"repositories": [{"repositoryName": "web", **described}]})
    assert ecr.settings(aws, ecr.parse(f"{PRIVATE}/web")).fixed(tag) == fixed
    assert aws._client.calls == [
        ("describe_repositories", {"repositoryNames": ["web"], "registryId": "123456789012"})
    ]
    assert aws.asked == [("ecr", "eu-west-2")]


def test_a_missing_repository_is_named_with_the_nearest_one() -> None:
    def describe(**parameters: Any) -> Any:
        if "repositoryNames" in parameters:
            return "RepositoryNotFoundException"
        return {"repositories": [{"repositoryName": name} for name in ("frontend", "web-app", "other")]}

    with pytest.raises(PublishError) as raised:
        ecr.settings(session(describe_repositories=describe), ecr.parse(f"{PRIVATE}/webapp"))
    assert raised.value.message == (
        "There is no repository `webapp` in ECR, in 123456789012 in eu-west-2. Did you mean `web-app`?"
    )
    assert "aws ecr create-repository --repository-name webapp --region eu-west-2" in raised.value.remedy


def test_a_missing_repository_where_listing_is_denied() -> None:
    def describe(**parameters: Any) -> Any:
        return "RepositoryNotFoundException" if "repositoryNames" in parameters else "AccessDeniedException"

    with pytest.raises(PublishError, match="There is no repository `web`"):
        ecr.settings(session(describe_repositories=describe), ecr.parse(f"{PRIVATE}/web"))


def test_a_repository_that_we_may_not_see_is_no_missing_one() -> None:
    with pytest.raises(AwsError, match="Could not find the repository"):
        ecr.settings(session(describe_repositories="AccessDeniedException"), ecr.parse(f"{PRIVATE}/web"))


def test_all_tags_and_the_digest_are_asked_for_in_one_call() -> None:
    aws = session(
        batch_get_image={
            "images": [
                {"imageId": {"imageTag": "latest", "imageDigest": DIGEST}},
                {"imageId": {"imageDigest": DIGEST}},
            ],
            "failures": [{"imageId": {"imageTag": "sha-1"}, "failureCode": "ImageNotFound"}],
        }
    )
    found = ecr.digests(aws, ecr.parse(f"{PRIVATE}/web"), ["sha-1", "latest"], digest=DIGEST)
    assert found == Images(tags={"latest": DIGEST}, has_digest=True)
    assert aws._client.calls == [
        (
            "batch_get_image",
            {
                "repositoryName": "web",
                "imageIds": [{"imageTag": "sha-1"}, {"imageTag": "latest"}, {"imageDigest": DIGEST}],
                "acceptedMediaTypes": list(ecr.MEDIA_TYPES),
                "registryId": "123456789012",
            },
        )
    ]


def test_public_ecr_is_asked_tag_by_tag_in_its_only_region() -> None:
    def describe(**parameters: Any) -> Any:
        if parameters["imageIds"] == [{"imageTag": "latest"}]:
            return {"imageDetails": [{"imageDigest": DIGEST}]}
        return "ImageNotFoundException"

    aws = session(describe_images=describe)
    found = ecr.digests(aws, ecr.parse("public.ecr.aws/alias/web"), ["sha-1", "latest"], digest=DIGEST)
    assert (found, aws.asked) == (
        Images(tags={"latest": DIGEST}, has_digest=True),
        [("ecr-public", "us-east-1")],
    )


@pytest.mark.parametrize(
    ("repository", "answer"),
    [
        (f"{PRIVATE}/web", [{"authorizationToken": "QVdTOnNlY3JldDp3aXRoLWNvbG9u"}]),
        ("public.ecr.aws/alias/web", {"authorizationToken": "QVdTOnNlY3JldDp3aXRoLWNvbG9u"}),
    ],
)
def test_the_login_is_the_tokens_two_halves(repository: str, answer: Any) -> None:
    got = ecr.login(session(get_authorization_token={"authorizationData": answer}), ecr.parse(repository))
    assert (got, "secret" in repr(got)) == (Login(user="AWS", password="secret:with-colon"), False)


def test_no_repository_setting_is_mutable_by_default() -> None:
    assert Settings().fixed("latest") is False
