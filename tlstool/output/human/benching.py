"""The reports of `bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style
from tlstool.output.human import certificates, connecting
from tlstool.output.human.facts import Fact, aligned, count, milliseconds

if TYPE_CHECKING:
    from tlstool.model import LoadResult
    from tlstool.reports import HandshakeBenchReport
    from tlstool.requests import HandshakeBenchRequest


def plan(request: HandshakeBenchRequest) -> str:
    """What `bench handshake` is about to do, before it does it."""
    until = f" or {request.count:,} handshakes" if request.count is not None else ""
    workers = f"{count(request.connections, 'connection')} on {count(min(request.threads, request.connections), 'thread')}"
    return f"{request.target}: {workers} for {request.duration:g} s{until}"


def bench_handshake(report: HandshakeBenchReport, style: Style) -> str:
    """What `bench handshake` measured; empty if it came not so far."""
    facts = connecting.peer(report.target, report.address) if report.address else []
    if report.handshake:
        facts += [("Protocol", connecting.protocol(report.handshake)), ("Key exchange", report.handshake.group or "not known")]
        facts += [("Certificate", certificates.leaf(leaf)) for leaf in report.handshake.certificates[:1]]
        facts += certificates.verifier(report.handshake.trust, report.backend, report.backend_reason)
    if report.plan:
        plan = report.plan
        load = f"{count(plan.connections, 'connection')} on {count(plan.threads, 'thread')}"
        limit = f"up to {plan.count:,} handshakes" if plan.count is not None else f"{plan.duration:g} s"
        facts.append(("Load", f"{load}, {limit}, {'resuming' if plan.resume else 'full handshakes'}"))
    if report.result:
        facts += _measured(report.result, style)
    if report.handshake and (not report.result or report.handshake.trust.verdict != "good"):
        facts += certificates.verdict(report.handshake.trust, report.error, style)
    return aligned(facts, style)


def _measured(result: LoadResult, style: Style) -> list[Fact]:
    ended = ", ended by Ctrl-C" if result.interrupted else ""
    rate = style.strong(f"{result.handshakes_per_s:,.0f} handshakes/s")
    facts = [
        ("Rate", f"{rate} ({result.handshakes:,} in {milliseconds(result.elapsed_ms)}{ended})"),
        ("Kind", f"{result.full:,} full, {result.resumed:,} resumed"),
    ]
    latency = (("p50", result.p50_ms), ("p90", result.p90_ms), ("p99", result.p99_ms), ("max", result.max_ms))
    known = [f"{name} {milliseconds(value)}" for name, value in latency if value is not None]
    if known:
        facts.append(("Latency", ", ".join(known)))
    if result.cpu_us_per_handshake is not None:
        facts.append(("CPU", f"{result.cpu_us_per_handshake:,.0f} µs a handshake, on this side"))
    failures = sorted(result.errors.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{code} {number:,}" for code, number in failures)
    facts.append(("Errors", style.bad(shown) if shown else "none"))
    return facts
