"""The status page: as much of HTTP/1.1 (RFC 9110, RFC 9112) as it takes to show what was negotiated. Heads in, responses out."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from email.utils import formatdate

HEAD_LIMIT = 16 * 1024
"""Bytes of a request's head."""

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")

_LABELS = {
    "tls": "Version",
    "suite": "Cipher suite",
    "group": "Key exchange",
    "alpn": "Protocol (ALPN)",
    "sni": "Name (SNI)",
    "kind": "Handshake",
    "peer": "Your address",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 36rem; margin: 10vh auto; padding: 0 1rem; }}
table {{ border-spacing: 1.5rem .2rem; margin-left: -1.5rem; }}
th {{ text-align: left; font-weight: normal; opacity: .7; }}
td {{ font-family: monospace; overflow-wrap: anywhere; }}
</style>
<title>TLS {tls}: tlstool</title>
</head>
<body>
<h1>You speak TLS&nbsp;{tls}</h1>
<table>
{rows}
</table>
<p>Served by tlstool on OpenSSL. The same as <a href="/json">JSON</a>.</p>
</body>
</html>
"""


def respond(head: bytes, facts: Mapping[str, str | None]) -> tuple[bytes, bool]:
    """The whole response to a request's head, in one piece, and whether the connection stays open behind it.

    Args:
        head: up to and with the empty line.
        facts: what was negotiated, by the keys that `/json` shows.
    """
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    request = _REQUEST_LINE.fullmatch(request_line)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if request is None or not all(fields):
        return refusal("400 Bad Request"), False
    headers: dict[str, list[str]] = {}
    for field in fields:
        if field is not None:
            headers.setdefault(field[1].lower(), []).extend(part.strip() for part in field[2].split(","))
    method, target, minor = request.groups()
    hosts = len(headers.get("host", ()))
    # RFC 9112 section 3.2: HTTP/1.1 needs exactly one Host.
    if hosts > 1 or (hosts == 0 and minor == "1"):
        return refusal("400 Bad Request"), False
    if method not in ("GET", "HEAD"):
        return refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"), False
    content_type, body = _body(target, headers, facts)
    keep = _keeps(minor, headers)
    connection = "" if keep and minor == "1" else f"Connection: {'keep-alive' if keep else 'close'}\r\n"
    return _message("200 OK", content_type, body, connection, head_only=method == "HEAD"), keep


def refusal(status: str, fields: str = "") -> bytes:
    """A response that ends the connection: what follows a bad request is not read."""
    return _message(status, "text/plain; charset=utf-8", f"{status}\n", f"{fields}Connection: close\r\n", head_only=False)


def _message(status: str, content_type: str, body: str, fields: str, *, head_only: bool) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nDate: {formatdate(usegmt=True)}\r\nServer: tlstool\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        f"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n{fields}\r\n"
    )
    return head.encode() + (b"" if head_only else content)


def _body(target: str, headers: Mapping[str, list[str]], facts: Mapping[str, str | None]) -> tuple[str, str]:
    """By path, then by what the client names; weights are not compared."""
    # The absolute form, as proxies get it, has the path behind the authority (RFC 9112 section 3.2.2).
    path = re.sub(r"^[a-z]+://[^/]*", "", target).partition("?")[0]
    accepted = [value.partition(";")[0].strip().lower() for value in headers.get("accept", ())]
    if path == "/json" or ("application/json" in accepted and "text/html" not in accepted):
        return "application/json", json.dumps(dict(facts)) + "\n"
    shown = {label: facts[key] or ("none" if key in ("alpn", "sni") else "unknown") for key, label in _LABELS.items()}
    if "text/plain" in accepted and "text/html" not in accepted:
        return "text/plain; charset=utf-8", "".join(f"{label:<16}{value}\n" for label, value in shown.items())
    rows = "\n".join(f"<tr><th>{label}</th><td>{html.escape(value)}</td></tr>" for label, value in shown.items())
    return "text/html; charset=utf-8", _PAGE.format(tls=html.escape(shown["Version"]), rows=rows)


def _keeps(minor: str, headers: Mapping[str, list[str]]) -> bool:
    """RFC 9112 section 9.3; a body would have to be read before the next request, and nobody needs that here."""
    options = {value.lower() for value in headers.get("connection", ())}
    if "close" in options or headers.get("transfer-encoding") or headers.get("content-length", ["0"]) != ["0"]:
        return False
    return minor == "1" or "keep-alive" in options
