"""The release tool on real repositories with a real bare remote; only GitHub's own release is left out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "release.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slipway_release_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


release = _load()


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    remote, clone = tmp_path / "remote.git", tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(clone)], check=True)
    git(clone, "remote", "add", "origin", remote.as_uri())
    commit(clone, "1.0.0")
    return clone


def commit(root: Path, version: str, *, push: bool = True) -> str:
    (root / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n')
    (root / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {version} - 2026-11-20\n\n- What {version} adds.\n\n## 0.9.0\n\n- Old.\n"
    )
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--allow-empty", "-m", version)
    if push:
        git(root, "push", "--quiet", "origin", "main")
    return git(root, "rev-parse", "HEAD")


def test_first_release_makes_both_tags(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    prepared = release.prepare(root)
    expected = release.Release(
        version="1.0.0", commit=head, notes="- What 1.0.0 adds.", tagged=False, moves=""
    )
    assert expected == prepared
    release.tag(root, prepared)
    assert {"v1.0.0": head, "v1": head} == release.remote_tags(root, "origin")
    kinds = {name: git(root, "cat-file", "-t", f"refs/tags/{name}") for name in ("v1.0.0",)}
    assert kinds == {"v1.0.0": "tag"}


def test_next_release_moves_the_major_tag_forwards(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    release.tag(root, release.prepare(root))
    second = commit(root, "1.1.0")
    release.tag(root, release.prepare(root))
    assert {"v1.0.0": first, "v1.1.0": second, "v1": second} == release.remote_tags(root, "origin")


def test_a_second_run_finishes_what_was_begun(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    git(root, "tag", "-a", "-m", "begun", "v1.0.0")
    git(root, "push", "--quiet", "origin", "refs/tags/v1.0.0")
    release.tag(root, release.prepare(root))
    release.tag(root, release.prepare(root))
    assert {"v1.0.0": head, "v1": head} == release.remote_tags(root, "origin")


def test_a_version_tag_never_moves(root: Path) -> None:
    old = git(root, "rev-parse", "HEAD")
    release.tag(root, release.prepare(root))
    commit(root, "1.0.0")
    with pytest.raises(release.ReleaseError) as caught:
        release.prepare(root)
    assert f"v1.0.0 is on {old} and never moves: raise the version in pyproject.toml." == str(caught.value)


def test_the_major_tag_never_moves_backwards(root: Path) -> None:
    base = git(root, "rev-parse", "HEAD")
    newer = commit(root, "1.2.0")
    release.tag(root, release.prepare(root))
    git(root, "checkout", "--quiet", base)
    with pytest.raises(release.ReleaseError) as caught:
        release.prepare(root)
    expected = f"v1 is on {newer}, which is not an ancestor of {base}: v1 only moves forwards."
    assert expected == str(caught.value)
    assert newer == release.remote_tags(root, "origin")["v1"]


def test_a_major_tag_that_somebody_moved_meanwhile_stops_the_release(root: Path) -> None:
    release.tag(root, release.prepare(root))
    commit(root, "1.1.0")
    prepared = release.prepare(root)
    git(root, "push", "--quiet", "--delete", "origin", "v1")
    with pytest.raises(release.ReleaseError) as caught:
        release.tag(root, prepared)
    assert str(caught.value) == "v1 moved while the release ran: run it again."


def test_only_what_was_merged_is_released(root: Path) -> None:
    head = commit(root, "1.1.0", push=False)
    with pytest.raises(release.ReleaseError) as caught:
        release.prepare(root)
    expected = f"{head} is not on `main` of `origin`: only what was merged is released."
    assert expected == str(caught.value)


def test_what_is_not_committed_is_not_released(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nversion = "1.0.0"\n')
    with pytest.raises(release.ReleaseError, match=r"^The working tree differs from its commit:"):
        release.prepare(root)


@pytest.mark.parametrize(
    ("version", "changelog", "message"),
    [
        ("1.0", "## 1.0\n\n- X.\n", "pyproject.toml: version `1.0` is not X.Y.Z."),
        (
            "1.0.0",
            "## 1.0.1\n\n- X.\n",
            "CHANGELOG.md has no section `## 1.0.0`: write it, or change the version.",
        ),
        ("1.0.0", "## 1.0.0\n\n## 0.9.0\n\n- X.\n", "CHANGELOG.md: the section `## 1.0.0` is empty."),
    ],
)
def test_version_and_changelog_agree(root: Path, version: str, changelog: str, message: str) -> None:
    (root / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (root / "CHANGELOG.md").write_text(changelog)
    with pytest.raises(release.ReleaseError) as caught:
        release.prepare(root)
    assert message == str(caught.value)
