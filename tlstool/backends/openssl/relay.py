"""Bytes both ways between a TLS session and two descriptors, with back-pressure: each way holds one buffer, and waits for it."""

from __future__ import annotations

import math
import os
import select
import socket
import stat
import time
from contextlib import suppress

from tlstool.backends.openssl.body import BodyReader
from tlstool.backends.openssl.channel import Channel
from tlstool.errors import LocalError, TimeLimitError, cause
from tlstool.newlines import Newlines
from tlstool.phases import Deadline
from tlstool.traffic import HalfClose, Relayed, RelayPlan

_CHUNK = 256 * 1024


class Relay:
    """One relay; `run` once."""

    def __init__(self, channel: Channel, plan: RelayPlan, deadline: Deadline) -> None:
        self._channel = channel
        self._plan = plan
        self._deadline = deadline
        self._sent = self._received = 0
        self._in_open = plan.in_fd is not None
        self._half_closed: HalfClose | None = None
        self._to_peer = self._to_out = memoryview(b"")
        self._newlines = Newlines() if plan.crlf else None
        self._body = BodyReader(plan.body) if plan.body else None
        self._last_moved = time.monotonic()
        # A pipe that can be written takes so much without blocking; the descriptor is not ours to make non-blocking, for others
        # may share it (POSIX: O_NONBLOCK belongs to the open file). A file never blocks.
        self._portion = _CHUNK if stat.S_ISREG(os.fstat(plan.out_fd).st_mode) else select.PIPE_BUF

    def run(self) -> Relayed:
        """See `tlstool.backends.base.Session.relay`."""
        channel = self._channel
        self._to_out = memoryview(self._content(self._plan.early))
        while self._to_out or not self._is_over():
            if self._deadline.left() == 0.0:
                raise TimeLimitError("time-limit", "the time limit ran out")
            ready = self._wait()
            if ready.get(self._plan.out_fd, 0) and self._to_out:
                self._write()
            if ready.get(channel.sock.fileno(), 0):
                channel.drain()
                if not self._to_out and not channel.ended:
                    channel.fill()
            self._take()
            if not channel.ended:
                self._send(bool(self._in_open and self._plan.in_fd is not None and ready.get(self._plan.in_fd, 0)))
        ended = channel.close_notify if channel.ended else None
        return Relayed(sent=self._sent, received=self._received, close_notify=ended, half_close=self._half_closed)

    def _is_over(self) -> bool:
        """Whether all has come that was to come, with nothing left to write; it takes what the session has already."""
        self._take()
        if self._to_out:
            return False
        if self._body and self._body.complete:
            return True
        if self._channel.ended:
            if self._body:
                self._body.end()
            return True
        is_silent = self._quiet_left() == 0.0
        if is_silent and self._body:
            raise TimeLimitError("time-limit", "the time limit ran out")
        return is_silent

    def _quiet_left(self) -> float | None:
        """Seconds of silence that are missing to what ends the relay; None if none does."""
        quiet = self._plan.quiet
        return None if quiet is None else max(0.0, self._last_moved + quiet - time.monotonic())

    def _wait(self) -> dict[int, int]:
        """Which descriptors can move something, of those with something to move."""
        channel, plan = self._channel, self._plan
        wanted: dict[int, int] = {}
        if not channel.ended:
            from_peer = 0 if self._to_out else select.POLLIN
            to_peer = select.POLLOUT if channel.unsent() else 0
            if from_peer | to_peer:
                wanted[channel.sock.fileno()] = from_peer | to_peer
            if self._in_open and plan.in_fd is not None and not channel.unsent() and not self._to_peer:
                wanted[plan.in_fd] = wanted.get(plan.in_fd, 0) | select.POLLIN
        if self._to_out:
            wanted[plan.out_fd] = wanted.get(plan.out_fd, 0) | select.POLLOUT
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        limits = [self._deadline.left(), None if self._to_out else self._quiet_left()]
        left = min((limit for limit in limits if limit is not None), default=None)
        return dict(poll.poll(None if left is None else math.ceil(left * 1000)))

    def _take(self) -> None:
        """Decrypt what the peer sent; all of it, so that our close_notify never finds any of it unread."""
        if self._to_out:
            return
        data = self._channel.decrypt()
        if data:
            self._last_moved = time.monotonic()
        self._received += len(data)
        self._to_out = memoryview(self._content(data))

    def _content(self, data: bytes) -> bytes:
        return self._body.take(data) if self._body else data

    def _write(self) -> None:
        poll = select.poll()
        poll.register(self._plan.out_fd, select.POLLOUT)
        self._last_moved = time.monotonic()
        while self._to_out:
            try:
                written = os.write(self._plan.out_fd, self._to_out[: self._portion])
            except BlockingIOError:
                return
            except BrokenPipeError:
                raise
            except OSError as error:
                raise LocalError("file-not-written", f"the output cannot be written: {cause(error)}") from None
            self._to_out = self._to_out[written:]
            if not poll.poll(0):
                return

    def _send(self, readable: bool) -> None:
        """Pass on what is there to read, and its end."""
        if readable and not self._to_peer:
            self._read()
        if self._to_peer:
            taken = self._channel.encrypt(self._to_peer)
            self._to_peer = self._to_peer[taken:]
            self._sent += taken
        self._channel.drain()
        if self._half_closed == "fin" and not self._channel.unsent():
            with suppress(OSError):
                self._channel.sock.shutdown(socket.SHUT_WR)

    def _read(self) -> None:
        assert self._plan.in_fd is not None
        try:
            data = os.read(self._plan.in_fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            # A terminal that hangs up says EIO for the end.
            if not os.isatty(self._plan.in_fd):
                raise LocalError("file-unreadable", f"the input cannot be read: {cause(error)}") from None
            data = b""
        self._last_moved = time.monotonic()
        if not data:
            self._in_open = False
            if self._plan.half_close != "none":
                self._channel.send_close()
                self._half_closed = self._plan.half_close
        self._to_peer = memoryview(self._newlines.convert(data) if self._newlines else data)
