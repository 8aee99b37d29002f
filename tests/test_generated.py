"""The files that are made from the commands and the reports are current, and what they should be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "man").glob("*.1"))
SCHEMAS = sorted((ROOT / "schema").glob("*.json"))


def output_of(*command: str | Path) -> str:
    """What a program prints on both streams; it has to end with 0."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_manual_pages_completions_and_schemas_are_current():
    assert output_of(sys.executable, ROOT / "tools" / "generate.py", "--check") == ""


def test_every_mode_has_a_manual_page():
    assert [page.name for page in PAGES] == [
        "tlstool-bench-compare.1",
        "tlstool-bench-handshake.1",
        "tlstool-bench-local.1",
        "tlstool-bench.1",
        "tlstool-cert-verify.1",
        "tlstool-connect.1",
        "tlstool-s_client.1",
        "tlstool-serve.1",
        "tlstool.1",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("linter", ["groff -man -ww -z", "mandoc -T lint -W warning"])
def test_a_linter_finds_nothing_in_a_manual_page(linter, page):
    program, *options = linter.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    assert output_of(program, *options, page) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_manual_page_has_its_sections_in_order(page):
    sections = [line[4:] for line in page.read_text().splitlines() if line.startswith(".SH ")]
    usual = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "ARGUMENTS",
        "OPTIONS",
        "COMMANDS",
        "EXAMPLES",
        "ENVIRONMENT",
        "EXIT STATUS",
        "FILES",
        "TRANSLATION",
        "SEE ALSO",
    ]
    assert sections == [section for section in usual if section in sections]
    assert {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"} <= set(sections)


def test_options_of_s_client_are_translated_to_options_that_there_are():
    from tlstool.cli import program

    connect = program.commands["connect"]
    known = {name for param in connect.params for name in param.opts}
    translated = {word.rstrip(",") for ours in connect.from_openssl.values() for word in ours.split() if word.startswith("--")}
    assert translated
    assert translated <= known


@pytest.mark.parametrize(("shell", "name"), [("bash", "tlstool"), ("zsh", "_tlstool"), ("fish", "tlstool.fish")])
def test_a_shell_can_read_its_completions(shell, name):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert output_of(shell, "-n", ROOT / "completions" / name) == ""


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_one(path):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))
