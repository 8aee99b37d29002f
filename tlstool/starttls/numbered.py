"""SMTP, LMTP, FTP and NNTP: commands as lines, and replies that begin with a number."""

from __future__ import annotations

from tlstool.starttls.replies import Reply, dotted, not_offered, refuse, reply, said
from tlstool.wire import Wire

_UNKNOWN_COMMAND = (500, 501, 502, 504)


def smtp(wire: Wire, _name: str) -> str:
    """RFC 3207."""
    return _mail(wire, "EHLO", "an LMTP server wants --starttls lmtp")


def lmtp(wire: Wire, _name: str) -> str:
    """RFC 2033 with RFC 3207: SMTP, but for its first word."""
    return _mail(wire, "LHLO", "an SMTP server wants --starttls smtp")


def ftp(wire: Wire, _name: str) -> str:
    """RFC 4217. Whether AUTH TLS is there is seen by its reply: servers differ in how they list it, if they have a list."""
    greeting = reply(wire)
    if greeting.code == 120:
        # It will be ready in some minutes, and says so again then (RFC 959 section 5.4); the time limit decides how many we have.
        greeting = reply(wire)
    if greeting.code != 220:
        refuse("the connection", str(greeting))
    answer = _ask(wire, "AUTH TLS")
    if answer.code in _UNKNOWN_COMMAND:
        not_offered("AUTH TLS", str(answer))
    if answer.code != 234:
        refuse("AUTH TLS", str(answer))
    return str(greeting)


def nntp(wire: Wire, _name: str) -> str:
    """RFC 4642."""
    greeting = reply(wire)
    if greeting.code not in (200, 201):
        refuse("the connection", str(greeting))
    capabilities = _ask(wire, "CAPABILITIES")
    # A server from before RFC 3977 has no list to show, and may have STARTTLS all the same.
    if capabilities.code == 101:
        offers = dotted(wire)
        if not any(offer.upper().split() == [b"STARTTLS"] for offer in offers):
            not_offered("STARTTLS", _listed(offers))
    answer = _ask(wire, "STARTTLS")
    if answer.code in _UNKNOWN_COMMAND:
        not_offered("STARTTLS", str(answer))
    if answer.code != 382:
        refuse("STARTTLS", str(answer))
    return str(greeting)


def _mail(wire: Wire, hello: str, hint: str) -> str:
    greeting = reply(wire)
    if greeting.code != 220:
        refuse("the connection", str(greeting))
    offer = _ask(wire, f"{hello} {_own_name(wire)}")
    if offer.code in _UNKNOWN_COMMAND:
        not_offered(f"STARTTLS, nor {hello}", str(offer), hint)
    if offer.code != 250:
        refuse(hello, str(offer))
    keywords = offer.texts[1:]
    if not any(keyword.upper().split() == [b"STARTTLS"] for keyword in keywords):
        not_offered("STARTTLS", _listed(keywords))
    answer = _ask(wire, "STARTTLS")
    if answer.code != 220:
        refuse("STARTTLS", str(answer))
    return str(greeting)


def _ask(wire: Wire, command: str) -> Reply:
    wire.send(f"{command}\r\n".encode())
    return reply(wire)


def _own_name(wire: Wire) -> str:
    """An address literal, for a client that has no name of its own to tell (RFC 5321 sections 4.1.3 and 4.1.4)."""
    address = wire.own_address()
    if address is None:
        return "localhost"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _listed(offers: list[bytes] | tuple[bytes, ...]) -> str:
    return f"it has {said(b', '.join(offers))}" if offers else "it has no extension at all"
