"""Application data as backends and use cases talk of it: what a relay is to move, and what it has moved. No I/O."""

from __future__ import annotations

from typing import Literal

from tlstool.record import Record

HalfClose = Literal["notify", "fin", "none"]
"""How the peer learns that our input has ended: by close_notify, by that and the end of the TCP stream, or not at all."""


class Body(Record):
    """How the body of an HTTP/1.1 response is framed (RFC 9112 section 6.3).

    Attributes:
        length: of the content in bytes; None if only the end of the connection ends it.
        chunked: it comes in chunks, and these have the last word about its length.
    """

    length: int | None = None
    chunked: bool = False


class RelayPlan(Record):
    """What a relay is to move. It ends with the peer, and before that with the body, or with the silence that is waited for.

    Attributes:
        in_fd: what to send to the peer; None for nothing.
        out_fd: where to write what the peer sends.
        half_close: how to tell the peer that `in_fd` has ended.
        crlf: send CRLF for every LF of `in_fd` that has no CR before it.
        early: what was read from the session before the relay; it goes out first, and is not counted again.
        body: the frame to take off what the peer sends; None to pass it on as it is.
        quiet: seconds of silence after which the relay is over, or has failed if a body is under way; None for no such limit.
    """

    in_fd: int | None
    out_fd: int
    half_close: HalfClose = "notify"
    crlf: bool = False
    early: bytes = b""
    body: Body | None = None
    quiet: float | None = None


class Relayed(Record):
    """What a relay moved.

    Attributes:
        sent, received: bytes of application data.
        close_notify: whether the peer closed the session in order (RFC 8446 section 6.1); None if we ended before it did.
        half_close: how the peer was told that our input had ended; None if it was not.
    """

    sent: int
    received: int
    close_notify: bool | None
    half_close: HalfClose | None = None
