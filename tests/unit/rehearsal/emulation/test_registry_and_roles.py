from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.emulation import Handoff, Trust, oidc
from unit.rehearsal.emulation.conftest import HOST, FakeClock

MANIFEST = {"schemaVersion": 2, "config": {"mediaType": "application/x"}, "layers": [{"size": 7}]}
ROLE = "arn:aws:iam::123456789012:role/deploy"
SUBJECT = "repo:example/web:environment:staging"


def test_ecr_reads_the_registry(cloud):
    cloud.seed(mutability="IMMUTABLE")
    digest = cloud.registry.push("example-web", "sha-1", MANIFEST)
    ecr = cloud.client("ecr")
    repository = ecr.describe_repositories(repositoryNames=["example-web"])["repositories"][0]
    assert repository["repositoryUri"] == f"{HOST}/example-web"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    got = ecr.batch_get_image(
        repositoryName="example-web", imageIds=[{"imageTag": "sha-1"}, {"imageTag": "sha-2"}]
    )
    assert [each["imageId"] for each in got["images"]] == [{"imageTag": "sha-1", "imageDigest": digest}]
    assert json.loads(got["images"][0]["imageManifest"]) == MANIFEST
    assert got["failures"] == [
        {
            "imageId": {"imageTag": "sha-2"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]
    detail = ecr.describe_images(repositoryName="example-web")["imageDetails"][0]
    assert (detail["imageDigest"], detail["imageTags"], detail["imageSizeInBytes"]) == (digest, ["sha-1"], 7)
    assert ecr.list_images(repositoryName="example-web")["imageIds"] == [
        {"imageDigest": digest, "imageTag": "sha-1"}
    ]


def test_ecr_refuses_in_aws_words(cloud):
    cloud.seed()
    ecr = cloud.client("ecr")
    with pytest.raises(ClientError) as refused:
        ecr.describe_repositories(repositoryNames=["absent"])
    assert refused.value.response["Error"] == {
        "Code": "RepositoryNotFoundException",
        "Message": "The repository with name 'absent' does not exist in the registry with id '123456789012'",
    }
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        ecr.describe_images(repositoryName="example-web", imageIds=[{"imageTag": "absent"}])


def test_login_is_the_registrys_own(cloud):
    data = cloud.client("ecr").get_authorization_token()["authorizationData"][0]
    assert base64.b64decode(data["authorizationToken"]) == b"AWS:pw"
    assert data["proxyEndpoint"] == f"http://{HOST}"
    assert data["expiresAt"].timestamp() > cloud.clock.now()
    public = cloud.client("ecr-public").get_authorization_token()["authorizationData"]
    assert base64.b64decode(public["authorizationToken"]) == b"AWS:pw"


def assume(cloud, **claims):
    identity = {"sub": SUBJECT, "aud": "sts.amazonaws.com", "iss": oidc.ISSUER, **claims}
    return cloud.client("sts").assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="slipway", WebIdentityToken=oidc.token(identity), DurationSeconds=900
    )


def test_a_trusted_token_takes_the_role_until_it_expires(launch):
    cloud = launch(trusts=(Trust(role=ROLE, subjects=("repo:example/*",)),))
    taken = assume(cloud)
    key = taken["Credentials"]["AccessKeyId"]
    arn = "arn:aws:sts::123456789012:assumed-role/deploy/slipway"
    assert taken["AssumedRoleUser"]["Arn"] == arn
    assert taken["Credentials"]["Expiration"].timestamp() == cloud.clock.now() + 900
    assert cloud.client("sts", key=key).get_caller_identity()["Arn"] == arn
    cloud.clock.sleep(901)
    with pytest.raises(ClientError, match="The security token included in the request is expired"):
        cloud.client("ecs", key=key).list_clusters()


@pytest.mark.parametrize("claims", [{"sub": "repo:other/web:ref:refs/heads/main"}, {"aud": "sts.other"}])
def test_another_token_is_refused(launch, claims):
    cloud = launch(trusts=(Trust(role=ROLE, subjects=("repo:example/*",)),))
    with pytest.raises(ClientError) as refused:
        assume(cloud, **claims)
    assert refused.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    }


def test_the_issuer_gives_tokens_for_its_bearer():
    clock = FakeClock()
    issuer = oidc.start(subject=SUBJECT, bearer="b", claims={"environment": "staging"}, clock=clock)
    try:
        url = f"{issuer.url}&audience=sts.amazonaws.com"
        request = urllib.request.Request(url, headers={"Authorization": "bearer b"})  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            value = json.load(answer)["value"]
        part = value.split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) == {
            "iss": oidc.ISSUER,
            "sub": SUBJECT,
            "aud": "sts.amazonaws.com",
            "iat": clock.now(),
            "nbf": clock.now() - 5,
            "exp": clock.now() + 300,
            "environment": "staging",
        }
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(url)  # noqa: S310
        refused.value.close()
        assert issuer.issued == 1
    finally:
        issuer.stop()


@pytest.mark.parametrize("pinned", [True, False])
def test_a_push_of_the_tag_starts_a_deployment(launch, pinned):
    rule = {"application": "staging-web", "deployment_group": "staging-web", "pinned": pinned}
    cloud = launch(handoffs=(Handoff(repository="example-web", tag="latest", **rule),))
    cloud.seed(termination_minutes=0)
    digest = "sha256:" + "d" * 64
    cloud.emulation.image_pushed("example-web", "sha-1", digest)
    cloud.emulation.image_pushed("example-web", "latest", digest)
    codedeploy = cloud.client("codedeploy")
    names = {"applicationName": "staging-web", "deploymentGroupName": "staging-web"}
    assert codedeploy.list_deployments(**names)["deployments"] == []
    cloud.clock.sleep(3)
    deployments = codedeploy.list_deployments(**names)["deployments"]
    assert [cloud.finish(each)["status"] for each in deployments] == ["Succeeded"]
    expected = f"{HOST}/example-web@{digest}" if pinned else f"{HOST}/example-web:latest"
    assert cloud.runtime.running() == (expected,)
