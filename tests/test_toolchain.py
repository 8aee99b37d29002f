"""What `make` takes for a toolchain, and what it says where there is none."""

import subprocess
import tomllib
from pathlib import Path

import pytest
from sources import ROOT

OLDEST = tomllib.loads((ROOT / "rust" / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["rust-version"]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs, and the only one on the path."""
    return tmp_path


def program(machine: Path, name: str, says: str = "") -> None:
    path = machine / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def toolchain(machine: Path, what: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tools" / "toolchain", what],
        env={"PATH": str(machine), **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_oldest_cargo_that_the_crates_allow_builds_the_extension(machine: Path) -> None:
    program(machine, "cargo", f"cargo {OLDEST}.0 (d73d2caf9 2024-12-31)")
    program(machine, "cc")
    assert toolchain(machine, "native").stdout == "require\n"


def test_an_older_cargo_counts_as_missing_and_is_named(machine: Path) -> None:
    major, minor = OLDEST.split(".")
    program(machine, "cargo", f"cargo {major}.{int(minor) - 1}.0")
    program(machine, "cc")
    done = toolchain(machine, "native")
    assert (done.returncode, done.stdout) == (0, "off\n")
    assert f"cargo {OLDEST} or later (this is {major}.{int(minor) - 1}.0)" in done.stderr


@pytest.mark.parametrize(("present", "missing"), [([], "cargo"), (["cargo"], "a C compiler")])
def test_what_is_missing_is_said_plainly(machine: Path, present: list[str], missing: str) -> None:
    for name in present:
        program(machine, name, f"{name} 1.99.0")
    done = toolchain(machine, "native")
    assert (done.returncode, done.stdout) == (0, "off\n")
    assert f"for lack of {missing}:" in done.stderr


def test_the_variable_has_the_last_word(machine: Path) -> None:
    done = toolchain(machine, "native", TLSTOOL_NATIVE="auto")
    assert (done.stdout, done.stderr) == ("auto\n", "")


def test_no_python_is_an_error_that_says_what_to_do(machine: Path) -> None:
    done = toolchain(machine, "python")
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs Python 3.11 or later" in done.stderr
    assert "found: none" in done.stderr
