"""IMAP, POP3 and ManageSieve: how mail programs get at mail that has arrived."""

from __future__ import annotations

import re

from tlstool.starttls.replies import dotted, nonsense, not_offered, refuse, said
from tlstool.wire import Wire

# A string follows the line, in so many bytes (RFC 5804 section 1.2).
_LITERAL = re.compile(rb"\{([0-9]{1,9})\+?\}$")


def imap(wire: Wire, _name: str) -> str:
    """RFC 9051 sections 6.1.1 and 6.2.1."""
    greeting = wire.line()
    match greeting.upper().split()[:2]:
        case [b"*", b"OK"]:
            pass
        case [b"*", b"PREAUTH"]:
            # Whoever is logged in already cannot turn to TLS (RFC 9051 section 7.1.4), so this may be an attack.
            refuse("STARTTLS, as it takes us for logged in", said(greeting))
        case [b"*", b"BYE"]:
            refuse("the connection", said(greeting))
        case _:
            raise nonsense(greeting)
    lines, outcome = _command(wire, b"a1", b"CAPABILITY")
    offers = b" ".join(line[len(b"* CAPABILITY ") :] for line in lines if line.upper().startswith(b"* CAPABILITY "))
    if b"STARTTLS" not in offers.upper().split():
        not_offered("STARTTLS", f"it has {said(offers)}" if offers else said(outcome))
    _, outcome = _command(wire, b"a2", b"STARTTLS")
    if outcome.upper().split()[1:2] != [b"OK"]:
        refuse("STARTTLS", said(outcome))
    return said(greeting)


def pop3(wire: Wire, _name: str) -> str:
    """RFC 2595 section 4."""
    greeting = wire.line()
    if greeting.startswith(b"-ERR"):
        refuse("the connection", said(greeting))
    if not greeting.startswith(b"+OK"):
        raise nonsense(greeting)
    wire.send(b"CAPA\r\n")
    # A server without CAPA (RFC 2449) may have STLS all the same.
    if _is_good(wire.line()):
        offers = dotted(wire)
        if not any(offer.upper().split() == [b"STLS"] for offer in offers):
            not_offered("STLS", f"it has {said(b', '.join(offers))}")
    wire.send(b"STLS\r\n")
    answer = wire.line()
    if not _is_good(answer):
        refuse("STLS", said(answer))
    return said(greeting)


def sieve(wire: Wire, _name: str) -> str:
    """RFC 5804 sections 1.7 and 2.2: the capabilities are the greeting."""
    offers, outcome = _sieve_response(wire)
    if outcome[:2].upper() != b"OK":
        refuse("the connection", said(outcome))
    if not any(offer.upper().startswith(b'"STARTTLS"') for offer in offers):
        not_offered("STARTTLS", f"it has {said(b', '.join(offers))}" if offers else said(outcome))
    wire.send(b"STARTTLS\r\n")
    _, outcome = _sieve_response(wire)
    if outcome[:2].upper() != b"OK":
        refuse("STARTTLS", said(outcome))
    return said(next((offer for offer in offers if offer.upper().startswith(b'"IMPLEMENTATION"')), outcome))


def _command(wire: Wire, tag: bytes, command: bytes) -> tuple[list[bytes], bytes]:
    """The untagged lines that an IMAP command brought, and the one with its outcome."""
    wire.send(tag + b" " + command + b"\r\n")
    untagged = []
    while (line := wire.line()).startswith(b"* "):
        if line.upper().startswith(b"* BYE"):
            refuse(command.decode(), said(line))
        untagged.append(line)
    if not line.startswith(tag + b" "):
        raise nonsense(line)
    return untagged, line


def _is_good(answer: bytes) -> bool:
    if answer.startswith((b"+OK", b"-ERR")):
        return answer.startswith(b"+OK")
    raise nonsense(answer)


def _sieve_response(wire: Wire) -> tuple[list[bytes], bytes]:
    """The lines up to the one with the outcome (`OK`, `NO` or `BYE`), and that one."""
    lines: list[bytes] = []
    while True:
        line = _sieve_line(wire)
        word = re.split(rb"[ (]", line.upper(), maxsplit=1)[0]
        if word in (b"OK", b"NO", b"BYE"):
            return lines, line
        if not line.startswith(b'"'):
            raise nonsense(line)
        lines.append(line)


def _sieve_line(wire: Wire) -> bytes:
    """A line, with the literals that it holds put in their places."""
    line = wire.line()
    while found := _LITERAL.search(line):
        line = line[: found.start()] + b'"' + wire.exactly(int(found[1])) + b'"' + wire.line()
    return line
