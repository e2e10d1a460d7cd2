"""A real registry with a password on a free loopback port, and an ECR client that reads from it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PASSWORD = "planted-registry-password"
# bcrypt of the password above, which is all the protection that a test's registry needs
HTPASSWD = "AWS:$2b$05$abcdefghijklmnopqrstuu7.Rffb/e3GvgNr9ynXYVmPMI0ht.mgC\n"
AUTHORIZATION = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Start a registry that stores in `folder`, and give `127.0.0.1:PORT`."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    assert program, "install docker-registry (scripts/bootstrap does)"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir()
    (folder / "htpasswd").write_text(HTPASSWD)
    settings = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": host, "secret": "of-a-test"},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
    }
    (folder / "registry.yml").write_text(json.dumps(settings))
    environ = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log, env=environ
        )
        try:
            _wait(host, process)
            yield host
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait(host: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, "the registry ended"
        try:
            with ask(host, "/v2/"):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the registry doesn't answer")


def ask(host: str, path: str, *, method: str = "GET") -> Any:
    headers = {"Authorization": f"Basic {AUTHORIZATION}", "Accept": ACCEPT}
    return urllib.request.urlopen(
        urllib.request.Request(f"http://{host}{path}", headers=headers, method=method), timeout=5
    )


class Ecr:
    """What the ECR API would say of the registry's content. Any repository in `mutability` is there."""

    def __init__(self, host: str, mutability: dict[str, str]) -> None:
        self.host, self.mutability, self.calls = host, mutability, list[str]()

    def describe_repositories(self, *, repositoryNames: list[str]) -> dict[str, Any]:  # noqa: N803
        self.calls.append("DescribeRepositories")
        name = repositoryNames[0]
        return {"repositories": [{"repositoryName": name, "imageTagMutability": self.mutability[name]}]}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append("BatchGetImage")
        name = parameters["repositoryName"]
        found = []
        for one in parameters["imageIds"]:
            reference = one.get("imageTag") or one["imageDigest"]
            try:
                with ask(self.host, f"/v2/{name}/manifests/{reference}", method="HEAD") as answer:
                    digest = answer.headers["Docker-Content-Digest"]
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                continue
            found.append({"imageId": {**one, "imageDigest": digest}})
        return {"images": found, "failures": []}

    def get_authorization_token(self) -> dict[str, Any]:
        self.calls.append("GetAuthorizationToken")
        return {"authorizationData": [{"authorizationToken": AUTHORIZATION, "proxyEndpoint": ""}]}


class Aws:
    """A session whose only service is that ECR."""

    region = "eu-west-2"

    def __init__(self, ecr: Ecr) -> None:
        self._ecr = ecr

    def client(self, name: str, **_: Any) -> Ecr:
        assert name == "ecr"
        return self._ecr
