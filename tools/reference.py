"""Writes the reference pages of the actions and the workflows from their YAML files.

usage: python tools/reference.py     (a test checks that the pages are current)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ACTIONS_HEAD = """\
Each is a step: `uses: OWNER/NAME/actions/plan@COMMIT`; the root one is `uses: OWNER/NAME@COMMIT`. Inputs
have the names of the command's options. Secrets are no inputs: the step that needs them sets them as `env:`.
"""
MADE = "<!-- made by tools/reference.py; don't edit -->\n"


def pages(root: Path) -> dict[Path, str]:
    """Return each page's path with its text."""
    folder = root / "docs" / "reference"
    return {
        folder / "actions.md": actions_page(root),
        folder / "workflows.md": workflows_page(root),
    }


def actions_page(root: Path) -> str:
    """Make the page of the composite actions, the root one first."""
    parts = [
        MADE,
        "# Actions\n",
        ACTIONS_HEAD,
    ]
    for path in (root / "action.yml", *sorted((root / "actions").glob("*/action.yml"))):
        document = yaml.safe_load(path.read_text("utf-8"))
        name = "(root)" if path.parent == root else path.parent.name
        parts += [f"## `{name}`\n", f"{_line(document['description'])}\n"]
        parts += _table("input", ("default", "what it is"), document.get("inputs", {}), _input_row)
        parts += _table("output", ("what it is",), document.get("outputs", {}), _output_row)
    return "\n".join(parts)


def workflows_page(root: Path) -> str:
    """Make the page of the workflows that others call."""
    parts = [
        MADE,
        "# Workflows\n",
        "Each is a job: `uses: OWNER/NAME/.github/workflows/publish.yml@COMMIT`.\n",
    ]
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        document = yaml.safe_load(path.read_text("utf-8"))
        # YAML 1.1 reads the key `on` as true.
        called = document[True].get("workflow_call") if isinstance(document[True], dict) else None
        if called is None:
            continue
        parts += [f"## `{path.name}`\n", _permissions(document)]
        parts += _table("input", ("type", "default", "what it is"), called.get("inputs", {}), _typed_row)
        parts += _table("secret", ("what it is",), called.get("secrets", {}), _output_row)
        parts += _table("output", ("what it is",), called.get("outputs", {}), _output_row)
    return "\n".join(parts)


def _permissions(document: Mapping[Any, Any]) -> str:
    """Say what the caller grants: a called job that asks for more fails the run at its start."""
    needed: dict[str, str] = {}
    for job in document["jobs"].values():
        for name, level in (job.get("permissions") or {}).items():
            needed[name] = "write" if "write" in {level, needed.get(name)} else level
    block = ", ".join(f"{name}: {level}" for name, level in sorted(needed.items()))
    return f"The caller grants `permissions: {{{block}}}`.\n"


def _table(noun: str, columns: tuple[str, ...], entries: Mapping[str, Any], row: Any) -> list[str]:
    if not entries:
        return []
    head = f"| {noun} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}\n"
    return [head + "".join(f"| `{name}` | {row(entry)} |\n" for name, entry in entries.items())]


def _input_row(entry: Mapping[str, Any]) -> str:
    return f"{_default(entry)} | {_line(entry['description'])}"


def _typed_row(entry: Mapping[str, Any]) -> str:
    return f"{entry['type']} | {_default(entry)} | {_line(entry['description'])}"


def _output_row(entry: Mapping[str, Any]) -> str:
    return _line(entry["description"])


def _default(entry: Mapping[str, Any]) -> str:
    if entry.get("required"):
        return "required"
    value = entry.get("default", "")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text else "empty"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages."""
    root = Path(__file__).resolve().parent.parent
    for path, text in pages(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
