"""What a session has besides what was agreed: tickets, early data, a request for our certificate. Data only."""

from __future__ import annotations

from typing import Literal

from tlstool.record import Record


class Tickets(Record):
    """What a server gave for later (RFC 8446 section 4.6.1, RFC 5077).

    Attributes:
        count: of tickets; in TLS 1.2, 1 for a session that can be resumed, by ticket or by its ID.
        lifetime_s: of the newest, in seconds; None where the backend does not tell.
    """

    count: int
    lifetime_s: int | None


class ClientRequest(Record):
    """What a server says when it asks for our certificate (RFC 8446 section 4.3.2).

    Attributes:
        authorities: distinguished names (RFC 4514) of those whose certificates it takes; empty if it does not say.
        signature_schemes: what it verifies; of those that TLS 1.3 does not have in a handshake, none is listed there.
    """

    authorities: tuple[str, ...]
    signature_schemes: tuple[str, ...]


class Ech(Record):
    """What became of Encrypted Client Hello (RFC 9849) in one handshake.

    Attributes:
        status: `grease`, `accepted` or `rejected`; None if the handshake ended before that was known.
        config_id: of the configuration that was used; None for GREASE, as for the names.
        outer_name: the public name, which everybody sees.
        inner_name: the name that is encrypted; None if none is sent.
        retry_configs: what a server that rejected us wants to be used instead: an `ECHConfigList`, base64; None for nothing.
    """

    status: Literal["grease", "accepted", "rejected"] | None
    config_id: int | None
    outer_name: str | None
    inner_name: str | None
    retry_configs: str | None


class EarlyData(Record):
    """Early data (RFC 8446 section 4.2.10) on one connection.

    Attributes:
        sent: bytes in the first flight; None if the session allowed none, or there was none to resume.
        accepted: whether the peer took them; None if none could be sent.
    """

    sent: int | None
    accepted: bool | None


# ---- what `connect` tries besides ----------------------------------------------------------------


class Export(Record):
    """A wish for keying material (RFC 8446 section 7.5, RFC 5705).

    Attributes:
        label: the exporter's label, in ASCII.
        length: bytes wanted.
        context: the context value; None for none, which TLS 1.2 tells from an empty one.
    """

    label: str
    length: int
    context: bytes | None = None


class Exported(Record):
    """Keying material of a session: a secret, as far as its user makes it one.

    Attributes:
        label, length: as in `Export`.
        context: hex; None for none.
        keying_material: hex.
    """

    label: str
    length: int
    context: str | None
    keying_material: str


class EarlyDataUse(Record):
    """What became of the data for the first flight of a second connection.

    Attributes:
        size: bytes that were to be sent.
        limit: what the server allows, None if it gave no ticket.
        kind: of the second handshake, see `Handshake.kind`; None if there was none.
        sent: bytes that went out as early data.
        accepted: whether the server took them; None if it was offered none.
        sent_later: bytes that went out after the handshake instead: those over the limit, or all if they were not accepted.
        reason: why not all was early data: `no-ticket`, `no-early-data` (the ticket allows none), `over-limit`, `rejected`, or
            `verdict` (the first one was not good, and nothing was sent); None if all was.
    """

    size: int
    limit: int | None
    kind: str | None
    sent: int
    accepted: bool | None
    sent_later: int
    reason: Literal["no-ticket", "no-early-data", "over-limit", "rejected", "verdict"] | None


class Reconnect(Record):
    """One further connection, with the newest ticket of the one before.

    Attributes:
        address: where to.
        ticket_from: the address that gave the ticket; None if there was none to offer.
        kind: see `Handshake.kind`; None if no handshake came about.
        tickets: those that came with it, see `Handshake.tickets`.
        early_data: whether the peer would have taken early data (none was sent); None if it was not offered.
        handshake_ms: how long the handshake took; None if none came about.
        error: the code of what went wrong, None if nothing did.
        message: the same in words.
    """

    address: str
    ticket_from: str | None
    kind: Literal["full", "full_with_retry", "resumed"] | None = None
    tickets: Tickets | None = None
    early_data: bool | None = None
    handshake_ms: float | None = None
    error: str | None = None
    message: str | None = None


class HybridTry(Record):
    """One handshake of a `HybridCheck`.

    Attributes:
        offered: key exchange groups, in order of preference; empty for the defaults of the backend, a hybrid one first.
        tls: the version; None if no handshake came about.
        group: what was chosen.
        kind: see `Handshake.kind`.
        error: the code of what went wrong, None if nothing did.
    """

    offered: tuple[str, ...]
    tls: str | None
    group: str | None
    kind: str | None
    error: str | None


class HybridCheck(Record):
    """Whether a server does a key exchange that withstands quantum computers: a hybrid with ML-KEM.

    Attributes:
        verdict: `hybrid`: at once; `hybrid_after_retry`: after a HelloRetryRequest; `classical_preferred`: it can, but chooses
            otherwise; `classical`: it cannot; `broken_by_large_hello`: it fails, or something on the way does, but not if the
            hello has no hybrid key in it; `unknown`: no handshake came about either way.
        tries: the evidence, in order.
    """

    verdict: Literal["hybrid", "hybrid_after_retry", "classical_preferred", "classical", "broken_by_large_hello", "unknown"]
    tries: tuple[HybridTry, ...]


class EchUse(Record):
    """What Encrypted Client Hello came to.

    Attributes:
        status: `grease`, `accepted`, `rejected`; `unavailable` if there was no configuration to use; None if that was not known
            before the handshake failed.
        source: `dns`, `file` or `grease`.
        outer_name, inner_name: as in `Ech`.
        config_ids: of the configurations that were used, one a connection.
        retried: whether there was a second connection, with what the server sent in its rejection.
        reason: why it is unavailable, or why there was no second try; None if nothing is to be said.
    """

    status: Literal["grease", "accepted", "rejected", "unavailable"] | None
    source: Literal["dns", "file", "grease"]
    outer_name: str | None
    inner_name: str | None
    config_ids: tuple[int, ...]
    retried: bool
    reason: str | None
