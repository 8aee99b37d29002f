"""From addresses to a connected socket: they race (RFC 8305); or from the path of a Unix socket. Knows nothing of TLS."""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import struct
import time
from collections.abc import Sequence

from tlstool.endpoint import printable
from tlstool.errors import ConnectError, LocalError, TimeLimitError, cause
from tlstool.phases import Deadline
from tlstool.resolve import Address

# RFC 8305 section 5: how long one attempt is alone before the next address is tried beside it.
_ATTEMPT_DELAY = 0.25


def connect(addresses: Sequence[Address], deadline: Deadline, source: Address | None = None) -> socket.socket:
    """A blocking socket connected to the first address that answers; Nagle's algorithm is off.

    It comes from the address `source` of ours, whose port may be 0 for any; None leaves both to the system.

    Raises:
        ConnectError: no address took the connection.
        LocalError: `source` is not ours, or it is taken.
        TimeLimitError: none answered in time.
    """
    race = _Race(addresses, source)
    try:
        while race.is_on():
            race.start_next()
            if (winner := race.wait(deadline)) is not None:
                return winner
            if deadline.left() == 0.0:
                raise TimeLimitError("time-limit", f"{_named(addresses)} did not answer in time")
    finally:
        race.close()
    raise _no_connection(race.failures)


def connect_unix(path: str, deadline: Deadline) -> socket.socket:
    """A blocking socket connected to a Unix socket; "@" begins a name in the abstract namespace of Linux.

    Raises:
        ConnectError: nobody listens there.
        TimeLimitError: the one who listens did not take the connection in time.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        left = deadline.left()
        if left is not None:
            # A full queue makes a blocking connect wait and any other fail (unix(7)), so that the system has to hold the limit.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", *_timeval(left)))
        sock.connect(f"\0{path[1:]}" if path.startswith("@") else path)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))
    except OSError as error:
        sock.close()
        if error.errno == errno.EAGAIN:
            raise TimeLimitError("time-limit", f"unix:{path} did not take the connection in time") from None
        if error.errno == errno.ECONNREFUSED:
            raise ConnectError("connection-refused", f"unix:{path} refused the connection") from None
        raise ConnectError("connection-failed", f"no connection: unix:{path}: {cause(error)}") from None
    return sock


class _Race:
    """Attempts to connect, a new one beside the others whenever the last has failed or kept us waiting (RFC 8305 section 5)."""

    def __init__(self, addresses: Sequence[Address], source: Address | None) -> None:
        self._source = source
        self.failures: list[tuple[Address, OSError]] = []
        self._waiting = list(addresses)
        self._running: dict[socket.socket, Address] = {}
        self._next_start = 0.0

    def is_on(self) -> bool:
        return bool(self._waiting or self._running)

    def start_next(self) -> None:
        """Start the next attempt if it is due."""
        while self._waiting and time.monotonic() >= self._next_start:
            address = self._waiting.pop(0)
            try:
                attempt = socket.socket(address[0], socket.SOCK_STREAM)
            except OSError as error:
                # No IPv6 in this kernel, or no descriptor left.
                self._note(address, error)
                continue
            attempt.setblocking(False)
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._source is not None:
                _bind(attempt, self._source)
            number = attempt.connect_ex(address[1])
            if number in (0, errno.EINPROGRESS):
                self._running[attempt] = address
                self._next_start = time.monotonic() + _ATTEMPT_DELAY
            else:
                self._fail(attempt, address, number)

    def wait(self, deadline: Deadline) -> socket.socket | None:
        """The socket that is connected; None when it is time to look at the clock again."""
        if not self._running:
            # All have failed at once, as without a route: nothing would ever wake us.
            return None
        pauses = [pause for pause in (deadline.left(), self._until_next()) if pause is not None]
        poll = select.poll()
        by_number = {attempt.fileno(): attempt for attempt in self._running}
        for number in by_number:
            poll.register(number, select.POLLOUT)
        for number, _ in poll.poll(math.ceil(min(pauses) * 1000) if pauses else None):
            attempt = by_number[number]
            address = self._running.pop(attempt)
            failure = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure == 0:
                attempt.setblocking(True)
                return attempt
            self._fail(attempt, address, failure)
        return None

    def close(self) -> None:
        for attempt in self._running:
            attempt.close()

    def _until_next(self) -> float | None:
        return max(0.0, self._next_start - time.monotonic()) if self._waiting else None

    def _fail(self, attempt: socket.socket, address: Address, number: int) -> None:
        attempt.close()
        self._note(address, OSError(number, os.strerror(number)))

    def _note(self, address: Address, error: OSError) -> None:
        self.failures.append((address, error))
        self._next_start = 0.0


def _bind(sock: socket.socket, source: Address) -> None:
    try:
        if source[1][1]:
            # The other addresses are tried from the same port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(source[1])
    except OSError as error:
        sock.close()
        where = printable(*source[1][:2]) if source[1][1] else source[1][0]
        if error.errno == errno.EADDRINUSE:
            raise LocalError("port-in-use", f"{where} is in use", "leave the port out to take a free one") from None
        raise LocalError("cannot-bind", f"cannot connect from {where}: {cause(error)}") from None


def _timeval(seconds: float) -> tuple[int, int]:
    """Seconds and microseconds; never no time at all, which would be for ever."""
    whole = int(seconds)
    return whole, max(int((seconds - whole) * 1e6), 1)


def _named(addresses: Sequence[Address]) -> str:
    first = printable(*addresses[0][1][:2])
    return first if len(addresses) == 1 else f"{first} and {len(addresses) - 1} more"


def _no_connection(failures: Sequence[tuple[Address, OSError]]) -> ConnectError:
    if all(error.errno == errno.ECONNREFUSED for _, error in failures):
        named = " and ".join(printable(*address[:2]) for (_, address), _ in failures)
        return ConnectError("connection-refused", f"{named} refused the connection")
    told = "; ".join(f"{printable(*address[:2])}: {cause(error)}" for (_, address), error in failures)
    return ConnectError("connection-failed", f"no connection: {told}")
