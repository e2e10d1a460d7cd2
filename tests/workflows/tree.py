"""Where things are, and the tools under `tools/`, which belong to no package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = [ROOT / "action.yml", *sorted((ROOT / "actions").glob("*/action.yml"))]


def tool(name: str) -> ModuleType:
    """Import `tools/NAME.py`."""
    spec = importlib.util.spec_from_file_location(f"slipway_tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def program(name: str) -> str:
    """Find a program on the path or where scripts/bootstrap puts it; skip the test where it isn't."""
    places = os.pathsep.join(
        [str(ROOT / ".tools" / "bin"), os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
    )
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"{name} is not installed: `scripts/bootstrap test` says what it needs")
    return found


def load(path: Path) -> Any:
    """Read YAML; the key `on` is text, not a boolean."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506  a subclass of the safe one


def title(path: Path) -> str:
    """Name a file in a test's name."""
    return str(path.relative_to(ROOT))
