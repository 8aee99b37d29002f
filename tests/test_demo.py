"""The tour that `make demo` makes."""

import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from sources import ROOT

DEMO = ROOT / "tools" / "demo.py"


@pytest.fixture
def demo() -> ModuleType:
    spec = spec_from_file_location("demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["demo"] = module  # where dataclasses look for the annotations
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_tour_shows_every_mode_and_ends_well() -> None:
    done = subprocess.run([sys.executable, DEMO], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^\$ tlstool (--version|bench \w+|[\w-]+)", done.stdout, re.MULTILINE)
    assert shown == ["--version", "serve", "connect", "connect", "cert-verify", "bench handshake", "bench local"]


@pytest.mark.parametrize(("program", "expected", "failures"), [("true", 0, 0), ("true", 9, 1), ("false", 0, 1)])
def test_a_step_with_another_exit_status_than_expected_is_a_failure(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, program: str, expected: int, failures: int
) -> None:
    monkeypatch.setattr(demo, "TLSTOOL", shutil.which(program))
    tour = demo.Tour()
    tour.step("Words.", "connect localhost", expected)
    assert len(tour.failures) == failures
    assert demo.conclude(tour) == (1 if failures else 0)
