"""What servers say before TLS, protocol by protocol: lines of a play, with the client's between them."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

Deliver = Callable[[socket.socket, bytes], None]
"""How a server's words get to the socket: at once, or a byte at a time."""


@dataclass(frozen=True)
class Hear:
    """What the client has to say next, as a pattern of all of it."""

    pattern: bytes


Script = tuple[bytes | Hear, ...]
"""The server's words, and what it waits for between them."""


def at_once(sock: socket.socket, words: bytes) -> None:
    sock.sendall(words)


def by_the_byte(sock: socket.socket, words: bytes) -> None:
    """Each byte in a packet of its own, as far as the system lets one see to that."""
    for place in range(len(words)):
        sock.sendall(words[place : place + 1])


def play(sock: socket.socket, script: Script, deliver: Deliver = at_once) -> None:
    """The server's part, to the end of the script."""
    for line in script:
        if isinstance(line, Hear):
            hear(sock, line.pattern)
        else:
            deliver(sock, line)


def hear(sock: socket.socket, pattern: bytes) -> None:
    """Read until what was heard is the pattern; what can never become it is an error of the test."""
    heard = b""
    while not re.fullmatch(pattern, heard, re.DOTALL):
        byte = sock.recv(1)
        assert byte, f"{heard!r} is all that came, and not {pattern!r}"
        heard += byte


def packet(number: int, payload: bytes) -> bytes:
    """MySQL's frame."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def mysql_greeting(flags: int = 0xFFFF) -> bytes:
    rest = struct.pack("<I8sxHBH", 7, b"saltsalt", flags, 45, 2) + bytes(13) + b"saltsaltsalt\0mysql_native_password\0"
    return packet(0, b"\x0a8.0.1-test\0" + rest)


def tds_packet(payload: bytes, *, kind: int = 4, last: bool = True) -> bytes:
    return struct.pack(">BBHHBB", kind, last, 8 + len(payload), 0, 1, 0) + payload


def tds_prelogin(encryption: int) -> bytes:
    """Version 16.0.1000 and the server's word on encryption."""
    return bytes.fromhex("00 000b 0006 01 0011 0001 ff 10 00 03e8 0000") + bytes([encryption])


TDS_ERROR = b"\xaa" + struct.pack("<HIBB", 0, 17828, 1, 20) + struct.pack("<H", 4) + "away".encode("utf-16-le") + b"\0" * 8

LDAP_REQUEST = bytes.fromhex("301d 020101 7718 8016") + b"1.3.6.1.4.1.1466.20037"


def ldap_result(code: int, words: bytes = b"", number: int = 1) -> bytes:
    response = bytes([0x0A, 1, code, 4, 0, 4, len(words)]) + words
    message = bytes([2, 1, number, 0x78, len(response)]) + response
    # A length in the long form, as many servers write it.
    return b"\x30\x84" + len(message).to_bytes(4, "big") + message


RDP_REQUEST = bytes.fromhex("030000130ee000000000000100080003000000")


def rdp_confirm(kind: int, number: int) -> bytes:
    return bytes.fromhex("030000130ed000001234 00") + struct.pack("<BBHI", kind, 0, 8, number)


XMPP_STREAM = (
    b"<?xml version='1.0'?><stream:stream id='1' from='chat.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
XMPP_FEATURES = (
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>A &gt; B</mechanism></mechanisms></stream:features>"
)
XMPP_START = rb"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
XMPP_PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def xmpp_hello(namespace: bytes = b"jabber:client", to: bytes = b"localhost") -> Hear:
    return Hear(rb"<\?xml version='1.0'\?><stream:stream to='" + to + rb"' [^>]*xmlns='" + namespace + rb"'[^>]*>")


_EHLO = Hear(rb"EHLO (\[127\.0\.0\.1\]|localhost)\r\n")
_LHLO = Hear(rb"LHLO (\[127\.0\.0\.1\]|localhost)\r\n")
_CAP = Hear(rb"CAP LS 302\r\nNICK\r\n")
_STARTTLS = Hear(rb"STARTTLS\r\n")

_DO, _WILL, _FOLLOWS = b"\xff\xfd\x2e", b"\xff\xfb\x2e", b"\xff\xfa\x2e\x01\xff\xf0"

GOOD: dict[str, Script] = {
    "smtp": (
        b"220-mail.test ESMTP\r\n220 be patient\r\n",
        _EHLO,
        b"250-mail.test\r\n250-PIPELINING\r\n250-starttls\r\n250 HELP\r\n",
        _STARTTLS,
        b"220 2.0.0 go ahead\r\n",
    ),
    "lmtp": (b"220 mail.test LMTP\r\n", _LHLO, b"250-mail.test\r\n250 STARTTLS\r\n", _STARTTLS, b"220 go\r\n"),
    "imap": (
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
        Hear(rb"a1 CAPABILITY\r\n"),
        b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n* NO by the way\r\na1 OK done\r\n",
        Hear(rb"a2 STARTTLS\r\n"),
        b"a2 OK begin\r\n",
    ),
    "pop3": (b"+OK ready\r\n", Hear(rb"CAPA\r\n"), b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n", Hear(rb"STLS\r\n"), b"+OK begin\r\n"),
    "sieve": (
        b'"IMPLEMENTATION" {4}\r\ntest\r\n"SASL" ""\r\n"STARTTLS"\r\n"VERSION" "1.0"\r\nOK "ready"\r\n',
        _STARTTLS,
        b"OK {5+}\r\nbegin\r\n",
    ),
    "ftp": (
        b"120 a moment\r\n",
        b"220-Welcome\r\n to this\r\n220 FTP server\r\n",
        Hear(rb"AUTH TLS\r\n"),
        b"234 go\r\n",
    ),
    "nntp": (
        b"200 news.test ready\r\n",
        Hear(rb"CAPABILITIES\r\n"),
        b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n",
        _STARTTLS,
        b"382 go\r\n",
    ),
    "ldap": (Hear(re.escape(LDAP_REQUEST)), ldap_result(0)),
    "postgres": (Hear(re.escape(bytes.fromhex("0000000804d2162f"))), b"S"),
    "mysql": (mysql_greeting(), Hear(rb"\x20\x00\x00\x01\x00\x8a\x00\x00.{28}")),
    "mssql": (
        Hear(rb"\x12\x01\x00\x2f.{43}"),
        tds_packet(tds_prelogin(1)[:9], last=False) + tds_packet(tds_prelogin(1)[9:]),
    ),
    "xmpp": (xmpp_hello(), XMPP_STREAM, XMPP_FEATURES, Hear(XMPP_START), XMPP_PROCEED),
    "xmpp-server": (xmpp_hello(b"jabber:server"), XMPP_STREAM + XMPP_FEATURES, Hear(XMPP_START), XMPP_PROCEED),
    "irc": (
        _CAP,
        b":irc.test NOTICE * :*** Looking up your hostname...\r\nPING :cookie\r\n",
        Hear(rb"PONG :cookie\r\n"),
        b"@time=now :irc.test CAP * LS * :multi-prefix sasl=PLAIN\r\n:irc.test CAP * LS :tls away-notify\r\n",
        _STARTTLS,
        b":irc.test 431 * :No nickname\r\n:irc.test NOTICE * :*** Still here\r\n:irc.test 670 nick :STARTTLS successful\r\n",
    ),
    "rdp": (Hear(re.escape(RDP_REQUEST)), rdp_confirm(2, 1)),
    "telnet": (
        b"\xff\xfd\x18\xff\xf1",
        Hear(rb"\xff\xfc\x18"),
        _DO,
        Hear(_WILL + _FOLLOWS),
        b"\xff\xfa\x18\x01\xff\xff\xff\xf0" + _FOLLOWS,
    ),
}
"""A server that turns to TLS, for each protocol that begins in plain text."""

ALSO_GOOD: dict[str, tuple[str, Script]] = {
    "POP3 without CAPA": ("pop3", (b"+OK\r\n", Hear(rb"CAPA\r\n"), b"-ERR what?\r\n", Hear(rb"STLS\r\n"), b"+OK\r\n")),
    "NNTP without CAPABILITIES": (
        "nntp",
        (b"201 no posting\r\n", Hear(rb"CAPABILITIES\r\n"), b"500 what?\r\n", _STARTTLS, b"382 go\r\n"),
    ),
    "IRC without CAP": (
        "irc",
        (_CAP, b":irc.test 421 * CAP :Unknown command\r\n", _STARTTLS, b":irc.test 670 * :go\r\n"),
    ),
    "IRC that passes over CAP": (
        "irc",
        (_CAP, b":irc.test 461 * NICK :Not enough parameters\r\n", _STARTTLS, b":irc.test 670 * :go\r\n"),
    ),
    "RDP with CredSSP": ("rdp", (Hear(re.escape(RDP_REQUEST)), rdp_confirm(2, 2))),
    "Telnet that is asked": (
        "telnet",
        (b"Welcome\r\n", Hear(_WILL), _DO, Hear(_FOLLOWS), _FOLLOWS),
    ),
    "LDAP with a short length": ("ldap", (Hear(re.escape(LDAP_REQUEST)), bytes.fromhex("300c 020101 7807 0a0100 0400 0400"))),
    "SQL Server that insists": ("mssql", (Hear(rb"\x12\x01\x00\x2f.{43}"), tds_packet(tds_prelogin(3)))),
}
"""More ways of turning to TLS."""

_REFUSED, _NOT_OFFERED, _BROKEN = "starttls-refused", "starttls-not-offered", "starttls-broken"

BAD: dict[str, tuple[str, Script, str, str]] = {
    "SMTP that is full": ("smtp", (b"421 4.3.2 too many connections\r\n",), _REFUSED, "421 4.3.2 too many connections"),
    "SMTP without it": ("smtp", (b"220 a\r\n", _EHLO, b"250-a\r\n250 SIZE 9\r\n"), _NOT_OFFERED, "it has SIZE 9"),
    "SMTP without extensions": ("smtp", (b"220 a\r\n", _EHLO, b"502 what?\r\n"), _NOT_OFFERED, "502 what?"),
    "SMTP that turns EHLO down": ("smtp", (b"220 a\r\n", _EHLO, b"450 later\r\n"), _REFUSED, "450 later"),
    "SMTP that cannot now": (
        "smtp",
        (b"220 a\r\n", _EHLO, b"250-a\r\n250 STARTTLS\r\n", _STARTTLS, b"454 4.7.0 no certificate\r\n"),
        _REFUSED,
        "454 4.7.0 no certificate",
    ),
    "SMTP that babbles": ("smtp", (b"220 a\r\n", _EHLO, b"hello to you\r\n"), _BROKEN, "hello to you"),
    "IMAP that is logged in": ("imap", (b"* PREAUTH welcome\r\n",), _REFUSED, "logged in"),
    "IMAP that says goodbye": ("imap", (b"* BYE busy\r\n",), _REFUSED, "* BYE busy"),
    "IMAP without it": (
        "imap",
        (b"* OK\r\n", Hear(rb"a1 CAPABILITY\r\n"), b"* CAPABILITY IMAP4rev1 IDLE\r\na1 OK\r\n"),
        _NOT_OFFERED,
        "IMAP4rev1 IDLE",
    ),
    "IMAP that cannot now": (
        "imap",
        (
            b"* OK\r\n",
            Hear(rb"a1 CAPABILITY\r\n"),
            b"* CAPABILITY STARTTLS\r\na1 OK\r\n",
            Hear(rb"a2 STARTTLS\r\n"),
            b"a2 NO no\r\n",
        ),
        _REFUSED,
        "a2 NO no",
    ),
    "POP3 that is locked": ("pop3", (b"-ERR locked\r\n",), _REFUSED, "-ERR locked"),
    "POP3 without it": ("pop3", (b"+OK\r\n", Hear(rb"CAPA\r\n"), b"+OK\r\nUSER\r\n.\r\n"), _NOT_OFFERED, "it has USER"),
    "ManageSieve that is busy": ("sieve", (b'BYE "busy"\r\n',), _REFUSED, 'BYE "busy"'),
    "ManageSieve without it": ("sieve", (b'"SIEVE" "fileinto"\r\nOK\r\n',), _NOT_OFFERED, '"SIEVE" "fileinto"'),
    "FTP without it": ("ftp", (b"220 FTP\r\n", Hear(rb"AUTH TLS\r\n"), b"502 what?\r\n"), _NOT_OFFERED, "502 what?"),
    "FTP that wants a login": ("ftp", (b"220 FTP\r\n", Hear(rb"AUTH TLS\r\n"), b"530 log in\r\n"), _REFUSED, "530 log in"),
    "NNTP without it": (
        "nntp",
        (b"200 a\r\n", Hear(rb"CAPABILITIES\r\n"), b"101 a\r\nREADER\r\n.\r\n"),
        _NOT_OFFERED,
        "it has READER",
    ),
    "NNTP that cannot now": (
        "nntp",
        (b"200 a\r\n", Hear(rb"CAPABILITIES\r\n"), b"101 a\r\nSTARTTLS\r\n.\r\n", _STARTTLS, b"580 cannot\r\n"),
        _REFUSED,
        "580 cannot",
    ),
    "LDAP without it": ("ldap", (ldap_result(2, b"unsupported"),), _NOT_OFFERED, "protocolError (unsupported)"),
    "LDAP that cannot now": ("ldap", (ldap_result(52),), _REFUSED, "unavailable"),
    "LDAP that disconnects": ("ldap", (ldap_result(51, b"busy", number=0),), _REFUSED, "busy"),
    "LDAP that says something else": ("ldap", (b"\x30\x05\x02\x01\x01\x61\x00",), _BROKEN, "answers"),
    "LDAP without a length": ("ldap", (b"\x30\x80",), _BROKEN, "answers"),
    "PostgreSQL without it": ("postgres", (b"N",), _NOT_OFFERED, "N"),
    "PostgreSQL that is full": (
        "postgres",
        (b"E\0\0\0\x24SFATAL\0C53300\0Mtoo many clients\0\0",),
        _REFUSED,
        "FATAL 53300 too many clients",
    ),
    "an old PostgreSQL": ("postgres", (b"EFATAL: too old\n\0",), _REFUSED, "FATAL: too old"),
    "MySQL that blocks": (
        "mysql",
        (packet(0, b"\xff\x69\x04Host '127.0.0.1' is blocked"),),
        _REFUSED,
        "Host '127.0.0.1' is blocked (error 1129)",
    ),
    "MySQL that is full": ("mysql", (packet(0, b"\xff\x10\x04#08004Too many connections"),), _REFUSED, "Too many connections"),
    "MySQL without it": ("mysql", (mysql_greeting(0xF7FF),), _NOT_OFFERED, "8.0.1-test"),
    "a MySQL of long ago": ("mysql", (packet(0, b"\x093.20\0"),), _BROKEN, "answers"),
    "SQL Server without it": ("mssql", (tds_packet(tds_prelogin(2)),), _NOT_OFFERED, "not at all"),
    "SQL Server that is full": ("mssql", (tds_packet(TDS_ERROR),), _REFUSED, "away (error 17828)"),
    "SQL Server without an answer": ("mssql", (tds_packet(b"\xff"),), _BROKEN, "answers"),
    "XMPP for another domain": (
        "xmpp",
        (
            xmpp_hello(),
            XMPP_STREAM + b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
            b"xmlns='urn:ietf:params:xml:ns:xmpp-streams'>who?</text></stream:error></stream:stream>",
        ),
        _REFUSED,
        "host-unknown (who?)",
    ),
    "XMPP without it": (
        "xmpp",
        (xmpp_hello(), XMPP_STREAM + b"<stream:features><sub xmlns='x'/></stream:features>"),
        _NOT_OFFERED,
        "it has sub",
    ),
    "XMPP that fails": (
        "xmpp",
        (xmpp_hello(), XMPP_STREAM + XMPP_FEATURES, Hear(XMPP_START), b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        _REFUSED,
        "failure",
    ),
    "XMPP with a bomb": (
        "xmpp",
        (xmpp_hello(), b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><stream>&b;</stream>"),
        _BROKEN,
        "document type",
    ),
    "XMPP that closes": ("xmpp", (xmpp_hello(), XMPP_STREAM + b"</stream:stream>"), _BROKEN, "ended the stream"),
    "IRC without it": ("irc", (_CAP, b":a CAP * LS :sasl\r\n"), _NOT_OFFERED, "it has sasl"),
    "IRC that knows nothing": (
        "irc",
        (_CAP, b":a 451 * :Register first\r\n", _STARTTLS, b":a 451 * :Register first\r\n"),
        _NOT_OFFERED,
        "Register first",
    ),
    "IRC that cannot now": (
        "irc",
        (_CAP, b":a CAP * LS :tls\r\n", _STARTTLS, b":a 691 * :no TLS today\r\n"),
        _REFUSED,
        "no TLS today",
    ),
    "IRC that bans": ("irc", (b"ERROR :Closing link: banned\r\n",), _REFUSED, "banned"),
    "RDP from before the choice": ("rdp", (bytes.fromhex("0300000b06d00000123400"),), _NOT_OFFERED, "before there was a choice"),
    "RDP without it": ("rdp", (rdp_confirm(3, 2),), _REFUSED, "only the standard security"),
    "RDP that takes less": ("rdp", (rdp_confirm(2, 0),), _NOT_OFFERED, "standard security"),
    "Telnet without it": ("telnet", (b"login: ", Hear(_WILL), b"\xff\xfe\x2e"), _NOT_OFFERED, "login:"),
    "a closed door": ("imap", (), _BROKEN, "closed the connection"),
}
"""A server that does not: protocol, script, code, and words of its own that the message has."""

UNWILLING = {
    "starttls-refused": b"EFATAL: no\0",
    "starttls-not-offered": b"N",
    "starttls-broken": b"?",
    "plaintext-after-starttls": b"SELECT",
    "tls-from-first-byte": bytes.fromhex("15 03 03 00 02 02 0a"),
}
"""What PostgreSQL may answer to the question for TLS, by the code of the error that it amounts to."""
