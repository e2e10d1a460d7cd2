import subprocess
from pathlib import Path

import pytest

from slipway.config import conventions
from slipway.config.conventions import Found


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://github.com/acme/shop.git", "shop"),
        ("git@github.com:acme/shop.git", "shop"),
        ("ssh://git@host/acme/Shop/", "Shop"),
        ("host:shop", "shop"),
        ("/srv/odd name!.git", "odd-name"),
    ],
)
def test_a_repository_is_called_as_its_remote(tmp_path: Path, origin: str, expected: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", origin], check=True)
    assert conventions.repository_name(tmp_path) == expected


def test_else_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "my app").mkdir()
    assert conventions.repository_name(tmp_path / "my app") == "my-app"


def test_names_never_meet(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "Dockerfile").touch()
    assert conventions.components(tmp_path, "dags") == [
        Found(name="dags", kind="application", why="there is a `Dockerfile`"),
        Found(name="airflow-dags", kind="dags", why="there is a folder `dags`"),
    ]
