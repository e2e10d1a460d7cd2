"""Whose keys we use and in which region: OIDC, static keys, or what a person's own machine has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from slipway.aws import oidc
from slipway.aws.ecr import region_in
from slipway.aws.session import Aws, Keys
from slipway.errors import AwsError

ROLE = "DEPLOY_AWS_ROLE_ARN"
ACCESS_KEY = "DEPLOY_AWS_ACCESS_KEY_ID"
SECRET_KEY = "DEPLOY_AWS_SECRET_ACCESS_KEY"  # noqa: S105 - a variable's name


def obtain(
    environ: Mapping[str, str],
    *,
    region: str | None,
    environment: str,
    mask: Callable[[str], None],
    repository: str = "",
) -> Aws:
    """Return a session for `environment`, by the first of these that is set.

    1. DEPLOY_AWS_ROLE_ARN: a role, taken by OIDC; its keys are renewed while the job lasts.
    2. DEPLOY_AWS_ACCESS_KEY_ID and DEPLOY_AWS_SECRET_ACCESS_KEY.
    3. What botocore finds: AWS_*, a profile, a container's or an instance's role.

    `region` is the configuration's; else AWS_REGION, AWS_DEFAULT_REGION, or the region in the host of
    `repository`. Each secret goes to `mask` when it is read. Raises AwsError for half a pair, nothing at all,
    no region, and what AWS refuses.
    """
    where = region_of(environ, region=region, repository=repository)
    role = setting(environ, ROLE)
    access, secret = setting(environ, ACCESS_KEY), setting(environ, SECRET_KEY)
    if role:

        def renew() -> Keys:
            return oidc.keys(role, environ, region=where, mask=mask)

        return Aws(renew(), where, renew=renew)
    if access or secret:
        _whole_pair(access, secret, environment)
        mask(secret)
        return Aws(Keys(access_key_id=access, secret_access_key=secret), where)
    return _own(where, environment)


def setting(environ: Mapping[str, str], name: str) -> str:
    """Return a setting: the step's own, else of the environment's `vars` (SLIPWAY_VARIABLES), else empty."""
    given = environ.get(name, "").strip()
    if given:
        return given
    try:
        variables = json.loads(environ.get("SLIPWAY_VARIABLES") or "{}")
    except ValueError:
        return ""  # the configuration's reader says what is wrong with it
    value = variables.get(name, "") if isinstance(variables, dict) else ""
    return str(value).strip()


def region_of(environ: Mapping[str, str], *, region: str | None, repository: str) -> str:
    """Return the region to work in. Raises AwsError when nothing names one."""
    found = (
        region
        or setting(environ, "AWS_REGION")
        or setting(environ, "AWS_DEFAULT_REGION")
        or region_in(repository)
    )
    if not found:
        raise AwsError(
            "No AWS region is named.",
            remedy=(
                "Set `environments: {NAME: {region: eu-west-2}}` in slipway.yml, or the variable AWS_REGION."
            ),
        )
    return found


def _whole_pair(access: str, secret: str, environment: str) -> None:
    if access and secret:
        return
    has, lacks = (ACCESS_KEY, SECRET_KEY) if access else (SECRET_KEY, ACCESS_KEY)
    raise AwsError(f"{has} is set, {lacks} is not.", remedy=where_to_set(lacks, environment))


def where_to_set(name: str, environment: str) -> str:
    """Say on which page a secret is set, and what a workflow must do to pass it on."""
    page = f"Settings → Environments → {environment or 'the environment'} → Environment secrets"
    return (
        f"Set the secret {name} in {page}. Where it is set already: the job needs `environment: "
        f"{environment or 'NAME'}`, and the step (or the `secrets:` of the calling job) must pass it on by "
        "name."
    )


def _own(region: str, environment: str) -> Aws:
    from slipway.aws.refusals import calling

    with calling("find AWS credentials"):
        aws = Aws(None, region)
        found = aws.credentials()
    if found is None:
        raise AwsError(
            f"There are no AWS credentials for `{environment}`."
            if environment
            else "There are no AWS credentials.",
            remedy=(
                f"Set {ROLE} (a secret or a variable; the job needs `permissions: id-token: write`), or "
                f"{ACCESS_KEY} "
                f"and {SECRET_KEY}. {where_to_set(ROLE, environment)} On your own machine: `aws "
                "configure`, or AWS_PROFILE."
            ),
        )
    return aws
