import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from slipway.config import json_schema

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"


def valid(path: Path) -> bool:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return bool(jsonschema.Draft7Validator(json_schema.make()).is_valid(document))


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "slipway.schema.json").read_text(encoding="utf-8") == json_schema.text()


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(json_schema.text()))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("[!m]*/in/slipway.yml")), ids=lambda path: path.parts[-3])
def test_what_can_be_read_is_valid(path: Path) -> None:
    assert valid(path)


@pytest.mark.parametrize("name", ["mistakes", "mistake-list", "mistake-single"])
def test_what_is_a_mistake_is_invalid(name: str) -> None:
    assert not valid(GOLDEN / name / "in" / "slipway.yml")
