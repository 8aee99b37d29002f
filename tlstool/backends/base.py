"""The contract of a backend, on one screen. The use cases know nothing else of Rustls or OpenSSL.

There are no capability flags: what a backend cannot do it refuses with `Unsupported` before a packet is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from tlstool.model import (
    BackendInfo,
    ClientConfig,
    Connection,
    Finding,
    Handshake,
    LoadPlan,
    LoadResult,
    ServerConfig,
    ServeTotals,
)
from tlstool.phases import Deadline
from tlstool.traffic import Relayed, RelayPlan


class Session(Protocol):
    """A TLS session whose handshake is done, whatever the verdict. Use it in one thread.

    Attributes:
        handshake: what was agreed and shown.
        warnings: what the reader of the report should know of how it came about.
    """

    handshake: Handshake
    warnings: tuple[Finding, ...]

    def read(self, limit: int, deadline: Deadline) -> bytes:
        """Up to `limit` bytes of application data, b"" at the peer's end."""

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""

    def relay(self, plan: RelayPlan, deadline: Deadline) -> Relayed:
        """Move bytes both ways.

        Raises:
            BrokenPipeError: nobody reads the output any more.
            TlsToolError: the session broke; `time-limit`, `truncated` or `not-http` where a body was announced and does not come.
        """

    def close(self, deadline: Deadline) -> None:
        """Send close_notify and let go of the socket. Never raises; a second call does nothing."""


class Client(Protocol):
    """A configuration made ready, once, for any number of connections."""

    def connect(self, sock: socket.socket, deadline: Deadline, redial: Callable[[], socket.socket]) -> Session:
        """Handshake over a connected socket, which becomes the session's, whatever happens.

        A bad certificate raises nothing: it is the session's verdict. An error carries what was seen in its `handshake`.
        `redial` gives another connection to a backend that has to come again, with less verification, to see a bad chain.
        """

    def load(self, plan: LoadPlan) -> LoadResult:
        """Handshakes in a closed loop. Ctrl-C ends it early, with what was measured; a bad certificate is an error like any."""


class Server(Protocol):
    """A configuration made ready to serve, once."""

    def serve(self, listeners: Sequence[socket.socket], on_connection: Callable[[Connection], None], stop_fd: int) -> ServeTotals:
        """Accept and serve until as many connections as configured have ended, or `stop_fd` has a byte to read.

        Then open connections get the configured grace to end; a second byte ends them at once. `on_connection` is called in the
        calling thread.
        """


class Backend(Protocol):
    """One TLS implementation. Every method raises `TlsToolError` and nothing else for what a peer or a file can cause."""

    def info(self) -> BackendInfo:
        """What this is."""

    def client(self, config: ClientConfig) -> Client:
        """All that connections share. Raises Unsupported for what this backend cannot do, LocalError for bad files."""

    def server(self, config: ServerConfig) -> Server:
        """A server made ready. Raises Unsupported for what this backend cannot do, LocalError for bad files."""
