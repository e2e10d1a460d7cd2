"""A base image of the machine's own packages, and what a Dockerfile starts from."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from slipway.rehearsal import base_image

PROGRAM = """
import ctypes, http.server, json, os, sqlite3, ssl, sys
context = ssl.create_default_context()
print(json.dumps([os.getuid(), sys.version_info >= (3, 9), bool(context.get_ca_certs())]))
"""


def test_python_runs_in_what_is_made_and_it_is_made_once() -> None:
    name = base_image.make()
    command = ["docker", "run", "--rm", "--user", "65532:65532", name]
    said = subprocess.run([*command, "python3", "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert json.loads(said.stdout) == [65532, True, True]
    shell = [*command, "sh", "-c", "test -L /bin && ls -d /usr"]
    assert subprocess.run(shell, check=True, capture_output=True, text=True).stdout == "/usr\n"
    began = time.monotonic()
    assert base_image.make() == name
    assert time.monotonic() - began < 3


def test_a_registry_out_of_reach_is_known_within_seconds() -> None:
    began = time.monotonic()
    assert base_image.unreachable("127.0.0.1:1/nothing:here") == "connection refused"
    assert time.monotonic() - began < 6


def test_what_a_dockerfile_starts_from(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        "# FROM comment\nARG BASE=python:3.12-slim\nARG TAG\n"
        "FROM --platform=linux/amd64 node:22 AS assets\n"
        "FROM ${BASE} AS common\nFROM common\n"
        "FROM scratch\nFROM alpine:${TAG:-3.20}\nCOPY --from=assets / /\n"
    )
    assert base_image.bases(dockerfile, {}) == ("node:22", "python:3.12-slim", "alpine:3.20")
    given = {"BASE": "mine", "TAG": "edge"}
    assert base_image.bases(dockerfile, given) == ("node:22", "mine", "alpine:edge")
