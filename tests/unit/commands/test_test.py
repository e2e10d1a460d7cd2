"""`slipway test`: what it prints for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway import cli


def test_json_is_all_that_stands_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("INPUTS", raising=False)
    (tmp_path / "slipway.yml").write_text("suites: {unit: echo from the suite}\n")
    assert cli.main(["test", f"--working-directory={tmp_path}", "--json"]) == 0
    said = capfd.readouterr()
    assert [(one["suite"], one["verdict"]) for one in json.loads(said.out)] == [("unit", "passed")]
    assert "from the suite" in said.err


def test_no_suite_is_an_empty_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("INPUTS", raising=False)
    assert cli.main(["test", f"--working-directory={tmp_path}", "--json"]) == 0
    said = capfd.readouterr()
    assert json.loads(said.out) == []
    assert "::warning title=No tests::" in said.err
