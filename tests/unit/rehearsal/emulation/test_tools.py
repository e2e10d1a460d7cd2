"""Deployment tools that aren't ours, against the emulation as against AWS.

They ask every 15 s; the clock here jumps with each look, so that all is over at their first question.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from unit.rehearsal.emulation.conftest import HOST, NEW, FakeClock, app_spec

JUMP = 300.0  # seconds between two looks at the clock


class HastyClock(FakeClock):
    """Passes quickly once it is let."""

    hasty = False

    def now(self) -> float:
        self.time += JUMP if self.hasty else 0.0
        return self.time


def hasten(cloud):
    clock = HastyClock(cloud.clock.now())
    clock.hasty = True
    cloud.emulation.clock = cloud.runtime.clock = clock


def aws(cloud, *arguments):
    """Run awscli; returns what it printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": cloud.emulation.url,
        "AWS_REGION": "eu-west-2",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_ACCESS_KEY_ID": "AKIAREHEARSAL0000000",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "awscli", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(cloud):
    return [each.action for each in cloud.emulation.calls]


def test_aws_ecs_deploy_does_a_whole_blue_green_deployment(cloud, tmp_path):
    seeded = cloud.seed()
    definition = {
        "family": "staging-web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "web",
                "image": f"{HOST}/example-web@{NEW}",
                "portMappings": [{"containerPort": 8000}],
            }
        ],
    }
    (tmp_path / "task.json").write_text(json.dumps(definition))
    (tmp_path / "appspec.json").write_text(app_spec("overwritten by the tool"))
    hasten(cloud)
    shown = aws(
        cloud,
        "ecs",
        "deploy",
        f"--service={seeded.service}",
        f"--cluster={seeded.cluster}",
        f"--task-definition={tmp_path / 'task.json'}",
        f"--codedeploy-appspec={tmp_path / 'appspec.json'}",
        f"--codedeploy-application={seeded.application}",
        f"--codedeploy-deployment-group={seeded.deployment_group}",
    )
    assert "Successfully deployed" in shown
    assert names(cloud) == [
        "ecs:DescribeServices",
        "codedeploy:GetApplication",
        "codedeploy:GetDeploymentGroup",
        "ecs:RegisterTaskDefinition",
        "codedeploy:CreateDeployment",
        "codedeploy:GetDeployment",
    ]
    assert cloud.runtime.running() == (f"{HOST}/example-web@{NEW}",)
    assert cloud.service()["taskDefinition"].endswith("staging-web:2")


def test_aws_deploy_wait(cloud):
    seeded = cloud.seed()
    deployment = cloud.deploy(seeded, cloud.register(seeded))
    hasten(cloud)
    aws(cloud, "deploy", "wait", "deployment-successful", f"--deployment-id={deployment}")
    assert names(cloud)[-1] == "codedeploy:GetDeployment"
    shown = json.loads(
        aws(
            cloud,
            "deploy",
            "get-deployment-target",
            f"--deployment-id={deployment}",
            f"--target-id={seeded.cluster}:{seeded.service}",
        )
    )
    events = shown["deploymentTarget"]["ecsTarget"]["lifecycleEvents"]
    assert {each["status"] for each in events} == {"Succeeded"}


def test_aws_ecs_wait_services_stable(cloud):
    seeded = cloud.seed(controller="ECS")
    arn = cloud.register(seeded)
    aws(
        cloud,
        "ecs",
        "update-service",
        f"--cluster={seeded.cluster}",
        f"--service={seeded.service}",
        f"--task-definition={arn}",
    )
    hasten(cloud)
    aws(
        cloud, "ecs", "wait", "services-stable", f"--cluster={seeded.cluster}", f"--services={seeded.service}"
    )
    assert cloud.runtime.running() == (f"{HOST}/example-web@{NEW}",)
