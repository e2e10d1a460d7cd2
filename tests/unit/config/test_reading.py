"""Any text is a document or one ConfigurationError."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway import config
from slipway.config.reading import parse
from slipway.config.tree import Entry, Items, Place, Scalar, Table
from slipway.errors import ConfigurationError, Mistake

WORDS = [
    *("components", "environments", "suites", "order", "kind", "image", "deploy", "web", "staging", "name"),
    *("application", "library", "dags", "path", "target", "run", "verify", "tags", "region", "paths", "<<"),
    *("${NAME}", "{environment}", "${", "$${A}", "{{component}}", "${{ x }}", "true", "yes", "1", "1.5", ""),
]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=5) | st.integers() | st.booleans() | st.none() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *WORDS,
            ": ",
            "- ",
            "\n",
            "\n  ",
            "\t",
            "&a ",
            "*a",
            "[",
            "]",
            "{",
            "}",
            "'",
            '"',
            "|",
            ">",
            "? ",
            "!!str ",
            "!x ",
            "---\n",
            "# c\n",
            "%",
            "\x00",
            "\ufeff",
            "\x85",
            ", ",
            "=",
            "~",
            "null",
        ]
    ),
    max_size=25,
).map("".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shop")
    (made / "Dockerfile").touch()
    return made


def reads(folder: Path, text: str) -> None:
    (folder / "slipway.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    found: list[Mistake] = []
    try:
        document = config.read(folder)
        for environment in (None, *document.environments):
            document.resolve(environment=environment, values={"NAME": "x", "A": "y"}, commit="c")
    except ConfigurationError as error:
        found = list(error.mistakes) or [Mistake(message="")]
    assert all(mistake.message for mistake in found)


@settings(max_examples=100, deadline=None)
@given(st.text() | FRAGMENTS)
@example("&a {<<: *a}")
@example("&a [*a]")
@example("kind: &a {<<: [*a, *a]}")
@example("[" * 2000)
@example("a: " + "{a: " * 500)
@example(
    "- &a [x]\n"
    + "".join(f"- &{n} [*{p},*{p},*{p}]\n" for p, n in zip("abcdefghi", "bcdefghij", strict=True))
)
@example("kind: library\nimage: !!binary x")
@example("? {a: b}\n: c")
@example("environments: {order: [[a], {b: c}]}")
@example("0x10: y")
@example("kind: library\npath: 2020-13-45")
@example("\ud800")
def test_any_text(folder: Path, text: str) -> None:
    reads(folder, text)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_any_tree(folder: Path, value: object) -> None:
    reads(folder, yaml.safe_dump(value, allow_unicode=True))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6))
def test_any_file_with_known_words(folder: Path, value: object) -> None:
    reads(folder, yaml.safe_dump(value))


def test_every_value_knows_its_place() -> None:
    def place(line: int, column: int) -> Place:
        return Place(file="f", line=line, column=column)

    table, mistakes = parse("a:\n  - 1\n  - yes\nb: ~\n", "f")
    items = Items(
        items=(
            Scalar(text="1", type="number", place=place(2, 5)),
            Scalar(text="yes", type="boolean", place=place(3, 5)),
        ),
        place=place(2, 3),
    )
    nothing = Scalar(text="~", type="null", place=place(4, 4))
    entries = {"a": Entry(key=place(1, 1), node=items), "b": Entry(key=place(4, 1), node=nothing)}
    assert (table, mistakes) == (Table(entries=entries, place=place(1, 1)), [])


@pytest.mark.parametrize("text", ["", "# only words\n", "---\n", "~", "\ufeff".removeprefix("\ufeff")])
def test_an_empty_file_is_an_empty_table(text: str) -> None:
    table, mistakes = parse(text, "f")
    assert (dict(table.entries), mistakes) == ({}, [])


def test_a_forbidden_character_has_its_line() -> None:
    what = "holds a character that YAML doesn't allow (U+0007)."
    assert parse("a: b\nc: \x07\n", "f")[1] == [Mistake(message=what, file="f", line=2)]


def test_aliases_that_multiply_are_refused() -> None:
    doubled = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    doubled += "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(7))
    messages = [mistake.message for mistake in parse(doubled, "f")[1]]
    assert messages == ["has more than 20000 values, aliases included."]
