"""A closed loop of handshakes on the interpreter's ssl: a thread for each connection that is to be under way."""

from __future__ import annotations

import resource
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tlstool import certs, findings
from tlstool.backends.openssl.channel import Channel
from tlstool.backends.openssl.facts import peer_chain
from tlstool.backends.openssl.verdict import fault
from tlstool.errors import ConnectError, TimeLimitError, TlsToolError, cause, make
from tlstool.model import ClientConfig, LoadPlan, LoadResult
from tlstool.phases import Deadline

if TYPE_CHECKING:
    import ssl

# Latencies from a nanosecond to a minute, to three digits: as the engine has them, so that they merge.
_LOWEST, _HIGHEST, _DIGITS = 1, 60_000_000_000, 3

# After a failure, so that a server that refuses all is not hammered.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0

_TICKET_SECONDS = 0.25

# How often the calling thread looks whether the count is reached.
_TICK = 0.02


class Load:
    """One run; `run` once."""

    def __init__(self, plan: LoadPlan, config: ClientConfig, context: ssl.SSLContext, checks_name: bool) -> None:
        from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

        self._plan = plan
        self._config = config
        self._context = context
        self._checks_name = checks_name
        self._histogram: Any = HdrHistogram(_LOWEST, _HIGHEST, _DIGITS)
        self._errors: Counter[str] = Counter()
        self._full = self._resumed = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._deadline = Deadline(None)

    def run(self) -> LoadResult:
        """Until the time is over, the count reached, or Ctrl-C."""
        start, cpu = time.perf_counter(), _cpu_seconds()
        self._deadline = Deadline.after(self._plan.duration)
        workers = [threading.Thread(target=self._work, name="tlstool load", daemon=True) for _ in range(self._plan.connections)]
        interrupted = False
        try:
            for worker in workers:
                worker.start()
            while not self._over.wait(min(_TICK, self._deadline.left() or 0.0)) and self._deadline.left():
                pass
        except KeyboardInterrupt:
            interrupted = True
        self._end()
        for worker in workers:
            if worker.ident is not None:
                worker.join()
        return self._result(time.perf_counter() - start, _cpu_seconds() - cpu, interrupted)

    def _end(self) -> None:
        """Have every worker stop, in whatever it waits for."""
        self._over.set()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _work(self) -> None:
        session: ssl.SSLSession | None = None
        pause = _FIRST_PAUSE
        while not self._over.is_set():
            start = time.perf_counter_ns()
            try:
                channel = self._handshake(session)
                elapsed = time.perf_counter_ns() - start
                with channel.sock:
                    if self._plan.resume:
                        session = self._ticket(channel)
                    self._let_go(channel.sock)
            except TlsToolError as error:
                # What fails because we end is no failure of the peer's.
                if not self._over.is_set():
                    self._count_error(error.code)
                    session = None
                    self._over.wait(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            self._count(elapsed, resumed=bool(channel.tls.session_reused))

    def _handshake(self, session: ssl.SSLSession | None) -> Channel:
        import ssl

        deadline = Deadline.after(self._plan.handshake_limit)
        sock = self._dial(deadline)
        with self._lock:
            self._sockets.add(sock)
        try:
            if self._over.is_set():
                raise TimeLimitError("time-limit", "the run is over", phase="run")
            name = self._config.verify_name if self._context.check_hostname else self._config.sni
            channel = Channel(sock, self._context, server_hostname=name, session=session)
            channel.handshake(deadline)
            if not self._config.insecure and (self._config.pins or not self._checks_name):
                self._check_leaf(channel)
        except ssl.SSLCertVerificationError as refusal:
            self._let_go(sock)
            found = fault(refusal, (), time.time())
            raise make(found.code, found.message, phase="certificate") from None
        except BaseException:
            self._let_go(sock)
            raise
        return channel

    def _dial(self, deadline: Deadline) -> socket.socket:
        try:
            sock = socket.create_connection((self._plan.address, self._plan.port), timeout=deadline.left())
        except TimeoutError:
            raise TimeLimitError("time-limit", "the peer did not take the connection in time", phase="tcp") from None
        except ConnectionRefusedError:
            raise ConnectError("connection-refused", "the peer refused the connection", phase="tcp") from None
        except OSError as error:
            words = cause(error)
            raise ConnectError("connection-failed", f"no connection: {words}", phase="tcp") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _check_leaf(self, channel: Channel) -> None:
        """What OpenSSL leaves to us: a name that is not the SNI, and pins."""
        leaf = certs.summary(peer_chain(channel.tls)[0])
        name = None if self._checks_name else self._config.verify_name
        found = findings.pin_fault(leaf, self._config.pins) or (name and findings.name_fault(leaf, name))
        if found:
            raise make(found.code, found.message, phase="certificate")

    def _ticket(self, channel: Channel) -> ssl.SSLSession | None:
        """The session to offer next; in TLS 1.3 its ticket comes behind the handshake (RFC 8446 section 4.6.1)."""
        if channel.tls.version() == "TLSv1.3":
            channel.settle(_TICKET_SECONDS)
        return channel.tls.session

    def _let_go(self, sock: socket.socket) -> None:
        """End by a reset: ports in TIME_WAIT would run out before the run does."""
        with self._lock:
            self._sockets.discard(sock)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def _count(self, nanoseconds: int, *, resumed: bool) -> None:
        with self._lock:
            if self._is_reached():
                return
            self._histogram.record_value(min(nanoseconds, _HIGHEST))
            self._resumed += resumed
            self._full += not resumed
            if self._is_reached():
                self._over.set()

    def _count_error(self, code: str) -> None:
        with self._lock:
            self._errors[code] += 1

    def _is_reached(self) -> bool:
        return self._plan.count is not None and self._full + self._resumed >= self._plan.count

    def _result(self, elapsed: float, cpu: float, interrupted: bool) -> LoadResult:
        handshakes = self._full + self._resumed
        p50, p90, p99 = (self._milliseconds(self._histogram.get_value_at_percentile(at)) for at in (50, 90, 99))
        return LoadResult(
            handshakes=handshakes,
            full=self._full,
            resumed=self._resumed,
            errors=dict(self._errors),
            elapsed_ms=elapsed * 1e3,
            handshakes_per_s=handshakes / elapsed,
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            max_ms=self._milliseconds(self._histogram.get_max_value()),
            histogram=self._histogram.encode().decode("ascii"),
            cpu_us_per_handshake=cpu * 1e6 / handshakes if handshakes else None,
            interrupted=interrupted,
        )

    def _milliseconds(self, nanoseconds: int) -> float | None:
        return nanoseconds / 1e6 if self._full + self._resumed else None


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
