"""Servers that break the rules of TLS, in the handshake and after it: a code each, at once or at the limit, on both backends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pki
import pytest
import tls13
import zoo
from cryptography.hazmat.primitives.asymmetric import x25519
from runner import measured, on_both_backends
from tls13 import ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, Server, record

from tlstool import connect
from tlstool.reports import ConnectReport
from tlstool.requests import ConnectRequest

LIMIT = 0.4
"""Seconds for the handshake, and for the whole of a relay."""

SLACK = 1.0
"""What a busy machine may take on top."""

MEMORY = 64 * 1024
"""KiB that the whole program may hold at any time."""

ENDLESS = bytes.fromhex("ffffff")
"""The length of a handshake message that never ends."""

Act = Callable[[zoo.Peer, Server], None]


@pytest.fixture(scope="module")
def leaf() -> pki.Issued:
    return pki.leaf(None)


def after_client_hello(act: Act) -> zoo.Behaviour:
    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        server = Server(sock)
        server.read_hello()
        act(peer, server)
        zoo.silent(peer, sock)

    return behave


def after_server_hello(act: Act) -> zoo.Behaviour:
    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        server = Server(sock)
        server.answer()
        act(peer, server)
        zoo.silent(peer, sock)

    return behave


def established(act: Act, leaf: pki.Issued) -> zoo.Behaviour:
    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        act(peer, tls13.established(sock, leaf))
        zoo.silent(peer, sock)

    return behave


# ---- what they say -------------------------------------------------------------------------------


def plain(*records: bytes) -> Act:
    return lambda _, server: server.sock.sendall(b"".join(records))


def again(*records: bytes) -> Act:
    """The same for as long as anybody listens."""

    def act(peer: zoo.Peer, server: Server) -> None:
        while not peer.stopping.is_set():
            server.sock.sendall(b"".join(records) * 100)

    return act


def sealed_again(kind: int, data: bytes) -> Act:
    def act(peer: zoo.Peer, server: Server) -> None:
        while not peer.stopping.is_set():
            server.sock.sendall(b"".join(server.sealed(kind, data) for _ in range(100)))

    return act


def sealed_without_end(kind: int) -> Act:
    def act(peer: zoo.Peer, server: Server) -> None:
        server.seal(HANDSHAKE, bytes([kind]) + ENDLESS)
        while not peer.stopping.is_set():
            server.seal(HANDSHAKE, bytes(tls13.LARGEST_RECORD))

    return act


def renewing(update: bytes) -> Act:
    def act(peer: zoo.Peer, server: Server) -> None:
        while not peer.stopping.is_set():
            server.sock.sendall(b"".join(server.renewed(update) for _ in range(100)))

    return act


def without_end(peer: zoo.Peer, server: Server) -> None:
    """A ServerHello that never ends."""
    server.sock.sendall(record(HANDSHAKE, b"\x02" + ENDLESS))
    again(record(HANDSHAKE, bytes(tls13.LARGEST_RECORD)))(peer, server)


def hello(**options: int | bytes) -> Act:
    """A ServerHello with something else than what was offered, and what looks like the rest of a flight."""

    def act(_peer: zoo.Peer, server: Server) -> None:
        share = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
        said = tls13.server_hello(server.hello.session, share, **options)  # type: ignore[arg-type]
        server.sock.sendall(record(HANDSHAKE, said) + record(CHANGE_CIPHER_SPEC, b"\x01") + record(DATA, bytes(40)))

    return act


def begun(then: bytes) -> Act:
    """The first bytes of a ServerHello, and something else behind them."""
    return plain(record(HANDSHAKE, tls13.server_hello(b"", bytes(32))[:20]), then)


def resets(_peer: zoo.Peer, server: Server) -> None:
    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, zoo.RESET)
    server.sock.close()


MISBEHAVED, INCOMPATIBLE, LARGE, RESET = "peer-misbehaved", "peer-incompatible", "handshake-too-large", "connection-reset"

INSTEAD_OF_HELLO: dict[str, tuple[Act, str]] = {
    "a message without end": (without_end, LARGE),
    "empty records": (again(record(HANDSHAKE, b"")), MISBEHAVED),
    "warnings": (again(record(ALERT, tls13.WARNING)), MISBEHAVED),
    "ChangeCipherSpec": (again(record(CHANGE_CIPHER_SPEC, b"\x01")), MISBEHAVED),
    "a record of 65535 bytes": (plain(bytes.fromhex("160303ffff"), bytes(65535)), MISBEHAVED),
    "a record of 65535 bytes that does not come": (plain(bytes.fromhex("160303ffff"), bytes(10)), MISBEHAVED),
    "a record of version 0x9999": (plain(record(HANDSHAKE, bytes(40), 0x9999)), "not-tls"),
    "a record of type 99": (plain(record(99, bytes(40))), "not-tls"),
    "then version 0x9999": (begun(record(HANDSHAKE, bytes(40), 0x9999)), MISBEHAVED),
    "then type 99": (begun(record(99, bytes(40))), MISBEHAVED),
    "then 65535 bytes": (begun(bytes.fromhex("160303ffff") + bytes(65535)), MISBEHAVED),
    "then a reset": (resets, RESET),
    "a suite that was not offered": (hello(suite=0x1305), MISBEHAVED),
    "a suite of TLS 1.2": (hello(suite=0xC02B), MISBEHAVED),
    "a suite that does not exist": (hello(suite=0x9999), MISBEHAVED),
    "a group that was not offered": (hello(group=0x0100), MISBEHAVED),
    "a group without a share": (hello(group=0x0018), MISBEHAVED),
    "TLS 1.2 as if it were new": (hello(version=0x0303), MISBEHAVED),
    "an extension that was not offered": (hello(more=tls13.extension(0x9999, b"")), MISBEHAVED),
    "an extension twice": (hello(more=tls13.extension(43, b"\x03\x04")), MISBEHAVED),
    "garbage as encrypted records": (hello(), MISBEHAVED),
}

INSTEAD_OF_FLIGHT: dict[str, tuple[Act, str]] = {
    "EncryptedExtensions without end": (sealed_without_end(8), LARGE),
    "EncryptedExtensions again and again": (sealed_again(HANDSHAKE, tls13.encrypted_extensions()), MISBEHAVED),
    "empty records": (sealed_again(HANDSHAKE, b""), MISBEHAVED),
    "warnings": (sealed_again(ALERT, tls13.WARNING), MISBEHAVED),
    "ChangeCipherSpec": (again(record(CHANGE_CIPHER_SPEC, b"\x01")), MISBEHAVED),
    "an ALPN that was not offered": (
        lambda _, server: server.say(tls13.encrypted_extensions(tls13.extension(16, bytes.fromhex("0004031b5b41")))),
        MISBEHAVED,
    ),
    "a reset": (resets, RESET),
    "a reset amid the flight": (lambda peer, server: (server.say(b"\x08"), resets(peer, server))[1], RESET),
}

WHILE_RELAYING: dict[str, tuple[Act, set[str]]] = {
    # Only Rustls counts key updates; tickets, nobody does.
    "KeyUpdates": (renewing(tls13.KEY_UPDATE), {MISBEHAVED, "time-limit"}),
    "KeyUpdates to be answered": (renewing(tls13.KEY_UPDATE_REQUESTED), {MISBEHAVED, "time-limit"}),
    "tickets": (sealed_again(HANDSHAKE, tls13.ticket()), {"time-limit"}),
    "warnings": (sealed_again(ALERT, tls13.WARNING), {MISBEHAVED}),
    "ChangeCipherSpec": (again(record(CHANGE_CIPHER_SPEC, b"\x01")), {MISBEHAVED}),
    "empty data": (sealed_again(DATA, b""), {MISBEHAVED}),
    "a message without end": (sealed_without_end(4), {LARGE}),
    "garbage": (plain(record(DATA, bytes(100))), {MISBEHAVED}),
    "data": (sealed_again(DATA, bytes(tls13.LARGEST_RECORD)), {"time-limit"}),
    "silence": (lambda *_: None, {"time-limit"}),
}


ALERTS = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    115: "unknown_psk_identity",
    120: "no_application_protocol",
    121: "ech_required",
    200: "alert 200",
}
"""Numbers and names of RFC 8446 section 6, and one that has none."""


def tried(behaviour: zoo.Behaviour, backend: str, **options: object) -> ConnectReport:
    given = {"backend": backend, "insecure": True, "limits": (("handshake", LIMIT), ("close", LIMIT))} | options
    with zoo.listening(behaviour) as peer:
        return connect(ConnectRequest(target=peer.target, **given))  # type: ignore[arg-type]


def assert_ended(report: ConnectReport, codes: set[str]) -> None:
    assert report.error is not None
    assert report.error.code in codes, report.error
    status = {"not-tls": 7, "time-limit": 6}.get(report.error.code, 8)
    assert report.exit_status == status
    assert report.phases_ms.total is not None
    assert report.phases_ms.total < (LIMIT + SLACK) * 1000


@on_both_backends
@pytest.mark.parametrize("name", INSTEAD_OF_HELLO)
def test_what_is_no_server_hello_ends_the_handshake(name: str, backend: str) -> None:
    act, code = INSTEAD_OF_HELLO[name]
    assert_ended(tried(after_client_hello(act), backend), {code})


@on_both_backends
@pytest.mark.parametrize("name", INSTEAD_OF_FLIGHT)
def test_what_is_no_flight_of_a_server_ends_the_handshake(name: str, backend: str) -> None:
    act, code = INSTEAD_OF_FLIGHT[name]
    assert_ended(tried(after_server_hello(act), backend), {code})


@on_both_backends
@pytest.mark.parametrize("version", [0x0302, 0x0305])
def test_a_version_that_was_not_offered_ends_the_handshake(version: int, backend: str) -> None:
    assert_ended(tried(after_client_hello(hello(version=version)), backend), {INCOMPATIBLE, MISBEHAVED})


@on_both_backends
def test_requests_for_a_hello_that_never_end_are_left_at_the_limit(backend: str) -> None:
    # OpenSSL passes over them, as TLS 1.2 has it (RFC 5246 section 7.4.1.1).
    act = again(record(HANDSHAKE, tls13.message(0, b"") * 1000))
    assert_ended(tried(after_client_hello(act), backend), {"time-limit" if backend == "openssl" else MISBEHAVED})


@on_both_backends
@pytest.mark.parametrize("name", WHILE_RELAYING)
def test_a_relay_with_a_peer_that_never_ends_does(name: str, backend: str, leaf: pki.Issued) -> None:
    act, codes = WHILE_RELAYING[name]
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        assert_ended(tried(established(act, leaf), backend, relay=(reader, null), timeout=LIMIT), codes)
    finally:
        for descriptor in (reader, writer, null):
            os.close(descriptor)


@on_both_backends
@pytest.mark.parametrize("name", ["KeyUpdates to be answered", "tickets", "data"])
def test_the_close_of_a_peer_that_never_ends_does(name: str, backend: str, leaf: pki.Issued) -> None:
    report = tried(established(WHILE_RELAYING[name][0], leaf), backend)
    assert report.exit_status in (0, 8)
    assert report.phases_ms.total is not None
    assert report.phases_ms.total < (2 * LIMIT + SLACK) * 1000


@on_both_backends
@pytest.mark.parametrize("number", ALERTS)
def test_an_alert_instead_of_a_hello_is_told_by_its_name(number: int, backend: str) -> None:
    report = tried(after_client_hello(plain(record(ALERT, bytes([2, number])))), backend)
    assert_ended(report, {"alert-received"})
    assert report.error is not None
    assert report.error.alert == ALERTS[number]
    assert ALERTS[number] in report.error.message


@on_both_backends
def test_a_close_notify_instead_of_a_hello_is_an_end(backend: str) -> None:
    assert_ended(tried(zoo.answers(record(ALERT, b"\x01\x00")), backend), {"connection-closed"})


@on_both_backends
def test_a_reset_before_the_hello_has_its_place(backend: str) -> None:
    def behave(_peer: zoo.Peer, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, zoo.RESET)

    report = tried(behave, backend)
    assert report.error is not None
    # Whether it is the connection that fails or the handshake is a matter of microseconds.
    assert (report.exit_status, report.error.code) in ((5, "connection-failed"), (8, "connection-reset"))


@on_both_backends
@pytest.mark.parametrize("act", [INSTEAD_OF_HELLO["a message without end"][0], again(record(HANDSHAKE, bytes(4000)))])
def test_what_never_ends_takes_little_memory(act: Act, backend: str) -> None:
    with zoo.listening(after_client_hello(act)) as peer:
        done = measured("connect", peer.target, "--backend", backend, "--limit", f"handshake={LIMIT}s", "--json")
    assert done.document["error"]["code"] in (LARGE, MISBEHAVED, "time-limit")
    assert "Traceback" not in done.errors
    assert done.resident is not None
    assert done.resident < MEMORY
