"""Golden folders: `in/` is a repository, `expected/` what it means or which mistakes it has.

SLIPWAY_UPDATE_GOLDEN=1 writes what is found; read the difference before committing it.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from slipway import config
from slipway.config.model import Suite
from slipway.errors import ConfigurationError, Exit, UsageError

GOLDEN = Path(__file__).parent / "golden"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
VALUES = {
    "DEPLOY_DOCKER_REPOSITORY": "registry.example.org/shop",
    "WORKER_REPOSITORY": "registry.example.org/worker",
    "DAGS_S3_BUCKET": "bucket",
    "REGION": "eu-west-2",
}


def repository(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / name / "in", tmp_path / "shop"))


def agree(name: str, file: str, actual: str) -> None:
    path = GOLDEN / name / "expected" / file
    if os.environ.get("SLIPWAY_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == actual


def meaning(document: config.Document) -> str:
    """What it means for none and for each environment, without what is left at its default."""
    environments = (None, *document.environments)
    found = {
        str(environment): told(document.resolve(environment=environment, values=VALUES, commit=COMMIT))
        for environment in environments
    }
    return json.dumps(found, indent=2) + "\n"


def told(value: object) -> object:
    if dataclasses.is_dataclass(value):
        fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: told(item) for field, item in fields if item != default(field)}
    if isinstance(value, dict):
        return {key: told(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def default(field: "dataclasses.Field[object]") -> object:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


ALL = sorted(path.name for path in GOLDEN.iterdir())


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("mistake")])
def test_means(name: str, tmp_path: Path) -> None:
    agree(name, "meaning.json", meaning(config.read(repository(name, tmp_path))))


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("mistake")])
def test_mistakes(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.read(repository(name, tmp_path))
    assert caught.value.exit_code == Exit.USAGE
    agree(name, "mistakes.txt", f"{caught.value}\n")


def test_what_is_not_set_is_said_at_once(tmp_path: Path) -> None:
    document = config.read(repository("design", tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        document.resolve(
            environment="staging",
            values={"DEPLOY_DOCKER_REPOSITORY": "", "WORKER_REPOSITORI": "secret value"},
            commit=COMMIT,
            repository="acme/shop",
        )
    where = "Set it in Settings → Environments → staging → Environment variables, or secrets."
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        (
            "slipway.yml:6:17: `${DEPLOY_DOCKER_REPOSITORY}` is not set for `staging`; "
            f"`components.web.repository` needs it. {where}"
        ),
        (
            "slipway.yml:20:76: `${WORKER_REPOSITORY}` is not set for `staging`; "
            f"`components.worker.repository` needs it. {where} Did you mean `${{WORKER_REPOSITORI}}`?"
        ),
        (
            "slipway.yml:21:42: `${DAGS_S3_BUCKET}` is not set for `staging`; "
            f"`components.dags.target` needs it. {where}"
        ),
    ]
    assert "https://github.com/acme/shop/settings/environments" in caught.value.remedy
    assert "secret value" not in str(caught.value)


def test_only_the_chosen_component_needs_its_values(tmp_path: Path) -> None:
    document = config.read(repository("design", tmp_path), component="churn")
    resolved = document.resolve(environment="staging", values={}, commit=COMMIT)
    assert list(resolved.components) == ["churn"]


def test_a_value_with_a_tag_is_refused_without_being_shown(tmp_path: Path) -> None:
    document = config.read(repository("single", tmp_path))
    values = {"DEPLOY_DOCKER_REPOSITORY": "secret.example.org/shop:latest"}
    with pytest.raises(ConfigurationError) as caught:
        document.resolve(environment="qa", values=values, commit=COMMIT)
    assert str(caught.value) == (
        "slipway.yml:2:1: The repository of `shop` ends with a tag or a digest; "
        "expected the repository alone."
    )


def test_arguments_win_over_the_file_and_its_environments(tmp_path: Path) -> None:
    overrides = {"repository": "127.0.0.1:5000/x", "deploy": {"on-active": "fail", "service": None}}
    document = config.read(repository("single", tmp_path), overrides=overrides)
    web = document.resolve(environment="qa", values={}, commit=COMMIT).components["shop"]
    assert (web.repository, web.deploy.on_active) == ("127.0.0.1:5000/x", "fail")
    assert (web.deploy.service, web.deploy.max_failed_tasks) == ("qa-shop", 2)


def test_a_wrong_argument_is_a_mistake_without_a_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.read(repository("single", tmp_path), overrides={"deploy": {"base": "newest"}})
    assert str(caught.value.mistakes[0]) == ("`deploy.base` is `newest`; expected `running` or `latest`.")


def test_arguments_alone_make_a_component(tmp_path: Path) -> None:
    document = config.read(
        tmp_path, overrides={"repository": "r/x", "deploy": {"cluster": "c", "service": "s"}}, component="web"
    )
    web = document.resolve(environment="staging", values={}, commit=COMMIT).components["web"]
    assert (web.kind, web.repository, web.deploy.cluster, web.deploy.service) == (
        "application",
        "r/x",
        "c",
        "s",
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"component": "wbe"}, "There is no component `wbe`; did you mean `web`?"),
        (
            {"overrides": {"repository": "x"}},
            "Which component? There are `web`, `worker`, `dags`, `notifier`, `client` and `churn`.",
        ),
    ],
)
def test_which_component(tmp_path: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.read(repository("design", tmp_path), **given)
    assert caught.value.message == message


def test_a_suite_in_short_is_the_suite_in_full(tmp_path: Path) -> None:
    suites = (
        config.read(repository("single", tmp_path))
        .resolve(environment="qa", values=VALUES, commit=COMMIT)
        .suites
    )
    command = 'pytest tests/smoke --url "${SLIPWAY_URL}" {environment}'
    assert suites == {"smoke": Suite(run=command, timeout_minutes=5)}


def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "slipway.yml").mkdir()
    with pytest.raises(ConfigurationError, match="can't be read: Is a directory"):
        config.read(tmp_path)
    (tmp_path / "slipway.yml").rmdir()
    (tmp_path / "slipway.yml").write_bytes(b"kind: \xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        config.read(tmp_path)
