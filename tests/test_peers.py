"""The rule for foreign programs: a named skip where one is missing, an error where nothing may be left out."""

import sys
from pathlib import Path

import peers
import pytest


@pytest.fixture(autouse=True)
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("setting", ["", "0", "false"])
def test_a_missing_program_skips_by_its_name(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("CI", setting)
    with pytest.raises(pytest.skip.Exception, match="gnutls-serv is not installed"):
        peers.require("gnutls-serv")


def test_a_missing_program_is_an_error_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="gnutls-serv is missing"):
        peers.require("gnutls-serv")


def test_a_program_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = Path(sys.executable)
    monkeypatch.setenv("PATH", str(interpreter.parent))
    assert peers.require(interpreter.name) == interpreter
