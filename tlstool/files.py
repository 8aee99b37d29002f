"""Reading and writing the user's files: bounded, never half-written, and every failure a `LocalError` that names the file."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator

from tlstool.errors import LocalError, cause

LIMIT = 16 * 1024 * 1024
"""Bytes that a file may have. The largest root bundles have a few hundred kilobytes."""


def read(path: str) -> bytes:
    """The bytes of a file, or of standard input for "-".

    Raises:
        LocalError: `file-missing`, or `file-unreadable` if it cannot be read or is too large.
    """
    if path == "-" and sys.stdin is None:
        raise LocalError("file-unreadable", "standard input is closed")
    try:
        if path == "-":
            data = sys.stdin.buffer.read(LIMIT + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > LIMIT:
        raise LocalError(
            "file-unreadable", f"{'standard input' if path == '-' else path} is larger than {LIMIT // (1024 * 1024)} MiB"
        )
    return data


def is_stream(path: str) -> bool:
    """Whether it is standard input ("-"), a pipe or a device: read once, after a wait that may have no end."""
    return path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


def pieces(path: str, size: int) -> Iterator[bytes]:
    """The bytes of a file of any length, so many at a time, behind an empty piece that comes once the file is open.

    Raises:
        LocalError: `file-missing` or `file-unreadable`.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            yield b""
            while piece := file.read(size):
                yield piece
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def write(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write a file beside its name and rename it, so that it is there whole or not at all.

    A path that is no regular file, such as /dev/stdout, is written as it is.

    Raises:
        LocalError: `file-not-written`.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as device:
                device.write(data)
            return
        beside = f"{path}.{os.getpid()}.tmp"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise LocalError("file-not-written", f"cannot write {path}: {cause(error)}") from None


def begin_private(path: str) -> None:
    """An empty file that only its owner can read, for others to append to; what it was before is gone.

    A path that is no regular file, such as a pipe to another program, stays as it is.

    Raises:
        LocalError: `file-not-written`.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LocalError("file-not-written", f"cannot write {path}: {cause(error)}") from None


def _missing(path: str) -> LocalError:
    if not path:
        return LocalError("file-missing", "the name of a file is empty", "is a variable of the command line not set?")
    return LocalError("file-missing", f"there is no file {path}")


def _unreadable(path: str, error: OSError) -> LocalError:
    return LocalError("file-unreadable", f"cannot read {path}: {cause(error)}")
