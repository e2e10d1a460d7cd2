from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.aws.ecr import Login
from slipway.build import login

LOGIN = Login(user="AWS", password="planted")


def test_the_password_is_in_a_private_file_for_as_long_as_the_block(tmp_path: Path) -> None:
    environ = {"RUNNER_TEMP": str(tmp_path)}
    with login.logged_in("127.0.0.1:5000", LOGIN, environ=environ) as auth:
        assert json.loads(auth.read_text()) == {"auths": {"127.0.0.1:5000": {"auth": "QVdTOnBsYW50ZWQ="}}}
        assert (auth.stat().st_mode & 0o777, auth.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert auth.parent.parent == tmp_path
        login.sweep(tmp_path)
        assert auth.exists()
    assert list(tmp_path.iterdir()) == []


def test_it_goes_on_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), login.logged_in("h", LOGIN, environ={"RUNNER_TEMP": str(tmp_path)}):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def start_one_that_waits(folder: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sys, time\n"
        "from slipway.aws.ecr import Login\n"
        "from slipway.build.login import logged_in\n"
        "with logged_in('h', Login(user='AWS', password='planted'), environ={'RUNNER_TEMP': sys.argv[1]}):\n"
        "    time.sleep(60)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(login.__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], env=environ)
    for _ in range(200):
        if list(folder.glob("*/auth.json")):
            return process
        time.sleep(0.05)
    raise AssertionError("it didn't log in")


def test_it_goes_on_sigterm(tmp_path: Path) -> None:
    process = start_one_that_waits(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert (process.wait(timeout=10), list(tmp_path.iterdir())) == (143, [])


def test_what_a_kill_leaves_is_swept_by_the_next_run(tmp_path: Path) -> None:
    process = start_one_that_waits(tmp_path)
    login.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1  # it lives: not ours to remove
    process.kill()
    process.wait(timeout=10)
    with login.logged_in("h", LOGIN, environ={"RUNNER_TEMP": str(tmp_path)}):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "precious").mkdir()
    (tmp_path / "base" / f"{login.PREFIX}1-0-x").symlink_to(tmp_path / "precious")
    login.sweep(tmp_path / "base")
    assert (tmp_path / "precious").is_dir()
