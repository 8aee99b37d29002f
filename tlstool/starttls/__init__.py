"""From a connected socket to the moment before the ClientHello, in protocols that begin in plain text: one function a protocol.

The functions know nothing of TLS, and take no byte that is the handshake's.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from tlstool import sniff
from tlstool.errors import StarttlsError, TimeLimitError, TlsToolError, UsageError
from tlstool.hints import HINTS_OF_PHASES
from tlstool.model import TlsVersion
from tlstool.phases import Deadline
from tlstool.record import Record
from tlstool.wire import Wire, WireError

if TYPE_CHECKING:
    from tlstool.starttls.replies import Upgrade


class Protocol(Record):
    """A protocol that has TLS inside.

    Attributes:
        name: as `--starttls` takes it.
        title: as people call it.
        ports: where it lives, the usual one first.
        function: module and name of what speaks it, None where TLS begins with the first byte all the same.
        alpn: what has to be offered by ALPN, unless something else was asked for.
        framing: what the records of the handshake travel in, see `ClientConfig`.
        newest: the newest TLS version that it allows, None for no limit.
    """

    name: str
    title: str
    ports: tuple[int, ...]
    function: tuple[str, str] | None
    alpn: tuple[str, ...] = ()
    framing: Literal["tds"] | None = None
    newest: TlsVersion | None = None

    def versions(self, wanted: tuple[TlsVersion, ...]) -> tuple[TlsVersion, ...]:
        """Those of the wanted versions that the protocol allows; empty for the backend's defaults, as there.

        Raises:
            UsageError: it allows none of them.
        """
        if self.newest is None:
            return wanted
        allowed = tuple(version for version in wanted or (self.newest,) if version <= self.newest)
        if not allowed:
            # TDS 7 is the only one.
            hint = "leave --tls out, or try --starttls mssql-strict, if the server has that"
            raise UsageError("usage", f"{self.title} has TLS {self.newest} at most behind its own first words", hint)
        return allowed


AUTO = "auto"
"""The protocol that lives on the target's port; TLS from the first byte where none does."""

_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("smtp", "SMTP", (25, 587, 2525), ("numbered", "smtp")),
        Protocol("lmtp", "LMTP", (24,), ("numbered", "lmtp")),
        Protocol("imap", "IMAP", (143,), ("mailbox", "imap")),
        Protocol("pop3", "POP3", (110,), ("mailbox", "pop3")),
        Protocol("sieve", "ManageSieve", (4190,), ("mailbox", "sieve")),
        Protocol("ftp", "FTP", (21,), ("numbered", "ftp")),
        Protocol("nntp", "NNTP", (119,), ("numbered", "nntp")),
        Protocol("ldap", "LDAP", (389, 3268), ("ldap", "ldap")),
        Protocol("postgres", "PostgreSQL", (5432,), ("databases", "postgres")),
        Protocol("mysql", "MySQL", (3306,), ("databases", "mysql")),
        # TLS 1.3 came with TDS 8, where TLS comes first.
        Protocol("mssql", "SQL Server", (1433,), ("mssql", "mssql"), framing="tds", newest="1.2"),
        Protocol("mssql-strict", "SQL Server (TDS 8)", (1433,), None, alpn=("tds/8.0",)),
        Protocol("xmpp", "XMPP", (5222,), ("xmpp", "xmpp")),
        Protocol("xmpp-server", "XMPP between servers", (5269,), ("xmpp", "xmpp_server")),
        Protocol("irc", "IRC", (6667,), ("irc", "irc")),
        Protocol("rdp", "RDP", (3389,), ("rdp", "rdp")),
        Protocol("telnet", "Telnet", (23,), ("telnet", "telnet")),
    )
}

NAMES = tuple(_PROTOCOLS)

_TLS_TYPES = (0x15, 0x16)
_TLS_MAJOR = 0x03

_SPEAKERS_OF_220 = ("smtp", "lmtp", "ftp")


def named(name: str) -> Protocol:
    """A protocol by its name.

    Raises:
        UsageError: `unknown-name`.
    """
    try:
        return _PROTOCOLS[name]
    except KeyError:
        hint = f"there are {', '.join(NAMES)} and {AUTO}"
        raise UsageError("unknown-name", f"no STARTTLS protocol is called {name!r}", hint) from None


def at_port(port: int) -> Protocol | None:
    """The protocol that begins in plain text on a port, None if no such protocol lives there."""
    return next((protocol for protocol in _PROTOCOLS.values() if port in protocol.ports), None)


def upgrade(protocol: Protocol, sock: socket.socket, name: str, deadline: Deadline) -> str | None:
    """Bring the server to the point where it expects a ClientHello.

    `name` is what it is called where the protocol tells it. What it says behind its consent stays in the socket, if that is a
    record of TLS.

    Returns:
        What the server said of itself: its greeting, or its version; None if that was nothing.

    Raises:
        StarttlsError: it does not turn to TLS, or says more than it may.
        NotTlsError: it speaks another protocol, and which.
        TimeLimitError: it did not answer in time.
    """
    if protocol.function is None:
        return None
    module, function = protocol.function
    speak: Upgrade = getattr(import_module(f"tlstool.starttls.{module}"), function)
    wire = Wire(sock, deadline)
    try:
        said = speak(wire, name)
        behind = wire.waiting()
    except (WireError, StarttlsError, TimeLimitError) as error:
        raise _explained(protocol, wire, error) from error
    if behind and (protocol.framing or not _is_tls(behind)):
        shown = behind[:40].decode("ascii", "backslashreplace")
        words = f"the peer says more in plain text than its consent: {shown!r}"
        raise StarttlsError(
            "plaintext-after-starttls", words, "nothing vouches for that: the server is faulty, or is being attacked"
        )
    return said


def _explained(protocol: Protocol, wire: Wire, error: Exception) -> TlsToolError:
    """An error of the conversation, unless the peer speaks something else: then that is the cause."""
    if isinstance(error, StarttlsError) and protocol.name not in _SPEAKERS_OF_220:
        # It took a reply of the very protocol to come so far.
        return error
    first = wire.first_bytes
    with suppress(WireError):
        first += wire.waiting()
    if first and _is_tls(first):
        words = f"the peer speaks TLS from the first byte, and not {protocol.title}"
        return StarttlsError("tls-from-first-byte", words, "leave --starttls out")
    other = sniff.not_tls(first)
    if _is_other(protocol, other.code, first):
        other.phase = "starttls"
        return other
    if isinstance(error, TlsToolError):
        return error
    return StarttlsError("starttls-broken", f"{protocol.title} broke off before TLS: {error}", HINTS_OF_PHASES["starttls"])


def _is_other(protocol: Protocol, found: str, first: bytes) -> bool:
    """Whether what was recognised is not the protocol that was expected."""
    spoken = found.removeprefix("plain-")
    if spoken in ("not-tls", protocol.name) or protocol.name.startswith(spoken):
        # The last is XMPP between servers, which begins like any XMPP.
        return False
    if found == "html-page" and protocol.name.startswith("xmpp"):
        # XML begins alike, whatever it is of.
        return not first.lstrip().startswith(b"<?xml")
    if spoken in _SPEAKERS_OF_220 and protocol.name in _SPEAKERS_OF_220:
        # They greet with the same number, and whose it is only their words tell, if at all.
        words = first.upper()
        return (b"SMTP" in words) > (b"FTP" in words) if protocol.name == "ftp" else (b"FTP" in words) > (b"SMTP" in words)
    return True


def _is_tls(data: bytes) -> bool:
    """Whether data begins like the answer to a ClientHello, as far as there is any (RFC 8446 section 5.1)."""
    return data[0] in _TLS_TYPES and data[1:2] in (b"", bytes([_TLS_MAJOR]))
