"""JA3 and JA4 of real clients: what `tlstool serve` tells, against what tshark finds in the same bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE
from peers import require
from runner import COMMAND, LIMIT, Server, run, serving

pytest.importorskip("tlstool._native")

Client = Callable[[int, str], list[str]]

CLIENTS: dict[str, Client] = {
    "curl": lambda port, ca: ["curl", "-sS", "--noproxy", "*", "--cacert", ca, f"https://localhost:{port}/"],
    "openssl 1.2": lambda port, _: ["openssl", "s_client", "-connect", f"localhost:{port}", "-tls1_2", "-alpn", "http/1.1,h2"],
    "openssl, no name": lambda port, _: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-noservername"],
    "gnutls": lambda port, ca: ["gnutls-cli", f"--x509cafile={ca}", f"--port={port}", "localhost"],
    "ours": lambda port, ca: [*map(str, COMMAND), "connect", f"localhost:{port}", "--ca", ca],
}


@contextmanager
def tapped(server: Server) -> Iterator[tuple[int, list[bytes]]]:
    """A port that leads to the server, and what the first client says there before it is answered."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        thread = threading.Thread(target=_tap, args=(listener, server.port, heard))
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            thread.join(LIMIT)


def _tap(listener: socket.socket, port: int, heard: list[bytes]) -> None:
    client, _ = listener.accept()
    upstream = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    with client, upstream:
        client.settimeout(LIMIT)
        back = threading.Thread(target=_pump, args=(upstream, client, []))
        # A hello is in one record, whose length is in its header.
        heard.append(_exactly(client, 5))
        heard.append(_exactly(client, int.from_bytes(heard[0][3:])))
        upstream.sendall(b"".join(heard))
        back.start()
        _pump(client, upstream, [])
        back.join(LIMIT)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += sock.recv(size - len(data)) or pytest.fail("the client left within its hello")
    return data


def _pump(source: socket.socket, sink: socket.socket, _unused: list[bytes]) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # One of the two has left: so does the other.
        for sock in (source, sink):
            sock.close()


def seen_by_tshark(hello: bytes, folder: Path) -> dict[str, str]:
    """JA3 and what it is made of, of a record with a hello."""
    dump, capture = folder / "hello.txt", folder / "hello.pcap"
    dump.write_text("000000 " + hello.hex(" ") + "\n")
    made = run([require("text2pcap"), "-q", "-T", "50000,443", dump, capture])
    assert made.status == 0, made.errors
    fields = ("tls.handshake.ja3", "tls.handshake.ja3_full")
    wanted = [word for field in fields for word in ("-e", field)]
    read = [require("tshark"), "-n", "-r", capture, "-Y", "tls.handshake.type == 1", "-T", "fields", *wanted]
    found = run(read, environment={"HOME": str(folder)})
    return dict(zip(("ja3", "ja3_full"), found.text.split(), strict=True))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_the_fingerprint_that_tshark_sees(client: str, tmp_path: Path) -> None:
    with serving("--count", "1") as server:
        with tapped(server) as (port, heard):
            program, *words = CLIENTS[client](port, server.ca_file)
            run([program if Path(program).is_absolute() else require(program), *words])
        hello: dict[str, Any] = server.next_event()["hello"]
    shown = seen_by_tshark(b"".join(heard), tmp_path)
    assert {name: hello[name] for name in shown} == shown
    assert hello["size"] == len(heard[1])
    assert_ja4_agrees(hello)


def assert_ja4_agrees(hello: dict[str, Any]) -> None:
    """The readable part of JA4 and the lists of its long form say what the lists of names say."""
    start, suites, extensions, *schemes = hello["ja4_r"].split("_")
    highest = max(hello["versions"] or [hello["legacy_version"]]).replace(".", "")
    assert start[:4] == f"t{highest}{'d' if hello['sni'] else 'i'}"
    assert (int(start[4:6]), int(start[6:8])) == (len(hello["suites"]), len(hello["extensions"]))
    assert len(suites.split(",")) == len(hello["suites"])
    hidden = {"server_name", "application_layer_protocol_negotiation"}.intersection(hello["extensions"])
    assert len(extensions.split(",")) == len(hello["extensions"]) - len(hidden)
    assert [len(one.split(",")) for one in schemes] == [len(hello["signature_schemes"])]
    assert hello["ja4"].startswith(start + "_")


def test_a_hello_in_small_records_and_slow_pieces_is_told_as_well() -> None:
    """OpenSSL's hello, cut into records of 100 bytes each, a few bytes at a time."""
    import ssl

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    message = outgoing.read()[5:]
    pieces = [message[start : start + 100] for start in range(0, len(message), 100)]
    wire = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces)
    with serving("--count", "1") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(wire), 33):
                sock.sendall(wire[start : start + 33])
            assert sock.recv(5)[:1] == b"\x16"
        event = server.next_event()
    assert (event["hello"]["size"], event["hello"]["sni"]) == (len(message), "localhost")
