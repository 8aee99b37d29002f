"""IRC, whose servers talk of other things first: notices, pings, and the list of what they can do."""

from __future__ import annotations

from tlstool.starttls.replies import nonsense, not_offered, refuse, said
from tlstool.wire import Wire

_TLS = b"tls"
_WORDS = (b"NOTICE", b"PING", b"CAP", b"ERROR", b"AUTH")
"""What comes before a registration, besides numbers."""


def irc(wire: Wire, _name: str) -> str | None:
    """The extension `tls` of IRCv3, which is asked for by CAP LS; a server that does not know CAP is asked outright.

    Some servers pass over what they do not know without a word. A NICK without a name is what every one complains about.
    """
    wire.send(b"CAP LS 302\r\nNICK\r\n")
    greeting: bytes | None = None
    offers: list[bytes] = []
    while True:
        source, command, parameters = _message(wire)
        # The server's name comes with whatever it says first.
        greeting = greeting or source
        match command:
            case b"PING":
                wire.send(b"PONG :" + b" ".join(parameters[-1:]) + b"\r\n")
            case b"ERROR":
                refuse("the connection", said(b" ".join(parameters)))
            case b"CAP" if len(parameters) >= 3 and parameters[1].upper() == b"LS":
                offers += parameters[-1].split()
                # A star before the list says that there is more of it (capability negotiation, version 302).
                if parameters[2] != b"*" or len(parameters) == 3:
                    break
            case b"410" | b"421" | b"431" | b"451" | b"461":
                # No CAP, or none before the registration; or NICK's turn has come, and CAP had no answer.
                offers = [_TLS]
                break
    if not any(offer.partition(b"=")[0].lower() == _TLS for offer in offers):
        not_offered("STARTTLS", f"it has {said(b' '.join(offers))}" if offers else "it has no extension at all")
    wire.send(b"STARTTLS\r\n")
    _await_consent(wire)
    return said(greeting) if greeting else None


def _await_consent(wire: Wire) -> None:
    while True:
        _, command, parameters = _message(wire)
        match command:
            case b"670":
                return
            case b"PING":
                wire.send(b"PONG :" + b" ".join(parameters[-1:]) + b"\r\n")
            case b"691" | b"ERROR":
                refuse("STARTTLS", said(b" ".join(parameters)))
            case b"421" | b"451":
                not_offered("STARTTLS", said(b" ".join(parameters)))


def _message(wire: Wire) -> tuple[bytes | None, bytes, list[bytes]]:
    """Source, command and parameters of the next line (RFC 1459 section 2.3.1, with the tags of IRCv3)."""
    line = wire.line()
    if line.startswith(b"@"):
        line = line.partition(b" ")[2].lstrip()
    source = None
    if line.startswith(b":"):
        source, _, line = line[1:].partition(b" ")
    before, colon, trailing = line.lstrip().partition(b" :")
    words = before.split()
    command = words[0].upper() if words else b""
    if command not in _WORDS and not (len(command) == 3 and command.isdigit()):
        raise nonsense(line)
    return source, command, [*words[1:], *([trailing] if colon else [])]
