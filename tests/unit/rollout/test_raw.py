from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ParamValidationError, ReadTimeoutError

from slipway.aws import raw
from slipway.errors import AwsError
from unit.rollout.stage import Stage

TOMORROW = {
    "enableFaultInjection": True,
    "aFieldOfTomorrow": {"deep": [1, None, ""]},
    "runtimePlatform": {"cpuArchitecture": "X86_64"},
    "tags": [{"key": "team", "value": "web"}],
}


def test_fields_that_botocore_does_not_know_travel_both_ways(staged: Callable[..., Stage]) -> None:
    stage = staged(task_definition=TOMORROW)
    there = raw.describe(stage.aws, "staging-web", clock=stage.clock)
    body = {**there.body, "anotherOfTomorrow": ""}

    made = raw.register(stage.aws, body, clock=stage.clock)

    assert made.name == "staging-web:2"
    again = raw.describe(stage.aws, made.arn, clock=stage.clock)
    assert again.body == body
    assert json.dumps(TOMORROW["aFieldOfTomorrow"]) in json.dumps(again.body)
    assert not raw.READ_ONLY & set(again.body)


def test_registering_once_whatever_happens_on_the_way(stage: Stage) -> None:
    body = raw.describe(stage.aws, "staging-web", clock=stage.clock).body
    body = {**body, "cpu": "512", "memory": "1024"}
    stage.emulation.inject("ecs", "RegisterTaskDefinition", "dropped-after")

    made = raw.register(stage.aws, body, clock=stage.clock)

    assert made.name == "staging-web:2"
    assert stage.calls().count("RegisterTaskDefinition") == 1


def test_what_is_refused_for_good_is_asked_once(stage: Stage) -> None:
    stage.emulation.inject("ecs", "DescribeTaskDefinition", "access-denied", times=9)

    with pytest.raises(AwsError, match="Could not read the task definition `staging-web`"):
        raw.describe(stage.aws, "staging-web", clock=stage.clock)
    assert stage.calls().count("DescribeTaskDefinition") == 1


def test_the_order_of_tags_means_nothing() -> None:
    one = {"family": "web", "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}
    other = {"family": "web", "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}]}

    assert raw.same(one, other)
    assert raw.same({"family": "web"}, {"family": "web", "tags": []})
    assert not raw.same(one, {"family": "web"})


def client_error(code: str, status: int, message: str = "") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "RegisterTaskDefinition")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "refused", "unanswered"),
    [
        (client_error("ThrottlingException", 400), True, False),
        (client_error("ClientException", 400, "Too many concurrent attempts to create"), True, False),
        (client_error("ClientException", 400, "something else"), False, False),
        (client_error("AccessDeniedException", 400), False, False),
        (client_error("ServerException", 500), False, True),
        (ReadTimeoutError(endpoint_url="https://ecs"), False, True),
        (ConnectTimeoutError(endpoint_url="https://ecs"), False, True),
        (ParamValidationError(report="no"), False, False),
        (None, False, False),
    ],
)
def test_what_an_error_says_of_what_happened(
    error: Exception | None, refused: bool, unanswered: bool
) -> None:
    assert (raw.refused_for_now(error), raw.unanswered(error)) == (refused, unanswered)
