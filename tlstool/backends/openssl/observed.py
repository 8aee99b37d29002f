"""Reads along with a client's connection, as far as OpenSSL's message callback shows what goes over the wire."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Literal

from tlstool.backends.openssl.failure import alert_name
from tlstool.cost import CertificateCompression, Cost
from tlstool.events import WireEvent

Direction = Literal["sent", "received"]

# Content types (RFC 8446 section 5.1), and the two pseudo-types by which OpenSSL shows the header of a record and, in TLS 1.3,
# the type of what was encrypted (ssl3.h).
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 0x14, 0x15, 0x16, 0x17
_HEADER, _INNER_TYPE = 0x100, 0x101
_CONTENTS = {
    _CHANGE_CIPHER_SPEC: "change_cipher_spec",
    _ALERT: "alert",
    _HANDSHAKE: "handshake",
    _APPLICATION_DATA: "application_data",
    0x18: "heartbeat",
}

# Handshake messages by the names of their structures (RFC 8446 section 4, RFC 5246 section 7.4, RFC 8879 section 4).
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE, _COMPRESSED_CERTIFICATE = 0x01, 0x02, 0x0B, 0x19
_MESSAGES = {
    0x00: "HelloRequest",
    _CLIENT_HELLO: "ClientHello",
    _SERVER_HELLO: "ServerHello",
    0x04: "NewSessionTicket",
    0x05: "EndOfEarlyData",
    0x08: "EncryptedExtensions",
    _CERTIFICATE: "Certificate",
    0x0C: "ServerKeyExchange",
    0x0D: "CertificateRequest",
    0x0E: "ServerHelloDone",
    0x0F: "CertificateVerify",
    0x10: "ClientKeyExchange",
    0x14: "Finished",
    0x16: "CertificateStatus",
    0x18: "KeyUpdate",
    _COMPRESSED_CERTIFICATE: "CompressedCertificate",
}
_COMPRESSIONS = {1: "zlib", 2: "brotli", 3: "zstd"}

# The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3), and where it stands in the message.
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_RANDOM = slice(6, 38)

_RECORD_HEADER = 5


class Observed:
    """What was seen of one connection.

    Attributes:
        hello_retry: whether the server asked for another ClientHello; None before it answered.
        certificate_compression: how its chain was compressed, None if it was not.
    """

    def __init__(self, sock: socket.socket, on_wire: Callable[[WireEvent], None] | None) -> None:
        self.hello_retry: bool | None = None
        self.certificate_compression: CertificateCompression | None = None
        self._on_wire = on_wire
        self._segment = _segment(sock)
        self._start = time.perf_counter()
        self._bytes: dict[Direction, int] = {"sent": 0, "received": 0}
        self._flights: dict[Direction, int] = {"sent": 0, "received": 0}
        self._last: Direction | None = None
        # Everything behind a ChangeCipherSpec is encrypted, but in TLS 1.3 it means nothing.
        self._ciphered: set[Direction] = set()
        self._is_tls13 = False
        self._waiting: tuple[Direction, int] | None = None
        self._client_hello: int | None = None
        self._chain: int | None = None
        self._asked: float | None = None
        self._answered: float | None = None

    def note(self, direction: str, content: int, data: bytes) -> None:
        """One call of the message callback; `direction` is `read` or `write`."""
        way: Direction = "sent" if direction == "write" else "received"
        if content == _HEADER:
            self._record(way, data)
        elif content == _INNER_TYPE and self._waiting:
            # The header came just before it.
            way, size = self._waiting
            self._waiting = None
            self._tell(way, "record", _content(data[0]), size, "encrypted")
        elif content == _ALERT and len(data) == 2:
            level = {1: "warning", 2: "fatal"}.get(data[0], f"level {data[0]}")
            self._tell(way, "message", "Alert", 2, f"{level} {alert_name(data[1])}")
        elif content == _HANDSHAKE and data:
            self._message(way, data)

    def cost(self) -> Cost:
        """What the handshake cost, asked for at its end."""
        hello, segments = self._client_hello, None
        if hello is not None and self._segment:
            segments = -(-hello // self._segment)
        waited = None if self._asked is None or self._answered is None else self._answered - self._asked
        return Cost(
            bytes_sent=self._bytes["sent"],
            bytes_received=self._bytes["received"],
            flights_sent=self._flights["sent"],
            flights_received=self._flights["received"],
            round_trips=self._flights["received"],
            client_hello_bytes=hello,
            client_hello_segments=segments,
            chain_bytes=self._chain,
            hello_to_hello_ms=waited,
        )

    def _record(self, way: Direction, header: bytes) -> None:
        kind, size = header[0], _RECORD_HEADER + int.from_bytes(header[3:5])
        self._bytes[way] += size
        if self._is_tls13 and kind == _APPLICATION_DATA:
            self._waiting = (way, size)
        else:
            encrypted = not self._is_tls13 and way in self._ciphered
            self._tell(way, "record", _content(kind), size, "encrypted" if encrypted else None)
            if kind == _CHANGE_CIPHER_SPEC:
                self._ciphered.add(way)

    def _message(self, way: Direction, data: bytes) -> None:
        kind, now = data[0], self._elapsed_ms()
        if way != self._last:
            self._last = way
            self._flights[way] += 1
        name, detail = _MESSAGES.get(kind, f"handshake message {kind}"), None
        if kind == _CLIENT_HELLO and self._asked is None:
            # The record of the hello may not have been shown yet.
            self._client_hello, self._asked = len(data) + _RECORD_HEADER, now
        elif kind == _SERVER_HELLO and data[_RANDOM] == _RETRY:
            self.hello_retry, name = True, "HelloRetryRequest"
        elif kind == _SERVER_HELLO:
            self.hello_retry, self._answered = bool(self.hello_retry), now
            self._is_tls13 = _is_tls13(data)
        elif kind == _CERTIFICATE and way == "received":
            self._chain = len(data)
        elif kind == _COMPRESSED_CERTIFICATE and way == "received":
            self._chain, self.certificate_compression = len(data), _compression(data[4:])
            detail = self.certificate_compression.algorithm
        self._tell(way, "message", name, len(data), detail)

    def _tell(self, way: Direction, layer: Literal["record", "message"], name: str, size: int, detail: str | None) -> None:
        if self._on_wire:
            self._on_wire(WireEvent(way, layer, name, size, detail, self._elapsed_ms()))

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._start) * 1e3


def _content(kind: int) -> str:
    return _CONTENTS.get(kind, f"type {kind}")


def _is_tls13(hello: bytes) -> bool:
    """Whether a ServerHello has chosen it, by `supported_versions` (RFC 8446 section 4.2.1)."""
    at = _RANDOM.stop
    if len(hello) <= at:
        return False
    # Behind the random: the session's id, the suite, the compression, the length of the extensions.
    at += 1 + hello[at] + 2 + 1 + 2
    while at + 4 <= len(hello):
        kind, size = hello[at : at + 2], int.from_bytes(hello[at + 2 : at + 4])
        if kind == b"\x00\x2b":
            return hello[at + 4 : at + 4 + size] == b"\x03\x04"
        at += 4 + size
    return False


def _compression(body: bytes) -> CertificateCompression:
    """`CompressedCertificate` (RFC 8879 section 4)."""
    algorithm = int.from_bytes(body[:2])
    saved = int.from_bytes(body[2:5]) - int.from_bytes(body[5:8])
    return CertificateCompression(_COMPRESSIONS.get(algorithm, f"0x{algorithm:04x}"), max(0, saved))


def _segment(sock: socket.socket) -> int | None:
    """The maximum segment size of a connection; None for what is no TCP."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) or None
    except OSError:
        return None
