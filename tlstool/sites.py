"""A server's side of the model: what it presents and does at each address, and what it tells of those who came."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tlstool.misconduct import Misconduct
from tlstool.model import ClientConfig, Crl, Finding, Identity, Roots, TlsVersion, Verdict
from tlstool.record import Record

ServeMode = Literal["status", "echo", "discard", "source", "files", "respond", "forward"]


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


HTTP_MODES: tuple[ServeMode, ...] = ("status", "discard", "source", "files")
"""The modes that have pages, so that there can be one more."""

Tells = Literal["nothing", "connections", "hellos"]

Ending = Literal["close_notify", "fin", "reset", "limit", "server", "upstream", "error"]


class Service(Record):
    """What connections get once their session is up.

    Attributes:
        mode: `status`, an HTTP page that shows what was negotiated; `echo`, their own bytes; `discard`, number and SHA-256
            of the bytes that they sent; `source`, bytes to take; `files`, those of a folder over HTTP; `respond`, the same bytes
            for all; `forward`, what somebody else says.
        size: bytes of `source`; None for no end.
        folder: the path of `files`.
        content: what `respond` says.
        forward: who that is; None in the other modes.
        metrics: whether `/metrics` is what the server has counted, for Prometheus, where the mode speaks HTTP.
        withheld: paths that `files` does not serve, whatever they hold; nor does it ever serve what looks like a private key.
    """

    mode: ServeMode = "status"
    size: int | None = None
    folder: str | None = None
    content: bytes | None = field(default=None, repr=False)
    metrics: bool = False
    forward: Forward | None = None
    withheld: tuple[str, ...] = ()


class NamedIdentity(Record):
    """A chain and key for clients that ask for one name (SNI, RFC 6066 section 3).

    Attributes:
        name: in A-labels and lower case; with `*.` in front it stands for every name right below.
        identity: what they are shown, whatever names the certificate itself has.
    """

    name: str
    identity: Identity


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
        max_early_data: bytes that a client may send in its first flight (section 4.2.10). More than 0 has the server keep
            sessions in memory, to take each once; it does not go with `ticket_keys`.
    """

    tickets: int = 2
    ticket_keys: tuple[bytes, ...] = ()
    max_early_data: int = 0


class Site(Record):
    """What clients of one address find. Empty tuples mean the backend's defaults.

    A client that asks for a name is shown what is for that name: of `named` first, then of those of `identities` whose
    certificates have it. All others are shown the default, which is `identities`, or the first of `named` where there are none.
    Of several the first one counts whose key can sign as the client demands.

    Attributes:
        identities: certificate chains and keys.
        named: those that go by the name that they are listed under.
        service: what connections get.
        name: what events call it; None where there is only one.
        sni_strict: whether clients that ask for no known name get the alert unrecognized_name instead of the default.
        raw_public_key: whether keys are shown without certificates (RFC 7250); clients that do not know of that get an alert.
        cert_compression: `brotli`, `zlib` (RFC 8879), in order of preference; None for all that the backend has.
        versions, ciphers, groups, alpn, keylog: as in `ClientConfig`.
        client_auth: None asks no client for a certificate.
        sessions: how they are resumed.
        misconduct: what it does wrong on purpose; None for nothing.
        key_update_every: after how many bytes of application data the keys of a TLS 1.3 session are renewed (RFC 8446 section
            4.6.3); None leaves that to the backend.
    """

    identities: tuple[Identity, ...]
    service: Service = Service()
    name: str | None = None
    named: tuple[NamedIdentity, ...] = ()
    sni_strict: bool = False
    raw_public_key: bool = False
    cert_compression: tuple[str, ...] | None = None
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    client_auth: ClientAuth | None = None
    sessions: Sessions = Sessions()
    misconduct: Misconduct | None = None
    key_update_every: int | None = None


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
        duration: stop after so many seconds, None to go on.
        grace: seconds that open connections have to end once the server stops.
        tells: what is told of each connection that has ended: `nothing`, what became of it (`connections`), or besides all that
            its client offered (`hellos`).
        keeps_sockets: whether the sockets go on listening when the server ends, since they are somebody else's, too.
        counts_every: seconds after which `Counts` are told again and again, None for never.
    """

    sites: tuple[Site, ...]
    limits: ServerLimits = ServerLimits()
    threads: int = 1
    count: int | None = None
    duration: float | None = None
    grace: float = 5.0
    keeps_sockets: bool = False
    tells: Tells = "connections"
    counts_every: float | None = None


class KeyShare(Record):
    """A key that a client sent along with its hello.

    Attributes:
        group: its group.
        bytes: the size of its public part.
    """

    group: str
    bytes: int


class Hello(Record):
    """What a client offered, in its order, by the names of IANA's registries.

    What has no name there is hexadecimal, such as `0x1234`; values that exist only to be ignored (RFC 8701) look like
    `GREASE 0x1a1a`.

    Attributes:
        size: bytes of the message.
        legacy_version: what the hello begins with; with `supported_versions` it means nothing.
        sni: the name that the client asked for; None for none.
        alpn: application protocols.
        versions: those of `supported_versions`; empty if it is missing, and then `legacy_version` is the highest.
        suites: cipher suites, and the signalling values among them.
        groups: of key exchange.
        key_shares: the keys that came along.
        signature_schemes: for the server's certificate and its handshake.
        certificate_compression: algorithms (RFC 8879).
        extensions: all of them.
        ja3: the fingerprint of the same name, an MD5.
        ja3_full: what it was made of.
        ja4: the fingerprint of the same name.
        ja4_r: the same with lists in place of their digests.
    """

    size: int
    legacy_version: str
    sni: str | None
    alpn: tuple[str, ...]
    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    key_shares: tuple[KeyShare, ...]
    signature_schemes: tuple[str, ...]
    certificate_compression: tuple[str, ...]
    extensions: tuple[str, ...]
    ja3: str
    ja3_full: str
    ja4: str
    ja4_r: str


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
        accepted: when it was, RFC 3339 in UTC with milliseconds.
        handshake_ms: from accept to the end of the handshake; None if it did not come to that.
        duration_ms: from accept to the end.
        tls, suite, group, alpn, sni, kind: as in `Handshake`.
        hello: what the client offered; None if that was not to be told, if no hello came that could be read, if it had more in it
            than any client has to say, and on the OpenSSL backend, which does not see it.
        requests: that were answered, where the service speaks HTTP; 0 elsewhere.
        received, sent: bytes of application data.
        ending: how it ended: the client said `close_notify`, or closed without it (`fin`); it broke (`reset`); the client
            exceeded a time limit (`limit`); the server had said all, or was stopped (`server`); the upstream had, or it failed
            (`upstream`); one side sent what the other did not accept (`error`).
        error: the code of what went wrong, None if nothing did.
        message: the same in words.
        upstream: the address that it was passed on to, or should have been; None if it was for nobody else.
        is_upstream_error: whether `error` is about the upstream, and not about the client.
    """

    site: str | None
    peer: str
    accepted: str
    handshake_ms: float | None
    duration_ms: float
    tls: str | None
    suite: str | None
    group: str | None
    alpn: str | None
    sni: str | None
    kind: str | None
    client_certificate: ClientCertificate | None
    early_data: EarlyDataReceived | None
    hello: Hello | None
    requests: int
    received: int
    sent: int
    ending: Ending
    error: str | None
    message: str | None
    upstream: str | None
    is_upstream_error: bool


class ServeTotals(Record):
    """What a server has done until now, or in its life.

    Attributes:
        connections: accepted.
        active: of those, still open.
        handshakes: completed.
        resumed: of those, resumed ones.
        versions: of those, how many by version; none that is 0.
        failed: connections that ended in an error.
        failures: of those, how many by its code.
        refused: clients that were turned away at once, which are not among the connections.
        requests: that were answered, where the service speaks HTTP.
        received, sent: bytes of application data.
        unreported: connections whose event was dropped, because the listener was too slow for them.
        elapsed_ms: since the server began to accept.
    """

    connections: int
    active: int
    handshakes: int
    resumed: int
    versions: dict[str, int]
    failed: int
    failures: dict[str, int]
    refused: int
    requests: int
    received: int
    sent: int
    unreported: int
    elapsed_ms: float


class Counts(Record):
    """What a server has done until now, told while it works."""

    totals: ServeTotals
