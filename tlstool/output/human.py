"""The reports for people: one fact a line, labels aligned, the verdict last. May change in any release; programs read the JSON.

Every function makes text and writes nothing. What came from a peer goes through `safe` on its way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tlstool.events import PhaseEvent, Ready
    from tlstool.model import Certificate, Connection, Handshake, LoadResult, ServeTotals, Trust
    from tlstool.reports import ConnectReport, HandshakeBenchReport, Phases, Problem, Report, VerifyReport
    from tlstool.requests import HandshakeBenchRequest

_LABEL_WIDTH = 14
_LONGEST_VALUE = 200
_NAMES_WIDTH = 52
_SOON_DAYS = 21

Fact = tuple[str, str]
"""A label and what it labels."""


def connect(report: ConnectReport, style: Style) -> str:
    """What `connect` found, in at most 16 lines unless the chain has several faults; empty if nothing is known."""
    handshake = report.handshake
    facts = _peer(report.target, report.address) if report.address else []
    if handshake:
        facts += _negotiated(handshake)
        facts += _chain(handshake.certificates, style, stapled=handshake.stapled)
        facts += _verifier(handshake.trust, report.backend, report.backend_reason)
    if report.address:
        facts += _time(report.phases_ms)
    if report.relayed:
        end = "" if report.relayed.close_notify else ", ended without close_notify"
        facts.append(("Bytes", f"{report.relayed.sent:,} sent, {report.relayed.received:,} received{end}"))
    if handshake:
        facts += _verdict(handshake.trust, report.error, style)
    return _aligned(facts, style)


def verify(report: VerifyReport, style: Style) -> str:
    """What `cert-verify` found; empty if nothing is known."""
    if not report.certificates:
        return ""
    facts = [("Source", safe("standard input" if report.source == "-" else report.source))]
    facts += _chain(report.certificates, style, stapled=None)
    if report.trust:
        facts += _verifier(report.trust, None, None)
        facts.append(("Name", "not checked" if report.trust.name is None else safe(report.trust.name)))
        facts += _verdict(report.trust, report.error, style)
    return _aligned(facts, style)


def plan(request: HandshakeBenchRequest) -> str:
    """What `bench handshake` is about to do, before it does it."""
    until = f" or {request.count:,} handshakes" if request.count is not None else ""
    workers = f"{_count(request.connections, 'connection')} on {_count(min(request.threads, request.connections), 'thread')}"
    return f"{request.target}: {workers} for {request.duration:g} s{until}"


def bench_handshake(report: HandshakeBenchReport, style: Style) -> str:
    """What `bench handshake` measured; empty if it came not so far."""
    facts = _peer(report.target, report.address) if report.address else []
    if report.handshake:
        facts += [("Protocol", _protocol(report.handshake)), ("Key exchange", report.handshake.group or "not known")]
        facts += [("Certificate", _leaf(leaf)) for leaf in report.handshake.certificates[:1]]
        facts += _verifier(report.handshake.trust, report.backend, report.backend_reason)
    if report.plan:
        plan = report.plan
        load = f"{_count(plan.connections, 'connection')} on {_count(plan.threads, 'thread')}"
        limit = f"up to {plan.count:,} handshakes" if plan.count is not None else f"{plan.duration:g} s"
        facts.append(("Load", f"{load}, {limit}, {'resuming' if plan.resume else 'full handshakes'}"))
    if report.result:
        facts += _measured(report.result, style)
    if report.handshake and (not report.result or report.handshake.trust.verdict != "good"):
        facts += _verdict(report.handshake.trust, report.error, style)
    return _aligned(facts, style)


def ready(event: Ready, style: Style) -> str:
    """The line with which a server says that it listens, and what to give to clients of it."""
    trust = f"with --ca {safe(event.ca_file)}" if event.ca_file else f"with a certificate of SHA-256 {event.fingerprint}"
    return f"{style.good('ready')} on {event.url} {trust}"


def connection(event: Connection, style: Style) -> str:
    """A line for one connection of a server."""
    if event.tls is None:
        parts = [event.peer]
    else:
        protocol = f"TLS {event.tls} {event.suite or ''} {event.group or ''}".rstrip()
        parts = [event.peer, protocol, event.kind or "", f"alpn {safe(event.alpn)}" if event.alpn else ""]
        parts += [f"sni {safe(event.sni)}" if event.sni else "no sni", f"{event.received:,} B in, {event.sent:,} B out"]
    parts.append(milliseconds(event.duration_ms))
    if event.error:
        parts.append(f"{style.bad(event.error)}: {safe(event.message or '')}")
    return ", ".join(part for part in parts if part)


def totals(event: ServeTotals) -> str:
    """A server's life in a line."""
    resumed = f" ({event.resumed:,} resumed)" if event.resumed else ""
    unreported = f", {event.unreported:,} not shown above" if event.unreported else ""
    return (
        f"{_count(event.connections, 'connection')}, {_count(event.handshakes, 'handshake')}{resumed}, {event.failed:,} failed, "
        f"{event.received:,} B in, {event.sent:,} B out{unreported}"
    )


def phase(event: PhaseEvent) -> str:
    """A step of a connection, for `-v`."""
    took = "" if event.elapsed_ms is None else f" ({milliseconds(event.elapsed_ms)})"
    return f"{event.phase:<5} {event.state:<7} {event.detail}{took}"


def tells_why(report: Report) -> bool:
    """Whether the text above says itself why the status is not 0, so that no error line has to."""
    if report.error is None:
        return True
    if getattr(report, "result", None):
        return False
    handshake = getattr(report, "handshake", None)
    trust = handshake.trust if handshake else getattr(report, "trust", None)
    return trust is not None and any(finding.code == report.error.code for finding in trust.findings)


def milliseconds(value: float) -> str:
    """A duration with three digits or so: `0.31 ms`, `4.5 ms`, `128 ms`, `2.35 s`."""
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


# ---- facts ---------------------------------------------------------------------------------------


def _peer(target: str, address: str) -> list[Fact]:
    return [("Peer", safe(target) + (f" ({address})" if address != target else ""))]


def _protocol(handshake: Handshake) -> str:
    version = f"TLS {handshake.tls}" if handshake.tls else "TLS"
    return f"{version}, {handshake.suite or 'no suite yet'}"


def _negotiated(handshake: Handshake) -> list[Fact]:
    kind = {"resumed": ", resumed", "full_with_retry": ", after a HelloRetryRequest"}.get(handshake.kind or "", "")
    facts = []
    if handshake.tls or handshake.suite:
        facts.append(("Protocol", _protocol(handshake) + kind))
    if handshake.group:
        facts.append(("Key exchange", handshake.group))
    if handshake.signature_scheme:
        facts.append(("Signature", handshake.signature_scheme))
    if handshake.alpn is not None:
        facts.append(("ALPN", _short(handshake.alpn)))
    if handshake.client_certificate in ("requested", "sent"):
        ours = "ours was sent" if handshake.client_certificate == "sent" else "wanted by the peer, none sent"
        facts.append(("Client cert", ours))
    return facts


def _leaf(leaf: Certificate) -> str:
    return f"{_short(leaf.subject) or 'no subject'}, {leaf.key_type}"


def _chain(certificates: Sequence[Certificate], style: Style, *, stapled: bool | None) -> list[Fact]:
    if not certificates:
        return []
    leaf = certificates[0]
    staple = {True: ", OCSP response stapled", False: "", None: ""}[stapled]
    return [
        ("Certificate", _leaf(leaf)),
        ("Names", _names(leaf.names)),
        ("Valid", _validity(leaf, style)),
        ("Issuer", _short(leaf.issuer) or "no name"),
        ("Chain", _count(len(certificates), "certificate") + staple),
        ("SHA-256", leaf.sha256),
    ]


def _names(names: Sequence[str]) -> str:
    if not names:
        return "none"
    shown = _short(names[0])
    for number, name in enumerate(names[1:], start=1):
        longer = f"{shown}, {_short(name)}"
        if len(longer) > _NAMES_WIDTH:
            return f"{shown} (+{len(names) - number} more)"
        shown = longer
    return shown


def _validity(leaf: Certificate, style: Style) -> str:
    days = leaf.days_left
    if days < 0:
        # Whole days are rounded down, so that -1 is the day that began with the end.
        left = style.bad(f"ended {_count(-days - 1, 'day')} ago" if days < -1 else "ended today")
    else:
        left = f"{_count(days, 'day')} left"
        left = style.warn(left) if days < _SOON_DAYS else left
    return f"{leaf.not_before[:10]} to {leaf.not_after[:10]}, {left}"


def _verifier(trust: Trust, backend: str | None, reason: str | None) -> list[Fact]:
    revocation = "" if trust.revocation == "not_checked" else f", revocation: {trust.revocation}"
    judged = f"{trust.verifier}, roots: {safe(trust.store)}{revocation}"
    if backend and reason:
        return [("Verifier", judged), ("Backend", f"{backend}: {safe(reason)}")]
    return [("Verifier", f"{judged}, backend {backend}" if backend else judged)]


def _time(phases: Phases) -> list[Fact]:
    known = [
        (name, value) for name, value in (("dns", phases.dns), ("tcp", phases.tcp), ("tls", phases.tls)) if value is not None
    ]
    return [("Time", ", ".join(f"{name} {milliseconds(value)}" for name, value in known))] if known else []


def _verdict(trust: Trust, error: Problem | None, style: Style) -> list[Fact]:
    """The verdict with all findings, and the hint of the one that decides."""
    if trust.verdict == "good":
        return [("Verdict", style.good("good"))]
    if trust.verdict != "bad":
        return [("Verdict", style.warn("not checked" if trust.verdict == "not_checked" else "unknown"))]
    decided = error is not None and any(finding.code == error.code for finding in trust.findings)
    word = "BAD, but waived" if error is None else "BAD"
    lines = [f"{finding.code}: {_short(finding.message)}" for finding in trust.findings] or ["no reason given"]
    facts = [("Verdict", f"{style.bad(word)}  {lines[0]}")]
    facts += [("", f"{'':{len(word)}}  {line}") for line in lines[1:]]
    if decided and error and error.hint:
        facts.append(("Hint", safe(error.hint)))
    return facts


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


def _aligned(facts: Iterable[Fact], style: Style) -> str:
    return "\n".join(f"{style.label(f'{label:<{_LABEL_WIDTH}}')}{value}".rstrip() for label, value in facts)


def _short(text: str) -> str:
    shown = safe(text)
    return shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
