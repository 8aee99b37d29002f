"""What a server does wrong on the wire, as data: for the registry of faults, and for the backend that does it."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tlstool.record import Record

Moment = Literal["accept", "bytes", "hello", "handshake", "sent"]


class Misconduct(Record):
    """What a server does to its clients besides TLS. As it stands: nothing.

    Attributes:
        at: when it turns away from TLS: once a connection is accepted, at the client's first bytes, at its whole ClientHello,
            once the handshake is complete, or once `sent` bytes have gone out; None for never.
        sent: bytes on the wire, headers of records included; it counts only where `at` is `sent`.
        say: what it says then, in place of TLS.
        then: what it does next: close in order, reset the connection, or neither: it keeps the connection open and reads nothing.
        share: of every second number of connections, the first number of them are turned away so. (1, 1) is all of them.
        delay_ms: what each write comes too late.
        piece: bytes in a write, at most, which takes a delay; None for any number.
        truncate: it ends its sessions without close_notify (RFC 8446 section 6.1).
        record_size: bytes in a record, its header included, at most; None for what TLS allows.
        demand_certificate: it demands a certificate from its clients, and takes none.
    """

    at: Moment | None = None
    sent: int = 0
    say: bytes = field(default=b"", repr=False)
    then: Literal["close", "reset", "hold"] = "close"
    share: tuple[int, int] = (1, 1)
    delay_ms: int = 0
    piece: int | None = None
    truncate: bool = False
    record_size: int | None = None
    demand_certificate: bool = False
