"""Sockets that a service manager opened for us (systemd's socket activation, sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

from tlstool.errors import UsageError

_FIRST = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def passed() -> list[tuple[str | None, socket.socket]]:
    """The listening sockets that came with our process, each with its name if it has one; they are taken once.

    Raises:
        UsageError: `usage`: one of them is nothing that TCP clients can be accepted from.
    """
    pid, count, names = (os.environ.get(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    # What we start is not meant to have them.
    for name in _VARIABLES:
        os.environ.pop(name, None)
    called: list[str | None] = [name or None for name in names.split(":")] if names else []
    called += [None] * (int(count) - len(called))
    return [(name, _taken(_FIRST + number)) for number, name in enumerate(called[: int(count)])]


def _taken(descriptor: int) -> socket.socket:
    hint = "a .socket unit needs ListenStream= with a port, and Accept=no"
    try:
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        raise UsageError("usage", f"descriptor {descriptor}, which LISTEN_FDS names, is no socket", hint) from None
    is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    if not (is_tcp and listens):
        # It stays open: it is the manager's.
        listener.detach()
        raise UsageError("usage", f"descriptor {descriptor}, which LISTEN_FDS names, does not listen for TCP", hint)
    return listener
