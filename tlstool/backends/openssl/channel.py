"""TLS over a socket through memory BIOs: every wait is ours, so that limits and Ctrl-C hold in all of them.

Going through memory also shows the peer's first bytes before OpenSSL takes offence at them, and lets our close_notify go out
while the peer still sends (RFC 8446 section 6.1): on a socket, `SSL_shutdown` would read the data under way, and fail on it.
"""

from __future__ import annotations

import math
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from tlstool.backends.openssl.failure import Seen, failure, refused_silently
from tlstool.backends.openssl.tds import Wrapping
from tlstool.errors import NotTlsError, TimeLimitError, TlsToolError
from tlstool.phases import Deadline
from tlstool.sniff import ENOUGH, not_tls

if TYPE_CHECKING:
    import ssl

_CHUNK = 256 * 1024
_RECORD = 16 * 1024
# What is taken in at once while no data flows, a little more than a record: OpenSSL goes through all of it in one call, and of
# messages that are tiny and dear, as key updates are, there are enough in a chunk to spend seconds there.
_SIP = 20 * 1024
_EARLY = 1024 * 1024  # kept for the next read of what arrives while we write

# The records that there are (RFC 8446 section 5.1); all versions since SSL 3.0 have 3 as their major number.
_TYPES = range(0x14, 0x18)
_MAJOR = b"\x03"

_GREETING_SECONDS = 0.25


def watch(context: ssl.SSLContext) -> None:
    """Have connections of a context note what `Seen` is made of.

    CPython's hook for it is private (`_msg_callback`, since 3.8); without it, `Seen` says that it does not know.
    """
    # truststore's context wraps the one that makes the connections.
    inner = getattr(context, "_ctx", context)
    if hasattr(inner, "_msg_callback"):
        inner._msg_callback = _note


class Channel:
    """One connection. Use it in one thread.

    Attributes:
        sock: the socket, non-blocking from now on.
        tls: OpenSSL's side of it.
        seen: see `Seen`.
        done: whether the handshake is complete on our side.
        phase: for errors: `handshake`, until its user says `run`.
        close_notify: whether the peer closed the session in order.
        ended: whether nothing will come from the peer any more.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
        framing: Literal["tds"] | None = None,
    ) -> None:
        import ssl

        sock.setblocking(False)
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname, session=session
        )
        visible = hasattr(getattr(context, "_ctx", context), "_msg_callback")
        self.seen = Seen(requested=False, tickets=0) if visible else Seen()
        vars(self.tls)["seen"] = self.seen
        self.done = False
        self.phase = "handshake"
        self.close_notify = False
        self.ended = False
        self._unsent = memoryview(b"")
        self._early: list[bytes] = []
        self._said_close = False
        self._buffer = bytearray(_CHUNK)
        self._flowing = False
        self._first = b""
        self._wrapping = Wrapping() if framing else None

    def handshake(self, deadline: Deadline) -> None:
        """Until it is done, and our last flight sent.

        Raises:
            ssl.SSLCertVerificationError: OpenSSL's verifier refused the peer's chain.
            TlsToolError: anything else.
        """
        import ssl

        while True:
            try:
                self.tls.do_handshake()
                self.done = True
                break
            except ssl.SSLWantReadError:
                self.flush(deadline)
                self.receive(deadline)
            except ssl.SSLCertVerificationError:
                self._say_why()
                raise
            except ssl.SSLError as error:
                self._say_why()
                raise failure(error, self.seen, self.phase) from None
        self.flush(deadline)
        self._wrapping = None

    def settle(self, seconds: float) -> bool:
        """Give a peer that may yet refuse our certificate, or the lack of one, the time to say so; data that comes is kept.

        A TLS 1.3 client is done before the server has seen its certificate (RFC 8446 section 4.4.2).

        Returns:
            Whether it answered, with a ticket or with data: so it took what it got.

        Raises:
            TlsToolError: it refused.
        """
        if not self._readable(seconds):
            return False
        self.fill()
        if data := self.decrypt():
            self._early.append(data)
        has_answered = bool(data or self.seen.tickets)
        if self.ended and not self.close_notify and self.seen.sent and not has_answered:
            raise refused_silently(self.phase)
        return has_answered

    def read(self, limit: int, deadline: Deadline) -> bytes:
        """Up to `limit` bytes of application data, b"" at the peer's end."""
        while True:
            if self._early:
                data = self._early.pop(0)
                if len(data) > limit:
                    self._early.insert(0, data[limit:])
                return data[:limit]
            if data := self.decrypt():
                self._early.append(data)
            elif self.ended:
                return b""
            else:
                self.flush(deadline)
                self.receive(deadline)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        rest = memoryview(data)
        while rest:
            taken = self.encrypt(rest[:_CHUNK])
            rest = rest[taken:]
            self._flush_and_listen(deadline)
            if not taken:
                self.receive(deadline)

    def send_close(self) -> None:
        """Queue our close_notify. All that came before has to be decrypted, else OpenSSL would take it for a breach."""
        import ssl

        self._said_close = True
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            # It wants to read the peer's, which comes later, or never.
            return

    def hear_out(self, deadline: Deadline, patience: float = 0.0) -> None:
        """Close, and take in what the peer still sends, until its end or the deadline; nobody is left to mind an error.

        OpenSSL ignores tickets that come after its own close_notify; it has so many seconds of `patience` for one before.
        """
        with suppress(TlsToolError):
            if self.tls.version() == "TLSv1.3" and not self.ended and self._readable(0.0 if self.seen.tickets else patience):
                self.fill()
                self.decrypt()
            self.send_close()
            self.flush(deadline)
            while not self.ended:
                self.receive(deadline)
                self.decrypt()

    # ---- steps that never wait, for loops that watch more than this socket -----------------------

    def fill(self) -> None:
        """Take in what the socket has, once."""
        try:
            most = _CHUNK if self._flowing else _SIP
            count = self.sock.recv_into(self._buffer, self._wrapping.wanted() if self._wrapping else most)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            # A peer that has nothing to add to our close_notify may well reset; what it sent before is there.
            if not (self._said_close and isinstance(error, ConnectionError)):
                raise failure(error, self.seen, self.phase) from None
            count = 0
        if count == 0:
            self.ended = True
            self._incoming.write_eof()
            return
        self._flowing = False
        data = memoryview(self._buffer)[:count]
        if self._wrapping is not None:
            data = self._wrapping.unwrapped(data)
            if not data:
                return
        if len(self._first) < 2:
            begun, self._first = self._first, (self._first + data[:2])[:2]
            if self._first[0] not in _TYPES or self._first[1:] not in (b"", _MAJOR):
                raise self._greeting(begun + bytes(data))
        self._incoming.write(data)

    def decrypt(self) -> bytes:
        """All application data that has been taken in."""
        import ssl

        found = list(self._early)
        self._early.clear()
        try:
            while data := self.tls.read(_RECORD):
                found.append(data)
            self.ended = self.close_notify = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = self.close_notify = True
        except ssl.SSLEOFError:
            self.ended = True
        except ssl.SSLError as error:
            raise failure(error, self.seen, self.phase) from None
        self._flowing = self._flowing or bool(found)
        return b"".join(found)

    def encrypt(self, data: memoryview) -> int:
        """Queue data for the peer; how much was taken: all or, while OpenSSL has to read first, none."""
        import ssl

        try:
            taken = 0
            while taken < len(data):
                taken += self.tls.write(data[taken:])
        except ssl.SSLWantReadError:
            return taken
        except ssl.SSLError as error:
            raise failure(error, self.seen, self.phase) from None
        return taken

    def unsent(self) -> bool:
        """Whether something is queued for the socket."""
        return bool(self._unsent) or self._outgoing.pending > 0

    def drain(self) -> None:
        """Send what the socket takes."""
        while self.unsent():
            if not self._unsent:
                records = self._outgoing.read()
                self._unsent = memoryview(self._wrapping.wrapped(records) if self._wrapping else records)
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if not (self._said_close and isinstance(error, ConnectionError)):
                    raise failure(error, self.seen, self.phase) from None
                # Nobody hears our close_notify; whether there is more to hear is for `fill` to say.
                self._unsent = memoryview(b"")
                self._outgoing.read()

    # ---- steps that wait -------------------------------------------------------------------------

    def flush(self, deadline: Deadline) -> None:
        """Send all that is queued."""
        self.drain()
        while self.unsent():
            self._wait(select.POLLOUT, deadline)
            self.drain()

    def receive(self, deadline: Deadline) -> None:
        """Wait for something from the peer, and take it in."""
        self._wait(select.POLLIN, deadline)
        self.fill()

    def _flush_and_listen(self, deadline: Deadline) -> None:
        """Send all that is queued; a peer that has to get rid of its answer first can do so, up to a limit."""
        self.drain()
        while self.unsent():
            listens = not self.ended and sum(map(len, self._early)) < _EARLY
            self._wait(select.POLLOUT | (select.POLLIN if listens else 0), deadline)
            if listens:
                self.fill()
                if data := self.decrypt():
                    self._early.append(data)
            self.drain()

    def _wait(self, events: int, deadline: Deadline) -> None:
        left = deadline.left()
        # A peer that always has something to say is ready at any time.
        if left == 0.0 or not ready(self.sock, events, left):
            raise TimeLimitError("time-limit", "the peer did not answer in time", phase=self.phase)

    def _readable(self, seconds: float) -> bool:
        return ready(self.sock, select.POLLIN, seconds)

    def _greeting(self, first: bytes) -> NotTlsError:
        """Read on for the rest of a line, which says what the peer speaks, but not for long."""
        patience = Deadline.after(_GREETING_SECONDS)
        while b"\n" not in first and len(first) < ENOUGH and self._readable(patience.left() or 0.0):
            try:
                more = self.sock.recv(ENOUGH)
            except OSError:
                break
            if not more:
                break
            first += more
        return not_tls(first)

    def _say_why(self) -> None:
        """Let our alert go out, if the socket takes it; the handshake is lost in any case."""
        with suppress(TlsToolError):
            self.drain()


def ready(sock: socket.socket, events: int, seconds: float | None) -> bool:
    """Wait until a socket can be read or written, or has failed; False once the time is over."""
    poll = select.poll()
    poll.register(sock, events)
    return bool(poll.poll(None if seconds is None else math.ceil(seconds * 1000)))


def _note(tls: Any, direction: str, _version: int, content: int, message: int, data: bytes) -> None:
    """OpenSSL's message callback; numbers of RFC 8446 appendix B.2 and B.3."""
    seen: Seen | None = vars(tls).get("seen")
    if seen is None:
        return
    if seen.observed:
        seen.observed.note(direction, int(content), data)
    if (int(content), direction) == (0x16, "read"):
        seen.message = int(message)
    match int(content), int(message), direction:
        case 0x15, _, "read":
            # close_notify and user_canceled come without an error (RFC 8446 section 6.1). CPython gives the number of the alert
            # as a signed one, too.
            if data[0] == 2 or data[1] not in (0, 90):
                seen.alert = data[1]
        case 0x16, 0x04, "read":
            seen.tickets = (seen.tickets or 0) + 1
        case 0x16, 0x0D, "read":
            seen.requested = True
        case 0x16, 0x0B, "write":
            # A list with nothing in it is 4 bytes of header and 3 of length, and in TLS 1.3 one more for the context.
            seen.sent = len(data) > 8
        case 0x16, 0x01, _:
            seen.hellos += 1
