"""What the use cases can be asked: a command line, parsed. The options of all modes have the same names here and there."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tlstool.model import BackendName, Purpose, TlsVersion
from tlstool.record import Record
from tlstool.sessions import Export
from tlstool.sites import ServeMode, Tells
from tlstool.traffic import HalfClose


class TlsOptions(Record, kw_only=True):
    """How to speak TLS with a peer: the same options, under the same names, in every mode that has one.

    Attributes:
        sni: the name to send; None takes the host of the target, "" sends none.
        verify_name: the name that the certificate must have; None takes `sni`, else the host.
        roots: the store to trust, unless `ca` names files.
        ca: files or directories with the only anchors to trust.
        extra_ca: files or directories with anchors to trust besides the store, or besides `ca`.
        crl: files with certificate revocation lists.
        pin: public keys, one of which has to be the leaf's: `sha256/` and base64, or hex, of the hash of one.
        tlsa: TLSA records as the DNS writes them, one of which has to fit: `3 1 1 HEX`.
        purpose: what the certificate has to be meant for.
        insecure: report a bad certificate without failing.
        at: judge as of this time, seconds since the epoch; None for now.
        cert, key: files with our own certificate and its key.
        pass_file: file whose first line is the pass phrase of an encrypted one, "-" for standard input; None asks at the
            terminal.
        tls: allowed versions, empty for 1.2 and 1.3.
        ciphers, groups: by IANA or OpenSSL name, in order of preference; empty for the backend's defaults.
        sigalgs: signature schemes by IANA or OpenSSL name, in order of preference; empty for the backend's defaults.
        alpn: protocols to offer.
        keylog: file to append the session's secrets to.
        pcap: file for a capture (pcapng) of all connections of the run, with the secrets that decrypt it.
        wire: tell of every record and message, by a `WireEvent` each.
        backend: `auto` takes Rustls unless the request needs OpenSSL.
        timeout: seconds for the whole run, None for the limits of the phases alone.
        starttls: the protocol that comes before TLS, by its name in `tlstool.starttls`; `auto` takes the one of the target's
            port; None for TLS from the first byte.
        xmpp_to: the domain that XMPP asks for; None takes the name that is verified.
        limits: phases (see `tlstool.phases.LIMITS`) with the seconds that each may take instead of the usual ones.
        family: the only kind of address to use, None for both.
        bind: address of ours to connect from, with a port or without.
        resolve: addresses that are known, as `HOST:PORT:ADDRESS`.
        dns: the name server to ask, with a port or without; None for the system's resolver.
        retries: how often to try again where no connection came about.
        proxy: URL of the proxy to go through; None for the environment's, "" for none at all.
        no_proxy: hosts to reach without a proxy, as in NO_PROXY, which it replaces; None leaves that as it is.
        proxy_password: for a proxy whose URL has a user alone.
    """

    sni: str | None = None
    verify_name: str | None = None
    roots: Literal["system", "certifi", "none"] = "system"
    ca: tuple[str, ...] = ()
    extra_ca: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    pin: tuple[str, ...] = ()
    tlsa: tuple[str, ...] = ()
    purpose: Purpose = "server"
    insecure: bool = False
    at: int | None = None
    cert: str | None = None
    key: str | None = None
    pass_file: str | None = None
    tls: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    sigalgs: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    pcap: str | None = None
    wire: bool = False
    backend: BackendName = "auto"
    timeout: float | None = None
    starttls: str | None = None
    xmpp_to: str | None = None
    limits: tuple[tuple[str, float], ...] = ()
    family: Literal["ipv4", "ipv6"] | None = None
    bind: str | None = None
    resolve: tuple[str, ...] = ()
    dns: str | None = None
    retries: int = 0
    proxy: str | None = field(default=None, repr=False)
    no_proxy: str | None = None
    proxy_password: str | None = field(default=None, repr=False)


class Send(Record):
    """Send something.

    Attributes:
        data: the bytes themselves, unless `file` is given.
        file: a file with them.
    """

    data: bytes = b""
    file: str | None = None


class Expect(Record):
    """Wait until what the peer sends matches; what it sent before the last match is not looked at again.

    Attributes:
        pattern: a regular expression of `re` over bytes, in which ^ and $ match at every line.
    """

    pattern: bytes


class ConnectRequest(TlsOptions, kw_only=True):
    """Connect to `target`.

    Attributes:
        target: host, host:port, [v6]:port, unix:/path or a URL.
        all_addresses: shake hands with every address of the target, and compare; excludes `relay`.
        relay: descriptors to move bytes between once the verdict is good, (input, output); input None sends nothing that is not
            in `steps` or `http`; None for a handshake alone.
        steps: what to send and to wait for first, in this order. With no input to relay, what comes after the last `Send` is
            read until the peer is quiet; after an `Expect`, the end has come.
        http: path to GET by HTTP/1.1, whose body goes to the output; excludes `steps` and an input.
        half_close: how to tell the peer that the input has ended.
        crlf: send CRLF for every LF that has no CR before it, of the input and of `steps`.
        strict_close: a peer that ends without close_notify is an error.
        ech: Encrypted Client Hello: `auto` asks the DNS for the configuration, `grease` pretends to have one, and anything else
            is a file with it (an `ECHConfigList`); None for none of it.
        early_data: a file whose bytes a second connection sends as early data, if the verdict on the first is good.
        reconnect: how many further connections to make, each with a ticket of the one before.
        pq_check: find out whether the server does hybrid key exchange.
        export_keying: keying material to export from the session.
        key_update: renew the session's keys after the handshake.
        assertions: what else the report has to say, such as `tls>=1.3`; see `tlstool.assertions`.
    """

    target: str
    all_addresses: bool = False
    relay: tuple[int | None, int] | None = None
    steps: tuple[Send | Expect, ...] = ()
    http: str | None = None
    half_close: HalfClose = "notify"
    crlf: bool = False
    strict_close: bool = False
    ech: str | None = None
    early_data: str | None = None
    reconnect: int = 0
    pq_check: bool = False
    export_keying: tuple[Export, ...] = ()
    key_update: bool = False
    assertions: tuple[str, ...] = ()


class VerifyRequest(TlsOptions, kw_only=True):
    """Judge the chain at `source`.

    Attributes:
        source: a file (PEM or DER), "-" for standard input, or a target as in `ConnectRequest`.
        untrusted: files with further intermediates.
        min_days: the leaf has to be valid for so many days more; None asks for nothing.
        assertions: as in `ConnectRequest`.
    """

    source: str
    untrusted: tuple[str, ...] = ()
    min_days: int | None = None
    assertions: tuple[str, ...] = ()


class ForwardRequest(Record, kw_only=True):
    """Pass connections on.

    Attributes:
        target: "HOST:PORT", "[v6]:PORT" or "unix:/path"; a name is looked up once, at the start.
        tls: speak TLS with it, too: trust, names and our own certificate count, and no other option does; None for plain bytes.
        proxy_protocol: tell it of the client by a header of the PROXY protocol, version 2.
        limit: seconds that it has to take a connection, over all its addresses, and as many again to shake hands.
    """

    target: str
    tls: TlsOptions | None = None
    proxy_protocol: bool = False
    limit: float = 10.0


class ServeRequest(Record, kw_only=True):
    """Serve TLS.

    Attributes:
        listen: "PORT", "ADDRESS:PORT" or "[v6]:PORT"; port 0 takes a free one. Sockets that a service manager passes (LISTEN_FDS)
            are taken instead.
        cert, key: files with chains, leaf first, and with their keys, as many and in the same order; no keys if each is in its
            chain's file. Neither these nor `sni_dir`: a throw-away CA, and a leaf for localhost, 127.0.0.1 and ::1.
        pass_file: as in `TlsOptions`, for all of them.
        staple: files with an OCSP response for each of `cert`; or `auto` alone, for one made by the throw-away CA.
        key_types: of throw-away leaves, as `authority.new_key` has them, one leaf each; empty for `ecdsa-p256`.
        san: more names and addresses for the throw-away leaves.
        ca_out: where the throw-away CA's certificate is written to and stays; None for a temporary file.
        sni_dir: a folder with NAME.pem for each name that clients may ask for, watched for changes; see `serving.folder`.
        sni_strict, raw_public_key, cert_compression: see `Site`.
        ech: refused, as no backend can do it for servers.
        mode, size, folder: see `Service`.
        respond: the file whose bytes `Service.content` are; "-" for standard input.
        forward: who gets the connections, in place of a `mode`; None for nobody.
        tls, ciphers, groups, alpn, keylog, backend: as in `TlsOptions`.
        client_ca: files or folders with the authorities of clients' certificates.
        client_certificate: `require` one from every client, or only `request` it; None does neither.
        client_crl: files with revocation lists for them.
        tickets: for each handshake of TLS 1.3; 0 for no resumption at all.
        ticket_key: files of 48 or 80 random bytes; the first seals tickets, all open them.
        max_early_data: bytes that a client may send before the handshake is complete; 0 for none.
        threads: worker threads, None for one a core.
        count: stop after so many connections.
        duration: stop after so many seconds.
        grace: seconds that open connections have to end once the server stops.
        limits: names of `tlstool.sites.SERVER_PHASES` with the seconds that clients have instead of the usual ones.
        max_connections, max_per_address: as in `tlstool.sites.ServerLimits`.
        metrics, tells, counts_every: see `Service` and `ServerConfig`.
        port_file: where to write the port once the server listens; removed when it ends.
        ready_fd: a descriptor that gets the port and a newline then, and is closed.
        faults: what to do wrong on purpose, by names of `faults.FAULTS`; `all` alone for each on a port of its own.
        key_update_every: renew the keys of a TLS 1.3 session each time that so many bytes were sent; None for never.
    """

    listen: str = "127.0.0.1:0"
    cert: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    pass_file: str | None = None
    staple: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ()
    san: tuple[str, ...] = ()
    ca_out: str | None = None
    sni_dir: str | None = None
    sni_strict: bool = False
    raw_public_key: bool = False
    cert_compression: tuple[str, ...] | None = None
    ech: str | None = None
    mode: ServeMode = "status"
    size: int | None = None
    folder: str | None = None
    respond: str | None = None
    forward: ForwardRequest | None = None
    tls: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    backend: BackendName = "auto"
    client_ca: tuple[str, ...] = ()
    client_certificate: Literal["request", "require"] | None = None
    client_crl: tuple[str, ...] = ()
    tickets: int = 2
    ticket_key: tuple[str, ...] = ()
    max_early_data: int = 0
    threads: int | None = None
    count: int | None = None
    duration: float | None = None
    grace: float = 5.0
    limits: tuple[tuple[str, float], ...] = ()
    max_connections: int | None = None
    max_per_address: int | None = None
    metrics: bool = False
    tells: Tells = "connections"
    counts_every: float | None = None
    port_file: str | None = None
    ready_fd: int | None = None
    faults: tuple[str, ...] = ()
    key_update_every: int | None = None


class HandshakeBenchRequest(TlsOptions, kw_only=True):
    """Measure handshakes against `target` in a closed loop.

    Attributes:
        target: as in `ConnectRequest`.
        connections, threads, duration, count, resume: see `LoadPlan`.
        authorized: the caller may put load on a target that is neither loopback nor private.
    """

    target: str
    connections: int = 16
    threads: int = 1
    duration: float = 5.0
    count: int | None = None
    resume: bool = False
    authorized: bool = False


class LocalBenchRequest(Record, kw_only=True):
    """Measure libraries in memory, client and server timed apart.

    Attributes:
        profile: a ready-made choice of scenarios, which leaves no choice of `what`, `modes`, `suites`, `groups` and `key_types`:
            `quick` is over soon; `seed-2024` has the sixteen figures of the published report of 2024-10-18; `today` has the same
            with hybrid key exchange. None takes the choices below, each with each.
        what: `handshake` (of the kinds in `modes`), `resume` (both kinds of resumed ones), `bulk` (application data), `memory`.
        modes: `full`, `ticket` (resumed by a ticket), `session` (resumed by what the server has kept).
        suites: by IANA or OpenSSL name; `all` are those of Rustls.
        groups: key exchange groups; each handshake uses just one. Empty for x25519, or with `fips` for secp256r1.
        key_types: of the leaf: `ecdsa-p256`, `ecdsa-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096`, `ed25519`.
        sides: whose figures are reported; both are measured.
        threads: a measurement for each number, on so many threads.
        write_size: bytes of a write, for bulk.
        client_auth: whether the client shows a certificate that the server verifies.
        against: libraries to set beside Rustls: paths of a libssl, with its libcrypto behind a comma if it is not found by
            itself; `openssl` for the one of the interpreter. `NAME=` before it is what the report shall call it.
        relative_to: the library that ratios are to, by its name in `against`; None for the first one there.
        cert, key, ca: files with an own chain (leaf and intermediates), its key and its root; None for one made on the spot.
        fips: whether only validated modules in their approved mode are measured.
        published_method: whether to follow the published comparisons where they treat libraries differently.
        duration: seconds for each figure, over all rounds.
        rounds: how often each figure is taken; the contestants take turns.
        warm_up: seconds that each contestant runs before its figures count.
        seed: of the order in which they take turns.
        pin: whether the workers stay on the core that has least to do; with several threads they never do.
        baseline: file with an earlier report as JSON, to compare each row with.
        fail_if: `ratio<0.95` and the like; a row that meets it makes the exit status 15.
        plan_only: whether to measure nothing, and report what would be.
    """

    profile: Literal["quick", "seed-2024", "today"] | None = None
    what: tuple[Literal["handshake", "resume", "bulk", "memory"], ...] = ("handshake", "bulk")
    modes: tuple[Literal["full", "ticket", "session"], ...] = ("full",)
    suites: tuple[str, ...] = ("TLS_AES_256_GCM_SHA384",)
    groups: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ("ecdsa-p256", "rsa-2048")
    sides: tuple[Literal["client", "server"], ...] = ("client", "server")
    threads: tuple[int, ...] = (1,)
    write_size: int = 1 << 20
    client_auth: bool = False
    against: tuple[str, ...] = ("openssl",)
    relative_to: str | None = None
    cert: str | None = None
    key: str | None = None
    ca: str | None = None
    fips: bool = False
    published_method: bool = False
    duration: float = 1.0
    rounds: int = 5
    warm_up: float = 0.1
    seed: int = 0
    pin: bool = True
    baseline: str | None = None
    fail_if: tuple[str, ...] = ()
    plan_only: bool = False
