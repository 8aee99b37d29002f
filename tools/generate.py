"""Writes what is made from the commands and the reports: manual pages, completions, JSON Schemas.

    tools/generate.py            write what differs
    tools/generate.py --check    write nothing; name what differs and exit with 1

Needs tlstool to be installed, in the editable way for one's own changes to count. The output depends on nothing but the
sources: the date of the manual pages is that of the newest release in CHANGELOG.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import manpage

from tlstool.cli import program
from tlstool.output import schema

ROOT = Path(__file__).resolve().parent.parent

COMPLETIONS = {"bash": "tlstool", "zsh": "_tlstool", "fish": "tlstool.fish", "powershell": "tlstool.ps1"}
"""The shells, and the file names that they look for."""


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file and what belongs into it."""
    release, date = newest_release((ROOT / "CHANGELOG.md").read_text())
    for name, page in manpage.pages(program, release, date).items():
        yield ROOT / "man" / f"{name}.1", page
    script = import_module("tlstool.commands.completions").script
    for shell, name in COMPLETIONS.items():
        yield ROOT / "completions" / name, script(program, shell) + "\n"
    for command in schema.COMMANDS:
        yield ROOT / "schema" / f"{command.replace(' ', '-')}.json", json.dumps(schema.schema(command), indent=2) + "\n"


def newest_release(changelog: str) -> tuple[str, str]:
    """Version and date of the topmost heading such as `## 0.1.0 - 2026-11-23`."""
    found = re.search(r"^## (\d+\.\d+\.\d+\S*) - (\d{4}-\d{2}-\d{2})$", changelog, re.MULTILINE)
    if not found:
        raise SystemExit("CHANGELOG.md has no heading of a release, such as: ## 0.1.0 - 2026-11-23")
    return found[1], found[2]


def stale() -> dict[Path, str]:
    """The files that are not as they should be, with what belongs into them."""
    return {path: text for path, text in generated() if not path.exists() or path.read_text() != text}


def strays() -> list[Path]:
    """Files that stand among the generated ones and are none of them."""
    expected = {path for path, _ in generated()}
    return sorted(path for folder in {path.parent for path in expected} for path in folder.iterdir() if path not in expected)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--check", is_flag=True, help="Write nothing; name what is stale, and exit with 1 if something is.")
def main(check: bool) -> None:
    """Write the manual pages, completions and schemas."""
    found = stale()
    for path, text in found.items():
        click.echo(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    for path in strays():
        click.echo(f"not generated, and in the way: {path.relative_to(ROOT)}")
    if check and (found or strays()):
        sys.exit("run: make generate")


if __name__ == "__main__":
    main()
