"""What a peer that does not speak TLS speaks instead, by its first bytes; and the command that would work with it.

A guess by the form of a greeting, as good as greetings are: the order of the patterns decides where two would fit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tlstool.errors import NotTlsError, TlsToolError
from tlstool.record import Record

if TYPE_CHECKING:
    from tlstool.model import Endpoint

ENOUGH = 512
"""More bytes than that tell nothing more: the longest greeting line of RFC 5321 (section 4.5.3.1.5)."""

_LONGEST_QUOTE = 60

# How a peer ends a handshake that waits in vain for words of its own protocol.
_SPEECHLESS = ("connection-closed", "connection-reset", "time-limit")


class Protocol(Record):
    """What a peer may speak that is not TLS.

    Attributes:
        code: of the error.
        words: what the peer does, as the end of a sentence that begins with "the peer".
        starttls: the word by which `--starttls` knows it; None where it never turns to TLS.
        ports: where its servers listen by custom, before any TLS.
        tls_port: where they speak TLS from the first byte; None where there is no such port.
    """

    code: str
    words: str
    starttls: str | None = None
    ports: tuple[int, ...] = ()
    tls_port: int | None = None


PROTOCOLS: tuple[Protocol, ...] = (
    Protocol("plain-http", "answered in plain HTTP", ports=(80, 8080)),
    Protocol("plain-http2", "speaks HTTP/2 without TLS"),
    Protocol("html-page", "answered with an HTML page, without the head of an HTTP response"),
    Protocol("plain-ssh", "speaks SSH", ports=(22,)),
    Protocol("plain-smtp", "speaks SMTP", "smtp", (25, 587), 465),
    Protocol("plain-lmtp", "speaks LMTP", "lmtp", (24,)),
    Protocol("plain-imap", "speaks IMAP", "imap", (143,), 993),
    Protocol("plain-pop3", "speaks POP3", "pop3", (110,), 995),
    Protocol("plain-ftp", "speaks FTP", "ftp", (21,), 990),
    Protocol("plain-ldap", "speaks LDAP", "ldap", (389,), 636),
    Protocol("plain-postgres", "speaks the protocol of PostgreSQL", "postgres", (5432,)),
    Protocol("plain-mysql", "speaks the protocol of MySQL", "mysql", (3306,)),
    Protocol("plain-xmpp", "speaks XMPP", "xmpp", (5222,), 5223),
    Protocol("plain-xmpp-server", "speaks XMPP between servers", "xmpp-server", (5269,), 5270),
    Protocol("plain-irc", "speaks IRC", "irc", (6667,), 6697),
    Protocol("plain-nntp", "speaks NNTP", "nntp", (119,), 563),
    Protocol("plain-sieve", "speaks ManageSieve", "sieve", (4190,)),
    Protocol("plain-telnet", "speaks Telnet", "telnet", (23,), 992),
    Protocol("plain-rdp", "speaks RDP", "rdp", (3389,)),
    Protocol("plain-mssql", "speaks the protocol of SQL Server", "mssql", (1433,)),
    Protocol("plain-vnc", "speaks the protocol of VNC", ports=(5900,)),
    Protocol("plain-redis", "speaks the protocol of Redis", ports=(6379,)),
    Protocol("plain-memcached", "speaks the protocol of memcached", ports=(11211,)),
    Protocol("plain-amqp", "speaks AMQP", ports=(5672,)),
    Protocol("plain-mqtt", "speaks MQTT", ports=(1883,)),
    Protocol("plain-socks", "is a SOCKS proxy", ports=(1080,)),
    Protocol("ssl2", "speaks SSL 2, which nobody should any more (RFC 6176)"),
    Protocol("odd-alert", "sent a TLS alert in a record of no version of TLS"),
)
"""All that is recognised."""

_BY_CODE = {protocol.code: protocol for protocol in PROTOCOLS}

# Where text is matched, its first word after a reply code is a host's name, which may contain anything: `220 ftp.test ESMTP`.
_PATTERNS: tuple[tuple[str, bytes], ...] = (
    ("plain-http", rb"HTTP/\d"),
    ("plain-xmpp-server", rb"\s*(?:<\?xml[^>]*>)?\s*<stream:[^>]*jabber:server"),  # RFC 6120 section 4.8.2
    ("plain-xmpp", rb"\s*(?:<\?xml[^>]*>)?\s*<stream:"),
    ("html-page", rb"(?i)\s*<(?:!doctype|html|head|body|\?xml|!--)"),
    ("plain-ssh", rb"SSH-\d"),  # RFC 4253 section 4.2
    ("plain-lmtp", rb"220[ -]\S+ [^\n]*\bLMTP"),  # RFC 2033 section 4.1
    ("plain-smtp", rb"(?:220|421|554)[ -]\S+ [^\n]*\bE?SMTP"),  # RFC 5321 section 4.2
    ("plain-ftp", rb"(?i)(?:120|220|421|500|530)[ -][^\n]*FTP"),  # RFC 959 section 4.2
    ("plain-smtp", rb"(?:220|421|554)[ -]"),
    ("plain-imap", rb"\* (?:OK|PREAUTH|BYE|BAD)\b"),  # RFC 9051 section 7.1
    ("plain-pop3", rb"\+OK\b|-ERR [^\n]*POP"),  # RFC 1939 section 4
    ("plain-redis", rb"-(?:ERR|NOAUTH|NOPERM|DENIED|LOADING|BUSY|MASTERDOWN|MISCONF)\b"),
    ("plain-sieve", rb'"IMPLEMENTATION"'),  # RFC 5804 section 1.7
    ("plain-nntp", rb"20[01][ -]|(?:400|502) [^\n]*(?i:nntp|news)"),  # RFC 3977 section 5.1
    ("plain-irc", rb":\S+ (?:NOTICE|\d{3}) |NOTICE \S+ :|ERROR :"),  # RFC 2812 section 3.7.4
    ("plain-memcached", rb"(?:ERROR|(?:CLIENT|SERVER)_ERROR [^\n]*)\r?\n"),
    ("plain-vnc", rb"RFB \d{3}\.\d{3}"),  # RFC 6143 section 7.1.1
    ("plain-amqp", rb"AMQP[\x00-\x03]"),
    ("plain-telnet", rb"\xff[\xfb-\xfe]"),  # RFC 854
    ("plain-http2", rb"\x00\x00.\x04[\x00\x01]\x00{4}"),  # RFC 9113 section 6.5
    ("plain-mysql", rb".{2}\x00[\x00\x01](?:\x0a\d|\xff..[#A-Z])"),
    ("plain-postgres", rb"E(?:\x00\x00..[SCM]|FATAL)"),
    ("plain-ldap", rb"\x30.{1,5}?\x02\x01.[\x61\x78]"),  # RFC 4511 section 4.1.1
    ("plain-rdp", rb"\x03\x00..[\x06-\x20][\x70\x80\xd0]"),  # X.224 section 13, in RFC 1006
    ("plain-mssql", rb"\x04\x01\x00.\x00\x00"),
    ("plain-mqtt", rb"\x20[\x02\x03][\x00\x01].|\xe0[\x00-\x04]"),
    ("plain-socks", rb"\x05[\x00-\x02\xff]|\x00[\x5a-\x5d].{6}"),  # RFC 1928 section 3
    ("ssl2", rb"[\x80-\xff].\x04[\x00\x01].\x00\x02|\x80\x03\x00\x00[\x01-\x06]"),
    ("odd-alert", rb"\x15[^\x03].\x00\x02[\x01\x02]"),
)


def recognise(first_bytes: bytes) -> Protocol | None:
    """What a peer speaks whose answer began so; None if that is nothing known. `first_bytes` may be cut anywhere."""
    # Without an end, some of the patterns would look at a hostile answer for minutes.
    begin = first_bytes[:ENOUGH]
    for code, pattern in _PATTERNS:
        if re.match(pattern, begin, re.DOTALL):
            return _BY_CODE[code]
    return None


def not_tls(first_bytes: bytes) -> NotTlsError:
    """The error for a peer whose answer began so; `first_bytes` may be cut anywhere, or empty."""
    found = recognise(first_bytes)
    if found is None:
        quoted = _first_line(first_bytes)
        words = f"the peer's answer is not TLS: it begins with {quoted!r}" if quoted else "the peer's answer is not TLS"
        return NotTlsError("not-tls", words, phase="handshake")
    own_words = _first_line(first_bytes) if _is_prose(first_bytes) else ""
    return NotTlsError(found.code, f"the peer {found.words}" + (f": {own_words}" if own_words else ""), phase="handshake")


def advise(error: TlsToolError, peer: Endpoint) -> None:
    """Give an error of a handshake with `peer`, where TLS should have come from the first byte, the command that would work."""
    if isinstance(error, NotTlsError):
        error.hint = _instead(_BY_CODE.get(error.code), peer) or error.hint
    elif error.code in _SPEECHLESS and not peer.starttls and (protocol := _by_port(peer.port)):
        instead = _instead(protocol, peer)
        usual = f"on port {peer.port} a server usually {protocol.words}, without TLS at first"
        error.hint = f"{usual}: {instead}" if instead else usual


def _instead(protocol: Protocol | None, peer: Endpoint) -> str | None:
    """What to type to reach the peer; None where no command of ours or of everybody's does it."""
    from shlex import quote

    if protocol is None:
        return None
    where, host = quote(str(peer)), quote(peer.host)
    if protocol.starttls:
        direct = f"; the port for TLS from the first byte is {protocol.tls_port}" if protocol.tls_port else ""
        return f"try tlstool connect {where} --starttls {protocol.starttls}{direct}"
    over_tcp = {
        "plain-http": f"try http://{where}/, or another port for TLS, often 443",
        "html-page": f"try http://{where}/: a server for plain HTTP may answer so, and so may a proxy or a portal in the way",
        "plain-socks": f"to go through it, try tlstool connect HOST --proxy socks5h://{where}",
        "plain-ssh": f"try ssh -p {peer.port} {host}",
    }
    return None if peer.path else over_tcp.get(protocol.code)


def _by_port(port: int) -> Protocol | None:
    return next((protocol for protocol in PROTOCOLS if port in protocol.ports), None)


def _is_prose(first_bytes: bytes) -> bool:
    """Whether the bytes are for people to read, at least as they begin: neither packets nor markup."""
    begin = first_bytes[:4].decode("ascii", "replace")
    return begin.isprintable() and begin.isascii() and not begin.startswith("<")


def _first_line(first_bytes: bytes) -> str:
    line = first_bytes[:ENOUGH].strip().partition(b"\n")[0].rstrip(b"\r").decode("ascii", "backslashreplace")
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"
