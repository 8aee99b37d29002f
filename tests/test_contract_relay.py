"""What every backend does once there is a session: relays, ends, loads, and servers that stop."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import PATIENCE, Pair, Pki, Script, Serve
from factories import server_config
from sessions import client_config, connect

from tlstool.backends.base import Backend
from tlstool.errors import TimeLimitError
from tlstool.model import LoadPlan
from tlstool.phases import Deadline
from tlstool.traffic import Relayed, RelayPlan

ScriptedPeer = Callable[[Script], int]


def tls_peer(certificates: Pki, tmp_path: Path, talk: Callable[[ssl.SSLSocket], object]) -> Script:
    """A peer of the interpreter's ssl that talks after the handshake."""
    (tmp_path / "chain.pem").write_bytes(certificates.leaf.chain_pem)
    (tmp_path / "key.pem").write_bytes(certificates.leaf.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")

    def script(sock: socket.socket) -> None:
        tls = context.wrap_socket(sock, server_side=True)
        try:
            talk(tls)
        finally:
            tls.close()

    return script


def relay(backend: Backend, port: int, certificates: Pki, given: bytes) -> tuple[bytes, Relayed]:
    """What comes out of a relay that is given bytes and their end, and what it says of itself."""
    session = connect(backend, port, client_config(certificates.root.roots))
    in_reader, in_writer = os.pipe()
    out_reader, out_writer = os.pipe()
    received: list[bytes] = []

    def feed() -> None:
        with os.fdopen(in_writer, "wb") as pipe:
            pipe.write(given)

    def collect() -> None:
        with os.fdopen(out_reader, "rb") as pipe:
            received.append(pipe.read())

    threads = [threading.Thread(target=feed, daemon=True), threading.Thread(target=collect, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        relayed = session.relay(RelayPlan(in_reader, out_writer), Deadline.after(PATIENCE))
    finally:
        os.close(out_writer)
        os.close(in_reader)
        session.close(Deadline.after(1.0))
        for thread in threads:
            thread.join(PATIENCE)
    return received[0], relayed


@pytest.mark.parametrize("size", [0, 1, 70_001, 3_000_000])
def test_a_relay_moves_all_bytes_both_ways_and_passes_on_the_end(pair: Pair, serve: Serve, certificates: Pki, size: int) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, mode="echo"))
    data = os.urandom(size)
    received, relayed = relay(pair.client, served.port, certificates, data)
    assert received == data
    assert relayed == Relayed(sent=size, received=size, close_notify=True, half_close="notify")


def test_a_peer_may_send_on_after_our_end(backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path) -> None:
    answer = os.urandom(1_000_000)

    def talk(tls: ssl.SSLSocket) -> None:
        while tls.recv(65536):
            pass
        tls.sendall(answer)
        tls.unwrap()

    received, relayed = relay(backend, scripted(tls_peer(certificates, tmp_path, talk)), certificates, b"question")
    assert (received == answer, relayed) == (True, Relayed(sent=8, received=1_000_000, close_notify=True, half_close="notify"))


def test_a_connection_cut_off_is_told_from_one_that_was_closed(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path
) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.recv(65536)
        tls.sendall(b"half of it")
        # Ends the TCP connection, and says nothing in TLS.
        tls.shutdown(socket.SHUT_WR)

    received, relayed = relay(backend, scripted(tls_peer(certificates, tmp_path, talk)), certificates, b"all")
    assert (received, relayed.close_notify) == (b"half of it", False)


def test_a_relay_ends_with_a_broken_pipe_when_nobody_reads(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path
) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"x" * 100_000)
        tls.recv(1)

    port = scripted(tls_peer(certificates, tmp_path, talk))
    session = connect(backend, port, client_config(certificates.root.roots))
    in_reader, in_writer = os.pipe()
    out_reader, out_writer = os.pipe()
    os.close(out_reader)
    try:
        with pytest.raises(BrokenPipeError):
            session.relay(RelayPlan(in_reader, out_writer), Deadline.after(PATIENCE))
    finally:
        session.close(Deadline.after(1.0))
        for descriptor in (in_reader, in_writer, out_writer):
            os.close(descriptor)


def test_a_read_obeys_its_limit(backend: Backend, serve: Serve, certificates: Pki) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity, mode="echo"))
    session = connect(backend, served.port, client_config(certificates.root.roots))
    with pytest.raises(TimeLimitError):
        session.read(1, Deadline.after(0.1))
    session.close(Deadline.after(1.0))


def test_closing_twice_does_nothing(backend: Backend, serve: Serve, certificates: Pki) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity, mode="echo"))
    session = connect(backend, served.port, client_config(certificates.root.roots))
    session.close(Deadline.after(1.0))
    session.close(Deadline.after(1.0))
    assert served.stop().failed == 0


# ---- servers -------------------------------------------------------------------------------------


def ask(pair: Pair, port: int, certificates: Pki, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of the response to a request that ends the connection."""
    deadline = Deadline.after(PATIENCE)
    session = connect(pair.client, port, client_config(certificates.root.roots))
    session.write(request, deadline)
    response = b""
    while piece := session.read(65536, deadline):
        response += piece
    session.close(deadline)
    head, _, body = response.partition(b"\r\n\r\n")
    return head, body


def test_the_status_page_says_what_was_negotiated(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    head, body = ask(pair, served.port, certificates, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/html; charset=utf-8\r\n" in head
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    assert b"TLS_AES_" in body


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
def test_a_bad_request_is_answered_and_ends_the_connection(
    pair: Pair, serve: Serve, certificates: Pki, request_head: bytes, status: bytes
) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    head, _ = ask(pair, served.port, certificates, request_head)
    assert head.split()[1] == status
    assert b"\r\nConnection: close" in head


def test_a_server_ends_by_itself_after_its_count(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, count=2))
    for _ in range(2):
        connect(pair.client, served.port, client_config(certificates.root.roots)).close(Deadline.after(1.0))
    totals = served.wait()
    assert (totals.connections, totals.handshakes) == (2, 2)
    assert served.thread is not None
    assert served.threads == {served.thread.ident}


def test_a_stopping_server_lets_connections_end_for_its_grace(backend: Backend, serve: Serve, certificates: Pki) -> None:
    deadline = Deadline.after(PATIENCE)
    served = serve(backend, server_config(identity=certificates.leaf.identity, mode="echo", grace=PATIENCE))
    session = connect(backend, served.port, client_config(certificates.root.roots))
    session.write(b"before", deadline)
    assert session.read(100, deadline) == b"before"
    served.ask_to_stop()
    session.write(b"after", deadline)
    assert session.read(100, deadline) == b"after"
    session.close(deadline)
    assert served.wait().failed == 0


def test_a_second_byte_ends_a_server_at_once(backend: Backend, serve: Serve, certificates: Pki) -> None:
    deadline = Deadline.after(PATIENCE)
    served = serve(backend, server_config(identity=certificates.leaf.identity, mode="echo", grace=3600.0))
    session = connect(backend, served.port, client_config(certificates.root.roots))
    session.write(b"x", deadline)
    assert session.read(1, deadline) == b"x"
    served.ask_to_stop()
    served.ask_to_stop()
    assert served.wait().connections == 1
    session.close(deadline)


@pytest.mark.parametrize(("begun", "error"), [(b"", None), (b"GET / HT", "connection-reset")])
@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_just_leaves_has_failed_only_in_the_middle_of_a_request(
    *, backend: Backend, serve: Serve, certificates: Pki, begun: bytes, error: str | None, reset: bool
) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity, count=1))
    context = ssl.create_default_context(cadata=certificates.root.pem.decode())
    with context.wrap_socket(served.dial(), server_hostname="localhost") as tls:
        tls.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + begun)
        assert tls.recv(65536).startswith(b"HTTP/1.1 200 OK")
        if reset:
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    totals = served.wait()
    assert [one.error for one in served.connections] == [error]
    assert (totals.handshakes, totals.failed) == (1, int(error is not None))


@pytest.mark.parametrize(
    ("first", "code"), [(b"", "connection-closed"), (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not-tls")]
)
def test_a_client_without_tls_harms_nobody(backend: Backend, serve: Serve, certificates: Pki, first: bytes, code: str) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity))
    with served.dial() as sock:
        sock.sendall(first)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    connect(backend, served.port, client_config(certificates.root.roots)).close(Deadline.after(1.0))
    totals = served.stop()
    assert (totals.connections, totals.handshakes) == (2, 1)
    assert sorted(str(one.error) for one in served.connections) == sorted([code, "None"])


def test_a_client_that_never_finishes_its_handshake_is_let_go(backend: Backend, serve: Serve, certificates: Pki) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity, handshake=0.1, count=1))
    with served.dial():
        assert served.wait().failed == 1
    assert [one.error for one in served.connections] == ["time-limit"]


# ---- load ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("resume", [False, True])
def test_a_load_counts_what_was_negotiated(pair: Pair, serve: Serve, certificates: Pki, resume: bool) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    plan = LoadPlan("127.0.0.1", served.port, connections=2, duration=PATIENCE, count=20, resume=resume)
    result = pair.client.client(client_config(certificates.root.roots)).load(plan)
    assert (result.handshakes, result.full + result.resumed, result.errors) == (20, 20, {})
    # Each connection begins with a full one.
    assert result.full <= 2 if resume else result.full == 20
    assert result.p50_ms is not None
    assert result.max_ms is not None
    assert 0 < result.p50_ms <= result.max_ms
    assert result.histogram.startswith("HISTFAAA")
    assert not result.interrupted


def test_a_load_counts_failures_by_their_code(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    plan = LoadPlan("127.0.0.1", served.port, duration=0.2)
    result = pair.client.client(client_config(certificates.root.roots, "example.com")).load(plan)
    assert set(result.errors) == {"name-mismatch"}
    assert (result.handshakes, result.p50_ms, result.cpu_us_per_handshake) == (0, None, None)


def test_a_key_log_is_readable_by_its_owner_alone(backend: Backend, serve: Serve, certificates: Pki, tmp_path: Path) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity))
    keylog = tmp_path / "keys.log"
    config = replace(client_config(certificates.root.roots), keylog=str(keylog))
    connect(backend, served.port, config).close(Deadline.after(1.0))
    assert keylog.stat().st_mode & 0o777 == 0o600
    assert "CLIENT_TRAFFIC_SECRET_0 " in keylog.read_text()
