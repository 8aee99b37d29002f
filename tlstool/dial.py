"""From a name to a connected socket: resolve and connect, each phase within its limit and traced.

Knows nothing of TLS. Name resolution happens in a thread that is left behind when its limit runs out, since no resolver can be
told to stop; connecting races the addresses (RFC 8305).
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from tlstool.errors import HINTS_OF_PHASES, ConnectError, ResolveError, TimeLimitError, TlsToolError
from tlstool.events import OnEvent, PhaseEvent, ignore
from tlstool.model import Endpoint
from tlstool.record import Record

LIMITS: dict[str, float] = {"dns": 5.0, "tcp": 10.0, "proxy": 10.0, "starttls": 10.0, "handshake": 10.0, "close": 2.0}
"""Seconds that each phase may take unless the whole run ends before."""

# RFC 8305 section 5: how long one attempt is alone before the next address is tried beside it.
_ATTEMPT_DELAY = 0.25

_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Deadline(Record):
    """The moment (of the monotonic clock) at which something has to be over; None: never."""

    at: float | None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """In so many seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    def left(self) -> float | None:
        """Seconds left, 0.0 once it is over; None without a limit."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and `seconds` from now."""
        phase = time.monotonic() + seconds
        return Deadline(phase if self.at is None else min(self.at, phase))

    def phase(self, name: str) -> Deadline:
        """This deadline or the phase's own limit, whichever is earlier."""
        return self.within(LIMITS[name])


class Trace:
    """The one place where phases are timed; feeds the report and whoever listens.

    Attributes:
        elapsed_ms: by phase, for those that ended, well or badly.
    """

    def __init__(self, on_event: OnEvent = ignore) -> None:
        self.elapsed_ms: dict[str, float] = {}
        self._on_event = on_event
        self._start = time.perf_counter()

    def total_ms(self) -> float:
        """Since the trace began."""
        return (time.perf_counter() - self._start) * 1e3

    @contextmanager
    def phase(self, name: str, detail: str) -> Iterator[_Found]:
        """Time what happens inside, and stamp its errors with the phase's name."""
        self._on_event(PhaseEvent(name, "started", detail, None))
        start = time.perf_counter()
        found = _Found(detail)
        try:
            yield found
        except TlsToolError as error:
            error.phase = error.phase or name
            if isinstance(error, TimeLimitError):
                error.hint = error.hint or HINTS_OF_PHASES.get(name)
            self._end(name, "failed", error.message, start)
            raise
        self._end(name, "done", found.detail, start)

    def _end(self, name: str, state: Literal["done", "failed"], detail: str, start: float) -> None:
        elapsed = (time.perf_counter() - start) * 1e3
        self.elapsed_ms[name] = elapsed
        self._on_event(PhaseEvent(name, state, detail, elapsed))


class _Found:
    """What a phase came to, in a few words; the phase may say it before it ends."""

    def __init__(self, detail: str) -> None:
        self.detail = detail


Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family and socket address."""


def resolve(endpoint: Endpoint, deadline: Deadline) -> list[Address]:
    """The endpoint's addresses, in the order in which to try them.

    Raises:
        ResolveError: the name has none, or the resolver did not say.
        TimeLimitError: the resolver did not answer in time.
    """
    if endpoint.is_address:
        return _lookup(endpoint, socket.AI_NUMERICHOST)

    import threading

    answers: list[list[Address] | Exception] = []

    def ask() -> None:
        try:
            answers.append(_lookup(endpoint, 0))
        except Exception as error:  # for the thread that waits, whatever it is
            answers.append(error)

    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(deadline.left())
    if not answers:
        raise TimeLimitError("time-limit", f"the resolver did not answer for {endpoint.host} in time")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def connect(addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    """A blocking socket connected to the first address that answers; Nagle's algorithm is off.

    Raises:
        ConnectError: no address took the connection.
        TimeLimitError: none answered in time.
    """
    race = _Race(addresses)
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


def printable(host: str, port: int) -> str:
    """`192.0.2.1:443` or `[2001:db8::1]:443`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _lookup(endpoint: Endpoint, flags: int) -> list[Address]:
    try:
        # As bytes, since Python would load its own IDNA codec for a text, and an endpoint's name is in A-labels already.
        found = socket.getaddrinfo(endpoint.host.encode(), endpoint.port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror as error:
        if error.errno in _NOT_FOUND:
            raise ResolveError("unknown-host", f"{endpoint.host} has no address") from None
        raise ResolveError("resolver-failed", f"cannot resolve {endpoint.host}: {error.strerror}") from None
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
    return list(dict.fromkeys(addresses))


class _Race:
    """Attempts to connect, a new one beside the others whenever the last has failed or kept us waiting (RFC 8305 section 5)."""

    def __init__(self, addresses: Sequence[Address]) -> None:
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


def _named(addresses: Sequence[Address]) -> str:
    first = printable(*addresses[0][1][:2])
    return first if len(addresses) == 1 else f"{first} and {len(addresses) - 1} more"


def _no_connection(failures: Sequence[tuple[Address, OSError]]) -> ConnectError:
    if all(error.errno == errno.ECONNREFUSED for _, error in failures):
        named = " and ".join(printable(*address[:2]) for (_, address), _ in failures)
        return ConnectError("connection-refused", f"{named} refused the connection")
    told = "; ".join(f"{printable(*address[:2])}: {(error.strerror or str(error)).lower()}" for (_, address), error in failures)
    return ConnectError("connection-failed", f"no connection: {told}")
