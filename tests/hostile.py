"""Clients that no server likes: half-open, slow, greedy, or speaking nonsense; and a good one to stand beside them.

On plain sockets as far as that goes: there have to be many of them, and they have to be cheap.
"""

from __future__ import annotations

import itertools
import os
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

LIMIT = 30.0
"""Seconds that nothing here waits longer than."""

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def dial(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection to the server on that port, from that address."""
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT, source_address=(source, 0))


def session(port: int, ca: str, source: str = "127.0.0.1") -> ssl.SSLSocket:
    """The same after a good handshake."""
    return ssl.create_default_context(cafile=ca).wrap_socket(dial(port, source), server_hostname="localhost")


def asked(tls: ssl.SSLSocket) -> bytes:
    """The body of what one request gets."""
    tls.sendall(REQUEST)
    head, _, body = b"", b"", b""
    while not head:
        data = tls.recv(65536)
        assert data, "the server has gone"
        head, _, body = (body + data).partition(b"\r\n\r\n") if b"\r\n\r\n" in body + data else (b"", b"", body + data)
    length = _LENGTH.search(head + b"\r\n")
    assert length, head
    while len(body) < int(length[1]):
        data = tls.recv(65536)
        assert data, "the server has gone"
        body += data
    return body


def is_served(port: int, ca: str, source: str = "127.0.0.1") -> bool:
    """Whether a good client gets its page, on a connection of its own."""
    try:
        with session(port, ca, source) as tls:
            return b"TLS" in asked(tls)
    except OSError:
        return False


def eventually(happens: Callable[[], bool]) -> bool:
    """Whether it does, within the limit."""
    end = time.monotonic() + LIMIT
    while not happens():
        if time.monotonic() > end:
            return False
        select.select([], [], [], 0.02)
    return True


def hello() -> bytes:
    """A ClientHello as OpenSSL makes it, in its record."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def large_hello(record: int = 16_384) -> bytes:
    """The beginning of a ClientHello that is almost as large as may be, in records of that size, without its last byte."""
    size = 0xFFF0
    message = b"\x01" + size.to_bytes(3) + b"\x03\x03" + os.urandom(size - 2)
    pieces = (message[start : start + record] for start in range(0, len(message), record))
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces)[:-1]


def silent(port: int, count: int) -> ExitStack:
    """So many clients that connect and say nothing, until the stack is closed."""
    held = ExitStack()
    for _ in range(count):
        held.enter_context(dial(port))
    return held


def trickle(sock: socket.socket, data: Iterable[bytes], pause: float = 0.02) -> float:
    """Send these pieces with a pause after each, until the server has something to say or ends the connection.

    Returns:
        How many seconds that took.
    """
    start = time.monotonic()
    with suppress(OSError):
        for piece in data:
            sock.sendall(piece)
            if select.select([sock], [], [], pause)[0]:
                break
            if time.monotonic() > start + LIMIT:
                break
    return time.monotonic() - start


def endless(first: bytes, then: bytes) -> Iterable[bytes]:
    """`first` byte by byte, and `then` again and again."""
    return itertools.chain((first[i : i + 1] for i in range(len(first))), itertools.repeat(then))


def last_words(sock: socket.socket) -> bytes:
    """All that the server still says, up to the end of the connection, in order or not."""
    found = b""
    with suppress(OSError):
        while data := sock.recv(65536):
            found += data
    return found


def glut(tls: ssl.SSLSocket, data: bytes) -> None:
    """Send `data` over and over without ever reading, until the server takes no more for a moment."""
    tls.settimeout(0.2)
    with suppress(OSError):
        while True:
            tls.sendall(data)


def resident(pid: int) -> int:
    """KiB of memory that a process has."""
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def descriptors(pid: int) -> int:
    """How many a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    """How many a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))
