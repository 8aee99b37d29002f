"""What every layer shares: requests, configurations, reports and events as frozen dataclasses. No I/O, no imports of ours.

The reports are the JSON (`tlstool.output.jsonout` adds only the envelope), so every field here is a documented key there. None
means "not known" or "does not apply", never "fine". Times are RFC 3339 in UTC, durations milliseconds, hashes lower-case hex,
suites, groups and signature schemes the names of the IANA registries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, Literal

from tlstool.record import Record
from tlstool.sessions import ClientRequest, Ech, Tickets

Verdict = Literal["good", "bad", "unknown", "not_checked"]
TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
Use = Literal["export", "early_data", "key_update"]
BackendName = Literal["auto", "rustls", "openssl"]


def plain(value: Any) -> Any:
    """A dataclass, with all that it holds, as dicts, lists and scalars: for JSON and for the engine."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


# ---- what is wanted ------------------------------------------------------------------------------


class Endpoint(Record):
    """Where the peer is.

    Attributes:
        host: a name in A-label form, or an address without brackets; empty for a Unix socket.
        port: the TCP port; 0 for a Unix socket.
        is_address: whether `host` is an IP address, which is never sent as SNI (RFC 6066 section 3).
        path: of a Unix socket, where "@" begins a name in the abstract namespace; None for TCP.
        scheme: of the URL that named it; `https` where there was none.
        starttls: the protocol by which such a URL's server turns to TLS; None where it speaks TLS from the first byte.
    """

    host: str
    port: int
    is_address: bool
    path: str | None = None
    scheme: str = "https"
    starttls: str | None = None

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Roots(Record):
    """Which certificates are trusted as anchors.

    Attributes:
        store: for the report: "system", "certifi", "none", or the names of the files.
        pem: the anchors' files as they are (PEM, or one DER certificate each); None for the system's own store and verifier.
    """

    store: str
    pem: tuple[bytes, ...] | None


class Identity(Record):
    """Our own certificate and key, as read from their files.

    Attributes:
        chain: PEM (or one DER certificate), leaf first.
        key: PEM or DER of the private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
        chain_file: where `chain` came from, for messages.
        key_file: where `key` came from, for messages.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    chain_file: str
    key_file: str


class ClientConfig(Record):
    """All that a backend has to know to be a client. Empty tuples mean the backend's defaults.

    Attributes:
        verify_name: the DNS name or address that the certificate must have; None leaves it unchecked.
        sni: the name to send, None to send none.
        roots: the anchors.
        crls: certificate revocation lists, PEM or DER each; empty: revocation is not checked.
        insecure: report a bad certificate, but do not fail because of it.
        identity: our certificate, if the server asks for one.
        versions: allowed TLS versions, empty for 1.2 and 1.3.
        ciphers: suites by IANA name, in order of preference.
        groups: key exchange groups by IANA name, in order of preference.
        alpn: protocols offered (RFC 7301), in order of preference.
        keylog: file to append the session's secrets to (NSS format), None for none.
        at: judge the certificates as of this time, seconds since the epoch; None for now.
        framing: what the records of the handshake travel in: `tds`, packets of SQL Server; None for the socket alone.
        signature_schemes: offered to the peer, by IANA name, in order of preference.
        ech: Encrypted Client Hello (RFC 9849): lists of configurations (`ECHConfigList`), of which the first one that can be used
            is; empty: pretend to have one (GREASE); None: none of it.
        uses: what sessions are asked for besides data: keying material, early data, new keys.
    """

    verify_name: str | None
    sni: str | None
    roots: Roots
    crls: tuple[bytes, ...] = ()
    insecure: bool = False
    identity: Identity | None = None
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    at: int | None = None
    framing: Literal["tds"] | None = None
    signature_schemes: tuple[str, ...] = ()
    ech: tuple[bytes, ...] | None = None
    uses: tuple[Use, ...] = ()


ServeMode = Literal["status", "echo"]


class ServerConfig(Record):
    """All that a backend has to know to be a server.

    Attributes:
        identity: the server's certificate chain and key.
        mode: what connections get: an HTTP page that shows what was negotiated, or their own bytes.
        versions, ciphers, groups, alpn, keylog: as in `ClientConfig`.
        threads: worker threads.
        count: stop after this many connections have ended, None to go on.
        handshake_limit: seconds that a client has for its handshake.
        idle_limit: seconds without a byte after which a connection is closed.
        grace: seconds that open connections have to end once the server stops.
    """

    identity: Identity
    mode: ServeMode = "status"
    versions: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    threads: int = 1
    count: int | None = None
    handshake_limit: float = 10.0
    idle_limit: float = 300.0
    grace: float = 5.0


class LoadPlan(Record):
    """A closed loop of handshakes against one address.

    Attributes:
        address, port: where to connect, an IP address.
        connections: how many are under way at any time.
        threads: workers that share them.
        duration: seconds to run.
        count: stop after this many handshakes, None to run for `duration` alone.
        resume: offer the session of an earlier handshake each time.
        handshake_limit: seconds after which one handshake counts as failed.
    """

    address: str
    port: int
    connections: int = 1
    threads: int = 1
    duration: float = 5.0
    count: int | None = None
    resume: bool = False
    handshake_limit: float = 10.0


# ---- what was found ------------------------------------------------------------------------------


class Certificate(Record):
    """One certificate, as the peer sent it.

    Attributes:
        subject, issuer: distinguished names (RFC 4514), empty if the certificate's is empty.
        serial: hex.
        not_before, not_after: the validity.
        days_left: whole days until `not_after`, negative once it is over.
        names: DNS names and addresses of the subjectAltName, in order.
        key_type: `ecdsa-p256`, `rsa-2048`, `ed25519` and the like, or the OID of an unknown algorithm.
        signature_algorithm: how the issuer signed, by its registered name (`ecdsa-with-SHA256`), or the OID.
        is_ca: whether basicConstraints says CA.
        sha256: hash of the whole certificate.
        spki_sha256: hash of its public key info, as used for pins.
        pem: the certificate itself.
    """

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    days_left: int
    names: tuple[str, ...]
    key_type: str
    signature_algorithm: str
    is_ca: bool
    sha256: str
    spki_sha256: str
    pem: str


class Finding(Record):
    """One thing to say: a fault of a chain or a warning, by a code of `tlstool.errors`, and in words."""

    code: str
    message: str


class Trust(Record):
    """Who judged the chain, by what, and how.

    Attributes:
        verdict: `good`, `bad`, or `not_checked` where no certificate was seen.
        name: the name that the certificate had to have; None: no name was checked.
        revocation: `not_checked` unless lists were given.
        findings: the faults, the one that decides first; empty if the verdict is good.
        verifier: what judged: "webpki", "platform verifier (webpki on Linux)", "OpenSSL 3.0.2 ...".
        store: whose anchors: see `Roots.store`.
    """

    verdict: Verdict
    name: str | None
    revocation: Verdict
    findings: tuple[Finding, ...]
    verifier: str
    store: str


class Handshake(Record):
    """What both ends agreed on, and what the peer showed.

    Attributes:
        tls: the version.
        suite: the cipher suite.
        group: the key exchange group.
        signature_scheme: what the peer signed the handshake with.
        alpn: the protocol chosen, None for none.
        sni: the name that was sent, None for none.
        kind: `full`, `full_with_retry` (HelloRetryRequest) or `resumed`.
        certificates: the chain as sent, leaf first.
        stapled: whether an OCSP response came with it (RFC 6066 section 8).
        client_certificate: `not_requested`, `requested` (and none sent), `accepted`, or `sent`, which is all that is known if a
            server of TLS 1.3 does not show in time that it accepts ours.
        client_request: what the peer said when it asked for our certificate; None if it did not, or the backend does not tell.
        tickets: those that came until the session ended; None if none came, and the peer did not end first.
        early_data_limit: the most bytes of early data that a ticket allows, 0 for none; None without a ticket, or if the backend
            does not tell.
        ech: None if it was not offered.
        trust: the verdict.
    """

    tls: TlsVersion | None
    suite: str | None
    group: str | None
    signature_scheme: str | None
    alpn: str | None
    sni: str | None
    kind: Literal["full", "full_with_retry", "resumed"] | None
    certificates: tuple[Certificate, ...]
    stapled: bool | None
    client_certificate: Literal["not_requested", "requested", "sent", "accepted"] | None
    client_request: ClientRequest | None
    tickets: Tickets | None
    early_data_limit: int | None
    ech: Ech | None
    trust: Trust


class BackendInfo(Record):
    """A backend as it is on this machine.

    Attributes:
        name: `rustls` or `openssl`.
        library: what speaks TLS, with its version.
        provider: what does the cryptography, with its version; None where it is the same library.
        fips: whether that is a validated module in its approved mode; None where it does not tell.
    """

    name: str
    library: str
    provider: str | None
    fips: bool | None


class Connection(Record):
    """One connection that a server had.

    Attributes:
        peer: the client's address and port.
        tls, suite, group, alpn, sni, kind: as in `Handshake`.
        received, sent: bytes of application data.
        duration_ms: from accept to the end.
        error: the code of what went wrong, None if nothing did.
        message: the same in words.
    """

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


class LoadResult(Record):
    """What a closed loop measured.

    Attributes:
        handshakes: completed.
        full, resumed: of those, by kind, as negotiated.
        errors: failures by code.
        elapsed_ms: from the first connect to the end.
        handshakes_per_s: `handshakes` over that time.
        p50_ms, p90_ms, p99_ms, max_ms: latency from connect to the end of the handshake; None if there was none.
        histogram: HdrHistogram V2, compressed, base64; nanoseconds.
        cpu_us_per_handshake: user and system time of this process; None if there was no handshake.
        interrupted: whether Ctrl-C ended it early.
    """

    handshakes: int
    full: int
    resumed: int
    errors: dict[str, int]
    elapsed_ms: float
    handshakes_per_s: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    histogram: str
    cpu_us_per_handshake: float | None
    interrupted: bool
