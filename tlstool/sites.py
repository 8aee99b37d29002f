"""A server's side of the model: what it presents and does at each address, and what it tells of those who came."""

from __future__ import annotations

from typing import Literal

from tlstool.model import Crl, Finding, Identity, Roots, TlsVersion, Verdict
from tlstool.record import Record

ServeMode = Literal["status", "echo"]


class Service(Record):
    """What connections get once their session is up.

    Attributes:
        mode: `status`, an HTTP page that shows what was negotiated; `echo`, their own bytes.
    """

    mode: ServeMode = "status"


class ClientAuth(Record):
    """A demand for a certificate of the client (RFC 8446 section 4.3.2).

    Attributes:
        roots: the authorities that clients' certificates have to come from; their names are sent as a hint.
        crls: revocation lists; with any, a certificate that none of them covers is bad.
        required: whether a client without a good one is sent away. If not, the session comes about whatever the verdict.
    """

    roots: Roots
    crls: tuple[Crl, ...] = ()
    required: bool = True


class Sessions(Record):
    """How sessions are resumed.

    Attributes:
        tickets: sent after each handshake of TLS 1.3 (RFC 8446 section 4.6.1), as many as the client says at most (RFC 9149);
            with 0 no session is ever resumed, in TLS 1.2 neither.
        ticket_keys: of 48 or 80 random bytes; the first one seals tickets, all of them open those. None for one that only this
            process has, and renews every six hours.
        max_early_data: bytes that a client may send in its first flight (section 4.2.10). More than 0 has the server keep sessions
            in memory, to take each once; it does not go with `ticket_keys`.
    """

    tickets: int = 2
    ticket_keys: tuple[bytes, ...] = ()
    max_early_data: int = 0


class Site(Record):
    """What clients of one address find. Empty tuples mean the backend's defaults.

    Attributes:
        identity: the certificate chain and key.
        service: what connections get.
        name: what events call it; None where there is only one.
        versions, ciphers, groups, alpn, keylog: as in `ClientConfig`.
        client_auth: None asks no client for a certificate.
        sessions: how they are resumed.
    """

    identity: Identity
    service: Service = Service()
    name: str | None = None
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    client_auth: ClientAuth | None = None
    sessions: Sessions = Sessions()


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


class ClientCertificate(Record):
    """What a client showed of itself when it was asked for a certificate. Texts end after 1,024 characters.

    Attributes:
        verdict: `good`, `bad`, or `not_checked` for a client that showed none.
        subject, issuer: of the leaf, as in `Certificate`; None if there was none.
        names: its subjectAltNames, the first 32 of them.
        not_after: the end of its validity; None if there was none.
        sha256: of it all; None if there was none.
        revocation: by the server's revocation lists: `good`, `bad`, `unknown`, or `not_checked` without such lists.
        findings: everything that is wrong with it, the fault that decides first.
    """

    verdict: Verdict
    subject: str | None
    issuer: str | None
    names: tuple[str, ...]
    not_after: str | None
    sha256: str | None
    revocation: Verdict
    findings: tuple[Finding, ...]


class EarlyDataReceived(Record):
    """What became of data that a client sent before the handshake was complete (RFC 8446 section 4.2.10).

    Attributes:
        accepted: None if the client announced some and sent none.
        received: bytes that were accepted.
    """

    accepted: bool | None
    received: int


class Connection(Record):
    """One connection that a server had.

    Attributes:
        site: the name of the site that it came to; None for a server that has only one.
        peer: the client's address and port.
        tls, suite, group, alpn, sni, kind: as in `Handshake`.
        client_certificate: None if the client was not asked for one, or the handshake did not get as far.
        early_data: None if the client announced none, or the server takes none.
        received, sent: bytes of application data, early data included.
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
    client_certificate: ClientCertificate | None
    early_data: EarlyDataReceived | None
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
