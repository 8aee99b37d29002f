"""What a peer that does not speak TLS speaks instead, by its first bytes."""

from __future__ import annotations

from tlstool.errors import NotTlsError

_GREETINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"HTTP/", "plain-http", "the peer answered in plain HTTP"),
    (b"<!DOCTYPE", "plain-http", "the peer answered in plain HTTP"),
    (b"<html", "plain-http", "the peer answered in plain HTTP"),
    (b"SSH-", "plain-ssh", "the peer speaks SSH"),
    (b"* OK", "plain-imap", "the peer speaks IMAP"),
    (b"+OK", "plain-pop3", "the peer speaks POP3"),
)


def not_tls(first_bytes: bytes) -> NotTlsError:
    """The error for a peer whose answer began so; `first_bytes` may be cut anywhere, or empty."""
    for greeting, code, message in _GREETINGS:
        if first_bytes[: len(greeting)].lower() == greeting.lower():
            return NotTlsError(code, message, phase="handshake")
    # FTP (RFC 959) and SMTP (RFC 5321) both greet with 220; a server says which it is in its own words.
    if first_bytes[:4] in (b"220 ", b"220-"):
        if b"FTP" in first_bytes.upper():
            return NotTlsError("plain-ftp", "the peer speaks FTP", phase="handshake")
        return NotTlsError("plain-smtp", "the peer speaks SMTP", phase="handshake")
    shown = first_bytes[:40].decode("ascii", "backslashreplace")
    words = f"the peer's answer is not TLS: it begins with {shown!r}" if shown else "the peer's answer is not TLS"
    return NotTlsError("not-tls", words, phase="handshake")
