"""A server's side of the model: what it presents and does at each address, and what it tells of those who came."""

from __future__ import annotations

from typing import Literal

from tlstool.misconduct import Misconduct
from tlstool.model import ClientConfig, Identity, TlsVersion
from tlstool.record import Record

ServeMode = Literal["status", "echo", "forward"]


class Forward(Record):
    """Where connections are passed on to, and how.

    Attributes:
        addresses: `ADDRESS:PORT` each, to be tried in this order; empty for a Unix socket.
        path: of a Unix socket, where "@" begins a name in the abstract namespace; None for TCP.
        tls: how to speak TLS with the upstream; None speaks none. The application protocol offered is the one that was agreed on
            with the client.
        proxy_protocol: whether a header of the PROXY protocol, version 2, comes before everything else.
        limit: seconds for connecting, over all addresses, and as many again for a handshake.
    """

    addresses: tuple[str, ...]
    path: str | None = None
    tls: ClientConfig | None = None
    proxy_protocol: bool = False
    limit: float = 10.0


class Service(Record):
    """What connections get once their session is up.

    Attributes:
        mode: `status`, an HTTP page that shows what was negotiated; `echo`, their own bytes; `forward`, what somebody else says.
        forward: who that is; None in the other modes.
    """

    mode: ServeMode = "status"
    forward: Forward | None = None


class Site(Record):
    """What clients of one address find. Empty tuples mean the backend's defaults.

    Attributes:
        identity: the certificate chain and key.
        service: what connections get.
        name: what events call it; None where there is only one.
        versions, ciphers, groups, alpn, keylog: as in `ClientConfig`.
        staple: an OCSP response (RFC 6066 section 8) in DER, that goes with the certificate; None for none.
        misconduct: what it does wrong on purpose; None for nothing.
        key_update_every: after how many bytes of application data the keys of a TLS 1.3 session are renewed (RFC 8446 section
            4.6.3); None leaves that to the backend.
    """

    identity: Identity
    service: Service = Service()
    name: str | None = None
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    staple: bytes | None = None
    misconduct: Misconduct | None = None
    key_update_every: int | None = None


class ServerLimits(Record):
    """What no client may exceed, in seconds.

    Attributes:
        handshake: for the whole handshake.
        idle: without a byte, after which a connection is closed.
    """

    handshake: float = 10.0
    idle: float = 300.0


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
        upstream: the address that it was passed on to, or should have been; None if it was for nobody else.
        is_upstream_error: whether `error` is about the upstream, and not about the client.
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
    upstream: str | None
    is_upstream_error: bool


class ServeTotals(Record):
    """What a server did in its life.

    Attributes:
        connections: accepted.
        handshakes: completed.
        resumed: of those, resumed ones.
        failed: connections that ended in an error.
        received, sent: bytes of application data.
        unreported: connections whose event was dropped, because the listener was too slow for them.
    """

    connections: int
    handshakes: int
    resumed: int
    failed: int
    received: int
    sent: int
    unreported: int = 0
