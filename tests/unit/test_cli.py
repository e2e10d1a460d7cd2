"""The edges of the command line: inputs of actions, and what can't even begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway import cli, config, install
from slipway.commands import target
from slipway.errors import UsageError
from slipway.install import InstallError

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("text", ["[]", "", "{", '{"environment": {}}', '"x"'])
def test_inputs_that_no_action_of_ours_sets(text: str) -> None:
    with pytest.raises(UsageError, match="INPUTS is not a JSON object of texts"):
        cli.arguments_from_inputs(cli.parser_of("plan"), text)


def test_inputs_that_are_empty_count_as_not_given() -> None:
    words = cli.arguments_from_inputs(
        cli.parser_of("plan"), '{"environment": "", "component": null, "aws-region": "x"}'
    )
    assert words == ["--aws-region=x"]


def test_what_cannot_be_installed_is_said_and_is_no_fault_of_ours(tmp_path: Path) -> None:
    """A package index that doesn't answer: the first thing to go wrong on a runner behind a proxy."""
    (tmp_path / "uv").symlink_to("/bin/false")
    environ = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ACTIONS": "true",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    }
    bare = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    done = subprocess.run(
        [bare, "-I", SCRIPTS, "plan"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith("::error::The packages of the group `core` could not be installed:")
    assert "Does this machine reach a package index" in done.stderr


def test_no_folder_to_install_into(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstallError, match="There is no folder to install packages into"):
        install.installed("core", {"XDG_CACHE_HOME": str(tmp_path / "file")})


def test_a_name_of_digits_stays_as_it_is_written(tmp_path: Path) -> None:
    parser = cli.Parser()
    target.add_arguments(parser)
    target.add_overrides(parser)
    given = parser.parse_args(["--service=007", "--max-failed-tasks=4", "--timeout-minutes=x"])
    found = target._overrides(given)
    assert found == {"deploy": {"service": "007", "max-failed-tasks": 4, "timeout-minutes": "x"}}
    (tmp_path / "slipway.yml").write_text("kind: application\nname: web\n")
    document = config.read(tmp_path, overrides={"deploy": {"service": "007", "max-failed-tasks": 4}})
    values = {"DEPLOY_DOCKER_REPOSITORY": "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web"}
    deploy = document.resolve(environment="staging", values=values, commit="0" * 40).components["web"].deploy
    assert (deploy.service, deploy.max_failed_tasks) == ("007", 4)
