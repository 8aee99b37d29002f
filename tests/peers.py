"""Foreign programs that the tests talk to: OpenSSL's, GnuTLS's, curl, nginx, HAProxy, Go, Node, Java."""

import os
import shutil
from pathlib import Path

import pytest


def require(program: str) -> Path:
    """The path of a program that a test cannot do without.

    Where it is missing the test is skipped by the program's name; where the environment says CI, it fails, so that a run there
    never leaves anything out unseen.
    """
    path = shutil.which(program)
    if path is not None:
        return Path(path)
    if on_ci():
        pytest.fail(f"{program} is missing, and nothing may be left out here; .ci/apt lists what to install", pytrace=False)
    pytest.skip(f"{program} is not installed")


def on_ci() -> bool:
    """Whether this is a run that must be complete."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}
