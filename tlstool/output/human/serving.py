"""What a server says of itself and its clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import count, milliseconds

if TYPE_CHECKING:
    from tlstool.events import Ready
    from tlstool.sites import Connection, ServeTotals


def ready(event: Ready, style: Style) -> str:
    """The line with which a server says that it listens, and what to give to clients of it."""
    trust = f"with --ca {safe(event.ca_file)}" if event.ca_file else f"with a certificate of SHA-256 {event.fingerprint}"
    fault = f", to show {safe(event.fault)}" if event.fault else ""
    return f"{style.good('ready')} on {event.url} {trust}{fault}"


def connection(event: Connection, style: Style) -> str:
    """A line for one connection of a server."""
    if event.tls is None:
        parts = [event.peer]
    else:
        protocol = f"TLS {event.tls} {event.suite or ''} {event.group or ''}".rstrip()
        parts = [event.peer, protocol, event.kind or "", f"alpn {safe(event.alpn)}" if event.alpn else ""]
        parts += [f"sni {safe(event.sni)}" if event.sni else "no sni", f"{event.received:,} B in, {event.sent:,} B out"]
    if event.upstream:
        parts.append(f"to {safe(event.upstream)}")
    parts.append(milliseconds(event.duration_ms))
    if event.error:
        parts.append(f"{style.bad(event.error)}: {safe(event.message or '')}")
    return ", ".join(part for part in parts if part)


def totals(event: ServeTotals) -> str:
    """A server's life in a line."""
    resumed = f" ({event.resumed:,} resumed)" if event.resumed else ""
    refused = f", {event.refused:,} turned away" if event.refused else ""
    unreported = f", {event.unreported:,} not shown above" if event.unreported else ""
    return (
        f"{count(event.connections, 'connection')}, {count(event.handshakes, 'handshake')}{resumed}, {event.failed:,} failed"
        f"{refused}, {event.received:,} B in, {event.sent:,} B out{unreported}"
    )
