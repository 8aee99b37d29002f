"""Runs of `bench local` that end with an error, for the test of all error codes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest
from tlstool.commands import _exports

from tlstool import backends
from tlstool.bench.local import bench_local
from tlstool.figures import LocalBenchReport
from tlstool.requests import LocalBenchRequest


def bad_library(path: str) -> LocalBenchReport:
    """Measure a file that is no library."""
    return _brief(against=(path,))


def missed_limit() -> LocalBenchReport:
    """Measure Rustls under a limit that nothing keeps."""
    return _brief(against=(), fail_if=("client_handshakes_per_s>0",))


def package_missing(held: ExitStack, folder: Path) -> None:
    """Ask for a page where there is no package to make it with."""
    held.enter_context(mock.patch("importlib.util.find_spec", return_value=None))
    _exports.check([_exports.Export("html", str(folder / "report.html"))])


def _brief(**changes: object) -> LocalBenchReport:
    if why := backends.why_no_fast_path():
        pytest.skip(f"rustls: {why}")
    usual = {"what": ("handshake",), "key_types": ("ecdsa-p256",), "rounds": 1, "duration": 0.02, "warm_up": 0.0, "pin": False}
    return bench_local(LocalBenchRequest(**usual | changes))  # type: ignore[arg-type]
