"""One AWS session per process: keys in, clients out. boto3 is imported here and nowhere before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# A rollout may be followed for longer than a role's session lasts (an hour by default): below the first
# figure botocore asks for new keys and goes on with the old if that fails; below the second it needs them.
RENEW_BELOW_SECONDS = 600
NEED_BELOW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials of one session. `expires` is seconds since 1970, 0 for keys that don't."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    expires: float = 0.0


class Aws:
    """Clients of one region and one set of keys, each made once.

    `keys` None means what the person's machine has (AWS_*, a profile, a container's or an instance's role),
    as botocore finds it. With `renew`, keys that are about to expire are replaced while clients are in use.

    Reads are retried by botocore (throttling, 5xx, time-outs). A write that is not idempotent uses
    `client(name, retries=False)`: who calls it must find out what happened before trying again.
    """

    def __init__(
        self,
        keys: Keys | None,
        region: str,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 20,
        renew: Callable[[], Keys] | None = None,
    ) -> None:
        import botocore.session

        self.region = region
        self._timeouts = (connect_timeout, read_timeout)
        self._session = botocore.session.get_session()
        if keys is not None:
            provider = _Provider(keys, renew)
            self._session.get_component("credential_provider").providers = [provider]
        self._clients: dict[tuple[str, bool, str], Any] = {}

    def client(self, name: str, *, retries: bool = True, region: str = "") -> Any:
        """Return the client of one service, such as `ecs`."""
        key = (name, retries, region)
        if key not in self._clients:
            from botocore.config import Config

            connect, read = self._timeouts
            config = Config(
                retries={"mode": "standard", "total_max_attempts": 5 if retries else 1},
                connect_timeout=connect,
                read_timeout=read,
                user_agent_appid="slipway",
            )
            self._clients[key] = self._session.create_client(
                name, region_name=region or self.region, config=config
            )
        return self._clients[key]

    def credentials(self) -> Any:
        """Return botocore's credentials, to sign a request with; None where a person's machine has none."""
        return self._session.get_credentials()


class _Provider:
    """Gives botocore our keys, so that it renews them by itself; see botocore.credentials."""

    METHOD = "slipway"
    CANONICAL_NAME = "slipway"

    def __init__(self, keys: Keys, renew: Callable[[], Keys] | None) -> None:
        self._keys = keys
        self._renew = renew

    def load(self) -> Any:
        """Return botocore's own kind of credentials."""
        from botocore.credentials import Credentials, RefreshableCredentials

        keys, renew = self._keys, self._renew
        if renew is None or not keys.expires:
            token = keys.session_token or None
            return Credentials(keys.access_key_id, keys.secret_access_key, token, method=self.METHOD)
        return RefreshableCredentials.create_from_metadata(
            metadata=_metadata(keys),
            refresh_using=lambda: _metadata(renew()),
            method=self.METHOD,
            advisory_timeout=RENEW_BELOW_SECONDS,
            mandatory_timeout=NEED_BELOW_SECONDS,
        )


def _metadata(keys: Keys) -> dict[str, str]:
    """Write keys as botocore wants them from a refresh."""
    return {
        "access_key": keys.access_key_id,
        "secret_key": keys.secret_access_key,
        "token": keys.session_token,
        "expiry_time": datetime.fromtimestamp(keys.expires, tz=UTC).isoformat(),
    }


def error_code(error: Exception) -> str:
    """Return the code of a botocore ClientError, such as `AccessDeniedException`; empty for other errors."""
    # botocore's HTTP errors have a response too, which is None.
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
