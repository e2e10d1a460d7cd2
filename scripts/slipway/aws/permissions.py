"""The least IAM policy of each command, as data.

The actions are what the tests record of a publish, a rollback and the rest against the emulated AWS
(tests/rehearsal/test_permissions.py compares both ways), and what AWS checks without a call of ours: `by`
says which. Resource types follow the Service Authorization Reference; where an action has none, or did not
have one for long, the resource is `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.aws.ecr import Repository

Command = Literal["plan", "publish", "rollback", "status", "doctor"]
Way = Literal["codedeploy", "ecs", "published"]  # who rolls out; `published`: nobody, as asked
By = Literal[
    "call",  # recorded: a call of ours
    "refusal",  # a call of ours that only makes an error's message better
    "implied",  # AWS checks it beside a call of ours
    "skopeo",  # skopeo pushes layers and manifests
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the configuration and the account name. What isn't known stays a placeholder for a person."""

    partition: str = "aws"
    region: str = "REGION"
    account: str = "ACCOUNT"
    repository: Repository | None = None
    cluster: str = "CLUSTER"
    service: str = "SERVICE"
    family: str = "FAMILY"
    application: str = "APPLICATION"
    deployment_group: str = "GROUP"
    roles: tuple[str, ...] = ()  # of the task definition: its task role and its execution role


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is allowed, on what, and why it is needed."""

    name: str  # the statement's Sid
    why: str
    by: By
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any] | None = None


DEPLOYMENT_READS = ("codedeploy:GetDeployment", "codedeploy:GetDeploymentGroup", "codedeploy:ListDeployments")
SEARCHES = (
    "codedeploy:ListApplications",
    "codedeploy:ListDeploymentGroups",
    "codedeploy:BatchGetDeploymentGroups",
)
SUGGESTIONS = ("ecs:ListClusters", "ecs:ListServices")
LAYERS = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")
# skopeo asks whether a manifest or a layer is there before it writes it.
PRIVATE_READS = ("GetDownloadUrlForLayer", "BatchGetImage")
REVISION_READS = ("ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions")


def needed(command: Command, way: Way, names: Names) -> tuple[Statement, ...]:
    """Return what `command` needs where `way` rolls out."""
    if command == "publish":
        return _publish(way, names)
    if command == "rollback":
        return (*_looks(names, way), *_follows(names, way), *_rolls_back(names, way), *_courtesies(way))
    found = (*_looks(names, way), *_courtesies(way)) if way != "published" else ()
    if command == "doctor":
        return (*_registry_reads(names), *found, *_simulation(names))
    return found


def _publish(way: Way, names: Names) -> tuple[Statement, ...]:
    registry = (*_registry_reads(names), *_registry_writes(names))
    if way == "published":
        return registry
    return (
        *registry,
        *_looks(names, way),
        *_registers(names),
        *_follows(names, way),
        *_rolls_out(names, way),
        *_courtesies(way),
    )


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return the statements as an IAM policy document; what is allowed on the same is one statement."""
    merged: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}
    for statement in statements:
        key = (statement.resources, repr(statement.condition))
        found = merged.setdefault(
            key,
            {"Sid": statement.name, "Effect": "Allow", "Action": [], "Resource": list(statement.resources)},
        )
        found["Action"] = sorted({*found["Action"], *statement.actions})
        if statement.condition:
            found["Condition"] = dict(statement.condition)
    return {"Version": "2012-10-17", "Statement": list(merged.values())}


def actions(statements: Iterable[Statement], *by: By) -> frozenset[str]:
    """Return the actions of the statements, of these reasons only where some are given."""
    return frozenset(action for one in statements if not by or one.by in by for action in one.actions)


def repository_arn(names: Names) -> str:
    """Return the repository's ARN; public ones have no region in theirs."""
    found = names.repository
    if found is not None and found.kind == "public":
        return f"arn:{names.partition}:ecr-public::{names.account}:repository/{found.api_name}"
    account = (found.account if found else "") or names.account
    region = (found.region if found else "") or names.region
    return (
        f"arn:{names.partition}:ecr:{region}:{account}:repository/{found.api_name if found else 'REPOSITORY'}"
    )


def _of(
    by: By, name: str, why: str, actions: tuple[str, ...], *resources: str, condition: Any = None
) -> Statement:
    return Statement(name=name, why=why, by=by, actions=actions, resources=resources, condition=condition)


def _is_public(names: Names) -> bool:
    return names.repository is not None and names.repository.kind == "public"


def _registry_reads(names: Names) -> tuple[Statement, ...]:
    why = "find the repository, and whether the tag is there with our digest"
    reads = ("ecr:DescribeRepositories", "ecr:BatchGetImage")
    if _is_public(names):
        reads = ("ecr-public:DescribeRepositories", "ecr-public:DescribeImages")
    return (_of("call", "ReadImages", why, reads, repository_arn(names)),)


def _registry_writes(names: Names) -> tuple[Statement, ...]:
    service = "ecr-public" if _is_public(names) else "ecr"
    pushes = [*LAYERS, "PutImage"] if _is_public(names) else [*LAYERS, "PutImage", *PRIVATE_READS]
    push = tuple(f"{service}:{action}" for action in pushes)
    login = "a password for the registry; knows no single resource"
    statements = (
        _of("call", "LogIn", login, (f"{service}:GetAuthorizationToken",), "*"),
        _of("skopeo", "PushImages", "push the layers and the manifest", push, repository_arn(names)),
    )
    if not _is_public(names):
        return statements
    bearer = ("sts:GetServiceBearerToken",)
    return (*statements, _of("implied", "LogInPublic", "public ECR's password is made from it", bearer, "*"))


def _looks(names: Names, way: Way) -> tuple[Statement, ...]:
    """Return the reads that say what runs, before anything is written."""
    in_cluster = {"ArnEquals": {"ecs:cluster": _ecs(names, f"cluster/{names.cluster}")}}
    definitions = "what the service runs; knows no single resource"
    statements = (
        _of("call", "ReadService", "what runs, who rolls it out", ("ecs:DescribeServices",), _service(names)),
        _of("call", "ReadTaskDefinitions", definitions, ("ecs:DescribeTaskDefinition",), "*"),
        _of("call", "ListTasks", "the service's tasks", ("ecs:ListTasks",), "*", condition=in_cluster),
        _of(
            "call",
            "ReadTasks",
            "which digest the tasks run, and why one stopped",
            ("ecs:DescribeTasks",),
            _ecs(names, f"task/{names.cluster}/*"),
        ),
    )
    if way == "codedeploy":
        why = "the deployment group, and what it deployed last"
        return (*statements, _of("call", "ReadDeployments", why, DEPLOYMENT_READS, _group(names)))
    why = "what is in progress"
    return (
        *statements,
        _of("call", "ListDeployments", why, ("ecs:ListServiceDeployments",), _service(names)),
    )


def _registers(names: Names) -> tuple[Statement, ...]:
    role = f"arn:{names.partition}:iam::{names.account}:role"
    roles = names.roles or (f"{role}/TASK_ROLE", f"{role}/EXECUTION_ROLE")
    revisions = _ecs(names, f"task-definition/{names.family}:*")
    creating = {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}
    to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    tags = "a revision keeps the tags of the one before"
    passes = "a revision names the roles that its tasks run with"
    return (
        _of("call", "Register", "the revision with the new digest", ("ecs:RegisterTaskDefinition",), "*"),
        _of("implied", "TagRevision", tags, ("ecs:TagResource",), revisions, condition=creating),
        _of("implied", "PassRoles", passes, ("iam:PassRole",), *roles, condition=to_tasks),
    )


def _follows(names: Names, way: Way) -> tuple[Statement, ...]:
    if way == "codedeploy":
        why = "lifecycle events and traffic"
        return (_of("call", "Follow", why, ("codedeploy:GetDeploymentTarget",), "*"),)
    kinds = ("service-deployment", "service-revision")
    resources = (_ecs(names, f"{kind}/{names.cluster}/{names.service}/*") for kind in kinds)
    return (_of("call", "Follow", "stages, tasks and traffic", REVISION_READS, *resources),)


def _rolls_out(names: Names, way: Way) -> tuple[Statement, ...]:
    if way == "ecs":
        ours = _ecs(names, f"service-deployment/{names.cluster}/{names.service}/*")
        return (
            _of("call", "HandOff", "give ECS the new revision", ("ecs:UpdateService",), _service(names)),
            _of("call", "Stop", "stop with rollback", ("ecs:StopServiceDeployment",), ours),
        )
    registers = ("codedeploy:RegisterApplicationRevision", "codedeploy:GetApplicationRevision")
    application = _codedeploy(names, f"application:{names.application}")
    configurations = _codedeploy(names, "deploymentconfig:*")
    stops = ("codedeploy:StopDeployment", "codedeploy:ContinueDeployment")
    return (
        _of("call", "HandOff", "create the deployment", ("codedeploy:CreateDeployment",), _group(names)),
        _of("implied", "RegisterAppSpec", "CreateDeployment registers its AppSpec", registers, application),
        _of(
            "implied",
            "ReadTrafficShift",
            "CreateDeployment reads how traffic shifts",
            ("codedeploy:GetDeploymentConfig",),
            configurations,
        ),
        _of("call", "Stop", "stop with rollback, or end a wait; know no single resource", stops, "*"),
    )


def _rolls_back(names: Names, way: Way) -> tuple[Statement, ...]:
    if way == "ecs":
        return _rolls_out(names, way)
    why, reads = "the last deployment that succeeded", ("codedeploy:BatchGetDeployments",)
    return (_of("call", "ReadHistory", why, reads, _group(names)), *_rolls_out(names, way))


def _courtesies(way: Way) -> tuple[Statement, ...]:
    """Return what is called only to name the nearest of what is there, or to search for the group."""
    why = "optional: name what is there when a name is wrong"
    if way == "ecs":
        return (_of("refusal", "SuggestNames", why, SUGGESTIONS, "*"),)
    why += ", and find the deployment group of a service that CodeDeploy never deployed"
    return (_of("refusal", "SuggestNames", why, (*SUGGESTIONS, *SEARCHES), "*"),)


def _simulation(names: Names) -> tuple[Statement, ...]:
    roles = f"arn:{names.partition}:iam::{names.account}:role/*"
    why = "optional: compare this policy with what the role has"
    return (_of("refusal", "SimulatePolicy", why, ("iam:SimulatePrincipalPolicy",), roles),)


def _service(names: Names) -> str:
    return _ecs(names, f"service/{names.cluster}/{names.service}")


def _ecs(names: Names, rest: str) -> str:
    return f"arn:{names.partition}:ecs:{names.region}:{names.account}:{rest}"


def _codedeploy(names: Names, rest: str) -> str:
    return f"arn:{names.partition}:codedeploy:{names.region}:{names.account}:{rest}"


def _group(names: Names) -> str:
    return _codedeploy(names, f"deploymentgroup:{names.application}/{names.deployment_group}")


def roles_of(task_definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ARNs of the roles that a task definition names."""
    found = (task_definition.get("taskRoleArn"), task_definition.get("executionRoleArn"))
    return tuple(dict.fromkeys(str(role) for role in found if role))
