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
from tlstool.errors import HandshakeError, InternalError, Interrupted, LocalError, TimeLimitError, TlsToolError
from tlstool.phases import Deadline
from tlstool.sites import Connection, Ending, ServerLimits, Site

if TYPE_CHECKING:
    import ssl

_CHUNK = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
# How a connection ended that ended in an error; in all others one side sent what the other did not accept.
_ENDINGS: dict[str, Ending] = {"time-limit": "limit", "connection-closed": "fin", "connection-reset": "reset"}


class Serving:
    """A connection that a thread of its own serves: `run` there, `stop`, `cut` and `give_way` from outside.

    Attributes:
        address: the client's, without its port.
        begun: when it was accepted, on the monotonic clock.
        in_handshake: whether it still is.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, site: Site, limits: ServerLimits) -> None:
        self._sock = sock
        self._context = context
        self._site = site
        self._limits = limits
        self._end = Deadline.after(limits.connection)
        self.begun = time.monotonic()
        self._start = time.perf_counter()
        self._accepted = datetime.now(UTC)
        self.address, self._peer = _peer(sock)
        self._facts: dict[str, str | None] = dict.fromkeys(("tls", "suite", "group", "alpn", "sni", "kind"))
        self._requests = self._received = self._sent = 0
        self._handshake_ms: float | None = None
        self._duration_ms = 0.0
        self._ending: Ending = "server"
        self._error: TlsToolError | None = None
        self._stopping = self._cut = self._gave_way = False
        self.in_handshake = True
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
            self._talk(Channel(self._sock, self._context, server_side=True))
        except TlsToolError as error:
            self._ending = _ENDINGS.get(error.code, "error")
            # To keep a connection idle is no fault, and neither is to be in a hurry with nothing under way.
            if not (self._idle and error.code in ("connection-reset", "time-limit")):
                self._error = error
        except Exception as error:  # a bug of ours ends this connection, not the server
            self._error = InternalError("internal-error", f"{type(error).__name__}: {error}")
        finally:
            if self._gave_way:
                self._error = LocalError("too-many-connections", "its place was wanted, and the handshake was not done")
                self._ending = "limit"
            elif self._cut:
                self._error = Interrupted("interrupted", "the server stopped")
                self._ending = "server"
            self._duration_ms = self._elapsed_ms()
            with self._lock:
                self._open = False
                self._sock.close()

    def _talk(self, channel: Channel) -> None:
        """Handshake, service, and an end in order, also where a time limit puts it."""
        try:
            channel.handshake(self._end.within(self._limits.handshake))
        finally:
            self.in_handshake = False
            self._facts["sni"] = channel.seen.sni
            # A client may be gone before our last flight is out, with a handshake that was complete for both.
            if channel.done:
                self._facts |= negotiated(channel)._asdict()
                self._handshake_ms = self._elapsed_ms()
                self._idle = True
        try:
            if self._site.service.mode == "echo":
                self._echo(channel)
            else:
                self._status(channel)
            self._ending = "close_notify" if channel.close_notify else "fin" if channel.ended else "server"
        except TimeLimitError:
            if not channel.unsent():
                self._close(channel)
            raise
        self._close(channel)

    def stop(self) -> None:
        """End soon: a connection that waits for its next request ends now."""
        self._stopping = True
        if self._idle and self._site.service.mode == "status":
            self._shut()

    def cut(self) -> None:
        """End at once."""
        self._cut = True
        self._shut()

    def give_way(self) -> None:
        """End at once, for another client."""
        self._gave_way = True
        self._shut()

    def _shut(self) -> None:
        """Every wait of the thread is over then."""
        with self._lock, suppress(OSError):
            if self._open:
                self._sock.shutdown(socket.SHUT_RDWR)

    def refused(self, why: str) -> Connection:
        """What became of it, if it was not let in."""
        self._error = LocalError("too-many-connections", why)
        self._ending = "limit"
        return self.connection()

    def connection(self) -> Connection:
        """What became of it."""
        return Connection(
            site=self._site.name,
            peer=self._peer,
            accepted=self._accepted.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            handshake_ms=self._handshake_ms,
            duration_ms=self._duration_ms,
            **self._facts,
            client_certificate=None,
            early_data=None,
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
        while data := channel.read(_CHUNK, self._end.within(self._limits.idle)):
            self._idle = False
            self._received += len(data)
            channel.write(data, self._end.within(self._limits.send))
            self._sent += len(data)
            self._idle = True

    def _status(self, channel: Channel) -> None:
        head = b""
        limit = self._end.within(self._limits.idle)
        while True:
            while _END_OF_HEAD not in head and len(head) <= HEAD_LIMIT:
                self._idle = not head
                if self._idle and self._stopping:
                    return
                data = channel.read(_CHUNK, limit)
                if self._idle:
                    limit = self._end.within(self._limits.request)
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
                answer, keep = respond(
                    first + _END_OF_HEAD, {**self._facts, "client_certificate": None, "early_data": None, "peer": self._peer}
                )
            channel.write(answer, self._end.within(self._limits.send))
            self._requests += 1
            self._sent += len(answer)
            if not keep:
                return
            head = rest
            limit = self._end.within(self._limits.request if head else self._limits.idle)

    def _close(self, channel: Channel) -> None:
        """close_notify, our end, and then the client's, lest a reset overtake the last data (RFC 9112 section 9.6)."""
        deadline = Deadline.after(self._limits.close)
        with suppress(TlsToolError, OSError):
            channel.send_close()
            channel.flush(deadline)
            self._sock.shutdown(socket.SHUT_WR)
            # A client that goes on talking is always ready.
            while not channel.ended and deadline.left() and ready(self._sock, select.POLLIN, deadline.left()):
                if not self._sock.recv(_CHUNK):
                    return


def _peer(sock: socket.socket) -> tuple[str, str]:
    """Its address, and that with the port."""
    try:
        host, port = sock.getpeername()[:2]
    except OSError:
        return "", "unknown"
    return host, printable(host, port)
