"""The accept loop on the interpreter's ssl: a thread for each connection; whatever is to be told is told in the calling one."""

from __future__ import annotations

import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tlstool.backends.openssl.serving import Serving
from tlstool.backends.openssl.tally import Tally
from tlstool.sites import Connection, Counts, ServerConfig, ServeTotals, Site

if TYPE_CHECKING:
    import ssl

# Threads that a process can well have. Further clients wait in the backlog.
_MOST_CONNECTIONS = 512

# How long a client that has not finished its handshake keeps its place where others want it: time for some round trips.
_PATIENCE = 1.0

# How long is waited at most. The system hands a signal to any thread; its handler runs in the calling one, which nothing wakes.
_TICK = 0.1

# How long no accept is tried once the system refused one for want of descriptors or memory.
_ACCEPT_PAUSE = 0.05


class AcceptLoop:
    """The life of one server; `run` once."""

    def __init__(
        self,
        contexts: Sequence[ssl.SSLContext],
        config: ServerConfig,
        listeners: Sequence[Sequence[socket.socket]],
        on_event: Callable[[Connection | Counts], None],
        stop_fd: int,
    ) -> None:
        self._listeners: dict[int, tuple[socket.socket, ssl.SSLContext, Site]] = {}
        for context, site, own in zip(contexts, config.sites, listeners, strict=True):
            context.sni_callback = _note_name
            self._listeners |= {listener.fileno(): (listener, context, site) for listener in own}
        self._config = config
        self._on_event = on_event
        self._stop_fd: int | None = stop_fd
        self._ended: queue.SimpleQueue[Serving] = queue.SimpleQueue()
        self._active: dict[Serving, threading.Thread] = {}
        self._tally = Tally()
        now = time.monotonic()
        self._stop_at = None if config.duration is None else now + config.duration
        self._count_at = None if config.counts_every is None else now + config.counts_every
        self._stopping = False
        self._grace_end: float | None = None
        self._pause_end = 0.0

    def run(self, on_turn: Callable[[], None] | None = None) -> ServeTotals:
        """Until the count is reached or the caller stops it, and the connections have ended; `on_turn` is called on the way."""
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        for listener, _, _ in self._listeners.values():
            listener.setblocking(False)
        try:
            while self._active or not (self._stopping or self._is_full()):
                self._turn()
                if on_turn:
                    on_turn()
            self._report()
        finally:
            self._cut()
            for thread in list(self._active.values()):
                thread.join()
            os.close(self._wake_reader)
            os.close(self._wake_writer)
        return self._tally.totals()

    def _turn(self) -> None:
        """Wait for what comes first, and deal with it."""
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        if self._stop_fd is not None:
            poll.register(self._stop_fd, select.POLLIN)
        now = time.monotonic()
        accepting = not (self._stopping or self._is_full()) and len(self._active) < _MOST_CONNECTIONS
        if accepting and now >= self._pause_end:
            for descriptor in self._listeners:
                poll.register(descriptor, select.POLLIN)
        waits = [_TICK, *(moment - now for moment in self._moments(now, accepting=accepting))]
        for descriptor, _ in poll.poll(min(waits) * 1000 + 1):
            if descriptor == self._wake_reader:
                os.read(self._wake_reader, 4096)
            elif descriptor == self._stop_fd:
                self._stop()
            elif not self._is_full() and not self._stopping:
                self._accept(*self._listeners[descriptor])
        self._report()
        self._look_at_clock(time.monotonic())

    def _moments(self, now: float, *, accepting: bool) -> list[float]:
        """When something is to be done though nothing happens."""
        pause_end = self._pause_end if accepting else None
        moments = (self._grace_end, self._stop_at, self._count_at, pause_end)
        return [moment for moment in moments if moment and moment > now]

    def _look_at_clock(self, now: float) -> None:
        if self._grace_end is not None and now >= self._grace_end:
            self._grace_end = None
            self._cut()
        if self._stop_at is not None and now >= self._stop_at:
            self._stop_at = None
            self._stop_accepting()
        if self._count_at is not None and now >= self._count_at:
            self._count_at = now + (self._config.counts_every or 0.0)
            self._on_event(Counts(self._tally.totals()))

    def _is_full(self) -> bool:
        return self._config.count is not None and self._tally.accepted >= self._config.count

    def _accept(self, listener: socket.socket, context: ssl.SSLContext, site: Site) -> None:
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, ConnectionError, InterruptedError):
            # Another process took it, or the client went away first.
            return
        except OSError:
            # Out of descriptors as a rule: clients wait in the backlog. To try again at once would be a busy loop.
            self._pause_end = time.monotonic() + _ACCEPT_PAUSE
            return
        serving = Serving(sock, context, site, self._config.limits)
        if why := self._full(serving.address):
            sock.close()
            self._tally.refused += 1
            if self._config.tells != "nothing":
                self._on_event(serving.refused(why))
            return
        thread = threading.Thread(target=self._serve, args=(serving,), name="tlstool connection", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads; those that are there will end.
            sock.close()
            self._pause_end = time.monotonic() + _ACCEPT_PAUSE
            return
        self._tally.accepted += 1
        self._active[serving] = thread

    def _full(self, address: str) -> str | None:
        """Why there is no place for a client of this address; None if there is one, if need be that of a slow one."""
        limits = self._config.limits
        own = sum(serving.address == address for serving in self._active)
        if limits.max_per_address is not None and own >= limits.max_per_address:
            return f"the address has {own} connections, as many as it may have at once"
        if limits.max_connections is None or len(self._active) < limits.max_connections:
            return None
        since = time.monotonic() - _PATIENCE
        for serving in self._active:
            if serving.in_handshake and serving.begun <= since:
                serving.give_way()
                return None
        return f"there are {limits.max_connections} connections, as many as may be at once"

    def _serve(self, serving: Serving) -> None:
        """In the connection's thread."""
        try:
            serving.run()
        finally:
            self._ended.put(serving)
            # A full pipe wakes as well as one with another byte.
            with suppress(BlockingIOError):
                os.write(self._wake_writer, b"\0")

    def _report(self) -> None:
        while True:
            try:
                serving = self._ended.get_nowait()
            except queue.Empty:
                return
            self._active.pop(serving).join()
            connection = serving.connection()
            self._tally.add(connection)
            if self._config.tells != "nothing":
                self._on_event(connection)

    def _stop(self) -> None:
        """The first byte stops accepting, the second cuts. The end of the pipe is a wish to stop, too, and the last one."""
        assert self._stop_fd is not None
        if not os.read(self._stop_fd, 1):
            self._stop_fd = None
        if self._stopping:
            if self._stop_fd is not None:
                self._cut()
            return
        self._stop_accepting()

    def _stop_accepting(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._grace_end = time.monotonic() + self._config.grace
        for serving in self._active:
            serving.stop()

    def _cut(self) -> None:
        for serving in self._active:
            serving.cut()


def _note_name(tls: object, name: str | None, _context: object) -> None:
    vars(tls)["seen"].sni = name
