"""The packets in which SQL Server wants the records of a handshake, up to TDS 7 ([MS-TDS] 3.2.5.2)."""

from __future__ import annotations

import struct

from tlstool.errors import HandshakeError

_HEADER = struct.Struct(">BBHHBB")
# The size before the login has settled on another ([MS-TDS] 2.2.6.4).
_PACKET = 4096
_PRELOGIN, _RESPONSE = 0x12, 0x04
_END_OF_MESSAGE = 0x01


class Wrapping:
    """Both directions of one handshake."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._payload = 0

    def wanted(self) -> int:
        """How many bytes to take from the socket at most, so that none is taken that belongs to something else."""
        return self._payload or _HEADER.size - len(self._header)

    def unwrapped(self, received: memoryview) -> memoryview:
        """What of the received bytes, at most `wanted`, is of records: all or nothing."""
        if self._payload:
            self._payload -= len(received)
            return received
        self._header += received
        if len(self._header) == _HEADER.size:
            kind, _, size, _, _, _ = _HEADER.unpack(self._header)
            if kind not in (_PRELOGIN, _RESPONSE) or size < _HEADER.size:
                raise HandshakeError("peer-misbehaved", "the peer's handshake does not come in TDS packets")
            self._payload = size - _HEADER.size
            self._header.clear()
        return received[:0]

    def wrapped(self, records: bytes) -> bytes:
        """Records as one message of as many packets as it takes."""
        step = _PACKET - _HEADER.size
        message = bytearray()
        for number, start in enumerate(range(0, len(records), step), 1):
            part = records[start : start + step]
            status = _END_OF_MESSAGE if start + step >= len(records) else 0
            message += _HEADER.pack(_PRELOGIN, status, _HEADER.size + len(part), 0, number & 0xFF, 0) + part
        return bytes(message)
