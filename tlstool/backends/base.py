"""The contract of a backend, on one screen. The use cases know nothing else of Rustls or OpenSSL.

There are no capability flags: what a backend cannot do it refuses with `Unsupported` before a packet is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from tlstool.events import WireEvent
from tlstool.model import BackendInfo, ClientConfig, Finding, Handshake, Identity, LoadPlan, LoadResult
from tlstool.phases import Deadline
from tlstool.record import Record
from tlstool.sessions import EarlyData
from tlstool.sites import Connection, Counts, NamedIdentity, ServerConfig, ServeTotals
from tlstool.traffic import Relayed, RelayPlan

OnWire = Callable[[WireEvent], None]


class Offer(Record):
    """What a connection brings along besides its configuration.

    Attributes:
        resume: the `resumption` of an earlier session of the same client, to be resumed if the peer agrees.
        early_data: application data for the first flight, only for a session whose own verdict was good, and announced by
            `ClientConfig.uses`; b"" asks whether the peer would take some, which a backend that cannot leaves out.
        on_wire: hears of all that goes over the wire as long as the session lasts; what it raises ends the call at work.
    """

    resume: object | None = None
    early_data: bytes | None = None
    on_wire: OnWire | None = None


NOTHING = Offer()


class Session(Protocol):
    """A TLS session whose handshake is done, whatever the verdict. Use it in one thread.

    Attributes:
        handshake: what was agreed and shown; what it says of tickets is complete once the session is closed.
        warnings: what the reader of the report should know of how it came about.
    """

    handshake: Handshake
    warnings: tuple[Finding, ...]

    @property
    def resumption(self) -> object | None:
        """For an `Offer`, best once this is closed, which is when all tickets have come; None if nothing can be resumed."""

    @property
    def early_data(self) -> EarlyData | None:
        """What became of the early data of the `Offer`; None if it had none."""

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

    def export(self, label: str, context: bytes | None, length: int) -> bytes:
        """Keying material (RFC 8446 section 7.5, RFC 5705); `ClientConfig.uses` announces it."""

    def update_keys(self, deadline: Deadline) -> None:
        """Go on with new keys in both directions (RFC 8446 section 4.6.3); only in TLS 1.3. `ClientConfig.uses` announces it."""

    def close(self, deadline: Deadline) -> None:
        """Send close_notify and let go of the socket. Never raises; a second call does nothing.

        A peer that got no data has a quarter of a second to end its side, other ones until the deadline.
        """

    def finish(self, deadline: Deadline) -> None:
        """Close, with all that time for whatever the peer still sends: tickets."""


class Client(Protocol):
    """A configuration made ready, once, for any number of connections."""

    def connect(
        self, sock: socket.socket, deadline: Deadline, redial: Callable[[], socket.socket], offer: Offer = NOTHING
    ) -> Session:
        """Handshake over a connected socket, which becomes the session's, whatever happens.

        A bad certificate raises nothing: it is the session's verdict. An error carries what was seen in its `handshake`.
        `redial` gives another connection to a backend that has to come again, with less verification, to see a bad chain.
        """

    def load(self, plan: LoadPlan) -> LoadResult:
        """Handshakes in a closed loop. Ctrl-C ends it early, with what was measured; a bad certificate is an error like any."""


class Server(Protocol):
    """A configuration made ready to serve, once."""

    def check(self, identity: Identity) -> None:
        """Whether this could be presented. Raises LocalError if it could not."""

    def present(self, site: int, identities: Sequence[Identity], named: Sequence[NamedIdentity]) -> None:
        """From the next handshake on, show these at the site of this number; see `Site`. Sessions are resumed as before.

        May be called from any thread, at any time. Raises LocalError, and Unsupported in a backend that cannot do it.
        """

    def serve(
        self,
        listeners: Sequence[Sequence[socket.socket]],
        on_event: Callable[[Connection | Counts], None],
        stop_fd: int,
        on_turn: Callable[[], None] | None = None,
    ) -> ServeTotals:
        """Accept and serve on the sockets of each site, until the configured count or until `stop_fd` has a byte to read.

        Then open connections get the configured grace to end; a second byte ends them at once. `on_event` is called in the
        calling thread, with what the configuration says is to be told; `on_turn` there, too, a few times a second.
        """


class Backend(Protocol):
    """One TLS implementation. Every method raises `TlsToolError` and nothing else for what a peer or a file can cause."""

    def info(self) -> BackendInfo:
        """What this is."""

    def client(self, config: ClientConfig) -> Client:
        """All that connections share. Raises Unsupported for what this backend cannot do, LocalError for bad files."""

    def server(self, config: ServerConfig) -> Server:
        """A server made ready. Raises Unsupported for what this backend cannot do, LocalError for bad files."""
