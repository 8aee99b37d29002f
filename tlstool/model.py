"""What every layer shares: configurations for the backends, and what they find, as frozen dataclasses. No I/O.

What they find is part of the reports, which are the JSON, so every field of it is a documented key there. None
means "not known" or "does not apply", never "fine". Times are RFC 3339 in UTC, durations milliseconds, hashes lower-case hex,
suites, groups and signature schemes the names of the IANA registries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, Literal

from tlstool.chain import Certificate as Certificate
from tlstool.chain import Criteria as Criteria
from tlstool.chain import Crl as Crl
from tlstool.chain import Finding as Finding
from tlstool.chain import PathCertificate as PathCertificate
from tlstool.chain import Purpose as Purpose
from tlstool.chain import Roots as Roots
from tlstool.chain import Sct as Sct
from tlstool.chain import Staple as Staple
from tlstool.chain import Tlsa as Tlsa
from tlstool.chain import Trust as Trust
from tlstool.chain import Verdict as Verdict
from tlstool.cost import CertificateCompression, Cost
from tlstool.record import Record
from tlstool.sessions import ClientRequest, Ech, Tickets

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
Use = Literal["export", "early_data", "key_update"]
BackendName = Literal["auto", "rustls", "openssl"]

_SCALARS = frozenset({str, int, float, bool, type(None), bytes})


def plain(value: Any) -> Any:
    """A dataclass, with all that it holds, as dicts, lists and scalars: for JSON and for the engine."""
    # Nearly all that a server tells of a client is one of these, and it tells of thousands a second.
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Record):
        return {name: plain(item) for name, item in vars(value).items()}
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


class Identity(Record):
    """Our own certificate and key, as read from their files.

    Attributes:
        chain: PEM (or one DER certificate), leaf first.
        key: PEM or DER of the private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
        chain_file: where `chain` came from, for messages.
        key_file: where `key` came from, for messages.
        staple: the OCSP response, in DER, that a server sends along (RFC 6066 section 8); None for none. Clients do not use it.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    chain_file: str
    key_file: str
    staple: bytes | None = field(default=None, repr=False)


class ClientConfig(Record):
    """All that a backend has to know to be a client. Empty tuples mean the backend's defaults.

    Attributes:
        verify_name: the DNS name or address that the certificate must have; None leaves it unchecked.
        sni: the name to send, None to send none.
        roots: the anchors.
        crls: certificate revocation lists; empty: only a stapled OCSP response tells of revocation.
        purpose: what the certificate has to be meant for (extendedKeyUsage, RFC 5280 section 4.2.1.12).
        pins: SHA-256 of public keys in hex, one of which has to be the leaf's; empty for any.
        tlsa: records of which one has to fit (RFC 7671); empty for the usual verification.
        insecure: report a bad certificate, but do not fail because of it.
        identity: our certificate, if the server asks for one.
        versions: allowed TLS versions, empty for 1.2 and 1.3.
        ciphers: suites by IANA name, in order of preference.
        groups: key exchange groups by IANA name, in order of preference.
        alpn: protocols offered (RFC 7301), in order of preference.
        keylog: file to append the session's secrets to (NSS format), None for none.
        pcap: file to append a capture (pcapng) of each connection to, with its secrets; None for none.
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
    crls: tuple[Crl, ...] = ()
    purpose: Purpose = "server"
    pins: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
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
    pcap: str | None = None


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
        staple: the OCSP response that came with it; None where that is not known.
        client_certificate: `not_requested`, `requested` (and none sent), `accepted`, or `sent`, which is all that is known if a
            server of TLS 1.3 does not show in time that it accepts ours.
        client_request: what the peer said when it asked for our certificate; None if it did not, or the backend does not tell.
        tickets: those that came until the session ended; None if none came, and the peer did not end first.
        early_data_limit: the most bytes of early data that a ticket allows, 0 for none; None without a ticket, or if the backend
            does not tell.
        ech: None if it was not offered.
        trust: the verdict.
        hybrid: whether the group combines a post-quantum key exchange with a classical one; None where the group is not known.
        hello_retry: whether the server wanted a second ClientHello (RFC 8446 section 4.1.4), also where the session was resumed.
        certificate_compression: how the chain was compressed; None if it was not, or that is not known.
        cost: None where the backend cannot see it.
    """

    tls: TlsVersion | None
    suite: str | None
    group: str | None
    signature_scheme: str | None
    alpn: str | None
    sni: str | None
    kind: Literal["full", "full_with_retry", "resumed"] | None
    certificates: tuple[Certificate, ...]
    staple: Staple | None
    client_certificate: Literal["not_requested", "requested", "sent", "accepted"] | None
    client_request: ClientRequest | None
    tickets: Tickets | None
    early_data_limit: int | None
    ech: Ech | None
    trust: Trust
    hybrid: bool | None = None
    hello_retry: bool | None = None
    certificate_compression: CertificateCompression | None = None
    cost: Cost | None = None


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
