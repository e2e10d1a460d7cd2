"""Every added operation is asked once, with a client that checks the answer; see conformance.py."""

from __future__ import annotations

from slipway.rehearsal.emulation.ecr import public_repository
from slipway.rehearsal.emulation.installation import OPERATIONS
from unit.rehearsal.emulation import conformance
from unit.rehearsal.emulation.conftest import app_spec
from unit.rehearsal.emulation.test_native import BLUE_GREEN, PAUSE, described
from unit.rehearsal.emulation.test_registry_and_roles import MANIFEST, assume

GROUP = {"applicationName": "staging-web", "deploymentGroupName": "staging-web"}
SERVICE = {"cluster": "staging-cluster", "service": "staging-web"}


def test_every_operation_answers_as_botocore_models_it(launch):
    cloud = launch()
    _codedeploy(cloud)
    _tasks(cloud)
    _native(launch, cloud)
    _registry(cloud)
    expected = {(service, name) for service, operations in OPERATIONS.items() for name in operations}
    assert expected - cloud.conformance.answered == set()


def _codedeploy(cloud):
    seeded = cloud.seed(ready_minutes=10, termination_minutes=60)
    codedeploy = cloud.client("codedeploy")
    arn = cloud.register(seeded)
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": app_spec(arn)}}
    codedeploy.create_application(applicationName="other", computePlatform="ECS")
    codedeploy.get_application(applicationName="other")
    codedeploy.batch_get_applications(applicationNames=["other", "staging-web"])
    codedeploy.list_applications()
    codedeploy.register_application_revision(applicationName="other", revision=revision)
    group = {"applicationName": "other", "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy"}
    codedeploy.create_deployment_group(deploymentGroupName="empty", **group)
    codedeploy.update_deployment_group(
        applicationName="other",
        currentDeploymentGroupName="empty",
        deploymentConfigName="CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
    )
    for name in codedeploy.list_deployment_configs()["deploymentConfigsList"]:
        codedeploy.get_deployment_config(deploymentConfigName=name)
    deployment = cloud.deploy(seeded, arn, autoRollbackConfiguration={"enabled": False})
    cloud.until(lambda: cloud.info(deployment)["status"] == "Ready")
    targets = codedeploy.list_deployment_targets(deploymentId=deployment)["targetIds"]
    codedeploy.batch_get_deployment_targets(deploymentId=deployment, targetIds=targets)
    codedeploy.continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    cloud.until(lambda: cloud.info(deployment)["instanceTerminationWaitTimeStarted"])
    cloud.service()
    cloud.client("ecs").describe_task_sets(**SERVICE)
    codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    cloud.finish(deployment)
    codedeploy.batch_get_deployments(deploymentIds=codedeploy.list_deployments(**GROUP)["deployments"])
    cloud.target(deployment)
    codedeploy.get_deployment_group(**GROUP)
    codedeploy.batch_get_deployment_groups(
        applicationName="staging-web",
        deploymentGroupNames=codedeploy.list_deployment_groups(applicationName="staging-web")[
            "deploymentGroups"
        ],
    )


def _tasks(cloud):
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="other")
    ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])
    ecs.list_task_definition_families()
    family = ecs.list_task_definitions(familyPrefix="staging-web", sort="DESC")["taskDefinitionArns"][0]
    task = ecs.run_task(cluster="other", taskDefinition=family, startedBy="me")["tasks"][0]["taskArn"]
    cloud.clock.sleep(5)
    ecs.stop_task(cluster="other", task=task)
    cloud.clock.sleep(5)
    stopped = ecs.list_tasks(cluster="other", desiredStatus="STOPPED", startedBy="me")["taskArns"]
    ecs.describe_tasks(cluster="other", tasks=stopped)
    ecs.deregister_task_definition(taskDefinition=family)


def _native(launch, cloud):
    ecs = cloud.client("ecs")
    names = {"cluster": "other", "service": "native"}
    first = ecs.list_task_definitions(familyPrefix="staging-web")["taskDefinitionArns"][0]
    ecs.create_service(
        cluster="other",
        serviceName="native",
        taskDefinition=first,
        desiredCount=1,
        deploymentConfiguration={**BLUE_GREEN, "lifecycleHooks": [PAUSE]},
    )
    ecs.list_services(cluster="other")

    def going():
        statuses = ["PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"]
        return ecs.list_service_deployments(**names, status=statuses)["serviceDeployments"]

    cloud.until(lambda: not going(), step=5)
    deployment = ecs.update_service(**names, forceNewDeployment=True)["service"]["currentServiceDeployment"]
    cloud.until(lambda: bool(described(cloud, deployment).get("lifecycleHookDetails")))
    hook = described(cloud, deployment)["lifecycleHookDetails"][0]["hookId"]
    ecs.continue_service_deployment(serviceDeploymentArn=deployment, hookId=hook, action="CONTINUE")
    cloud.until(lambda: described(cloud, deployment)["lifecycleStage"] == "BAKE_TIME")
    target = described(cloud, deployment)["targetServiceRevision"]["arn"]
    ecs.describe_service_revisions(serviceRevisionArns=[target])
    ecs.describe_services(cluster="other", services=["native"], include=["TAGS"])
    ecs.stop_service_deployment(serviceDeploymentArn=deployment, stopType="ROLLBACK")
    cloud.until(lambda: not going(), step=5)
    described(cloud, deployment)
    ecs.delete_service(**names, force=True)


def _registry(cloud):
    cloud.registry.push("example-web", "sha-1", MANIFEST)
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="other", imageTagMutability="IMMUTABLE")
    ecr.describe_repositories()
    ecr.batch_get_image(repositoryName="example-web", imageIds=[{"imageTag": "sha-1"}, {"imageTag": "x"}])
    ecr.describe_images(repositoryName="example-web")
    ecr.list_images(repositoryName="example-web")
    ecr.get_authorization_token()
    public_repository(cloud.emulation.world("us-east-1"), "example-web")
    public = cloud.client("ecr-public")
    public.get_authorization_token()
    public.describe_repositories(repositoryNames=["example-web"])
    public.describe_images(repositoryName="example-web")
    assume(cloud)
    cloud.client("sts").get_caller_identity()


def test_the_check_finds_what_is_wrong():
    from unit.rehearsal.emulation.conftest import session

    shape = session().get_service_model("codedeploy").operation_model("GetDeployment").output_shape
    document = {"deploymentInfo": {"status": "Gone", "createTime": "now", "odd": 1, "deploymentOverview": []}}
    statuses = ["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"]
    assert conformance.mistakes(shape, document, "answer") == [
        "answer.deploymentInfo.odd: unknown",
        f"answer.deploymentInfo.status: 'Gone' is none of {statuses}",
        "answer.deploymentInfo.createTime: 'now' is no timestamp",
        "answer.deploymentInfo.deploymentOverview: [] is no structure",
    ]
