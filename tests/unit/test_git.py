import subprocess
from pathlib import Path

import pytest

from slipway.errors import ToolError
from slipway.git import Repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "one", "app/a.py")
    return tmp_path


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", root, *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, text: str, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", text)
    return git(root, "rev-parse", "HEAD")


def test_what_changed_since(root: Path) -> None:
    repository = Repository(root=root)
    before = repository.commit()
    after = commit(root, "two", "app/a.py", "docs/ü\n.md")
    assert repository.commit() == after
    assert repository.changed(before, after) == ("app/a.py", "docs/ü\n.md")
    assert Repository(root=root / "app").changed(before, after) == ("a.py",)
    assert repository.changed("0" * 40, after) is None
    assert (repository.count(before, after), repository.count("x", after)) == (1, None)
    assert (repository.is_ancestor(before, after), repository.is_ancestor(after, before)) == (True, False)


def test_a_moved_file_is_gone_and_new(root: Path) -> None:
    before = git(root, "rev-parse", "HEAD")
    git(root, "mv", "app/a.py", "b.py")
    after = commit(root, "moved")
    assert Repository(root=root).changed(before, after) == ("app/a.py", "b.py")


def test_where_histories_meet(root: Path) -> None:
    start = git(root, "rev-parse", "HEAD")
    git(root, "switch", "-q", "-c", "feature")
    mine = commit(root, "mine", "x")
    git(root, "switch", "-q", "main")
    theirs = commit(root, "theirs", "y")
    assert Repository(root=root).base(theirs, mine) == start


def test_branches(root: Path) -> None:
    repository = Repository(root=root)
    assert (repository.branch(), repository.default_branch()) == ("main", "main")
    git(root, "branch", "-m", "trunk")
    assert repository.default_branch() == ""
    git(root, "remote", "add", "origin", "https://github.com/acme/shop.git")
    git(root, "update-ref", "refs/remotes/origin/trunk", "HEAD")
    git(root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert (repository.default_branch(), repository.known("trunk")) == ("trunk", repository.commit())
    assert repository.known("none") == ""
    git(root, "checkout", "-q", "--detach")
    assert repository.branch() == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("git@github.com:acme/shop", "acme/shop"),
        ("/srv/shop.git", ""),
        ("https://shop", ""),
    ],
)
def test_repository(root: Path, address: str, expected: str) -> None:
    git(root, "remote", "add", "origin", address)
    assert Repository(root=root).repository() == expected


def test_a_name_is_no_option(root: Path) -> None:
    repository = Repository(root=root)
    assert repository.commit("--all") == ""
    assert repository.changed("--output=x", "HEAD") is None
    assert not (root / "x").exists()


def test_where_there_is_no_repository_nothing_is_known(tmp_path: Path) -> None:
    repository = Repository(root=tmp_path / "none")
    assert (repository.commit(), repository.branch(), repository.default_branch()) == ("", "", "")


def test_where_there_is_no_git_nothing_is_known(tmp_path: Path) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ToolError("`git` is not on the path.")

    assert Repository(root=tmp_path, run=missing).commit() == ""
