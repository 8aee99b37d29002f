"""The report of `connect`."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human import addresses, certificates, cost, moving, sessions, upgrading
from tlstool.output.human.assertions import assertions
from tlstool.output.human.facts import Fact, aligned, milliseconds, short

if TYPE_CHECKING:
    from tlstool.model import Handshake
    from tlstool.reports import ConnectReport, Phases, Problem


def connect(report: ConnectReport, style: Style) -> str:
    """What `connect` found, in some 20 lines, the verdict last; empty if nothing is known."""
    handshake = report.handshake
    facts = peer(report.target, report.address) if report.address or (report.proxy and report.tries) else []
    facts += addresses.way(report)
    facts += upgrading.starttls(report.starttls)
    if handshake:
        facts += _negotiated(handshake, report.error)
        facts += certificates.chain(handshake.certificates, handshake.trust, style)
        facts += certificates.staple(handshake.staple, style)
        facts += certificates.verifier(handshake.trust, report.backend, report.backend_reason)
    if report.address:
        facts += _time(report.phases_ms)
    if handshake:
        facts += cost.cost(handshake)
    facts += sessions.experiments(report) if handshake or report.address else []
    facts += addresses.table(report, style)
    facts += moving.facts(report)
    if handshake:
        facts += certificates.verdict(handshake.trust, report.error, style)
    facts += assertions(report.assertions, style)
    return aligned(facts, style)


def peer(target: str, address: str | None) -> list[Fact]:
    """The target, and the address that answered where that is known."""
    return [("Peer", safe(target) + (f" ({safe(address)})" if address not in (None, target) else ""))]


def protocol(handshake: Handshake) -> str:
    """Version and suite."""
    version = f"TLS {handshake.tls}" if handshake.tls else "TLS"
    return f"{version}, {handshake.suite or 'no suite yet'}"


def _negotiated(handshake: Handshake, error: Problem | None) -> list[Fact]:
    facts = []
    if handshake.tls or handshake.suite:
        facts.append(("Protocol", protocol(handshake) + cost.course(handshake)))
    facts += cost.key_exchange(handshake)
    if handshake.signature_scheme:
        facts.append(("Signature", handshake.signature_scheme))
    if handshake.alpn is not None:
        facts.append(("ALPN", short(handshake.alpn)))
    return facts + sessions.client_certificate(handshake, error) + sessions.tickets(handshake)


def _time(phases: Phases) -> list[Fact]:
    known = [(field.name, getattr(phases, field.name)) for field in fields(phases) if field.name != "total"]
    shown = [f"{name} {milliseconds(value)}" for name, value in known if value is not None]
    return [("Time", ", ".join(shown))] if shown else []
