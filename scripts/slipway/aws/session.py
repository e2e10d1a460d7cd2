"""One AWS session per process: keys in, clients out. boto3 is imported here and nowhere before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials of one session. `expires` is seconds since 1970, 0 for keys that don't."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    expires: float = 0.0


class Aws:
    """Clients of one region and one set of keys, each made once.

    Reads are retried by botocore (throttling, 5xx, time-outs). A write that is not idempotent uses
    `client(name, retries=False)`: who calls it must find out what happened before trying again.
    """

    def __init__(
        self, keys: Keys, region: str, *, connect_timeout: float = 5, read_timeout: float = 20
    ) -> None:
        import botocore.session

        self.region = region
        self._timeouts = (connect_timeout, read_timeout)
        self._session = botocore.session.get_session()
        self._session.set_credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
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


def error_code(error: Exception) -> str:
    """Return the code of a botocore ClientError, such as `AccessDeniedException`; empty for other errors."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
