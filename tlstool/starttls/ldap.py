"""LDAP: one request in BER, and one answer."""

from __future__ import annotations

from tlstool.starttls.replies import nonsense, not_offered, refuse, said
from tlstool.wire import CAP, Wire, WireError

_SEQUENCE, _INTEGER, _ENUMERATED = 0x30, 0x02, 0x0A
_EXTENDED_REQUEST, _REQUEST_NAME = 0x77, 0x80
_EXTENDED_RESPONSE = 0x78
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_MESSAGE_ID = 1

_SUCCESS, _PROTOCOL_ERROR = 0, 2
_RESULTS = {1: "operationsError", 2: "protocolError", 51: "busy", 52: "unavailable", 53: "unwillingToPerform"}


def ldap(wire: Wire, _name: str) -> None:
    """RFC 4511 section 4.14."""
    name = _encoded(_REQUEST_NAME, _START_TLS)
    wire.send(_encoded(_SEQUENCE, _encoded(_INTEGER, bytes([_MESSAGE_ID])) + _encoded(_EXTENDED_REQUEST, name)))
    message = _read(wire)
    try:
        tag, number, rest = _element(message)
        operation, response, _ = _element(rest)
        kind, result, rest = _element(response)
        _, _matched, rest = _element(rest)
        _, diagnostic, _ = _element(rest)
    except IndexError:
        raise nonsense(message) from None
    if (tag, operation, kind) != (_INTEGER, _EXTENDED_RESPONSE, _ENUMERATED):
        raise nonsense(message)
    code = int.from_bytes(result[:4], "big")
    words = (
        f"{_RESULTS.get(code, f'result code {code}')} ({said(diagnostic)})" if diagnostic else _RESULTS.get(code, f"code {code}")
    )
    if int.from_bytes(number[:4], "big") != _MESSAGE_ID:
        # A message that nobody asked for says that the connection ends (RFC 4511 section 4.4.1).
        refuse("the connection", words)
    if code == _PROTOCOL_ERROR:
        not_offered("StartTLS", words)
    if code != _SUCCESS:
        refuse("StartTLS", words)


def _encoded(tag: int, value: bytes) -> bytes:
    """A short element in BER (X.690 section 8.1)."""
    assert len(value) < 0x80, "a short one"
    return bytes([tag, len(value)]) + value


def _read(wire: Wire) -> bytes:
    """What is in the next message."""
    head = wire.exactly(2)
    if head[0] != _SEQUENCE:
        raise nonsense(head)
    size = head[1]
    if size & 0x80:
        # So many bytes of length follow; no byte would be the form without a length, which LDAP forbids (RFC 4511 section 5.1).
        if not 1 <= size & 0x7F <= 4:
            raise nonsense(head)
        size = int.from_bytes(wire.exactly(size & 0x7F), "big")
    if size > CAP:
        raise WireError(f"the peer's answer is too long: {size} bytes")
    return wire.exactly(size)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and value of the first element, and what is behind it.

    Raises:
        IndexError: it is cut off.
    """
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise IndexError
    return tag, data[start : start + size], data[start + size :]
