"""What a handshake costs on the wire, as records: a part of `tlstool.model`."""

from __future__ import annotations

from tlstool.record import Record


class Cost(Record, kw_only=True):
    """What a handshake cost, until both sides had said all of it, or until it failed.

    Attributes:
        bytes_sent, bytes_received: on the wire, with the headers of records.
        flights_sent, flights_received: how often a side spoke; what it says at a time is one flight, in however many pieces.
        round_trips: before data could go out, the server's flights that were waited for; None if it did not come so far.
        client_hello_bytes: of the first ClientHello, with the header of its record.
        client_hello_segments: TCP segments of that size that it takes, by the connection's maximum; None where that is not known.
        chain_bytes: of the message with the server's certificates, compressed if it is; None if there was none.
        hello_to_hello_ms: from the first ClientHello to the ServerHello, a HelloRetryRequest between them included.
    """

    bytes_sent: int
    bytes_received: int
    flights_sent: int
    flights_received: int
    round_trips: int | None
    client_hello_bytes: int | None
    client_hello_segments: int | None
    chain_bytes: int | None
    hello_to_hello_ms: float | None


class CertificateCompression(Record):
    """That the server's certificates came compressed (RFC 8879).

    Attributes:
        algorithm: `zlib`, `brotli`, `zstd`, or its number in hex.
        saved_bytes: by which the message is shorter.
    """

    algorithm: str
    saved_bytes: int
