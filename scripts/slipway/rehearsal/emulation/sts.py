"""STS: who calls, and roles taken by web identity under a trust policy."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
from typing import Any

from slipway.rehearsal.emulation.refusals import RefusedError
from slipway.rehearsal.emulation.world import World, letters

NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(.+)")


def assume_role_with_web_identity(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """sts:AssumeRoleWithWebIdentity: the token's `sub` and `aud` against the trust of the role."""
    role, session = str(parameters.get("RoleArn")), str(parameters.get("RoleSessionName"))
    claims = payload(str(parameters.get("WebIdentityToken")))
    form = ROLE.fullmatch(role)
    if form is None:
        raise RefusedError("ValidationError", f"{role} is invalid")
    if float(claims.get("exp", world.now + 1)) <= world.now:
        raise RefusedError(
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration date/time",
        )
    if not _trusted(world, role, claims):
        raise RefusedError("AccessDenied", NOT_AUTHORIZED, 403)
    expires = world.now + float(parameters.get("DurationSeconds") or 3600)
    key = f"ASIA{letters(16)}"
    arn = f"arn:aws:sts::{form[1]}:assumed-role/{form[2].rpartition('/')[2]}/{session}"
    world.sessions[key] = (arn, expires)
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": letters(40),
            "SessionToken": letters(120),
            "Expiration": expires,
        },
        "SubjectFromWebIdentityToken": str(claims.get("sub", "")),
        "AssumedRoleUser": {"AssumedRoleId": f"AROA{letters(17)}:{session}", "Arn": arn},
        "Provider": str(claims.get("iss", "")),
        "Audience": str(claims.get("aud", "")),
    }


def payload(token: str) -> dict[str, Any]:
    """The claims of a JWT; its signature isn't looked at. Raises RefusedError for what is no JWT."""
    parts = token.split(".")
    try:
        body = parts[1] + "=" * (-len(parts[1]) % 4)
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
    except (IndexError, ValueError) as error:
        raise RefusedError(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ) from error
    return claims


def _trusted(world: World, role: str, claims: dict[str, Any]) -> bool:
    if not world.settings.trusts:
        return True
    subject, audience = str(claims.get("sub", "")), str(claims.get("aud", ""))
    return any(
        fnmatch.fnmatchcase(role, trust.role)
        and any(fnmatch.fnmatchcase(subject, pattern) for pattern in trust.subjects)
        and any(fnmatch.fnmatchcase(audience, pattern) for pattern in trust.audiences)
        for trust in world.settings.trusts
    )


def get_caller_identity(world: World, parameters: dict[str, Any]) -> dict[str, Any]:
    """sts:GetCallerIdentity; `parameters` holds the caller's key id under `:key`."""
    arn, _ = world.sessions.get(str(parameters.get(":key")), ("", 0.0))
    arn = arn or f"arn:aws:iam::{world.settings.account}:user/rehearsal"
    return {"UserId": "AIDAREHEARSAL", "Account": arn.split(":")[4], "Arn": arn}
