from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import SlipwayError
from slipway.rollout.task_definition import (
    digest_of,
    platform_of,
    repository_of,
    targets,
    with_image,
)

DIGEST = f"sha256:{'a' * 64}"
REPOSITORY = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web"
BODY: dict[str, Any] = {
    "family": "web",
    "containerDefinitions": [
        {
            "name": "web",
            "image": f"{REPOSITORY}:latest",
            "cpu": 0,
            "environment": [{"name": "EMPTY", "value": ""}],
            "mountPoints": [],
            "versionConsistency": "enabled",
            "aFieldOfTomorrow": {"deep": [1, None, {"deeper": ""}]},
        },
        {"name": "migrate", "image": f"{REPOSITORY}@sha256:{'0' * 64}", "essential": False},
        {"name": "envoy", "image": "public.ecr.aws/appmesh/envoy:v1"},
    ],
    "volumes": [],
    "enableFaultInjection": False,
    "anotherOfTomorrow": "",
    "tags": [{"key": "team", "value": "web"}],
}


def test_every_container_of_the_repository_takes_the_image_and_nothing_else_changes() -> None:
    before = copy.deepcopy(BODY)
    expected = copy.deepcopy(BODY)
    expected["containerDefinitions"][0]["image"] = f"{REPOSITORY}@{DIGEST}"
    expected["containerDefinitions"][1]["image"] = f"{REPOSITORY}@{DIGEST}"

    actual = with_image(BODY, repository=REPOSITORY, digest=DIGEST)

    assert expected == actual
    assert list(expected) == list(actual)
    assert before == BODY


def test_the_named_container_takes_it_alone() -> None:
    expected = copy.deepcopy(BODY)
    expected["containerDefinitions"][2]["image"] = f"{REPOSITORY}@{DIGEST}"

    assert expected == with_image(BODY, repository=REPOSITORY, digest=DIGEST, container_name="envoy")


def test_a_container_that_is_not_there() -> None:
    with pytest.raises(SlipwayError) as raised:
        targets(BODY, repository=REPOSITORY, container_name="wbe")
    assert raised.value.message == (
        "The task definition `web` has no container named `wbe`; it has `web`, `migrate`, `envoy`. "
        "Did you mean `web`?"
    )


def test_a_repository_that_no_container_runs() -> None:
    with pytest.raises(SlipwayError) as raised:
        targets(BODY, repository=REPOSITORY.replace("web", "wed"))
    assert "`envoy` (public.ecr.aws/appmesh/envoy)" in raised.value.message
    assert raised.value.message.endswith(f"Did you mean `{REPOSITORY}`?")


@pytest.mark.parametrize(
    ("image", "repository", "digest"),
    [
        ("web", "web", ""),
        ("web:1", "web", ""),
        ("localhost:5000/web", "localhost:5000/web", ""),
        ("localhost:5000/web:1", "localhost:5000/web", ""),
        (f"localhost:5000/web:1@{DIGEST}", "localhost:5000/web", DIGEST),
        (f"a.example/b/web@{DIGEST}", "a.example/b/web", DIGEST),
        ("a.example/b/web@sha256:short", "a.example/b/web", ""),
    ],
)
def test_the_parts_of_an_image(image: str, repository: str, digest: str) -> None:
    assert (repository_of(image), digest_of(image)) == (repository, digest)


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (None, "linux/amd64"),
        ({"cpuArchitecture": "ARM64"}, "linux/arm64"),
        ({"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}, "linux/amd64"),
        ({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, "windows/amd64"),
    ],
)
def test_the_platform_that_tasks_need(platform: dict[str, str] | None, expected: str) -> None:
    assert platform_of({"runtimePlatform": platform}) == expected


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    top=st.dictionaries(st.text(max_size=8), TREES, max_size=4),
    more=st.lists(st.dictionaries(st.text(max_size=8), TREES, max_size=4), min_size=1, max_size=3),
)
def test_changing_the_image_changes_nothing_else(top: dict[str, Any], more: list[dict[str, Any]]) -> None:
    containers = [
        {**fields, "name": f"c{place}", "image": f"{REPOSITORY}:{place}"} for place, fields in enumerate(more)
    ]
    body = {**top, "family": "web", "containerDefinitions": containers}

    actual = with_image(body, repository=REPOSITORY, digest=DIGEST, container_name="c0")
    actual["containerDefinitions"][0]["image"] = f"{REPOSITORY}:0"

    assert body == actual
    assert list(body) == list(actual)
    assert [list(one) for one in containers] == [list(one) for one in actual["containerDefinitions"]]
