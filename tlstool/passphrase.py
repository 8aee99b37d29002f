"""Pass phrases: from a file, or from whoever sits at the terminal. They are never taken from a command line."""

from __future__ import annotations

import os

from tlstool import files
from tlstool.errors import TlsToolError

TERMINAL = "/dev/tty"
"""Where to ask."""


def read(file: str) -> bytes:
    """The first line of a file, or of standard input for "-", without its end.

    Raises:
        LocalError: `file-missing` or `file-unreadable`.
    """
    return files.read(file).partition(b"\n")[0].removesuffix(b"\r")


def ask(question: str, otherwise: TlsToolError) -> str:
    """The answer of whoever sits at the terminal, which stdin need not be; `otherwise` is raised where there is none."""
    if not has_terminal():
        raise otherwise
    from getpass import getpass

    return getpass(question)


def has_terminal() -> bool:
    """Whether there is a terminal that the process belongs to."""
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
