"""The documents: the examples of docs/api.md run as they stand there, top to bottom, and every command line is understood."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tlstool.assertions import ALIASES, understand
from tlstool.cli import program
from tlstool.reports import ConnectReport, VerifyReport

ROOT = Path(__file__).parent.parent
RECIPES = (ROOT / "docs" / "connect.md").read_text()


def test_every_example_of_the_api_document_runs() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    scope: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 5
    for example in examples:
        line = text[: text.index(example)].count("\n")
        exec(compile("\n" * line + example, "docs/api.md", "exec"), scope)


def recipes() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", RECIPES, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("line", recipes())
def test_every_recipe_is_understood(line: str) -> None:
    tool, name, *words = shlex.split(line)
    assert tool == "tlstool"
    command = program.commands[name]
    context = command.make_context(name, words, parent=click.Context(program, info_name="tlstool"))
    report = ConnectReport if name == "connect" else VerifyReport
    understand(context.params["assertions"], report)


def test_there_are_recipes() -> None:
    assert len(recipes()) > 50


def test_every_short_name_of_an_assertion_is_documented() -> None:
    assert {alias for alias in ALIASES if f"`{alias}`" not in RECIPES} == set()
