from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from slipway.aws import ecr, permissions
from slipway.aws.permissions import Names, Statement

ROOT = Path(__file__).parents[3]


def test_the_page_is_current() -> None:
    specification = importlib.util.spec_from_file_location("permissions_page", ROOT / "tools/permissions.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    assert (ROOT / "docs/reference/permissions.md").read_text("utf-8") == module.page()


def test_what_is_allowed_on_the_same_is_one_statement() -> None:
    def statement(name: str, *actions: str, on: str = "*", **more: object) -> Statement:
        condition = {"StringEquals": more} if more else None
        return Statement(name=name, why="", by="call", actions=actions, resources=(on,), condition=condition)

    assert permissions.policy(
        [
            statement("A", "x:Two", "x:One"),
            statement("B", "x:Three"),
            statement("C", "x:Four", key="value"),
            statement("D", "x:Five", on="arn"),
        ]
    ) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": ["x:One", "x:Three", "x:Two"], "Resource": ["*"]},
            {
                "Sid": "C",
                "Effect": "Allow",
                "Action": ["x:Four"],
                "Resource": ["*"],
                "Condition": {"StringEquals": {"key": "value"}},
            },
            {"Sid": "D", "Effect": "Allow", "Action": ["x:Five"], "Resource": ["arn"]},
        ],
    }


def test_names_are_filled_in() -> None:
    names = Names(
        partition="aws-cn",
        region="cn-north-1",
        account="123456789012",
        repository=ecr.parse("210987654321.dkr.ecr.eu-west-2.amazonaws.com/team/web"),
        roles=("arn:role/one", "arn:role/two"),
    )
    found = {one.name: one.resources for one in permissions.needed("publish", "ecs", names)}
    assert found["FindRepository"] == ("arn:aws-cn:ecr:eu-west-2:210987654321:repository/team/web",)
    assert found["HandOff"] == ("arn:aws-cn:ecs:cn-north-1:123456789012:service/CLUSTER/SERVICE",)
    assert found["PassRoles"] == ("arn:role/one", "arn:role/two")


def test_public_repositories_have_actions_of_their_own() -> None:
    names = Names(account="123456789012", repository=ecr.parse("public.ecr.aws/alias/web"))
    statements = permissions.needed("publish", "published", names)
    assert permissions.actions(statements) == {
        "ecr-public:BatchCheckLayerAvailability",
        "ecr-public:CompleteLayerUpload",
        "ecr-public:DescribeImages",
        "ecr-public:DescribeRepositories",
        "ecr-public:GetAuthorizationToken",
        "ecr-public:InitiateLayerUpload",
        "ecr-public:PutImage",
        "ecr-public:UploadLayerPart",
        "sts:GetServiceBearerToken",
    }
    assert {one.resources for one in statements} == {
        ("*",),
        ("arn:aws:ecr-public::123456789012:repository/web",),
    }


def test_roles_of_a_task_definition() -> None:
    assert permissions.roles_of({"taskRoleArn": "a", "executionRoleArn": "a"}) == ("a",)
    assert permissions.roles_of({"executionRoleArn": "b"}) == ("b",)
