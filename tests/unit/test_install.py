from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipway import install
from slipway.errors import UsageError
from slipway.install import InstallError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("group", ["core", "aws"])
def test_the_committed_lock_is_uvs(group: str) -> None:
    if not shutil.which("uv"):
        pytest.skip("needs uv, which made the lock")
    extra = [] if group == "core" else ["--extra", group]
    words = ["uv", "export", *extra, "--no-default-groups", "--no-emit-project", "--frozen", "--quiet"]
    exported = subprocess.run(
        [*words, "--offline", "--no-header", "--no-annotate"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (install.REQUIREMENTS / f"{group}.txt").read_text() == exported.stdout


def test_wheels_alone_each_with_its_hash() -> None:
    lock, folder = Path("core.txt"), Path("target")
    locked = ["--target", "target", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    with_uv = install.command(lock, folder, "/bin/uv")
    with_pip = install.command(lock, folder, None)
    assert list(with_uv) == [
        *("/bin/uv", "pip", "install", "--quiet", "--python", sys.executable, "--no-config"),
        *locked,
        *("--requirement", "core.txt"),
    ]
    assert list(with_pip) == [
        *(sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"),
        *("--disable-pip-version-check", "--no-warn-script-location"),
        *locked,
        *("--requirement", "core.txt"),
    ]


def test_it_is_installed_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets: list[Path] = []

    def run(words: list[str], _group: str) -> None:
        folder = Path(words[words.index("--target") + 1])
        (folder / "module.py").write_text("")
        targets.append(folder)

    monkeypatch.setattr(install, "_run", run)
    environ = {"RUNNER_TEMP": str(tmp_path)}
    first, second = install.installed("core", environ), install.installed("core", environ)
    assert (first == second, len(targets), first.parent) == (True, 1, tmp_path)
    assert sorted(path.name for path in first.iterdir()) == [install.MARKER, "module.py"]
    assert list(tmp_path.iterdir()) == [first]


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "command", lambda *_: [sys.executable, "-c", "raise SystemExit('no index')"])
    with pytest.raises(InstallError, match="no index"):
        install.installed("core", {"RUNNER_TEMP": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_a_prepared_interpreter_installs_nothing() -> None:
    assert install.is_prepared({"SLIPWAY_PYTHON": sys.executable}) is True
    assert install.is_prepared({"SLIPWAY_PYTHON": "/bin/sh"}) is False


def test_an_interpreter_that_is_only_newer_gets_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "_is_complete", lambda: False)
    assert install.is_prepared({"SLIPWAY_PYTHON": sys.executable}) is False


def test_pip_is_never_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('the caller was run')\n")
    monkeypatch.chdir(tmp_path)
    words = install.command(Path("core.txt"), Path("target"), None)
    version = [*words[: words.index("pip") + 1], "--version"]
    asked = subprocess.run(version, capture_output=True, text=True, check=False)
    assert "the caller was run" not in asked.stderr


def test_a_group_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "is_prepared", lambda _: False)
    with pytest.raises(UsageError, match="no dependency group `nothing`"):
        install.ensure("nothing")
