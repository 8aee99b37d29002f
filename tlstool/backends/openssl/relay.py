"""Bytes both ways between a TLS session and two descriptors, with back-pressure: each way holds one buffer, and waits for it."""

from __future__ import annotations

import os
import select
import stat

from tlstool.backends.openssl.channel import Channel
from tlstool.model import Relayed

_CHUNK = 256 * 1024


class Relay:
    """One relay; `run` once."""

    def __init__(self, channel: Channel, in_fd: int, out_fd: int) -> None:
        self._channel = channel
        self._in_fd, self._out_fd = in_fd, out_fd
        self._sent = self._received = 0
        self._in_open = True
        self._to_peer = self._to_out = memoryview(b"")
        # A pipe that can be written takes so much without blocking; the descriptor is not ours to make non-blocking, for others
        # may share it (POSIX: O_NONBLOCK belongs to the open file). A file never blocks.
        self._portion = _CHUNK if stat.S_ISREG(os.fstat(out_fd).st_mode) else select.PIPE_BUF

    def run(self) -> Relayed:
        """Until the peer ends and all that it sent is written.

        Raises:
            BrokenPipeError: nobody reads the output any more.
            TlsToolError: the connection broke, or the peer broke TLS.
        """
        channel = self._channel
        self._take()
        while self._to_out or not channel.ended:
            ready = self._wait()
            if ready.get(self._out_fd, 0) and self._to_out:
                self._write()
            if ready.get(channel.sock.fileno(), 0):
                channel.drain()
                if not self._to_out and not channel.ended:
                    channel.fill()
            if not self._to_out:
                self._take()
            if not channel.ended:
                self._send(bool(ready.get(self._in_fd, 0)))
        return Relayed(sent=self._sent, received=self._received, close_notify=channel.close_notify)

    def _wait(self) -> dict[int, int]:
        """Which descriptors can move something, of those with something to move."""
        channel = self._channel
        wanted: dict[int, int] = {}
        if not channel.ended:
            from_peer = 0 if self._to_out else select.POLLIN
            to_peer = select.POLLOUT if channel.unsent() else 0
            if from_peer | to_peer:
                wanted[channel.sock.fileno()] = from_peer | to_peer
            if self._in_open and not channel.unsent() and not self._to_peer:
                wanted[self._in_fd] = wanted.get(self._in_fd, 0) | select.POLLIN
        if self._to_out:
            wanted[self._out_fd] = wanted.get(self._out_fd, 0) | select.POLLOUT
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        return dict(poll.poll())

    def _take(self) -> None:
        """Decrypt what the peer sent; all of it, so that our close_notify never finds any of it unread."""
        data = self._channel.decrypt()
        self._received += len(data)
        self._to_out = memoryview(data)

    def _write(self) -> None:
        poll = select.poll()
        poll.register(self._out_fd, select.POLLOUT)
        while self._to_out:
            try:
                written = os.write(self._out_fd, self._to_out[: self._portion])
            except BlockingIOError:
                return
            self._to_out = self._to_out[written:]
            if not poll.poll(0):
                return

    def _send(self, readable: bool) -> None:
        """Pass on what is there to read, and its end as close_notify."""
        if readable and not self._to_peer and self._in_open:
            try:
                data = os.read(self._in_fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                # A terminal that hangs up says EIO for the end.
                data = b""
            if not data:
                self._in_open = False
                self._channel.send_close()
            self._to_peer = memoryview(data)
        if self._to_peer:
            taken = self._channel.encrypt(self._to_peer)
            self._to_peer = self._to_peer[taken:]
            self._sent += taken
        self._channel.drain()
