from __future__ import annotations

import hashlib
import json

from slipway.rollout import appspec

TASK_SET = {
    "platformVersion": "1.4.0",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-1"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "DISABLED",
        }
    },
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
}
HOOKS = ({"BeforeAllowTraffic": "check-web"},)


def test_the_service_stays_as_it_is() -> None:
    content = appspec.write(
        task_definition="web:2", container_name="web", container_port=8000, task_set=TASK_SET, hooks=HOOKS
    )

    assert json.loads(content) == {
        "version": 0.0,
        "Resources": [
            {
                "TargetService": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {
                        "TaskDefinition": "web:2",
                        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 8000},
                        "PlatformVersion": "1.4.0",
                        "NetworkConfiguration": {
                            "AwsvpcConfiguration": {
                                "Subnets": ["subnet-1"],
                                "SecurityGroups": ["sg-1"],
                                "AssignPublicIp": "DISABLED",
                            }
                        },
                        "CapacityProviderStrategy": [
                            {"CapacityProvider": "FARGATE_SPOT", "Weight": 1, "Base": 0}
                        ],
                    },
                }
            }
        ],
        "Hooks": [{"BeforeAllowTraffic": "check-web"}],
    }


def test_what_was_written_is_read_again() -> None:
    content = appspec.write(
        task_definition="web:2", container_name="web", container_port=8000, task_set={}, hooks=HOOKS
    )
    revision = appspec.revision(content)
    document = appspec.read(revision)

    assert revision["appSpecContent"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()
    assert appspec.task_definition_of(document) == "web:2"
    assert appspec.hooks_of(document) == HOOKS


def test_yaml_of_somebody_else_is_read_too() -> None:
    content = """
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:web:3"
Hooks:
  - AfterInstall: "check"
"""
    document = appspec.read({"revisionType": "String", "string": {"content": content}})

    assert appspec.task_definition_of(document) == "arn:web:3"
    assert appspec.hooks_of(document) == ({"AfterInstall": "check"},)


def test_what_lies_in_s3_is_not_known() -> None:
    document = appspec.read({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k"}})

    assert document == {}
    assert appspec.task_definition_of(document) == ""
    assert appspec.hooks_of(document) == ()
