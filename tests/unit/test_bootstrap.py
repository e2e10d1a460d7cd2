"""scripts/bootstrap where it can get nothing: not root, and hardly a program on the path."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMON = ("bash", "cat", "sha256sum", "dirname", "seq", "sleep", "grep", "head", "tail", "mkdir", "rm", "env")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what bootstrap reads, and a path of little more than coreutils, whose `id` is nobody's."""
    for name in ("scripts/bootstrap", "uv.lock", "pyproject.toml", "tools/uv.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for name in COMMON:
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    program(tmp_path, "id", "echo 65534")
    return tmp_path


def program(checkout: Path, name: str, *lines: str) -> None:
    path = checkout / "bin" / name
    path.write_text("\n".join(("#!/bin/bash", *lines, "")))
    path.chmod(0o755)


def missing(checkout: Path) -> list[str]:
    done = subprocess.run(
        ["/bin/bash", checkout / "scripts/bootstrap"],
        env={"PATH": str(checkout / "bin"), "HOME": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.rstrip().endswith("ready")) == (1, False)
    return re.findall(r"^bootstrap: MISSING: (\S+ \S+)", done.stdout, re.MULTILINE)


def test_all_that_is_missing_is_named_in_one_run(checkout: Path) -> None:
    found = missing(checkout)
    assert found[0] == "Python 3.11"
    assert {"git is", "curl is", "skopeo is", "docker-registry is"} <= set(found)
    assert found[-1] == "no Docker"


def test_a_python_without_venv_hides_nothing_else(checkout: Path) -> None:
    """Debian keeps venv's pip in a package of its own, and without root it can't be installed."""
    program(checkout, "python3", '[ "$1" = -m ] && exit 1', "exit 0")
    found = missing(checkout)
    assert (found[0], found[-1]) == ("uv could", "no Docker")


def test_a_release_without_one_package_gets_the_others(checkout: Path) -> None:
    asked = checkout / "asked"
    program(checkout, "id", "echo 0")
    program(
        checkout,
        "apt-get",
        f'echo "$*" >>{asked}',
        f'case "$*" in *docker-registry*) exit 100 ;; *skopeo) : >{checkout}/bin/skopeo ;; esac',
        f"[ ! -e {checkout}/bin/skopeo ] || {shutil.which('chmod')} +x {checkout}/bin/skopeo",
    )
    found = missing(checkout)
    assert "docker-registry is" in found
    assert "skopeo is" not in found
    assert os.access(checkout / "bin/skopeo", os.X_OK)
