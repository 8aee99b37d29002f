"""What the use cases can be asked: a command line, parsed. The options of all modes have the same names here and there."""

from __future__ import annotations

from typing import Literal

from tlstool.model import BackendName, ServeMode, TlsVersion
from tlstool.record import Record


class TlsOptions(Record, kw_only=True):
    """How to speak TLS with a peer: the same options, under the same names, in every mode that has one.

    Attributes:
        sni: the name to send; None takes the host of the target, "" sends none.
        verify_name: the name that the certificate must have; None takes `sni`, else the host.
        roots: the store to trust, unless `ca` names files.
        ca: files or directories with the only anchors to trust.
        crl: files with certificate revocation lists.
        insecure: report a bad certificate without failing.
        at: judge as of this time, seconds since the epoch; None for now.
        cert, key: files with our own certificate and its key.
        tls: allowed versions, empty for 1.2 and 1.3.
        ciphers, groups: by IANA or OpenSSL name, in order of preference; empty for the backend's defaults.
        alpn: protocols to offer.
        keylog: file to append the session's secrets to.
        backend: `auto` takes Rustls unless the request needs OpenSSL.
        timeout: seconds for the whole run, None for the limits of the phases alone.
    """

    sni: str | None = None
    verify_name: str | None = None
    roots: Literal["system", "certifi", "none"] = "system"
    ca: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    insecure: bool = False
    at: int | None = None
    cert: str | None = None
    key: str | None = None
    tls: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    backend: BackendName = "auto"
    timeout: float | None = None


class ConnectRequest(TlsOptions, kw_only=True):
    """Connect to `target`.

    Attributes:
        target: host, host:port, [v6]:port or an https:// URL.
        relay: descriptors to move bytes between once the verdict is good, (input, output); None for a handshake alone.
        strict_close: a peer that ends without close_notify is an error.
    """

    target: str
    relay: tuple[int, int] | None = None
    strict_close: bool = False


class VerifyRequest(TlsOptions, kw_only=True):
    """Judge the chain at `source`.

    Attributes:
        source: a file (PEM or DER), "-" for standard input, or a target as in `ConnectRequest`.
        untrusted: files with further intermediates.
        min_days: the leaf has to be valid for so many days more; None asks for nothing.
    """

    source: str
    untrusted: tuple[str, ...] = ()
    min_days: int | None = None


class ServeRequest(Record, kw_only=True):
    """Serve TLS.

    Attributes:
        listen: "PORT", "ADDRESS:PORT" or "[v6]:PORT"; port 0 takes a free one.
        cert, key: files; both None for a throw-away CA and a leaf for localhost, 127.0.0.1 and ::1.
        mode: see `ServerConfig`.
        tls, ciphers, groups, alpn, keylog, backend: as in `TlsOptions`.
        threads: worker threads, None for one a core.
        count: stop after so many connections.
        grace: seconds that open connections have to end once the server stops.
    """

    listen: str = "127.0.0.1:0"
    cert: str | None = None
    key: str | None = None
    mode: ServeMode = "status"
    tls: tuple[TlsVersion, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    keylog: str | None = None
    backend: BackendName = "auto"
    threads: int | None = None
    count: int | None = None
    grace: float = 5.0


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
        groups: key exchange groups; each handshake uses just one.
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
    groups: tuple[str, ...] = ("x25519",)
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
