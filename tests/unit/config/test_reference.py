from pathlib import Path

from slipway.config import reference

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_current() -> None:
    assert (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8") == reference.page()


def test_the_example_is_the_one_that_is_tested() -> None:
    tested = Path(__file__).parent / "golden/design/in/slipway.yml"
    assert (ROOT / "docs/reference/slipway.yml").read_bytes() == tested.read_bytes()
