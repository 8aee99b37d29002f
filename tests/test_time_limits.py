"""No peer keeps us longer than the limit: in each phase, and over the whole run."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import on_both_backends, refused, run, tlstool

from tlstool import phases
from tlstool.client import connect
from tlstool.requests import ConnectRequest

if TYPE_CHECKING:
    from credentials import Credentials

AT_LIMIT = 0.3
"""Seconds, for a phase whose limit is lowered."""

WHOLE_RUN = ("--timeout", "400ms")


@contextmanager
def taking(least: float, most: float) -> Iterator[None]:
    """What is inside takes from `least` seconds on, and not `most`."""
    start = time.monotonic()
    yield
    assert least <= time.monotonic() - start < most


@pytest.fixture
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that does not answer before the test is over."""
    over = threading.Event()

    def hang(*_args: object, **_options: object) -> list[object]:
        over.wait(zoo.LIMIT)
        raise socket.gaierror(socket.EAI_AGAIN, "the test is over")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    over.set()


@pytest.mark.usefixtures("hanging_resolver")
def test_a_resolver_that_hangs_is_left_behind_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(phases.LIMITS, "dns", AT_LIMIT)
    with taking(AT_LIMIT, AT_LIMIT + 1):
        report = connect(ConnectRequest(target="slow.test"))
    assert report.error is not None
    assert (report.exit_status, report.error.code, report.error.phase) == (6, "time-limit", "dns")


def test_a_resolver_that_hangs_does_not_keep_the_process_alive() -> None:
    hang = "import socket, sys, time; socket.getaddrinfo = lambda *_, **__: time.sleep(60); "
    program = hang + "from tlstool import cli; sys.argv[1:] = ['connect', 'slow.test', '--timeout', '300ms']; cli.main()"
    done = run([sys.executable, "-P", "-c", program])
    assert (done.status, "slow.test" in done.errors) == (6, True)
    assert done.seconds < 5


def test_a_resolver_that_breaks_is_not_said_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(socket, "getaddrinfo", broken)
    with pytest.raises(MemoryError):
        connect(ConnectRequest(target="some.test"))


def test_a_peer_that_takes_no_connection_is_left_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(phases.LIMITS, "tcp", AT_LIMIT)
    with zoo.full() as port, taking(AT_LIMIT, AT_LIMIT + 1):
        report = connect(ConnectRequest(target=f"127.0.0.1:{port}"))
    assert report.error is not None
    assert (report.exit_status, report.error.code, report.error.phase) == (6, "time-limit", "tcp")


@on_both_backends
@pytest.mark.parametrize("behaviour", [zoo.silent, zoo.trickles])
def test_a_peer_that_does_not_get_on_with_the_handshake_is_left_at_the_limit(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials, behaviour: zoo.Behaviour, backend: str
) -> None:
    monkeypatch.setitem(phases.LIMITS, "handshake", AT_LIMIT)
    request = ConnectRequest(target="", ca=(str(credentials.ca),), backend="rustls" if backend == "rustls" else "openssl")
    with zoo.listening(behaviour) as peer, taking(AT_LIMIT, AT_LIMIT + 1):
        report = connect(replace(request, target=peer.target))
    assert report.error is not None
    assert (report.exit_status, report.error.code, report.error.phase) == (6, "time-limit", "handshake")
    assert report.address == f"127.0.0.1:{peer.port}"


def test_the_limit_of_the_whole_run_holds_while_connecting() -> None:
    with zoo.full() as port:
        document = refused("connect", f"127.0.0.1:{port}", *WHOLE_RUN, status=6, code="time-limit")
    assert document["error"]["phase"] == "tcp"
    # The limit runs from before the phases do.
    assert 350 <= document["phases_ms"]["total"] < 1400


@on_both_backends
@pytest.mark.parametrize("command", [("connect",), ("cert-verify",), ("bench", "handshake")])
@pytest.mark.parametrize("behaviour", [zoo.silent, zoo.trickles])
def test_the_limit_of_the_whole_run_holds_in_the_handshake(
    behaviour: zoo.Behaviour, command: tuple[str, ...], backend: str
) -> None:
    with zoo.listening(behaviour) as peer:
        done = tlstool(*command, peer.target, *WHOLE_RUN, "--backend", backend, "--json")
    assert done.status == 6, done
    error = done.document["error"]
    assert (error["code"], error["phase"]) == ("time-limit", "handshake")
    assert done.seconds >= 0.4
    if command == ("connect",):
        assert 399 <= done.document["phases_ms"]["total"] < 1400
