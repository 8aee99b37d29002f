"""The plain text that comes before TLS, with a proxy or a server that has yet to turn to TLS: lines, and counts of bytes.

Never takes a byte more from the socket than was asked for: what follows is the next reader's, the handshake's first of all.
"""

from __future__ import annotations

import math
import select
import socket

from tlstool.errors import TimeLimitError
from tlstool.phases import Deadline

CAP = 64 * 1024
"""Bytes that a peer may say altogether before the handshake; more is no answer."""

_PEEK = 4096
_FIRST_BYTES = 256


class WireError(Exception):
    """The peer closed, broke the connection, or said too much; whoever speaks the protocol makes an error of ours of it."""


class Wire:
    """A connected socket, read by the line. What it raises besides `WireError` is `TimeLimitError`.

    Attributes:
        first_bytes: what the peer said first, and we took: at most 256 bytes, by which to tell what it speaks.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.first_bytes = b""
        self._sock = sock
        self._deadline = deadline
        self._received = 0

    def send(self, data: bytes) -> None:
        """All of `data`."""
        rest = memoryview(data)
        while rest:
            self._wait(select.POLLOUT)
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from error

    def line(self) -> bytes:
        """The next line, without its end (LF or CRLF)."""
        return self.through(b"\n").removesuffix(b"\n").removesuffix(b"\r")

    def through(self, last: bytes) -> bytes:
        """All up to the next byte `last`, and that byte."""
        found = bytearray()
        while True:
            seen = self._recv(_PEEK, socket.MSG_PEEK)
            end = seen.find(last)
            found += self.exactly(len(seen) if end < 0 else end + 1)
            if end >= 0:
                return bytes(found)

    def exactly(self, count: int) -> bytes:
        """So many bytes."""
        data = bytearray()
        while len(data) < count:
            data += self._taken(self._recv(count - len(data)))
        return bytes(data)

    def waiting(self) -> bytes:
        """What is there already, without taking it and without waiting for any: b"" for nothing."""
        try:
            return self._sock.recv(_PEEK, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise _broken(error) from error

    def own_address(self) -> str | None:
        """The address of our end; None for a unix socket, which has none."""
        is_internet = self._sock.family in (socket.AF_INET, socket.AF_INET6)
        return str(self._sock.getsockname()[0]).partition("%")[0] if is_internet else None

    def _taken(self, data: bytes) -> bytes:
        self._received += len(data)
        self.first_bytes += data[: _FIRST_BYTES - len(self.first_bytes)]
        if self._received > CAP:
            raise WireError(f"the peer's answer has no end: it is over {CAP // 1024} KiB")
        return data

    def _recv(self, limit: int, flags: int = 0) -> bytes:
        """What is there, once anything is."""
        while True:
            self._wait(select.POLLIN)
            try:
                data = self._sock.recv(limit, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from error
            if not data:
                raise WireError("the peer closed the connection")
            return data

    def _wait(self, event: int) -> None:
        left = self._deadline.left()
        poll = select.poll()
        poll.register(self._sock, event)
        if left == 0.0 or not poll.poll(None if left is None else math.ceil(left * 1000)):
            raise TimeLimitError("time-limit", "the peer did not answer in time")


def _broken(error: OSError) -> WireError:
    return WireError(f"the connection broke: {error.strerror or error}")
