"""What a relay can be asked for on every backend: how its input ends, what it takes off, and when it is over."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import zoo
from conftest import PATIENCE
from sessions import client_config, connect

from tlstool.backends.base import Backend
from tlstool.errors import ThresholdError, TimeLimitError, TlsToolError, TruncatedError
from tlstool.model import Roots
from tlstool.phases import Deadline
from tlstool.traffic import Body, HalfClose, Relayed, RelayPlan

if TYPE_CHECKING:
    from credentials import Credentials

CHUNKED = Body(chunked=True)


def relayed(
    backend: Backend,
    credentials: Credentials,
    talk: zoo.TlsBehaviour,
    *,
    given: bytes | None = None,
    limit: float = PATIENCE,
    **plan: object,
) -> tuple[bytes, Relayed | TlsToolError]:
    """What a relay with such a peer brings, and how it ends."""
    roots = Roots("ca", (credentials.ca.read_bytes(),))
    out_reader, out_writer = os.pipe()
    received: list[bytes] = []
    with open(out_reader, "rb") as output, zoo.listening(zoo.tls(zoo.context(credentials.good), talk)) as peer:
        collector = threading.Thread(target=lambda: received.append(output.read()))
        collector.start()
        session = connect(backend, peer.port, client_config(roots))
        in_fd = None if given is None else _pipe_with(given)
        ended: Relayed | TlsToolError
        try:
            ended = session.relay(RelayPlan(in_fd, out_writer, **plan), Deadline.after(limit))  # type: ignore[arg-type]
        except TlsToolError as error:
            ended = error
        finally:
            os.close(out_writer)
            if in_fd is not None:
                os.close(in_fd)
            session.close(Deadline.after(1.0))
            collector.join(PATIENCE)
    return received[0], ended


def _pipe_with(data: bytes) -> int:
    """What reads `data`, which has to fit into a pipe, and its end."""
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader


def answers(data: bytes) -> zoo.TlsBehaviour:
    """Say this, and wait for the client's end."""

    def talk(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.sendall(data)
        while session.recv(65536):
            pass
        session.unwrap()

    return talk


@pytest.mark.parametrize("half_close", ["notify", "fin", "none"])
def test_the_peer_learns_of_the_end_of_the_input_as_it_was_asked_for(
    backend: Backend, credentials: Credentials, half_close: HalfClose
) -> None:
    seen: list[str] = []

    def talk(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        assert session.recv(100) == b"question"
        session.settimeout(0.3)
        try:
            seen.append("notify" if session.recv(100) == b"" else "data")
            with socket.socket(fileno=os.dup(session.fileno())) as beneath:
                beneath.settimeout(0.3)
                seen.append("fin" if beneath.recv(100) == b"" else "data")
        except TimeoutError:
            seen.append("silence")
        session.settimeout(PATIENCE)
        session.sendall(b"answer")
        session.unwrap()

    received, ended = relayed(backend, credentials, talk, given=b"question", half_close=half_close)
    assert received == b"answer"
    said = None if half_close == "none" else half_close
    assert ended == Relayed(sent=8, received=6, close_notify=True, half_close=said)
    assert seen == {"notify": ["notify", "silence"], "fin": ["notify", "fin"], "none": ["silence"]}[half_close]


def test_line_ends_become_crlf_where_they_are_not(backend: Backend, credentials: Credentials) -> None:
    received, _ = relayed(backend, credentials, zoo.echoes, given=b"a\nb\r\n\n\rc", crlf=True)
    assert received == b"a\r\nb\r\n\r\n\rc"


@pytest.mark.parametrize(
    ("raw", "body", "content"),
    [
        (b"hello", Body(length=5), b"hello"),
        (b"hello, world", Body(length=5), b"hello"),
        (b"", Body(length=0), b""),
        (b"5\r\nhello\r\n1;x=y\r\n \r\nA \r\n0123456789\r\n0\r\nX: y\r\n\r\n", CHUNKED, b"hello 0123456789"),
    ],
)
def test_a_body_ends_where_its_frame_says(
    backend: Backend, credentials: Credentials, raw: bytes, body: Body, content: bytes
) -> None:
    received, ended = relayed(backend, credentials, answers(raw), body=body)
    assert received == content
    assert isinstance(ended, Relayed)
    assert (ended.close_notify, ended.half_close) == (None, None)


def test_what_was_read_before_goes_first_and_through_the_same_frame(backend: Backend, credentials: Credentials) -> None:
    received, ended = relayed(backend, credentials, answers(b"lo\r\n0\r\n\r\n"), body=CHUNKED, early=b"5\r\nhel")
    assert received == b"hello"
    assert isinstance(ended, Relayed)
    assert ended.received == len(b"lo\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("raw", "body"), [(b"hell", Body(length=5)), (b"5\r\nhello\r\n", CHUNKED), (b"5\r\nhello\r\n0\r\n", CHUNKED)]
)
def test_a_body_that_is_cut_short_is_an_error(backend: Backend, credentials: Credentials, raw: bytes, body: Body) -> None:
    _, ended = relayed(backend, credentials, zoo.says(raw), body=body)
    assert isinstance(ended, TruncatedError)


@pytest.mark.parametrize(
    "raw",
    [b"hello\r\n", b"\r\n", b"-1\r\n", b"1\r\nab\r\n", b"1" * 17 + b"\r\n", b"1" * 10_000, b"0\r\n" + b"a: b\r\n" * 12_000],
    ids=["no number", "nothing", "negative", "too long a chunk", "too large", "endless line", "endless trailer"],
)
def test_what_is_no_chunk_is_refused(backend: Backend, credentials: Credentials, raw: bytes) -> None:
    _, ended = relayed(backend, credentials, answers(raw), body=CHUNKED)
    assert isinstance(ended, ThresholdError)
    assert ended.code == "not-http"


def test_silence_ends_a_relay_that_waits_for_it(backend: Backend, credentials: Credentials) -> None:
    received, ended = relayed(backend, credentials, answers(b"hello"), quiet=0.2)
    assert (received, ended) == (b"hello", Relayed(sent=0, received=5, close_notify=None))


def test_silence_in_the_middle_of_a_body_is_an_error(backend: Backend, credentials: Credentials) -> None:
    received, ended = relayed(backend, credentials, answers(b"hello"), quiet=0.2, body=Body(length=6))
    assert received == b"hello"
    assert isinstance(ended, TimeLimitError)


def test_a_relay_obeys_the_limit_of_the_run(backend: Backend, credentials: Credentials) -> None:
    start = time.monotonic()
    _, ended = relayed(backend, credentials, answers(b"hello"), limit=0.3)
    assert isinstance(ended, TimeLimitError)
    assert 0.3 <= time.monotonic() - start < 3


def test_a_full_disk_is_told(backend: Backend, credentials: Credentials) -> None:
    roots = Roots("ca", (credentials.ca.read_bytes(),))
    with zoo.listening(zoo.tls(zoo.context(credentials.good), answers(b"hello"))) as peer, open("/dev/full", "wb") as full:
        session = connect(backend, peer.port, client_config(roots))
        with pytest.raises(TlsToolError) as raised:
            session.relay(RelayPlan(None, full.fileno()), Deadline.after(PATIENCE))
        session.close(Deadline.after(1.0))
    assert raised.value.code == "file-not-written"


def test_a_write_to_a_peer_that_echoes_does_not_wait_for_a_reader(backend: Backend, credentials: Credentials) -> None:
    """Neither side's socket holds as much as is sent: who only writes would wait for ever."""
    roots = Roots("ca", (credentials.ca.read_bytes(),))
    with zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer:
        session = connect(backend, peer.port, client_config(roots))
        session.write(bytes(900_000), Deadline.after(PATIENCE))
        received = 0
        while received < 900_000:
            received += len(session.read(65536, Deadline.after(PATIENCE)))
        session.close(Deadline.after(1.0))
