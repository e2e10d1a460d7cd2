"""The least IAM policy of each command, as data.

The actions are what the tests record of each command against the emulated AWS: tests/rehearsal/
test_permissions.py compares both ways. `implied` and `skopeo` are what AWS checks without a call of ours.
Resource types follow the Service Authorization Reference; an action that has none, or had none for long,
gets `*`.
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
    "optional",  # a call of ours that can be refused without harm
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A statement before its names are known; `{cluster}` and the like stand in `on`."""

    name: str
    why: str
    actions: str
    on: tuple[str, ...] = ("*",)
    by: By = "call"
    condition: tuple[str, str, str] | None = None


_SERVICE = "{ecs}:service/{cluster}/{service}"
_DEPLOYMENTS = "{ecs}:service-deployment/{cluster}/{service}/*"
_REVISIONS = "{ecs}:service-revision/{cluster}/{service}/*"
_GROUP = "{codedeploy}:deploymentgroup:{application}/{deployment_group}"
_IN_CLUSTER = ("ArnEquals", "ecs:cluster", "{ecs}:cluster/{cluster}")
_TO_TASKS = ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com")
_WHILE_REGISTERING = ("StringEquals", "ecs:CreateAction", "RegisterTaskDefinition")

_READ_SERVICE = _Row(
    name="ReadService", why="what runs, and who rolls it out", actions="ecs:DescribeServices", on=(_SERVICE,)
)
_READ_TASKS = (
    _Row(name="ListTasks", why="the service's tasks", actions="ecs:ListTasks", condition=_IN_CLUSTER),
    _Row(
        name="ReadTasks",
        why="which digest the tasks run, and why one stopped",
        actions="ecs:DescribeTasks",
        on=("{ecs}:task/{cluster}/*",),
    ),
)
_READ_DEFINITION = _Row(
    name="ReadTaskDefinitions",
    why="what the service runs; knows no single resource",
    actions="ecs:DescribeTaskDefinition",
)
_READ_DEPLOYMENT = _Row(
    name="ReadDeployment", why="the deployment that serves", actions="codedeploy:GetDeployment", on=(_GROUP,)
)
_READ_GROUP = _Row(
    name="ReadGroup", why="the deployment group", actions="codedeploy:GetDeploymentGroup", on=(_GROUP,)
)
_SUGGEST = _Row(
    name="SuggestNames",
    why="optional: name what is there when a name is wrong",
    actions="ecs:DescribeServices ecs:ListClusters ecs:ListServices",
    by="optional",
)
_SEARCH = _Row(
    name="SearchGroup",
    why="optional: find the group of a service that CodeDeploy never deployed, where it isn't named",
    actions="codedeploy:ListApplications codedeploy:ListDeploymentGroups codedeploy:BatchGetDeploymentGroups",
    by="optional",
)
_REGISTER = (
    _Row(name="Register", why="the revision with the new digest", actions="ecs:RegisterTaskDefinition"),
    _Row(
        name="TagRevision",
        why="a revision keeps the tags of the one before",
        actions="ecs:TagResource",
        on=("{ecs}:task-definition/{family}:*",),
        by="implied",
        condition=_WHILE_REGISTERING,
    ),
    _Row(
        name="PassRoles",
        why="a revision names the roles that its tasks run with",
        actions="iam:PassRole",
        on=("{roles}",),
        by="implied",
        condition=_TO_TASKS,
    ),
)
_TAKE_BACK = _Row(
    name="TakeBack",
    why="take the revision back when the hand-off is refused",
    actions="ecs:DeregisterTaskDefinition",
)
_ROLL_OUT: Mapping[Way, tuple[_Row, ...]] = {
    "published": (),
    "codedeploy": (
        _READ_DEPLOYMENT,
        _READ_GROUP,
        _Row(
            name="ReadHistory",
            why="what is in progress, and what succeeded last",
            actions="codedeploy:ListDeployments codedeploy:BatchGetDeployments",
            on=(_GROUP,),
        ),
        _Row(
            name="HandOff", why="create the deployment", actions="codedeploy:CreateDeployment", on=(_GROUP,)
        ),
        _Row(
            name="RegisterAppSpec",
            why="CreateDeployment registers the AppSpec that it is given",
            actions="codedeploy:RegisterApplicationRevision codedeploy:GetApplicationRevision",
            on=("{codedeploy}:application:{application}",),
            by="implied",
        ),
        _Row(
            name="ReadTrafficShift",
            why="CreateDeployment reads how traffic shifts",
            actions="codedeploy:GetDeploymentConfig",
            on=("{codedeploy}:deploymentconfig:*",),
            by="implied",
        ),
        _Row(
            name="Follow",
            why="lifecycle events and traffic; stop with rollback, or end a wait; know no single resource",
            actions="codedeploy:GetDeploymentTarget codedeploy:StopDeployment codedeploy:ContinueDeployment",
        ),
        _SEARCH,
    ),
    "ecs": (
        _Row(
            name="ListDeployments",
            why="what is in progress, and what succeeded last",
            actions="ecs:ListServiceDeployments",
            on=(_SERVICE,),
        ),
        _Row(name="HandOff", why="give ECS the revision", actions="ecs:UpdateService", on=(_SERVICE,)),
        _Row(
            name="Follow",
            why="stages, tasks and traffic",
            actions="ecs:DescribeServiceDeployments",
            on=(_DEPLOYMENTS,),
        ),
        _Row(
            name="ReadRevisions",
            why="which task definition a deployment brought",
            actions="ecs:DescribeServiceRevisions",
            on=(_REVISIONS,),
        ),
        _Row(name="Stop", why="stop with rollback", actions="ecs:StopServiceDeployment", on=(_DEPLOYMENTS,)),
    ),
}
_READ_ROLLOUT: Mapping[Way, tuple[_Row, ...]] = {
    "published": (),
    "codedeploy": (_READ_SERVICE, *_READ_TASKS, _READ_DEPLOYMENT, _SUGGEST),
    "ecs": (_READ_SERVICE, *_READ_TASKS, _SUGGEST),
}
_BOTH = (_READ_SERVICE, *_READ_TASKS, _READ_DEFINITION, *_REGISTER)
_SIMULATE = _Row(
    name="SimulatePolicy",
    why="optional: compare this policy with what the role has",
    actions="iam:SimulatePrincipalPolicy",
    on=("{iam}:role/*",),
    by="optional",
)
_DOCTOR: Mapping[Way, tuple[_Row, ...]] = {
    "published": (_SIMULATE,),
    "codedeploy": (
        _READ_SERVICE,
        _READ_DEFINITION,
        _READ_DEPLOYMENT,
        _READ_GROUP,
        _SEARCH,
        _SUGGEST,
        _SIMULATE,
    ),
    "ecs": (_READ_SERVICE, _READ_DEFINITION, _SUGGEST, _SIMULATE),
}


def needed(command: Command, way: Way, names: Names) -> tuple[Statement, ...]:
    """Return what `command` needs where `way` rolls out."""
    rows: tuple[_Row, ...] = _READ_ROLLOUT[way]
    if command == "doctor":
        rows = (_find_repository(names), *_DOCTOR[way])
    elif command == "rollback":
        rows = (*_BOTH, *_ROLL_OUT[way], _SUGGEST, _find_image(names))
    elif command == "publish":
        rows = (_find_repository(names), *_push(names))
        if way != "published":
            rows = (*rows, *_BOTH, _TAKE_BACK, *_ROLL_OUT[way], _SUGGEST)
    return tuple(_filled(row, names) for row in rows)


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return the statements as an IAM policy document; what is allowed on the same is one statement."""
    merged: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}
    for statement in statements:
        key = (statement.resources, repr(statement.condition))
        fresh = {"Sid": statement.name, "Effect": "Allow", "Action": [], "Resource": [*statement.resources]}
        found = merged.setdefault(key, fresh)
        found["Action"] = sorted({*found["Action"], *statement.actions})
        if statement.condition:
            found["Condition"] = dict(statement.condition)
    return {"Version": "2012-10-17", "Statement": list(merged.values())}


def actions(statements: Iterable[Statement], *by: By) -> frozenset[str]:
    """Return the actions of the statements, of these reasons only where some are given."""
    return frozenset(action for one in statements if not by or one.by in by for action in one.actions)


def roles_of(task_definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ARNs of the roles that a task definition names."""
    found = (task_definition.get("taskRoleArn"), task_definition.get("executionRoleArn"))
    return tuple(dict.fromkeys(str(role) for role in found if role))


def _is_public(names: Names) -> bool:
    return names.repository is not None and names.repository.kind == "public"


def _find_image(names: Names) -> _Row:
    return _Row(
        name="FindImage",
        why="optional: with `--in-progress`, to know a cancelled deployment by its image",
        actions="ecr-public:DescribeImages" if _is_public(names) else "ecr:BatchGetImage",
        on=("{repository}",),
        by="optional",
    )


def _find_repository(names: Names) -> _Row:
    service = "ecr-public" if _is_public(names) else "ecr"
    return _Row(
        name="FindRepository",
        why="is it there, and may its tags be moved",
        actions=f"{service}:DescribeRepositories",
        on=("{repository}",),
    )


def _push(names: Names) -> tuple[_Row, ...]:
    service = "ecr-public" if _is_public(names) else "ecr"
    layers = "BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage"
    # skopeo asks whether a manifest or a layer is there before it writes it; public ECR lets everybody.
    pushes = layers if _is_public(names) else f"{layers} GetDownloadUrlForLayer BatchGetImage"
    read = "ecr-public:DescribeImages" if _is_public(names) else "ecr:BatchGetImage"
    rows = (
        _Row(
            name="ReadImages",
            why="whether the tag is there with our digest, before and after the push",
            actions=read,
            on=("{repository}",),
        ),
        _Row(
            name="LogIn",
            why="a password for the registry; knows no single resource",
            actions=f"{service}:GetAuthorizationToken",
        ),
        _Row(
            name="Push",
            why="the layers and the manifest",
            actions=" ".join(f"{service}:{action}" for action in pushes.split()),
            on=("{repository}",),
            by="skopeo",
        ),
    )
    if not _is_public(names):
        return rows
    why = "public ECR's password is made from it"
    return (*rows, _Row(name="LogInPublic", why=why, actions="sts:GetServiceBearerToken", by="implied"))


def _filled(row: _Row, names: Names) -> Statement:
    known = _known(names)
    # A pattern may stand for several, with a space between; no ARN has one.
    resources = tuple(" ".join(row.on).format(**known).split())
    condition = None
    if row.condition:
        operator, key, value = row.condition
        condition = {operator: {key: value.format(**known)}}
    return Statement(
        name=row.name,
        why=row.why,
        by=row.by,
        actions=tuple(row.actions.split()),
        resources=resources,
        condition=condition,
    )


def _known(names: Names) -> dict[str, str]:
    where = f"{names.region}:{names.account}"
    iam = f"arn:{names.partition}:iam::{names.account}"
    return {
        "ecs": f"arn:{names.partition}:ecs:{where}",
        "codedeploy": f"arn:{names.partition}:codedeploy:{where}",
        "iam": iam,
        "roles": " ".join(names.roles or (f"{iam}:role/TASK_ROLE", f"{iam}:role/EXECUTION_ROLE")),
        "repository": _repository(names),
        "cluster": names.cluster,
        "service": names.service,
        "family": names.family,
        "application": names.application,
        "deployment_group": names.deployment_group,
    }


def _repository(names: Names) -> str:
    """Return the repository's ARN; public ones have no region in theirs."""
    found = names.repository
    if found is None:
        return f"arn:{names.partition}:ecr:{names.region}:{names.account}:repository/REPOSITORY"
    if found.kind == "public":
        return f"arn:{names.partition}:ecr-public::{names.account}:repository/{found.api_name}"
    where = f"{found.region or names.region}:{found.account or names.account}"
    return f"arn:{names.partition}:ecr:{where}:repository/{found.api_name}"
