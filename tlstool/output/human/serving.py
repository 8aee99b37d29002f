"""What a server says of itself and its clients."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import count, milliseconds

if TYPE_CHECKING:
    from tlstool.events import CertificatesMade, Ready, Renewed
    from tlstool.sites import Connection, ServeTotals


def ready(event: Ready, style: Style) -> str:
    """The line with which a server says that it listens, and what to give to clients of it."""
    several = f"certificates of SHA-256 {', '.join(event.fingerprints)}"
    single = f"a certificate of SHA-256 {event.fingerprint}"
    shown = several if len(event.fingerprints) > 1 else single
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
        f"{count(event.connections, 'connection')}, {count(event.handshakes, 'handshake')}{resumed}, {event.failed:,} failed, "
        f"{event.received:,} B in, {event.sent:,} B out{unreported}"
    )
