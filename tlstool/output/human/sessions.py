"""What a session has besides what was agreed, for people: tickets, our certificate, and what was tried with more connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.human.facts import Fact, count, milliseconds, short

if TYPE_CHECKING:
    from tlstool.model import Handshake
    from tlstool.reports import ConnectReport, Problem
    from tlstool.sessions import EarlyDataUse, EchUse, HybridCheck, Reconnect, Tickets

_AUTHORITIES = 3

_OURS = {
    "requested": "wanted by the peer, none sent",
    "sent": "ours was sent; the peer has not said whether it takes it",
    "accepted": "ours was accepted",
}

_REFUSED = "ours was refused"

_HYBRID = {
    "hybrid": "hybrid key exchange at once",
    "hybrid_after_retry": "hybrid key exchange, after a HelloRetryRequest",
    "classical_preferred": "hybrid key exchange only if nothing else is offered",
    "classical": "no hybrid key exchange",
    "broken_by_large_hello": "BROKEN by the large hello: it works without a hybrid key",
    "unknown": "not known: no handshake came about with or without it",
}

_NOT_EARLY = {
    "no-ticket": "the server gave no ticket",
    "no-early-data": "the server's tickets allow none",
    "over-limit": "the rest is over the limit",
    "rejected": "rejected",
    "verdict": "nothing was sent: the verdict is not good",
}


def client_certificate(handshake: Handshake, error: Problem | None = None) -> list[Fact]:
    """What became of our certificate, and whose the server would take; `error` is what the connection ended with."""
    ours = _OURS.get(handshake.client_certificate or "")
    if ours and error is not None and error.code == "client-certificate-refused":
        ours = _REFUSED
    if ours is None:
        return []
    facts = [("Client cert", ours)]
    if handshake.client_request and handshake.client_certificate != "accepted":
        authorities = handshake.client_request.authorities
        facts += [("", f"issued by {short(name)}") for name in authorities[:_AUTHORITIES]]
        if len(authorities) > _AUTHORITIES:
            facts.append(("", f"and {len(authorities) - _AUTHORITIES} more"))
    return facts


def tickets(handshake: Handshake) -> list[Fact]:
    """How many came, and what they are good for."""
    if handshake.tickets is None or handshake.kind is None:
        return []
    early = handshake.early_data_limit
    return [("Tickets", _tickets(handshake.tickets) + (f", early data up to {early:,} bytes" if early else ""))]


def experiments(report: ConnectReport) -> list[Fact]:
    """What was asked for besides a handshake."""
    facts = _ech(report.ech) if report.ech else []
    facts += _hybrid(report.pq_check) if report.pq_check else []
    facts += _early(report.early_data) if report.early_data else []
    facts += [("Exported", f"{one.label}: {one.keying_material}") for one in report.exported or ()]
    if report.keys_updated is not None:
        facts.append(("Key update", "keys renewed after the handshake" if report.keys_updated else "not done"))
    return facts + _reconnects(report)


def _ech(ech: EchUse) -> list[Fact]:
    status = {"grease": "GREASE was sent", None: "not known, the handshake failed before"}.get(ech.status, ech.status or "")
    names = f" ({short(ech.outer_name)} outside, {short(ech.inner_name or 'no name')} inside)" if ech.outer_name else ""
    retried = ", with the configuration that the server sent" if ech.retried else ""
    reason = f": {ech.reason}" if ech.reason else ""
    return [("ECH", f"{status}{names}{retried}{reason}")]


def _hybrid(check: HybridCheck) -> list[Fact]:
    facts = [("PQ check", _HYBRID[check.verdict])]
    for one in check.tries:
        offered = ", ".join(one.offered) or "the default groups"
        came = one.error or f"{one.group or 'no group'}, TLS {one.tls}"
        facts.append(("", f"{offered}: {came}"))
    return facts


def _early(early: EarlyDataUse) -> list[Fact]:
    word = {True: "accepted", False: "rejected", None: "not offered"}[early.accepted]
    parts = [f"{word}, {early.sent:,} of {early.size:,} bytes in the first flight"]
    if early.reason and early.reason != "rejected":
        parts.append(_NOT_EARLY[early.reason])
    if early.sent_later:
        parts.append(f"{early.sent_later:,} bytes sent after the handshake")
    return [("Early data", "; ".join(parts))]


def _reconnects(report: ConnectReport) -> list[Fact]:
    if report.reconnects is None:
        return []
    several = len({one.address for one in report.reconnects}) > 1
    facts = [("Reconnects" if number == 1 else "", f"{number}. {_reconnect(one, several)}") for number, one in _numbered(report)]
    if report.shared_ticket_keys is not None:
        shared = (
            "all addresses take each other's tickets"
            if report.shared_ticket_keys
            else "not every address takes the others' tickets"
        )
        facts.append(("", shared))
    return facts


def _numbered(report: ConnectReport) -> list[tuple[int, Reconnect]]:
    return list(enumerate(report.reconnects or (), 1))


def _reconnect(one: Reconnect, several: bool) -> str:
    where = f"{one.address}: " if several else ""
    if one.error:
        return f"{where}{one.error}: {short(one.message or '')}"
    parts = ["resumed" if one.kind == "resumed" else "full handshake"]
    if several and one.ticket_from and one.ticket_from != one.address:
        parts[0] += (
            f" with a ticket of {one.ticket_from}" if one.kind == "resumed" else f", the ticket of {one.ticket_from} not taken"
        )
    if one.tickets:
        parts.append(_tickets(one.tickets))
    if one.early_data is not None:
        parts.append("early data taken" if one.early_data else "early data not taken")
    if one.handshake_ms is not None:
        parts.append(milliseconds(one.handshake_ms))
    return where + ", ".join(parts)


def _tickets(found: Tickets) -> str:
    lifetime = f" for {found.lifetime_s:,} s" if found.lifetime_s else ""
    return count(found.count, "ticket") + lifetime
