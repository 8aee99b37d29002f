"""The faults of a server that are not in its certificate: what it demands, how it speaks, and how it ends."""

from __future__ import annotations

import re
from hashlib import shake_128

from tlstool.faults import alerts
from tlstool.faults.fault import Changes, Fault, Verdict

_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 31\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTP, not TLS\n"
)
_SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"  # RFC 4253 section 4.2
_GARBAGE = shake_128(b"garbage 1").digest(512)
"""The same at any time, so that what a client makes of it is, too. It begins like nothing that is known."""

_MOST = 2**31 - 1
_PAUSE_MS = 1

_TRUNCATED = Verdict(14, "truncated", ("--http", "--strict-close"))


def _milliseconds(argument: str) -> Changes:
    return {"delay_ms": _whole(argument, "a time in milliseconds", most=3_600_000)}


def _bytes(argument: str) -> Changes:
    return {"at": "sent", "sent": _whole(argument, "hello, handshake or a number of bytes", least=0)}


def _moment(argument: str) -> Changes:
    return {"at": argument} if argument in ("hello", "handshake") else _bytes(argument)


def _alert(argument: str) -> Changes:
    try:
        return {"say": alerts.record(argument.lower().replace("-", "_"))}
    except KeyError:
        raise ValueError(f"one of {', '.join(alerts.NUMBERS)}") from None


def _share(argument: str) -> Changes:
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", argument)
    if not found or not 0 < int(found[1]) <= int(found[2]):
        raise ValueError("a share such as 1/3")
    return {"share": (int(found[1]), int(found[2]))}


def _whole(argument: str, what: str, *, least: int = 1, most: int = _MOST) -> int:
    if not (argument.isascii() and argument.isdigit() and least <= int(argument) <= most):
        raise ValueError(what)
    return int(argument)


BEHAVIOUR: tuple[Fault, ...] = (
    Fault(
        name="client-cert-demanded",
        words="the server demands a certificate from the client",
        verdict=Verdict(13, "client-certificate-required"),
        site={"demands_certificate": True},
    ),
    Fault(
        name="tls12-only",
        words="the server speaks TLS 1.2 at most",
        verdict=Verdict(0, "old-tls"),
        site={"versions": ("1.2",)},
    ),
    Fault(
        name="small-records",
        words="no record has more than 64 bytes",
        verdict=Verdict(0),
        wire={"record_size": 64},
    ),
    Fault(
        name="silent",
        words="the connection is accepted, and nothing is ever said",
        verdict=Verdict(6, "time-limit"),
        wire={"at": "accept", "then": "hold"},
    ),
    Fault(
        name="slow",
        words="whatever is sent is sent so much later, half a second by default",
        verdict=Verdict(0),
        wire={"delay_ms": 500},
        read=_milliseconds,
        argument="[=MS]",
        example="500",
    ),
    Fault(
        name="trickle",
        words="whatever is sent is sent a byte at a time, each in a packet of its own",
        verdict=Verdict(0),
        wire={"piece": 1, "delay_ms": _PAUSE_MS},
    ),
    Fault(
        name="close-after",
        words="the connection is closed after the ClientHello, after the handshake, or after so many bytes were sent",
        verdict=Verdict(8, "connection-closed"),
        wire={"then": "close"},
        read=_moment,
        argument="=hello|handshake|BYTES",
        example="hello",
    ),
    Fault(
        name="reset-after",
        words="the connection is reset after the ClientHello, after the handshake, or after so many bytes were sent",
        verdict=Verdict(8, "connection-reset"),
        wire={"then": "reset"},
        read=_moment,
        argument="=hello|handshake|BYTES",
        example="hello",
    ),
    Fault(
        name="truncate",
        words="the session ends without close_notify",
        verdict=Verdict(0),
        also=_TRUNCATED,
        wire={"truncate": True},
    ),
    Fault(
        name="alert",
        words="the ClientHello is answered with an alert, handshake_failure by default",
        verdict=Verdict(8, "alert-received"),
        wire={"at": "hello", "say": alerts.record("handshake_failure")},
        read=_alert,
        argument="[=NAME]",
        example="handshake_failure",
    ),
    Fault(
        name="plain-http",
        words="the ClientHello is answered in plain HTTP",
        verdict=Verdict(7, "plain-http"),
        wire={"at": "bytes", "say": _HTTP},
    ),
    Fault(
        name="ssh-banner",
        words="the server greets as SSH does",
        verdict=Verdict(7, "plain-ssh"),
        wire={"at": "accept", "say": _SSH, "then": "hold"},
    ),
    Fault(
        name="garbage",
        words="the ClientHello is answered with bytes that mean nothing",
        verdict=Verdict(7, "not-tls"),
        wire={"at": "bytes", "say": _GARBAGE},
    ),
    Fault(
        name="refuse",
        words="of every N connections the first M are reset at once, and the others are served; 1/2 by default",
        verdict=Verdict(8, "connection-reset"),
        wire={"at": "accept", "then": "reset", "share": (1, 2)},
        read=_share,
        argument="[=M/N]",
        example="1/2",
    ),
    Fault(
        name="half-open",
        words="after the handshake the server is as if gone: it reads nothing, and the connection stays open",
        verdict=Verdict(0),
        also=Verdict(6, "time-limit", ("--http",)),
        wire={"at": "handshake", "then": "hold"},
    ),
)
"""In the order of `--fault list`."""
