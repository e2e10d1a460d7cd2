"""The registry of a rehearsal: a real one with real authentication, behind a gate that behaves like ECR."""

from __future__ import annotations

import base64
import ctypes
import http.client
import json
import secrets
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Any

from slipway.errors import ToolError
from slipway.rehearsal.children import Child
from slipway.rehearsal.gate import MANIFESTS, Gate, UnixConnection

USER = "AWS"  # the name that goes with ECR's authorisation token
PROGRAMS = ("docker-registry", "registry")  # Debian's name, and upstream's
REMEDY = "Install a registry (Debian and Ubuntu: apt-get install docker-registry)."

_CONFIGURATION = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http:
  net: unix
  addr: {address}
  relativeurls: true
  secret: {secret}
auth:
  htpasswd: {{realm: slipway-rehearsal, path: {passwords}}}
"""


class Registry:
    """A registry as a child process, and what ECR adds in front of it. Its password is random."""

    def __init__(self, folder: Path) -> None:
        """Start both; `folder` takes images, configuration and log. Raises ToolError."""
        self.password = secrets.token_urlsafe(24)
        self._socket = folder / "registry.sock"
        passwords = folder / "registry.htpasswd"
        passwords.touch(mode=0o600)
        passwords.write_text(f"{USER}:{_bcrypt(self.password)}\n")
        configuration = folder / "registry.yml"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _CONFIGURATION.format(
                storage=folder / "registry",
                address=self._socket,
                secret=secrets.token_hex(16),
                passwords=passwords,
            )
        )
        self._child = Child(
            "The registry",
            [_program(), "serve", str(configuration)],
            log=folder / "registry.log",
            remedy=REMEDY,
        )
        self._child.wait_until(self._answers)
        self.gate = Gate(self._socket)

    @property
    def pid(self) -> int:
        """The registry's process id."""
        return self._child.pid

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`: what stands before the repository's name."""
        return self.gate.address

    @property
    def token(self) -> str:
        """What GetAuthorizationToken gives: the base64 of user:password."""
        return base64.b64encode(f"{USER}:{self.password}".encode()).decode()

    def repositories(self) -> tuple[str, ...]:
        """Return the repositories that exist."""
        return tuple(sorted(self.gate.repositories))

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return a repository's tags; none while nothing was pushed."""
        status, _, body = self._get(f"/v2/{repository}/tags/list")
        return tuple(sorted(json.loads(body).get("tags") or ())) if status == HTTPStatus.OK else ()

    def digest_of(self, repository: str, tag: str) -> str | None:
        """Return the digest that the tag (or digest) names; None when it isn't there."""
        status, headers, _ = self._get(f"/v2/{repository}/manifests/{tag}", method="HEAD")
        return headers.get("Docker-Content-Digest") if status == HTTPStatus.OK else None

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str] | None:
        """Return a manifest and its media type, by tag or digest; None when it isn't there."""
        status, headers, body = self._get(f"/v2/{repository}/manifests/{reference}")
        return (body, headers.get("Content-Type", "")) if status == HTTPStatus.OK else None

    def stop(self) -> None:
        """Stop listening, then end the registry."""
        self.gate.stop()
        self._child.stop()

    def _get(self, path: str, *, method: str = "GET") -> tuple[int, Any, bytes]:
        connection = UnixConnection(self._socket, timeout=10)
        try:
            headers = {"Authorization": f"Basic {self.token}", "Accept": ", ".join(MANIFESTS)}
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            return self._get("/v2/")[0] == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def _program() -> str:
    return next((name for name in PROGRAMS if shutil.which(name)), PROGRAMS[0])


def _bcrypt(password: str) -> str:
    """Hash a password the only way that the registry reads, with the C library's `crypt`.

    `htpasswd` is often not installed, and Python's `crypt` is gone since 3.13; the library is on
    every Debian and Ubuntu, since passwords themselves are checked by it.
    """
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError as error:
        raise ToolError(
            "`libcrypt.so.1` is missing.", remedy="Install libcrypt1 (Debian, Ubuntu)."
        ) from error
    library.crypt.restype = ctypes.c_char_p
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    # 22 characters of salt, of which the last may hold only two bits: `u` is one that does.
    salt = "".join(secrets.choice(alphabet) for _ in range(21)) + "u"
    # Cost 5: the password is random, and each request is checked anew.
    hashed: bytes | None = library.crypt(password.encode(), f"$2b$05${salt}".encode())
    if hashed is None or not hashed.startswith(b"$2b$"):
        raise ToolError(
            "This machine's `crypt` makes no bcrypt hash.", remedy="Install libcrypt1 4.4 or newer."
        )
    return hashed.decode()
