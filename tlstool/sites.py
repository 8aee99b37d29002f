"""A server's side of the model: what it presents and does at each address, and what it tells of those who came."""

from __future__ import annotations

from typing import Literal

from tlstool.model import Identity, TlsVersion
from tlstool.record import Record

ServeMode = Literal["status", "echo"]


class Service(Record):
    """What connections get once their session is up.

    Attributes:
        mode: `status`, an HTTP page that shows what was negotiated; `echo`, their own bytes.
    """

    mode: ServeMode = "status"


class Site(Record):
    """What clients of one address find. Empty tuples mean the backend's defaults.

    Attributes:
        identity: the certificate chain and key.
        service: what connections get.
        name: what events call it; None where there is only one.
        versions, ciphers, groups, alpn, keylog: as in `ClientConfig`.
    """

    identity: Identity
    service: Service = Service()
    name: str | None = None
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None


class ServerLimits(Record):
    """What no client may exceed, in seconds where it is a time. What is only begun never extends a time, what is completed does.

    Attributes:
        handshake: from the accept to the end of the handshake.
        request: for the head of an HTTP request, from its first byte on.
        send: without the client taking any of what it is sent.
        idle: without a byte, after which a connection is closed in order.
        close: for the client to close its side once the server has.
        connection: from the accept to the end; None for any time.
        max_connections: open at once; None for any number. Further clients are turned away, but for those that take the place of
            one that has been in its handshake for more than a second.
        max_per_address: open at once from one address; None for any number. Further ones are turned away.
    """

    handshake: float = 10.0
    request: float = 30.0
    send: float = 30.0
    idle: float = 300.0
    close: float = 2.0
    connection: float | None = None
    max_connections: int | None = None
    max_per_address: int | None = None


SERVER_PHASES = ("handshake", "request", "send", "idle", "close", "connection")
"""Those of `ServerLimits` that are times."""


class ServerConfig(Record):
    """All that a backend has to know to be a server.

    Attributes:
        sites: one for each group of listening sockets, in their order.
        limits: for every connection.
        threads: worker threads.
        count: stop after this many connections have ended, None to go on.
        grace: seconds that open connections have to end once the server stops.
    """

    sites: tuple[Site, ...]
    limits: ServerLimits = ServerLimits()
    threads: int = 1
    count: int | None = None
    grace: float = 5.0


class Connection(Record):
    """One connection that a server had.

    Attributes:
        site: the name of the site that it came to; None for a server that has only one.
        peer: the client's address and port.
        tls, suite, group, alpn, sni, kind: as in `Handshake`.
        received, sent: bytes of application data.
        duration_ms: from accept to the end.
        error: the code of what went wrong, None if nothing did.
        message: the same in words.
    """

    site: str | None
    peer: str
    tls: str | None
    suite: str | None
    group: str | None
    alpn: str | None
    sni: str | None
    kind: str | None
    received: int
    sent: int
    duration_ms: float
    error: str | None
    message: str | None


class ServeTotals(Record):
    """What a server did in its life.

    Attributes:
        connections: accepted.
        handshakes: completed.
        resumed: of those, resumed ones.
        failed: connections that ended in an error.
        refused: clients that were turned away at once, which are not among the connections.
        received, sent: bytes of application data.
        unreported: connections whose event was dropped, because the listener was too slow for them.
    """

    connections: int
    handshakes: int
    resumed: int
    failed: int
    refused: int
    received: int
    sent: int
    unreported: int = 0
