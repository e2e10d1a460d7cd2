from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.build import registry
from slipway.build.registry import Presence
from slipway.errors import PublishError
from slipway.events import Emitter, Event
from slipway.process import Finished

REPOSITORY = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web"
OURS, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
TAG = f"sha-{'c' * 40}"


class Ecr:
    """A repository in memory: which tag leads to which digest."""

    def __init__(self, images: dict[str, str], mutability: str = "MUTABLE") -> None:
        self.images, self.mutability, self.calls = images, mutability, list[str]()

    def describe_repositories(self, **_: Any) -> dict[str, Any]:
        self.calls.append("DescribeRepositories")
        return {"repositories": [{"repositoryName": "web", "imageTagMutability": self.mutability}]}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append("BatchGetImage")
        found = []
        for one in parameters["imageIds"]:
            digest = one.get("imageDigest") or self.images.get(one["imageTag"])
            if digest in self.images.values():
                found.append({"imageId": {**one, "imageDigest": digest}})
        return {"images": found}

    def get_authorization_token(self) -> dict[str, Any]:
        self.calls.append("GetAuthorizationToken")
        return {"authorizationData": [{"authorizationToken": "QVdTOnBsYW50ZWQ="}]}

    def client(self, *_: Any, **__: Any) -> Ecr:
        return self


class Skopeo:
    """Pushes into that repository, after failing in the ways it is told."""

    def __init__(self, ecr: Ecr, *failures: str) -> None:
        self.ecr, self.failures, self.commands = ecr, list(failures), list[list[str]]()

    def __call__(self, command: Sequence[str], **_: Any) -> Finished:
        self.commands.append(list(command))
        if self.failures:
            return Finished(status=1, stdout="", stderr=self.failures.pop(0))
        self.ecr.images[command[-1].rpartition(":")[2]] = OURS
        return Finished(status=0, stdout="", stderr="")


def inspect(ecr: Any, *, digest: str = OURS, tags: tuple[str, ...] = ()) -> Presence:
    return registry.inspect(ecr, REPOSITORY, digest=digest, tag=TAG, tags=tags)


def push(ecr: Any, presence: Presence, run: Any, tmp_path: Path, *, archive: bool = True) -> list[str]:
    events: list[Event] = []
    registry.push(
        ecr,
        tmp_path / "web.oci.tar" if archive else None,
        presence,
        run=run,
        emit=Emitter(stream=events.append, now=lambda: 0.0, component="web", environment="staging"),
        environ={"RUNNER_TEMP": str(tmp_path)},
        sleep=lambda _: None,
    )
    return [event.detail for event in events]


def without_auth(command: list[str]) -> list[str]:
    """Leave out where the private folder was."""
    place = command.index("--authfile")
    return command[:place] + command[place + 2 :]


COPY = ["skopeo", "copy", "--quiet", "--all", "--preserve-digests"]


def test_an_empty_repository_gets_all_tags_the_immutable_first(tmp_path: Path) -> None:
    ecr = Ecr({})
    skopeo = Skopeo(ecr)
    push(ecr, inspect(ecr, tags=("latest",)), skopeo, tmp_path)
    assert [without_auth(command) for command in skopeo.commands] == [
        [*COPY, f"oci-archive:{tmp_path}/web.oci.tar", f"docker://{REPOSITORY}:{TAG}"],
        [*COPY, f"docker://{REPOSITORY}@{OURS}", f"docker://{REPOSITORY}:latest"],
    ]
    # The fewest calls: two to look, one for the password, one to read back.
    assert ecr.calls == ["DescribeRepositories", "BatchGetImage", "GetAuthorizationToken", "BatchGetImage"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_done(tmp_path: Path) -> None:
    ecr = Ecr({TAG: OURS, "latest": OURS}, "IMMUTABLE")
    presence = inspect(ecr, tags=("latest",))
    assert (presence.missing, presence.has_digest) == ((), True)
    assert push(ecr, presence, Skopeo(ecr, "must not run"), tmp_path) == [f"{TAG} is there already"]


def test_without_a_digest_the_tags_own_is_meant() -> None:
    found = inspect(Ecr({TAG: OTHER}), digest="")
    assert (found.digest, found.missing) == (OTHER, ())
    nothing = inspect(Ecr({}), digest="")
    assert (nothing.digest, nothing.missing) == ("", ())


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_the_commits_tag_on_another_image_is_an_error(mutability: str) -> None:
    ecr = Ecr({TAG: OTHER}, mutability)
    with pytest.raises(PublishError) as raised:
        inspect(ecr)
    assert raised.value.message == (
        f"`{REPOSITORY}:{TAG}` is there already, as another image: {OTHER}. This build made {OURS}."
    )
    assert ecr.calls == ["DescribeRepositories", "BatchGetImage"]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ({}, "could be written once and never moved"),
        ({"latest": OTHER}, f"is {OTHER} there and can't be moved"),
    ],
)
def test_a_moved_tag_in_an_immutable_repository_is_an_error_before_any_write(
    images: dict[str, str], words: str
) -> None:
    with pytest.raises(PublishError) as raised:
        inspect(Ecr(images, "IMMUTABLE"), tags=("latest",))
    assert raised.value.message == (
        f"`{REPOSITORY}` has immutable tags: `latest` {words}. Nothing was written."
    )


def test_an_image_that_is_there_is_only_tagged(tmp_path: Path) -> None:
    ecr = Ecr({"other": OURS})
    skopeo = Skopeo(ecr)
    push(ecr, inspect(ecr), skopeo, tmp_path, archive=False)
    assert [without_auth(command) for command in skopeo.commands] == [
        [*COPY, f"docker://{REPOSITORY}@{OURS}", f"docker://{REPOSITORY}:{TAG}"]
    ]


def test_nothing_to_push_from(tmp_path: Path) -> None:
    ecr = Ecr({})
    with pytest.raises(PublishError, match="no artifact was given"):
        push(ecr, inspect(ecr), Skopeo(ecr), tmp_path, archive=False)


def test_what_passes_is_tried_again(tmp_path: Path) -> None:
    ecr = Ecr({})
    skopeo = Skopeo(ecr, "connection reset by peer", "received unexpected HTTP status: 503")
    push(ecr, inspect(ecr), skopeo, tmp_path)
    assert (len(skopeo.commands), ecr.images) == (3, {TAG: OURS})


@pytest.mark.parametrize(("said", "tries"), [("denied: not authorized", 1), ("i/o timeout", 4)])
def test_a_failed_push_says_what_skopeo_said(said: str, tries: int, tmp_path: Path) -> None:
    ecr = Ecr({})
    skopeo = Skopeo(ecr, *[said] * 9)
    with pytest.raises(PublishError) as raised:
        push(ecr, inspect(ecr), skopeo, tmp_path)
    assert (said in raised.value.message, len(skopeo.commands)) == (True, tries)
    assert list(tmp_path.iterdir()) == []


def test_another_run_that_pushed_another_image_meanwhile(tmp_path: Path) -> None:
    ecr = Ecr({})
    presence = inspect(ecr)
    ecr.images[TAG] = OTHER
    with pytest.raises(PublishError, match="as another image"):
        push(ecr, presence, Skopeo(ecr, "tag is immutable"), tmp_path)


def test_a_registry_that_changed_the_image_is_found_out(tmp_path: Path) -> None:
    ecr = Ecr({})
    presence = dataclasses.replace(inspect(ecr), digest=OTHER)
    with pytest.raises(PublishError, match="after the push"):
        push(ecr, presence, Skopeo(ecr), tmp_path)
