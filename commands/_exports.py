"""`--export FORMAT:FILE`: what the formats are, whether they can be made and written, and the writing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ._types import nearest

if TYPE_CHECKING:
    from tlstool.figures import LocalBenchReport
    from tlstool.output.bench.sections import Clock

FORMATS = ("json", "md", "csv", "html", "svg", "png")

STDOUT = "-"
"""The path of an export that takes the place of the tables."""

_PACKAGES = {"html": ("jinja2", "matplotlib"), "svg": ("matplotlib",), "png": ("matplotlib",)}
"""What a format takes besides tlstool: all in the extra `report`."""


class Export(NamedTuple):
    """A file to write a report to."""

    form: str
    path: str


class Exports(click.ParamType[Export]):
    """A format and a file with a colon between, or a file whose ending is a format."""

    name = "export"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Export:
        """The export."""
        from tlstool.errors import UsageError

        if isinstance(value, Export):
            return value
        form, colon, path = value.partition(":")
        if not colon or "/" in form:
            form, path = value.rpartition(".")[2], value
        if form.lower() not in FORMATS:
            raise UsageError("usage", f"--export: {form!r} is no format", nearest(form, FORMATS))
        if path == "-" and form.lower() == "png":
            raise UsageError("usage", "--export: a picture in png is not for standard output", "name a file, or take svg:-")
        if not path:
            raise UsageError("usage", f"--export: {value!r} names no file", f"write {form}:FILE")
        return Export(form.lower(), path)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What is to be written."""
        return "FORMAT:FILE"


def check(exports: Sequence[Export]) -> None:
    """Find out before the measurement what could not be written after it.

    Raises:
        UsageError: two exports are to the same file, or a format takes what is not installed (`package-missing`).
        LocalError: there is no writing there.
    """
    from importlib.util import find_spec

    from tlstool.errors import LocalError, UsageError

    paths = [path if path == STDOUT else os.path.abspath(path) for _, path in exports]
    if len(set(paths)) < len(paths):
        raise UsageError("usage", "--export: two reports cannot go to one file")
    for form, path in exports:
        absent = [package for package in _PACKAGES.get(form, ()) if find_spec(package) is None]
        if absent:
            raise UsageError("package-missing", f"an export as {form} takes {' and '.join(absent)}, not installed here")
        if path == STDOUT:
            continue
        if os.path.isdir(path):
            raise LocalError("file-not-written", f"cannot write {path}: it is a folder")
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise LocalError("file-not-written", f"cannot write {path}: there is no folder {folder}")
        # A file is written beside its name and renamed; what is no file is written as it is.
        if not os.access(path if os.path.exists(path) and not os.path.isfile(path) else folder, os.W_OK):
            raise LocalError("file-not-written", f"cannot write {path}: permission denied")


def write(exports: Sequence[Export], report: LocalBenchReport, clock: Clock) -> None:
    """Write all that go to files; one that fails keeps none of the others from being written.

    Raises:
        LocalError: `file-not-written`.
    """
    from tlstool import files
    from tlstool.errors import LocalError

    failed = None
    for form, path in exports:
        if path == STDOUT:
            continue
        try:
            files.write(path, _RENDERERS[form](report, clock))
        except LocalError as error:
            failed = failed or error
    if failed:
        raise failed


def for_stdout(exports: Sequence[Export], report: LocalBenchReport, clock: Clock) -> str | None:
    """The export that takes the place of the tables; None if there is none."""
    form = next((form for form, path in exports if path == STDOUT), None)
    return None if form is None else _RENDERERS[form](report, clock).decode().removesuffix("\n")


def _json(report: LocalBenchReport, _clock: Clock) -> bytes:
    from tlstool.output import jsonout

    return (jsonout.text(jsonout.document("bench local", report)) + "\n").encode()


def _markdown(report: LocalBenchReport, clock: Clock) -> bytes:
    from tlstool.output.bench import markdown

    return markdown.markdown(report, clock).encode()


def _csv(report: LocalBenchReport, _clock: Clock) -> bytes:
    from tlstool.output.bench import markdown

    return markdown.comma_separated(report).encode()


def _html(report: LocalBenchReport, clock: Clock) -> bytes:
    from tlstool.output.bench import page

    return page.html(report, clock).encode()


def _svg(report: LocalBenchReport, clock: Clock) -> bytes:
    from tlstool.output.bench import charts

    return charts.image(report, "svg", clock)


def _png(report: LocalBenchReport, clock: Clock) -> bytes:
    from tlstool.output.bench import charts

    return charts.image(report, "png", clock)


_RENDERERS: dict[str, Callable[[LocalBenchReport, Clock], bytes]] = {
    "json": _json,
    "md": _markdown,
    "csv": _csv,
    "html": _html,
    "svg": _svg,
    "png": _png,
}
