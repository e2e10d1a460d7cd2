"""The registry with ECR's rules: who may come in, what must exist, which tags stay."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rehearsal.rehearsed import short_folder
from slipway.rehearsal.registry import Registry

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with short_folder() as folder:
        one = Registry(folder)
        one.gate.create("staging/web")
        one.gate.create("staging/loose", immutable=False)
        try:
            yield one
        finally:
            one.stop()


def ask(
    registry: Registry, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(registry.address, timeout=20)
    try:
        given = {"Authorization": f"Basic {registry.token}", **(headers or {})}
        connection.request(method, path, body=body, headers=given, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def upload(registry: Registry, repository: str, content: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    status, headers, _ = ask(registry, "POST", f"/v2/{repository}/blobs/uploads/", body=b"")
    assert status == 202
    pieces = (content[at : at + 1_000_000] for at in range(0, len(content), 1_000_000))
    chunked = {"Transfer-Encoding": "chunked", "Content-Type": "application/octet-stream"}
    status, headers, _ = ask(registry, "PATCH", headers["Location"], body=pieces, headers=chunked)
    assert status == 202
    status, _, _ = ask(registry, "PUT", f"{headers['Location']}&digest={digest}", body=b"")
    assert status == 201
    return digest


def manifest(registry: Registry, repository: str, note: str) -> bytes:
    config, layer = b"{}", b"x" * 3_000_000
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": upload(registry, repository, config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": upload(registry, repository, layer),
                    "size": len(layer),
                }
            ],
            "annotations": {"note": note},
        }
    ).encode()


def put(registry: Registry, repository: str, tag: str, content: bytes) -> tuple[int, bytes]:
    status, _, body = ask(
        registry,
        "PUT",
        f"/v2/{repository}/manifests/{tag}",
        body=content,
        headers={"Content-Type": MANIFEST_TYPE},
    )
    return status, body


def test_an_immutable_tag_takes_the_same_digest_and_refuses_another(registry: Registry) -> None:
    pushes: list[tuple[str, str, str]] = []
    registry.gate.watch(lambda *push: pushes.append(push))
    first, second = (manifest(registry, "staging/web", note) for note in ("first", "second"))
    digest = f"sha256:{hashlib.sha256(first).hexdigest()}"
    assert put(registry, "staging/web", "v1", first)[0] == 201
    assert put(registry, "staging/web", "v1", first)[0] == 201
    status, body = put(registry, "staging/web", "v1", second)
    message = (
        "The image tag 'v1' already exists in the 'staging/web' repository and cannot be overwritten "
        "because the tag is immutable."
    )
    assert (status, json.loads(body)) == (400, {"errors": [{"code": "TAG_INVALID", "message": message}]})
    assert pushes == [("staging/web", digest, "v1")] * 2
    assert registry.digest_of("staging/web", "v1") == digest
    assert registry.manifest("staging/web", digest) == (first, MANIFEST_TYPE)
    assert registry.tags("staging/web") == ("v1",)


def test_a_mutable_tag_moves(registry: Registry) -> None:
    for note in ("first", "second"):
        content = manifest(registry, "staging/loose", note)
        assert put(registry, "staging/loose", "latest", content)[0] == 201
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert registry.digest_of("staging/loose", "latest") == digest


def test_a_repository_that_is_not_there_is_named(registry: Registry) -> None:
    status, _, body = ask(registry, "POST", "/v2/nowhere/web/blobs/uploads/", body=b"")
    message = "The repository with name 'nowhere/web' does not exist in the registry with id '123456789012'"
    assert (status, json.loads(body)) == (404, {"errors": [{"code": "NAME_UNKNOWN", "message": message}]})
    assert registry.tags("nowhere/web") == ()
    assert registry.digest_of("staging/web", "nothing") is None
    assert registry.manifest("staging/web", "nothing") is None


def test_only_who_has_the_password_comes_in(registry: Registry) -> None:
    wrong = base64.b64encode(b"AWS:wrong").decode()
    digest = upload(registry, "staging/web", b"a layer that is there")
    for path in ("/v2/", f"/v2/staging/web/blobs/{digest}"):
        assert ask(registry, "GET", path, headers={"Authorization": f"Basic {wrong}"})[0] == 401
        assert ask(registry, "GET", path)[0] == 200


def test_a_client_that_tries_tls_is_let_go_at_once(registry: Registry) -> None:
    import socket

    host, _, port = registry.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01\x00\x05hello")
        assert connection.recv(1) == b""
