"""What the use cases answer. The reports are the JSON: every field is a key there, and always there.

None means "not known" or "does not apply", never "fine".
"""

from __future__ import annotations

from typing import Literal

from tlstool.errors import TlsToolError
from tlstool.model import Certificate, Finding, Handshake, LoadPlan, LoadResult, TlsVersion, Trust, Verdict
from tlstool.record import Record
from tlstool.sessions import EarlyDataUse, EchUse, Exported, HybridCheck, Reconnect
from tlstool.traffic import Relayed


class Problem(Record):
    """An error of `tlstool.errors` as data: what decided the exit status."""

    code: str
    phase: str | None
    message: str
    hint: str | None
    alert: str | None


def problem(error: TlsToolError | None) -> Problem | None:
    """An error as data, None for none."""
    return None if error is None else Problem(error.code, error.phase, error.message, error.hint, error.alert)


class Assertion(Record):
    """What was demanded of a report, and what came of it.

    Attributes:
        expression: as it was given.
        field: the field that it is about, in full.
        actual: that field's value, a list for several; None if it is not known, which satisfies nothing.
        met: whether the demand holds.
    """

    expression: str
    field: str
    actual: str | int | float | bool | tuple[str | int | float | bool, ...] | None
    met: bool

    def shown(self) -> str:
        """The actual value in words."""
        if self.actual is None:
            return "not known"
        several = self.actual if isinstance(self.actual, tuple) else (self.actual,)
        return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in several)


class Report(Record, kw_only=True):
    """What every report says.

    Attributes:
        exit_status: of the process, see `tlstool help exit-codes`.
        error: why that is not 0; None if it is.
        warnings: what the reader should know besides, and what is no reason to fail.
    """

    exit_status: int = 0
    error: Problem | None = None
    warnings: tuple[Finding, ...] = ()


class Phases(Record):
    """Milliseconds a phase; None where it did not take place.

    Attributes:
        dns, tcp: name resolution, connection.
        proxy: from the connection to a proxy to its consent.
        starttls: from the connection to the server's consent to turn to TLS.
        handshake: with verification.
        total: the whole run, a relay included.
    """

    dns: float | None = None
    tcp: float | None = None
    proxy: float | None = None
    starttls: float | None = None
    handshake: float | None = None
    total: float | None = None


class Starttls(Record):
    """What came before TLS.

    Attributes:
        protocol: in which the server was asked to turn to TLS.
        server: what it said of itself: its greeting, or its version; None if that was nothing, or if it did not turn.
        newest_tls: the newest version that the protocol allows, so that no newer one was offered; None for no limit.
    """

    protocol: str
    server: str | None = None
    newest_tls: TlsVersion | None = None


class AddressReport(Record, kw_only=True):
    """What one of a target's addresses showed.

    Attributes:
        address: with its port.
        exit_status, error, tries, phases_ms: as in `ConnectReport`, for this address alone.
        verdict: on its chain; None if none was seen.
        serial: of its leaf, as hex.
        chain: SHA-256 of each certificate that it sent, leaf first.
        tls, suite, group, alpn: what it agreed to, as in `Handshake`.
        tickets: how many it gave; None if none came in time.
    """

    address: str
    exit_status: int = 0
    error: Problem | None = None
    tries: int | None = None
    phases_ms: Phases = Phases()
    verdict: Verdict | None = None
    serial: str | None = None
    chain: tuple[str, ...] = ()
    tls: TlsVersion | None = None
    suite: str | None = None
    group: str | None = None
    alpn: str | None = None
    tickets: int | None = None

    def compared(self, name: str) -> tuple[object] | None:
        """What counts of a field where addresses are compared: of an error its code; None if the field is not known here.

        Without a handshake only the error counts, and tickets that did not come in time do not.
        """
        if name == "error":
            return (self.error.code if self.error else None,)
        known = self.tls is not None and (name != "tickets" or self.tickets is not None)
        return (getattr(self, name),) if known else None


class Exchanged(Record):
    """One step that was taken.

    Attributes:
        sent: bytes; None if something was waited for.
        expected: the pattern that was waited for; None if something was sent.
        matched: what matched it, control characters and what is not ASCII as escapes, at most 1,000 characters; None if nothing
            did.
        elapsed_ms: how long it took.
    """

    sent: int | None
    expected: str | None
    matched: str | None
    elapsed_ms: float


class HttpField(Record):
    """One line of a head."""

    name: str
    value: str


class HttpResponse(Record):
    """The head of an HTTP/1.1 response.

    Attributes:
        version: `1.0` or `1.1`.
        status: the code, such as 200.
        reason: the words beside it, empty for none.
        fields: in the order in which they came.
    """

    version: str
    status: int
    reason: str
    fields: tuple[HttpField, ...]


class ConnectReport(Report, kw_only=True):
    """What `connect` found.

    Attributes:
        target: as it was given, without user and password.
        address: the peer's address and port; None before there was a connection, and where only a proxy knows it.
        proxy: the URL of the proxy on the way, without user and password; None for none.
        tries: how often it was tried to connect; None before the first try.
        backend: the name of the one that spoke; None if it came not so far.
        backend_reason: why `auto` did not take Rustls; None if it did, or was not asked.
        phases_ms: see `Phases`.
        starttls: what came before TLS; None where it began with the first byte, or did not come so far.
        handshake: all that was seen of it; None if nothing was.
        ech: what Encrypted Client Hello came to; None if it was not asked for, as for what follows.
        early_data: what became of the data for the first flight of a second connection.
        exported: keying material of the session.
        keys_updated: whether the session's keys were renewed after its handshake.
        pq_check: whether the server does hybrid key exchange.
        reconnects: the further connections, in order.
        shared_ticket_keys: whether each of several addresses took the ticket of another; None also if that did not show.
        addresses: what each of the target's addresses showed, if that was asked for; the rest is of the one that decides the exit
            status, the first if all are good. None otherwise.
        differences: the names of what is not the same in all of `addresses`.
        consistent: whether there are none; None where there was no handshake to compare.
        exchanged: the steps that were taken, the one that failed last.
        http: the head of the response to the request; None if there was none.
        relayed: all application data that was moved; None if none was to be, or the session broke.
        assertions: what was demanded besides, in the order in which it was given.
    """

    target: str
    address: str | None = None
    proxy: str | None = None
    tries: int | None = None
    backend: str | None = None
    backend_reason: str | None = None
    phases_ms: Phases = Phases()
    starttls: Starttls | None = None
    handshake: Handshake | None = None
    exchanged: tuple[Exchanged, ...] = ()
    http: HttpResponse | None = None
    relayed: Relayed | None = None
    ech: EchUse | None = None
    early_data: EarlyDataUse | None = None
    exported: tuple[Exported, ...] | None = None
    keys_updated: bool | None = None
    pq_check: HybridCheck | None = None
    reconnects: tuple[Reconnect, ...] | None = None
    shared_ticket_keys: bool | None = None
    addresses: tuple[AddressReport, ...] | None = None
    differences: tuple[str, ...] | None = None
    consistent: bool | None = None
    assertions: tuple[Assertion, ...] = ()


class VerifyReport(Report, kw_only=True):
    """What `cert-verify` found.

    Attributes:
        source: as it was given, without user and password.
        kind: `file` or `target`.
        certificates: the chain, leaf first.
        trust: the verdict; None if there was nothing to judge.
        assertions: as in `ConnectReport`.
    """

    source: str
    kind: Literal["file", "target"]
    certificates: tuple[Certificate, ...] = ()
    trust: Trust | None = None
    assertions: tuple[Assertion, ...] = ()


class HandshakeBenchReport(Report, kw_only=True):
    """What `bench handshake` measured.

    Attributes:
        target, address, backend, backend_reason: as in `ConnectReport`.
        handshake: of the connection that was made to see the verdict before the load.
        plan: what was run.
        result: what came of it; None if it was not run.
    """

    target: str
    address: str | None = None
    backend: str | None = None
    backend_reason: str | None = None
    handshake: Handshake | None = None
    plan: LoadPlan | None = None
    result: LoadResult | None = None
