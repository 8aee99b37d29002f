"""SQL Server: the PRELOGIN of TDS 7, behind which the handshake travels in packets of the same kind."""

from __future__ import annotations

import struct

from tlstool.starttls.replies import nonsense, not_offered, refuse, said
from tlstool.wire import Wire, WireError

_PRELOGIN, _RESPONSE = 0x12, 0x04
_END_OF_MESSAGE = 0x01
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _TERMINATOR = 0, 1, 2, 3, 4, 0xFF
_ENCRYPT_ON, _ENCRYPT_REQUIRED = 1, 3
_ENCRYPTIONS = {0: "for the login alone", 2: "not at all"}
_ERROR_TOKEN = 0xAA


def mssql(wire: Wire, _name: str) -> str | None:
    """Ask for encryption of everything ([MS-TDS] 2.2.6.5)."""
    values = {_VERSION: bytes(6), _ENCRYPTION: bytes([_ENCRYPT_ON]), _INSTANCE: b"\0", _THREAD: bytes(4), _MARS: b"\0"}
    message = _options(values)
    wire.send(struct.pack(">BBHHBB", _PRELOGIN, _END_OF_MESSAGE, 8 + len(message), 0, 1, 0) + message)
    answer = _tds_message(wire)
    if answer[:1] == bytes([_ERROR_TOKEN]):
        refuse("the connection", _tds_error(answer))
    try:
        found = _parsed_options(answer)
        encryption = found[_ENCRYPTION][0]
    except (struct.error, LookupError):
        raise nonsense(answer) from None
    if encryption not in (_ENCRYPT_ON, _ENCRYPT_REQUIRED):
        not_offered("TLS", f"it encrypts {_ENCRYPTIONS.get(encryption, f'in a way of its own ({encryption})')}")
    version = found.get(_VERSION, b"")
    return "SQL Server {}.{}.{}".format(*struct.unpack(">BBH", version[:4])) if len(version) >= 4 else None


def _options(values: dict[int, bytes]) -> bytes:
    """A table of numbers, offsets and lengths, and behind it the values."""
    offset = 5 * len(values) + 1
    table = b""
    for option, value in values.items():
        table += struct.pack(">BHH", option, offset, len(value))
        offset += len(value)
    return table + bytes([_TERMINATOR]) + b"".join(values.values())


def _parsed_options(message: bytes) -> dict[int, bytes]:
    found = {}
    place = 0
    while message[place] != _TERMINATOR:
        option, offset, size = struct.unpack_from(">BHH", message, place)
        found[option] = message[offset : offset + size]
        place += 5
    return found


def _tds_message(wire: Wire) -> bytes:
    """The content of the next message, of however many packets."""
    content = b""
    while True:
        head = wire.exactly(8)
        kind, status, size = struct.unpack_from(">BBH", head)
        if kind not in (_RESPONSE, _PRELOGIN) or size < 8:
            raise nonsense(head)
        content += wire.exactly(size - 8)
        if status & _END_OF_MESSAGE:
            return content


def _tds_error(token: bytes) -> str:
    """Number and text of an ERROR token ([MS-TDS] 2.2.7.10)."""
    try:
        number, characters = struct.unpack_from("<I2xH", token, 3)
    except struct.error:
        raise WireError("the peer's error is cut off") from None
    text = token[11 : 11 + 2 * characters].decode("utf-16-le", "replace")
    return f"{said(text.encode())} (error {number})"
