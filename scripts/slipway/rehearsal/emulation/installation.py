"""What moto lacks or does otherwise, added as methods on its response classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slipway.rehearsal.emulation import (
    applications,
    clusters,
    deployment_configs,
    deployment_operations,
    ecr,
    native_operations,
    service_operations,
    sts,
    task_definitions,
)
from slipway.rehearsal.emulation.calls import Call
from slipway.rehearsal.emulation.refusals import RefusedError, in_json, in_query
from slipway.rehearsal.emulation.world import World

Operation = Callable[[World, dict[str, Any]], dict[str, Any]]
WORLD, CALL, REFUSED = "slipway.world", "slipway.call", "slipway.refused"  # keys in the WSGI environment

OPERATIONS: dict[str, dict[str, Operation]] = {
    "ecs": {
        "CreateCluster": clusters.create,
        "ListClusters": clusters.listed,
        "DescribeClusters": clusters.describe,
        "RegisterTaskDefinition": task_definitions.register,
        "DescribeTaskDefinition": task_definitions.describe,
        "ListTaskDefinitions": task_definitions.listed,
        "ListTaskDefinitionFamilies": task_definitions.families,
        "DeregisterTaskDefinition": task_definitions.deregister,
        "CreateService": service_operations.create,
        "UpdateService": service_operations.update,
        "DeleteService": service_operations.delete,
        "ListServices": service_operations.listed,
        "DescribeServices": service_operations.describe,
        "DescribeTaskSets": service_operations.describe_task_sets,
        "ListTasks": clusters.list_tasks,
        "DescribeTasks": clusters.describe_tasks,
        "RunTask": clusters.run_task,
        "StopTask": clusters.stop_task,
        "ListServiceDeployments": native_operations.listed,
        "DescribeServiceDeployments": native_operations.describe,
        "DescribeServiceRevisions": native_operations.describe_revisions,
        "StopServiceDeployment": native_operations.stop,
        "ContinueServiceDeployment": native_operations.resume,
    },
    "codedeploy": {
        "CreateApplication": applications.create,
        "GetApplication": applications.get,
        "BatchGetApplications": applications.batch_get,
        "ListApplications": applications.listed,
        "RegisterApplicationRevision": applications.register_revision,
        "CreateDeploymentGroup": applications.create_group,
        "UpdateDeploymentGroup": applications.update_group,
        "GetDeploymentGroup": applications.get_group,
        "BatchGetDeploymentGroups": applications.batch_get_groups,
        "ListDeploymentGroups": applications.list_groups,
        "GetDeploymentConfig": deployment_configs.get,
        "ListDeploymentConfigs": deployment_configs.listed,
        "CreateDeployment": deployment_operations.create,
        "GetDeployment": deployment_operations.get,
        "BatchGetDeployments": deployment_operations.batch_get,
        "ListDeployments": deployment_operations.listed,
        "StopDeployment": deployment_operations.stop,
        "ContinueDeployment": deployment_operations.resume,
        "ListDeploymentTargets": deployment_operations.list_targets,
        "GetDeploymentTarget": deployment_operations.get_target,
        "BatchGetDeploymentTargets": deployment_operations.batch_get_targets,
    },
    "ecr": {
        "CreateRepository": ecr.create,
        "DescribeRepositories": ecr.describe,
        "BatchGetImage": ecr.batch_get_image,
        "DescribeImages": ecr.describe_images,
        "ListImages": ecr.list_images,
        "GetAuthorizationToken": ecr.get_authorization_token,
    },
    # moto has no ecr-public: the server answers these itself.
    "ecr-public": {
        "GetAuthorizationToken": ecr.public_token,
        "DescribeRepositories": ecr.describe_public,
        "DescribeImages": ecr.describe_public_images,
    },
    "sts": {
        "AssumeRoleWithWebIdentity": sts.assume_role_with_web_identity,
        "GetCallerIdentity": sts.get_caller_identity,
    },
}


def answer(world: World, call: Call, operation: Operation) -> tuple[int, str, str, str]:
    """Do the operation; return status, content type and body in JSON 1.1, and the refusal's code."""
    try:
        document = operation(world, dict(call.parameters))
    except RefusedError as error:
        return (*in_json(error), error.code)
    return 200, "application/x-amz-json-1.1", json.dumps(document), ""


def install() -> None:
    """Add the operations to moto's classes; doing so again changes nothing."""
    from moto.codedeploy.responses import CodeDeployResponse
    from moto.core.utils import camelcase_to_underscores
    from moto.ecr.responses import ECRResponse
    from moto.ecs.responses import EC2ContainerServiceResponse
    from moto.sts.responses import TokenResponse

    classes = {
        "ecs": EC2ContainerServiceResponse,
        "codedeploy": CodeDeployResponse,
        "ecr": ECRResponse,
        "sts": TokenResponse,
    }
    for service, owner in classes.items():
        for name, operation in OPERATIONS[service].items():
            method = camelcase_to_underscores(name)
            before = owner.__dict__.get(method)
            if not hasattr(before, "emulated"):
                make = _in_query if service == "sts" else _in_json
                setattr(owner, method, make(operation, before))


def _in_json(operation: Operation, before: Any) -> Any:
    def method(self: Any) -> Any:
        environ = self.normalized_request.environ
        if WORLD not in environ:  # moto used on its own, in the same process
            return before(self)
        status, kind, body, code = answer(environ[WORLD], environ[CALL], operation)
        environ[REFUSED] = code
        return body, {"status": status, "Content-Type": kind}

    method.emulated = True  # type: ignore[attr-defined]
    return method


def _in_query(operation: Operation, before: Any) -> Any:
    def method(self: Any) -> Any:
        from moto.core.responses import ActionResult

        environ = self.normalized_request.environ
        if WORLD not in environ:
            return before(self)
        call = environ[CALL]
        try:
            return ActionResult(operation(environ[WORLD], {**call.parameters, ":key": call.key}))
        except RefusedError as error:
            environ[REFUSED] = error.code
            status, kind, body = in_query(error)
            return body, {"status": status, "Content-Type": kind}

    method.emulated = True  # type: ignore[attr-defined]
    return method
