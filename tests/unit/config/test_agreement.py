"""What the reader takes, the JSON Schema takes: an editor never marks a right file as wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from slipway import config
from slipway.config import json_schema
from slipway.config.model import Suite
from slipway.config.schema import (
    Boolean,
    Choice,
    Field,
    ListOf,
    Number,
    Record,
    TextByName,
    component_fields,
    record,
)
from slipway.errors import ConfigurationError

VALIDATOR = jsonschema.Draft7Validator(json_schema.make())
FIELDS = component_fields()
TEXTS = st.sampled_from(["a", "b/c", 7, "{environment}"])
ODD = st.sampled_from([None, "x", 3, True, ["a"], {"a": "b"}, 1.5])
MODERATE = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def value(field: Field) -> st.SearchStrategy[Any]:
    """Mostly what the key takes, sometimes what it doesn't."""
    good: st.SearchStrategy[Any] = TEXTS
    match field.shape:
        case Choice(words=words):
            good = st.sampled_from(words)
        case Number():
            good = st.integers(1, 5)
        case Boolean():
            good = st.booleans()
        case ListOf():
            good = st.lists(TEXTS, max_size=2)
        case TextByName():
            good = st.dictionaries(st.sampled_from("AB"), TEXTS, max_size=2)
        case Record(fields=fields):
            good = table(fields)
    return st.integers(0, 20).flatmap(lambda number: ODD if number == 0 else good)


def table(fields: Mapping[str, Field]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={key: value(field) for key, field in fields.items()})


def component(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    given = {
        key: field for key, field in FIELDS.items() if field.fits(kind) and key not in {"kind", "verify"}
    }
    needed = {"path": "p", "target": "t", "functions": ["f"]}
    start = {"kind": kind, **{key: text for key, text in needed.items() if key in given}}
    return table(given).map(lambda rest: {**start, **rest})


COMPONENTS = st.sampled_from(json_schema.component_fields()["kind"].shape.words).flatmap(component)  # type: ignore[union-attr]
SUITES = st.dictionaries(st.sampled_from(["unit", "smoke"]), st.just("make") | table(record(Suite).fields))
DIFFERENCE = st.none() | table({key: field for key, field in FIELDS.items() if not field.once})
ENVIRONMENTS = st.fixed_dictionaries(
    {}, optional={"order": st.lists(st.sampled_from("abc"), max_size=5), "qa": DIFFERENCE}
)
FILES = st.builds(
    lambda one, suites, environments: {**one, "suites": suites, "environments": environments},
    COMPONENTS,
    SUITES,
    ENVIRONMENTS,
) | st.builds(
    lambda several, suites: {"components": several, "suites": suites},
    st.dictionaries(st.sampled_from(["web", "api"]), COMPONENTS, min_size=1, max_size=2),
    SUITES,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@MODERATE
@given(FILES)
def test_what_can_be_read_is_valid(folder: Path, document: dict[str, Any]) -> None:
    (folder / "slipway.yml").write_text(yaml.safe_dump(document))
    try:
        config.read(folder)
    except ConfigurationError:
        assume(False)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
