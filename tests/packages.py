"""Builds of the source distribution and of wheels, and environments to install them into, for the tests of packaging."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CARGO_TARGET = ROOT / "rust" / "target"

_LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "target", "build", "dist", "*.egg-info", "__pycache__", "*.so", ".mypy_cache", ".ruff_cache", ".pytest_cache"
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds a wheel and what the wheel asks for, and nothing else."""

    root: Path

    @property
    def tlstool(self) -> Path:
        return self.root / "bin" / "tlstool"


def native_mode() -> str:
    """The mode of `setup.py` that this machine was set up with: `require` or `off`."""
    return os.environ.get("TLSTOOL_NATIVE") or ("require" if shutil.which("cargo") else "off")


def source_distribution(folder: Path) -> Path:
    """Pack the working tree; a copy of it, for setuptools remembers in egg-info what it once packed."""
    copy = folder / "tree"
    shutil.copytree(ROOT, copy, ignore=_LEFT_BEHIND)
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    _run([sys.executable, "-W", "ignore", "-c", code], cwd=copy)
    shutil.rmtree(copy)
    return next(folder.glob("*.tar.gz"))


def unpack(sdist: Path, folder: Path) -> Path:
    """The top folder of a source distribution, unpacked with the times of its files, by which cargo tells what has changed."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("tlstool-*"))


def build_wheel(tree: Path, folder: Path, mode: str) -> Path:
    """Build a wheel from an unpacked source distribution, with the toolchain and the crates that are here."""
    environment = {**os.environ, "TLSTOOL_NATIVE": mode, "CARGO_TARGET_DIR": str(CARGO_TARGET), "PYO3_PYTHON": sys.executable}
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    _run([*pip, "--wheel-dir", str(folder), str(tree)], env=environment)
    return next(folder.glob("*.whl"))


def install(wheel: Path, root: Path) -> Environment:
    """Install a wheel into a new environment without a network.

    What the wheel's metadata asks for is copied from the environment of the tests, so that an import which is not declared fails,
    as it would for a user; pip then checks the versions.
    """
    _run([sys.executable, "-m", "venv", "--without-pip", str(root)])
    paths = sysconfig.get_paths("venv", {"base": str(root), "platbase": str(root)})
    for distribution in _closure(metadata.distribution("tlstool").requires or []):
        for file in distribution.files or []:
            if ".." not in file.parts and file.suffix != ".pyc":
                target = Path(paths["platlib"], file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(distribution.locate_file(file)), target)
    pip = [sys.executable, "-m", "pip", "--python", str(root / "bin" / "python"), "install", "--quiet", "--no-index", str(wheel)]
    _run(pip)
    return Environment(root)


def _closure(requirements: list[str]) -> list[metadata.Distribution]:
    """The distributions that a list of requirements asks for here, and those that they ask for."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[requirement.name] = distribution = metadata.distribution(requirement.name)
        waiting += [Requirement(text) for text in distribution.requires or []]
    return list(found.values())


def _run(command: list[str], **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
