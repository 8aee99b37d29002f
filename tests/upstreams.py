"""Plain-text servers for what is forwarded to them: each connection has a thread of its own, and does as a script says."""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from runner import LIMIT

Script = Callable[[socket.socket], Any]


class Upstream:
    """A server that listens, on TCP or on a Unix socket.

    Attributes:
        target: what `--forward` calls it.
        found: what the scripts returned, in the order in which they ended; an error of the connection in place of that.
    """

    def __init__(self, script: Script, listener: socket.socket) -> None:
        self.found: queue.Queue[Any] = queue.Queue()
        self.listener = listener
        name = listener.getsockname()
        self.target = f"unix:{name}" if isinstance(name, str) else f"127.0.0.1:{name[1]}"
        self._script = script
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(LIMIT)
        with sock:
            try:
                result = self._script(sock)
            except OSError as error:
                result = error
        self.found.put(result)

    def next(self) -> Any:
        """What the next script returned."""
        return self.found.get(timeout=LIMIT)


@pytest.fixture
def upstream() -> Iterator[Callable[..., Upstream]]:
    """Start one: `upstream(script)`, or `upstream(script, path)` on a Unix socket."""
    running: list[socket.socket] = []

    def start(script: Script, path: Path | None = None) -> Upstream:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        if path is not None:
            listener.close()
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(2)
        running.append(listener)
        return Upstream(script, listener)

    yield start
    for listener in running:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def all_of(sock: socket.socket) -> bytes:
    """What the other side says until its end."""
    parts = []
    while data := sock.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


def echo(sock: socket.socket) -> int:
    """Send everything back; how much that was."""
    total = 0
    while data := sock.recv(1 << 16):
        sock.sendall(data)
        total += len(data)
    return total


def reset(sock: socket.socket) -> None:
    """Break the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def appeared(path: Path) -> None:
    """Wait until a server has made its Unix socket."""
    deadline = time.monotonic() + LIMIT
    pause = threading.Event()  # never set: between two looks the processor is left to whom we wait for
    while not path.exists():
        assert time.monotonic() < deadline, f"there is no {path}"
        pause.wait(0.01)
