"""What a server says of itself and its clients."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import aligned, count, milliseconds, short

if TYPE_CHECKING:
    from tlstool.events import CertificatesMade, Ready, Renewed
    from tlstool.sites import Connection, ServeTotals


def ready(event: Ready, style: Style) -> str:
    """The line with which a server says that it listens, and what to give to clients of it."""
    # Of certificates, or of public keys where only those are shown.
    shown = f"fingerprint{'s' if len(event.fingerprints) > 1 else ''} (SHA-256) {', '.join(event.fingerprints)}"
    trust = f"with --ca {safe(event.ca_file)}" if event.ca_file else f"with {shown}"
    fault = f", to show {safe(event.fault)}" if event.fault else ""
    return f"{style.good('ready')} on {event.url} {trust}{fault}"


def renewed(event: Renewed) -> str:
    """What has become of a server's certificates, in a line."""
    parts = [
        f"{what} {', '.join(names)}"
        for what, names in (("added", event.added), ("replaced", event.replaced), ("removed", event.removed))
        if names
    ]
    return f"certificates: {'; '.join(parts) or 'as before'}"


def made(event: CertificatesMade) -> str:
    """The files that were written, and what to type next."""
    files = [
        ("authority", event.ca, event.ca_key),
        ("server", event.server, event.server_key),
        ("client", event.client, event.client_key),
    ]
    lines = [f"{role:<9}  {safe(cert)}, key {safe(key)}" for role, cert, key in files]
    lines += [
        f"names      {', '.join(event.names)}",
        f"good until {event.not_after}",
        "",
        f"tlstool serve --cert {safe(quote(event.server))} --key {safe(quote(event.server_key))}",
        f"tlstool connect localhost:PORT --ca {safe(quote(event.ca))} --cert {safe(quote(event.client))} "
        f"--key {safe(quote(event.client_key))}",
    ]
    return "\n".join(lines)


def connection(event: Connection, style: Style) -> str:
    """A line for one connection of a server."""
    parts = []
    if event.tls is not None:
        protocol = f"TLS {event.tls} {event.suite or ''} {event.group or ''}".rstrip()
        parts += [protocol, event.kind or "", f"alpn {short(event.alpn)}" if event.alpn else ""]
    if event.sni or event.tls is not None:
        parts.append(f"sni {short(event.sni)}" if event.sni else "no sni")
    if event.tls is not None:
        parts.append(count(event.requests, "request") if event.requests else "")
        parts.append(f"{event.received:,} B in, {event.sent:,} B out")
    if event.upstream:
        parts.append(f"to {short(event.upstream)}")
    parts += _brought(event, style)
    parts.append(milliseconds(event.duration_ms))
    if event.error:
        parts.append(f"{style.bad(event.error)}: {short(event.message or '')}")
    elif event.ending in ("limit", "reset"):
        parts.append("closed for being idle" if event.ending == "limit" else "reset by the client")
    start = [style.label(_time_of_day(event.accepted)), short(event.site or ""), event.peer]
    return ", ".join([" ".join(filter(None, start)), *filter(None, parts)])


def _brought(event: Connection, style: Style) -> list[str]:
    """What the client had with it: a certificate, data that did not wait for the handshake."""
    parts = []
    if certificate := event.client_certificate:
        if certificate.subject is None:
            parts.append("no client certificate")
        else:
            codes = ", ".join(finding.code for finding in certificate.findings)
            verdict = style.bad(codes) if codes else style.good(certificate.verdict)
            parts.append(f"client {safe(certificate.subject)} {verdict}")
    if early := event.early_data:
        parts.append(
            f"{early.received:,} B early" if early.received else "early data not accepted" if early.accepted is False else ""
        )
    return parts


def totals(event: ServeTotals) -> str:
    """A server's life in a line."""
    resumed = f" ({event.resumed:,} resumed)" if event.resumed else ""
    refused = f", {event.refused:,} turned away" if event.refused else ""
    unreported = f", {event.unreported:,} not shown above" if event.unreported else ""
    return (
        f"{count(event.connections, 'connection')}, {count(event.handshakes, 'handshake')}{resumed}, {event.failed:,} failed"
        f"{refused}, {event.received:,} B in, {event.sent:,} B out{unreported}"
    )


def table(event: ServeTotals, style: Style) -> str:
    """A server's life in full."""
    versions = [f"TLS {version} {number:,}" for version, number in event.versions.items()]
    resumed = [f"{event.resumed:,} resumed"] if event.resumed else []
    failures = [f"{code} {number:,}" for code, number in event.failures.items()]
    rows = [
        ("connections", f"{event.connections:,}"),
        ("handshakes", _with_parts(event.handshakes, [*versions, *resumed])),
        ("failed", _with_parts(event.failed, failures)),
        ("requests", f"{event.requests:,}"),
        ("received", f"{event.received:,} B"),
        ("sent", f"{event.sent:,} B"),
        ("time", milliseconds(event.elapsed_ms)),
    ]
    if event.unreported:
        rows.append(("not shown", f"{count(event.unreported, 'connection')}, for which the output was too slow"))
    return aligned(rows, style)


class Live:
    """What a server does now: figures that follow each other, on one line."""

    def __init__(self) -> None:
        self._last: ServeTotals | None = None

    def line(self, now: ServeTotals) -> str:
        """The figures until now, and how fast they grew since the last ones."""
        last, self._last = self._last, now
        return (
            f"{now.active:,} open, {count(now.handshakes, 'handshake')}{_rate(now, last, 'handshakes')}, {now.failed:,} failed, "
            f"{count(now.requests, 'request')}{_rate(now, last, 'requests')}, {now.received:,} B in, {now.sent:,} B out"
        )


def _rate(now: ServeTotals, last: ServeTotals | None, figure: str) -> str:
    if last is None or now.elapsed_ms <= last.elapsed_ms:
        return ""
    growth = getattr(now, figure) - getattr(last, figure)
    return f" ({growth / (now.elapsed_ms - last.elapsed_ms) * 1e3:,.0f}/s)"


def _with_parts(number: int, parts: list[str]) -> str:
    return f"{number:,}: {', '.join(parts)}" if parts else f"{number:,}"


def _time_of_day(moment: str) -> str:
    """Of a moment in RFC 3339, where the server is."""
    from datetime import datetime

    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")
