"""PostgreSQL and MySQL: a request of one packet, in the place of the login."""

from __future__ import annotations

import struct

from tlstool.starttls.replies import nonsense, not_offered, refuse, said
from tlstool.wire import CAP, Wire


def postgres(wire: Wire, _name: str) -> None:
    """PostgreSQL's SSLRequest: answered by one letter."""
    wire.send(struct.pack(">IHH", 8, 1234, 5679))
    match wire.exactly(1):
        case b"S":
            return
        case b"N":
            not_offered("TLS", "it answers N")
        case b"E":
            refuse("the connection", _postgres_error(wire))
        case other:
            raise nonsense(other)


def _postgres_error(wire: Wire) -> str:
    """The text of an ErrorResponse: fields by letters, each ended by a zero; in old servers a text alone."""
    size = wire.exactly(4)
    if not 4 <= int.from_bytes(size, "big") <= CAP:
        return said(size + wire.through(b"\0")[:-1])
    fields = wire.exactly(int.from_bytes(size, "big") - 4).split(b"\0")
    found = {field[:1]: field[1:] for field in fields}
    return said(b" ".join(found[letter] for letter in (b"S", b"C", b"M") if letter in found))


_CLIENT_PROTOCOL_41, _CLIENT_SSL, _CLIENT_SECURE_CONNECTION = 0x0200, 0x0800, 0x8000
_UTF8MB4 = 45
_LARGEST_PACKET = 1 << 24


def mysql(wire: Wire, _name: str) -> str:
    """MySQL's and MariaDB's SSLRequest, which cuts the login short; the ClientHello comes without another word of the server."""
    head = wire.exactly(4)
    size = int.from_bytes(head[:3], "little")
    if not 1 <= size <= CAP or head[3] > 1:
        raise nonsense(head)
    greeting = wire.exactly(size)
    if greeting[0] == 0xFF:
        refuse("the connection", _mysql_error(greeting))
    if greeting[0] != 10:
        raise nonsense(greeting)
    version, _, rest = greeting[1:].partition(b"\0")
    try:
        # A number of the connection, 8 bytes of challenge and a zero come before the first half of the flags.
        (flags,) = struct.unpack_from("<H", rest, 13)
    except struct.error:
        raise nonsense(greeting) from None
    if not flags & _CLIENT_SSL:
        not_offered("TLS", f"version {said(version)} has it not, or not enabled")
    # MariaDB puts this first, for clients of long ago that expect a version of MySQL's.
    version = version.removeprefix(b"5.5.5-")
    wanted = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
    request = struct.pack("<IIB23x", wanted, _LARGEST_PACKET, _UTF8MB4)
    wire.send(len(request).to_bytes(3, "little") + bytes([head[3] + 1]) + request)
    return said(version)


def _mysql_error(packet: bytes) -> str:
    """Number and text of an error packet; from version 4.1 on a state of five characters may stand between them."""
    number = int.from_bytes(packet[1:3], "little")
    text = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return f"{said(text)} (error {number})"
