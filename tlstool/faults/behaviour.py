"""The faults of a server that are not in its certificate: what it demands, how it speaks, and how it ends."""

from __future__ import annotations

import re
from hashlib import shake_128

from tlstool.events import Promise
from tlstool.faults import alerts
from tlstool.faults.fault import Changes, Fault

_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 31\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTP, not TLS\n"
)
_SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"  # RFC 4253 section 4.2
_GARBAGE = shake_128(b"garbage 1").digest(512)
"""The same at any time, so that what a client makes of it is, too. It begins like nothing that is known."""

_MOST = 2**31 - 1
_PAUSE_MS = 1

_TRUNCATED = Promise(14, "truncated", ("--pipe", "--strict-close"))


def _milliseconds(argument: str) -> Changes:
    return {"delay_ms": _whole(argument, "a time in milliseconds", most=3_600_000)}


def _bytes(argument: str) -> Changes:
    return {"at": "sent", "sent": _whole(argument, "hello, handshake or a number of bytes", least=0)}


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
        promise=Promise(13, "client-certificate-required"),
        wire={"demand_certificate": True},
    ),
    Fault(
        name="tls12-only",
        words="the server speaks TLS 1.2 at most",
        promise=Promise(0, "old-tls"),
        site={"versions": ("1.2",)},
    ),
    Fault(
        name="small-records",
        words="no record has more than 64 bytes",
        promise=Promise(0),
        wire={"record_size": 64},
    ),
    Fault(
        name="silent",
        words="the connection is accepted, and nothing is ever said",
        promise=Promise(6, "time-limit"),
        wire={"at": "accept", "then": "hold"},
    ),
    Fault(
        name="slow",
        words="whatever is sent is sent so much later, half a second by default",
        promise=Promise(0),
        wire={"delay_ms": 500},
        read=_milliseconds,
        argument="[=MS]",
        example="500",
    ),
    Fault(
        name="trickle",
        words="whatever is sent is sent a byte at a time, each in a packet of its own",
        promise=Promise(0),
        wire={"piece": 1, "delay_ms": _PAUSE_MS},
    ),
    Fault(
        name="close-after=hello",
        words="the connection is closed in place of an answer to the ClientHello",
        promise=Promise(8, "connection-closed"),
        wire={"at": "hello", "then": "close"},
    ),
    Fault(
        name="close-after=handshake",
        words="the connection is closed once the handshake is complete, without close_notify",
        promise=Promise(0),
        further=(Promise(14, "truncated", ("--http",)),),
        wire={"at": "handshake", "then": "close"},
    ),
    Fault(
        name="close-after",
        words="the connection is closed once so many bytes were sent, headers of records included",
        promise=Promise(8, "connection-closed"),
        wire={"then": "close"},
        read=_bytes,
        argument="=BYTES",
        example="300",
    ),
    Fault(
        name="reset-after=hello",
        words="the connection is reset in place of an answer to the ClientHello",
        promise=Promise(8, "connection-reset"),
        wire={"at": "hello", "then": "reset"},
    ),
    Fault(
        name="reset-after=handshake",
        words="the connection is reset once the handshake is complete",
        promise=Promise(0),
        further=(Promise(8, "connection-reset", ("--http",)),),
        wire={"at": "handshake", "then": "reset"},
    ),
    Fault(
        name="reset-after",
        words="the connection is reset once so many bytes were sent, headers of records included",
        promise=Promise(8, "connection-reset"),
        wire={"then": "reset"},
        read=_bytes,
        argument="=BYTES",
        example="300",
    ),
    Fault(
        name="truncate",
        words="the session ends without close_notify",
        promise=Promise(0),
        further=(_TRUNCATED,),
        wire={"truncate": True},
    ),
    Fault(
        name="alert",
        words="the ClientHello is answered with an alert, handshake_failure by default",
        promise=Promise(8, "alert-received"),
        wire={"at": "hello", "say": alerts.record("handshake_failure")},
        read=_alert,
        argument="[=NAME]",
        example="handshake_failure",
    ),
    Fault(
        name="plain-http",
        words="the ClientHello is answered in plain HTTP",
        promise=Promise(7, "plain-http"),
        wire={"at": "bytes", "say": _HTTP},
    ),
    Fault(
        name="ssh-banner",
        words="the server greets as SSH does",
        promise=Promise(7, "plain-ssh"),
        wire={"at": "accept", "say": _SSH, "then": "hold"},
    ),
    Fault(
        name="garbage",
        words="the ClientHello is answered with bytes that mean nothing",
        promise=Promise(7, "not-tls"),
        wire={"at": "bytes", "say": _GARBAGE},
    ),
    Fault(
        name="refuse",
        words="of every N connections the first M are reset at the client's first bytes, the others are served; 1/2 by default",
        promise=Promise(8, "connection-reset"),
        # Any sooner, and some clients would see it as a connection that failed, others as one that broke.
        wire={"at": "bytes", "then": "reset", "share": (1, 2)},
        read=_share,
        argument="[=M/N]",
        example="1/2",
    ),
    Fault(
        name="half-open",
        words="after the handshake the server is as if gone: it reads nothing, and the connection stays open",
        promise=Promise(0),
        further=(Promise(6, "time-limit", ("--http",)),),
        wire={"at": "handshake", "then": "hold"},
    ),
)
"""In the order of `--fault list`."""
