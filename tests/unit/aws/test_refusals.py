from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from slipway.aws.refusals import REMEDIES, SAME_AS, Denial, calling, code_of, denial, explain
from slipway.errors import AwsError

ROLE = "arn:aws:sts::123456789012:assumed-role/deploy/slipway-1"
USER = f"User: {ROLE} is not authorized to perform:"
REPOSITORY = "arn:aws:ecr:eu-west-2:123456789012:repository/web"


def refused(code: str, message: str, operation: str = "BatchGetImage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            f"{USER} ecr:BatchGetImage on resource: {REPOSITORY} because no policy allows the action",
            Denial(
                principal=ROLE,
                action="ecr:BatchGetImage",
                resource=REPOSITORY,
                because="because no policy allows the action",
            ),
        ),
        (
            f"User: {ROLE} is not authorized to perform: ecr:GetAuthorizationToken",
            Denial(principal=ROLE, action="ecr:GetAuthorizationToken"),
        ),
        (
            f"{USER} ecs:DescribeServices on resource: * with an explicit deny in a policy",
            Denial(
                principal=ROLE,
                action="ecs:DescribeServices",
                resource="*",
                because="with an explicit deny in a policy",
            ),
        ),
        ("Access Denied", Denial()),
    ],
)
def test_a_denial_names_principal_action_and_resource(message: str, expected: Denial) -> None:
    assert denial(message) == expected


def test_a_missing_permission_is_given_as_a_statement() -> None:
    message = f"User: {ROLE} is not authorized to perform: ecr:BatchGetImage on resource: {REPOSITORY}"
    error = explain(refused("AccessDeniedException", message), doing="read `web`")
    statement = f'{{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "{REPOSITORY}"}}'
    assert error.message == (
        f"Could not read `web`: AWS refused BatchGetImage with AccessDeniedException: {message}."
    )
    assert error.remedy == (
        f"Add this to the IAM policy of `{ROLE}` (and look at the resource's own policy, if it has one):\n"
        f"{statement}\n`slipway doctor` lists everything that a publish needs."
    )


def test_an_explicit_deny_is_no_missing_permission() -> None:
    message = f"{USER} ecs:UpdateService on resource: arn:x with an explicit deny in a policy"
    error = explain(refused("AccessDeniedException", message), doing="update")
    assert error.remedy.startswith("A policy denies ecs:UpdateService on arn:x explicitly")


@pytest.mark.parametrize("code", [*REMEDIES, *SAME_AS])
def test_every_known_code_has_a_remedy(code: str) -> None:
    assert explain(refused(code, "no"), doing="look").remedy != ""


def test_what_got_no_answer_is_explained() -> None:
    error = explain(EndpointConnectionError(endpoint_url="https://ecr.nowhere"), doing="look")
    assert error.message.startswith("Could not look: EndpointConnectionError: ")
    assert "region" in error.remedy
    assert "id-token: write" in explain(NoCredentialsError(), doing="look").remedy


def test_calling_turns_only_botocores_errors() -> None:
    with pytest.raises(AwsError) as raised, calling("look"):
        raise refused("RepositoryNotFoundException", "no such repository")
    assert code_of(raised.value) == "RepositoryNotFoundException"
    with pytest.raises(KeyError), calling("look"):
        raise KeyError
