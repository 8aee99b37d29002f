"""Telnet, whose options are bytes among the text (RFC 854); START_TLS is one of them (draft-altman-telnet-starttls)."""

from __future__ import annotations

from tlstool import sniff
from tlstool.starttls.replies import nonsense, not_offered, said
from tlstool.wire import Wire

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_START_TLS = 46
_FOLLOWS = 1


def telnet(wire: Wire, _name: str) -> str | None:
    """Wait for the server to ask for START_TLS, and ask ourselves once it begins to talk of other things."""
    text = bytearray()
    answered = set[bytes]()
    asked = agreed = False
    while True:
        command, argument = _next(wire)
        if command is None:
            text += argument
            if not asked:
                wire.send(bytes([_IAC, _WILL, _START_TLS]))
                asked = True
            elif argument == b"\n" and len(text) <= sniff.ENOUGH and sniff.recognise(bytes(text)):
                raise nonsense(bytes(text))
        elif argument[:1] != bytes([_START_TLS]):
            # Once is enough, and all that a server may want to hear that asks without end.
            answer = _declined(command, argument)
            if answer not in answered:
                wire.send(answer)
                answered.add(answer)
        elif command == _DO:
            # Where that answers us it is agreed already, and said again it could be taken for another question (RFC 1143).
            wire.send(bytes([] if asked else [_IAC, _WILL, _START_TLS]) + _FOLLOWING)
            asked = agreed = True
        elif command in (_DONT, _WONT):
            not_offered("START_TLS", said(bytes(text)) or "it says DONT")
        elif command == _SB and agreed and argument[1:] == bytes([_FOLLOWS]):
            return said(bytes(text)) or None


_FOLLOWING = bytes([_IAC, _SB, _START_TLS, _FOLLOWS, _IAC, _SE])
"""The next byte is TLS: both sides say so."""


def _declined(command: int, argument: bytes) -> bytes:
    """The answer to an option that we have not; to all else there is none."""
    refusal = {_DO: _WONT, _WILL: _DONT}.get(command)
    return b"" if refusal is None else bytes([_IAC, refusal]) + argument


def _next(wire: Wire) -> tuple[int | None, bytes]:
    """A command with its option and what more it has, or None and a byte of text."""
    byte = wire.exactly(1)
    if byte[0] != _IAC:
        return None, byte
    command = wire.exactly(1)[0]
    if command == _IAC:
        return None, byte
    if command in (_DO, _DONT, _WILL, _WONT):
        return command, wire.exactly(1)
    if command == _SB:
        return command, _subnegotiation(wire)
    return command, b""


def _subnegotiation(wire: Wire) -> bytes:
    """The bytes up to IAC SE; an IAC among them is doubled."""
    found = bytearray()
    while True:
        found += wire.through(bytes([_IAC]))[:-1]
        following = wire.exactly(1)
        if following[0] == _SE:
            return bytes(found)
        found += following
