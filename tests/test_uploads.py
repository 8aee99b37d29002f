"""An upload is complete only when the peer has it: nothing that we leave unread may turn our close into a reset."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import on_both_backends, tlstool

if TYPE_CHECKING:
    from credentials import Credentials

TIMES = 5


class Sink:
    """Takes what comes slowly enough that the client is done long before it, and counts it.

    Attributes:
        taken: bytes of each connection whose end was close_notify.
    """

    def __init__(self, says: bytes = b"") -> None:
        self.taken: list[int] = []
        self._says = says

    def __call__(self, peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        # Unread by a client that only sends: like the tickets, which come behind the handshake.
        session.sendall(self._says)
        count = 0
        while data := session.recv(1000):
            count += len(data)
        self.taken.append(count)
        session.unwrap()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    with path.open("wb") as file:
        file.truncate(2_000_000)
    return path


@on_both_backends
@pytest.mark.parametrize("half_close", ["notify", "fin"])
def test_no_upload_loses_its_end(credentials: Credentials, file: Path, backend: str, half_close: str) -> None:
    sink = Sink(b"welcome" * 1000)
    with zoo.listening(zoo.tls(zoo.context(credentials.good), sink)) as peer:
        for _ in range(TIMES):
            with file.open("rb") as data:
                args = (peer.target, "--ca", credentials.ca, "--backend", backend, "-q", "--pipe", "--half-close", half_close)
                assert tlstool("connect", *args, stdin=data.fileno()).status == 0
    assert sink.taken == [file.stat().st_size] * TIMES


@on_both_backends
def test_no_file_of_a_dialogue_loses_its_end(credentials: Credentials, file: Path, backend: str) -> None:
    sink = Sink(b"welcome")
    with zoo.listening(zoo.tls(zoo.context(credentials.good), sink)) as peer:
        args = (peer.target, "--ca", credentials.ca, "--backend", backend, "-q", "--send", f"@{file}", "--expect", "welcome")
        assert tlstool("connect", *args).status == 0
    assert sink.taken == [file.stat().st_size]
