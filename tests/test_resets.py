"""Peers that reset the connection in a relay: an error, unless we had said our own end before."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import zoo
from runner import on_both_backends, tlstool

if TYPE_CHECKING:
    from credentials import Credentials


def _resets(*, after_our_end: bool) -> Callable[[zoo.Peer, ssl.SSLSocket], None]:
    """A peer that reads, once or to our close_notify, and resets the connection."""

    def behave(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        while session.recv(65536) and after_our_end:
            pass
        session.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, zoo.RESET)

    return behave


@on_both_backends
def test_a_relay_that_breaks_is_8_in_the_phase_of_the_run(credentials: Credentials, backend: str) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"hello")
    with zoo.listening(zoo.tls(zoo.context(credentials.good), _resets(after_our_end=False))) as peer:
        pipe = ("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe", "--json")
        done = tlstool(*pipe, stdin=reader)
    os.close(writer)
    os.close(reader)
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"], error["phase"]) == (8, "connection-reset", "run")


@on_both_backends
def test_a_reset_after_our_own_end_is_an_end(credentials: Credentials, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good), _resets(after_our_end=True))) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe", stdin=b"hello")
    assert done.status == 0, done
