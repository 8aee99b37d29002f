"""Silence, and a few bytes a second, in each phase of a connection: each is left at its own limit, and named."""

from __future__ import annotations

import socket
from typing import Any

import nameservers
import pki
import pytest
import tls13
import zoo
from runner import on_both_backends

from tlstool import connect
from tlstool.reports import ConnectReport
from tlstool.requests import ConnectRequest

LIMIT = 0.4
SLACK = 0.6
"""Seconds: what a busy machine may take on top."""

GREETINGS = {"smtp": b"220-mail.test\r\n", "imap": b"* ", "ftp": b"220-\r\n", "irc": b":a NOTICE * :a\r\n"}


def tried(target: str, phase: str, **options: Any) -> ConnectReport:
    return connect(ConnectRequest(target=target, insecure=True, limits=((phase, LIMIT),), **options))


def assert_left(report: ConnectReport, phase: str) -> None:
    assert report.error is not None
    assert (report.exit_status, report.error.code, report.error.phase) == (6, "time-limit", phase), report.error
    assert report.phases_ms.total is not None
    assert LIMIT <= report.phases_ms.total / 1000 < LIMIT + SLACK


def test_a_name_server_that_says_nothing() -> None:
    with nameservers.serving(nameservers.silent) as server:
        assert_left(tried("some.test", "dns", dns=server.place), "dns")


def test_a_peer_that_does_not_take_the_connection() -> None:
    with zoo.full() as port:
        assert_left(tried(f"127.0.0.1:{port}", "tcp"), "tcp")


@pytest.mark.parametrize("scheme", ["http", "socks5h", "socks4a"])
@pytest.mark.parametrize("behaviour", [zoo.silent, zoo.dribbles(b"HTTP/1.1 200 OK\r\nA: "), zoo.dribbles(b"\x05\x00\x05\x00")])
def test_a_proxy_that_does_not_get_on(scheme: str, behaviour: zoo.Behaviour) -> None:
    with zoo.listening(behaviour) as proxy:
        report = tried("some.test", "proxy", proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    assert report.error is not None
    # What is wrong from the first byte on is not waited for.
    if report.error.code != "not-a-proxy":
        assert_left(report, "proxy")


@pytest.mark.parametrize("protocol", GREETINGS)
@pytest.mark.parametrize("talks", [False, True])
def test_a_server_that_does_not_come_to_the_point(protocol: str, talks: bool) -> None:
    with zoo.listening(zoo.dribbles(GREETINGS[protocol]) if talks else zoo.silent) as peer:
        assert_left(tried(peer.target, "starttls", starttls=protocol), "starttls")


@on_both_backends
@pytest.mark.parametrize("talks", [False, True])
def test_a_server_that_does_not_get_on_with_the_handshake(talks: bool, backend: str) -> None:
    behaviour = zoo.dribbles(tls13.record(tls13.HANDSHAKE, b"\x02\x00\x40\x00" + bytes(100))) if talks else zoo.silent
    with zoo.listening(behaviour) as peer:
        assert_left(tried(peer.target, "handshake", backend=backend), "handshake")


@on_both_backends
@pytest.mark.parametrize("talks", [False, True])
def test_a_server_that_does_not_close(talks: bool, backend: str) -> None:
    leaf = pki.leaf(None)

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        server = tls13.established(sock, leaf)
        while talks and not peer.stopping.wait(0.15):
            server.seal(tls13.DATA, b"x")
        zoo.silent(peer, sock)

    with zoo.listening(behave) as peer:
        report = tried(peer.target, "close", backend=backend)
    assert (report.exit_status, report.error) == (0, None)
    assert report.phases_ms.total is not None
    assert report.phases_ms.total / 1000 < LIMIT + SLACK
