"""One connection of a server on the interpreter's ssl, from its accept to its end."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tlstool.backends.openssl.channel import Channel, ready
from tlstool.backends.openssl.facts import negotiated
from tlstool.backends.openssl.status import HEAD_LIMIT, refusal, respond
from tlstool.endpoint import printable
from tlstool.errors import HandshakeError, InternalError, Interrupted, TlsToolError
from tlstool.phases import Deadline
from tlstool.sites import Connection, Ending, ServerLimits, Site

if TYPE_CHECKING:
    import ssl

_CHUNK = 64 * 1024
_CLOSE_SECONDS = 2.0
_END_OF_HEAD = b"\r\n\r\n"
# How a connection ended that ended in an error; in all others one side sent what the other did not accept.
_ENDINGS: dict[str, Ending] = {"time-limit": "limit", "connection-closed": "fin", "connection-reset": "reset"}


class Serving:
    """A connection that a thread of its own serves: `run` there, `stop` and `cut` from outside."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, site: Site, limits: ServerLimits) -> None:
        self._sock = sock
        self._context = context
        self._site = site
        self._limits = limits
        self._start = time.perf_counter()
        self._accepted = datetime.now(UTC)
        self._peer = _printable(sock)
        self._facts: dict[str, str | None] = dict.fromkeys(("tls", "suite", "group", "alpn", "sni", "kind"))
        self._requests = self._received = self._sent = 0
        self._handshake_ms: float | None = None
        self._duration_ms = 0.0
        self._ending: Ending = "server"
        self._error: TlsToolError | None = None
        self._stopping = self._cut = False
        # Whether a session is up and nothing under way in it, neither a message nor an answer.
        self._idle = False
        # Between the thread that closes the socket and the one that shuts it down.
        self._lock = threading.Lock()
        self._open = True

    def run(self) -> None:
        """Serve, whatever the client does."""
        try:
            with suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = Channel(self._sock, self._context, server_side=True)
            try:
                channel.handshake(Deadline.after(self._limits.handshake))
            finally:
                self._facts["sni"] = channel.seen.sni
                # A client may be gone before our last flight is out, with a handshake that was complete for both.
                if channel.done:
                    self._facts |= negotiated(channel)._asdict()
                    self._handshake_ms = self._elapsed_ms()
                    self._idle = True
            if self._site.service.mode == "echo":
                self._echo(channel)
            else:
                self._status(channel)
            self._ending = "close_notify" if channel.close_notify else "fin" if channel.ended else "server"
            self._close(channel)
        except TlsToolError as error:
            self._ending = _ENDINGS.get(error.code, "error")
            # A reset with nothing under way is a client in a hurry, and no fault.
            if not (self._idle and error.code == "connection-reset"):
                self._error = error
        except Exception as error:  # a bug of ours ends this connection, not the server
            self._error = InternalError("internal-error", f"{type(error).__name__}: {error}")
        finally:
            if self._cut:
                self._error = Interrupted("interrupted", "the server stopped")
                self._ending = "server"
            self._duration_ms = self._elapsed_ms()
            with self._lock:
                self._open = False
                self._sock.close()

    def stop(self) -> None:
        """End soon: a connection that waits for its next request ends now."""
        self._stopping = True
        if self._idle and self._site.service.mode == "status":
            self._shut()

    def cut(self) -> None:
        """End at once."""
        self._cut = True
        self._shut()

    def _shut(self) -> None:
        """Every wait of the thread is over then."""
        with self._lock, suppress(OSError):
            if self._open:
                self._sock.shutdown(socket.SHUT_RDWR)

    def connection(self) -> Connection:
        """What became of it."""
        return Connection(
            site=self._site.name,
            peer=self._peer,
            accepted=self._accepted.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            handshake_ms=self._handshake_ms,
            duration_ms=self._duration_ms,
            **self._facts,
            hello=None,
            requests=self._requests,
            received=self._received,
            sent=self._sent,
            ending=self._ending,
            error=self._error.code if self._error else None,
            message=self._error.message if self._error else None,
            upstream=None,
            is_upstream_error=False,
        )

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._start) * 1e3

    def _echo(self, channel: Channel) -> None:
        while data := channel.read(_CHUNK, self._idle_end()):
            self._idle = False
            self._received += len(data)
            channel.write(data, self._idle_end())
            self._sent += len(data)
            self._idle = True

    def _status(self, channel: Channel) -> None:
        head = b""
        while True:
            while _END_OF_HEAD not in head and len(head) <= HEAD_LIMIT:
                self._idle = not head
                if self._idle and self._stopping:
                    return
                data = channel.read(_CHUNK, self._idle_end())
                self._idle = False
                if not data and head and not channel.close_notify:
                    raise HandshakeError("connection-reset", "the client closed the connection in the middle of a message")
                if not data:
                    return
                self._received += len(data)
                head += data
            first, _, rest = head.partition(_END_OF_HEAD)
            if len(first) > HEAD_LIMIT:
                answer, keep = refusal("431 Request Header Fields Too Large"), False
            else:
                answer, keep = respond(first + _END_OF_HEAD, {**self._facts, "peer": self._peer})
            channel.write(answer, self._idle_end())
            self._requests += 1
            self._sent += len(answer)
            if not keep:
                return
            head = rest

    def _idle_end(self) -> Deadline:
        return Deadline.after(self._limits.idle)

    def _close(self, channel: Channel) -> None:
        """close_notify, our end, and then the client's, lest a reset overtake the last data (RFC 9112 section 9.6)."""
        deadline = Deadline.after(_CLOSE_SECONDS)
        with suppress(TlsToolError, OSError):
            channel.send_close()
            channel.flush(deadline)
            self._sock.shutdown(socket.SHUT_WR)
            # A client that goes on talking is always ready.
            while not channel.ended and deadline.left() and ready(self._sock, select.POLLIN, deadline.left()):
                if not self._sock.recv(_CHUNK):
                    return


def _printable(sock: socket.socket) -> str:
    try:
        return printable(*sock.getpeername()[:2])
    except OSError:
        return "unknown"
