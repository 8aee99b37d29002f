"""How a server that is ready says so to what started it: a file with its port, a descriptor, the service manager."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tlstool import files
from tlstool.errors import LocalError, UsageError, cause
from tlstool.events import FaultShown, Ready
from tlstool.model import plain

_STANDARD = 3
"""Descriptors below are everybody's: they are written to and left open."""


def check_descriptor(number: int | None) -> None:
    """See to it, before anything listens, that a descriptor can be written to.

    Raises:
        UsageError: `usage`: it is not there, or only to be read.
    """
    if number is None:
        return
    from fcntl import F_GETFL, fcntl

    try:
        mode = fcntl(number, F_GETFL) & os.O_ACCMODE
    except OSError as error:
        hint = f"open it for tlstool, as in: {number}>file"
        raise UsageError("usage", f"descriptor {number} cannot be used: {cause(error)}", hint) from None
    if mode == os.O_RDONLY:
        raise UsageError("usage", f"descriptor {number} can only be read", f"open it to be written, as in: {number}>file")


@contextmanager
def announced(
    ready: Ready, faults: Sequence[FaultShown] = (), *, port_file: str | None = None, ready_fd: int | None = None
) -> Iterator[None]:
    """While inside, the server is known to be ready.

    The file holds the port and a newline; for a server that shows all faults, a JSON object that lists them. The
    descriptor gets the port and a newline, and is closed. The service manager hears of the beginning and of the end.

    Raises:
        LocalError: `file-not-written`.
    """
    text = _listed(ready, faults) if faults else f"{ready.port}\n"
    with _port_file(port_file, text):
        if ready_fd is not None:
            _tell(ready_fd, ready.port)
        notify("READY=1", f"STATUS=Listening on {ready.address}, port {ready.port}", f"MAINPID={ready.pid}")
        try:
            yield
        finally:
            stopping()


def stopping() -> None:
    """Tell the service manager that the server is about to end; once more does no harm."""
    notify("STOPPING=1")


def notify(*assignments: str) -> None:
    """Tell the service manager that started us, if one did (sd_notify(3)). That nobody listens is nobody's trouble."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    # A name in Linux's abstract namespace is written with an at sign in place of its zero byte.
    target = "\0" + address[1:] if address[0] == "@" else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.sendto("\n".join(assignments).encode(), target)


@contextmanager
def reloading() -> Iterator[None]:
    """While inside, the service manager knows that the server reads its files again (`Type=notify-reload`)."""
    import time

    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
    try:
        yield
    finally:
        notify("READY=1")


def _listed(ready: Ready, faults: Sequence[FaultShown]) -> str:
    import json

    return json.dumps(plain(ready) | {"faults": [plain(fault) for fault in faults]}, indent=2) + "\n"


@contextmanager
def _port_file(path: str | None, text: str) -> Iterator[None]:
    if path is None:
        yield
        return
    files.write(path, text.encode())
    try:
        yield
    finally:
        # A device or a pipe is not ours to remove, nor is a file that another server has put in its place.
        with suppress(OSError, LocalError):
            if os.path.isfile(path) and files.read(path) == text.encode():
                os.unlink(path)


def _tell(descriptor: int, port: int) -> None:
    # Who asked and does not listen any more has lost interest; the server serves all the same.
    with suppress(OSError):
        os.write(descriptor, f"{port}\n".encode())
    if descriptor >= _STANDARD:
        with suppress(OSError):
            os.close(descriptor)
