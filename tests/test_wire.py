"""What is read before TLS begins: by the line or by the count, and never a byte too much."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tlstool.errors import TimeLimitError
from tlstool.phases import Deadline
from tlstool.wire import CAP, Wire, WireError


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, Deadline.after(10.0)), theirs


def test_lines_come_one_by_one_whatever_their_ends(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.sendall(b"one\r\ntwo\n\r\n")
    assert [wire.line(), wire.line(), wire.line()] == [b"one", b"two", b""]


def test_what_follows_a_line_stays_in_the_socket(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.sendall(b"220 ready\r\n\x16\x03\x03")
    assert wire.line() == b"220 ready"
    assert wire.waiting() == b"\x16\x03\x03"
    assert wire.exactly(3) == b"\x16\x03\x03"
    assert wire.waiting() == b""


def test_a_line_in_many_pieces_is_one_line(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.sendall(b"x" * 10_000 + b"\n")
    assert wire.line() == b"x" * 10_000


def test_an_answer_without_end_is_refused(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.sendall(b"x" * (CAP // 2 + 1))
    wire.exactly(CAP // 2 + 1)
    peer.sendall(b"x" * (CAP // 2))
    with pytest.raises(WireError, match="no end"):
        wire.line()


def test_a_peer_that_closes_in_the_middle_of_a_line_is_told(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.sendall(b"half")
    peer.close()
    with pytest.raises(WireError, match="closed"):
        wire.line()


def test_a_silent_peer_runs_into_the_limit() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"no end of line")
        with pytest.raises(TimeLimitError):
            Wire(ours, Deadline.after(0.05)).line()


def test_all_is_sent_to_a_peer_that_reads_slowly(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    sent = bytes(range(256)) * 8192  # more than the socket's buffers take at once
    received = bytearray()

    def read() -> None:
        while len(received) < len(sent):
            received.extend(peer.recv(4096))

    reader = threading.Thread(target=read)
    reader.start()
    wire.send(sent)
    reader.join(10.0)
    assert received == sent
    peer.close()
    with pytest.raises(WireError, match="broke"):
        wire.send(b"z")
