"""Ctrl-C ends everything with 130, a reader who leaves with 141; neither leaves a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import COMMAND, Done, end, on_both_backends, serving, started

if TYPE_CHECKING:
    from credentials import Credentials


@on_both_backends
@pytest.mark.parametrize("command", [("connect",), ("cert-verify",), ("bench", "handshake")])
def test_ctrl_c_ends_the_wait_for_a_silent_peer(command: tuple[str, ...], backend: str) -> None:
    with (
        zoo.listening(zoo.silent) as peer,
        started([*COMMAND, *command, peer.target, "--backend", backend, "--json"]) as process,
    ):
        assert peer.connected.wait(zoo.LIMIT)
        done = _interrupted(process)
    assert done.status == 130, done
    assert (done.document["error"]["code"], done.document["exit_status"]) == ("interrupted", 130)


def test_ctrl_c_ends_the_second_try_of_a_handshake_that_failed() -> None:
    """What the first one showed is in the report all the same."""
    again = threading.Event()

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        if not peer.received:
            zoo.resets(peer, sock)
            return
        again.set()
        zoo.silent(peer, sock)

    with (
        zoo.listening(behave) as peer,
        started([*COMMAND, "connect", peer.target, "--roots", "none", "--pq-check", "--backend", "rustls", "--json"]) as process,
    ):
        assert again.wait(zoo.LIMIT)
        done = _interrupted(process)
    assert done.status == 130, done
    assert (done.document["error"]["code"], done.document["target"]) == ("interrupted", peer.target)


@on_both_backends
def test_ctrl_c_ends_a_benchmark_and_its_figures_are_printed(backend: str) -> None:
    done = _interrupted_benchmark(backend)
    assert done.status == 130, done
    assert "p50" in done.text
    assert "error: interrupted" in done.errors


@on_both_backends
def test_ctrl_c_ends_a_benchmark_with_a_whole_document(backend: str) -> None:
    done = _interrupted_benchmark(backend, "--json")
    assert done.status == 130, done
    assert (done.document["error"]["code"], done.document["result"]["interrupted"]) == ("interrupted", True)
    assert done.document["result"]["handshakes"] > 0
    assert done.document["result"]["p50_ms"] > 0


@on_both_backends
def test_ctrl_c_ends_a_relay(credentials: Credentials, backend: str) -> None:
    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer,
        started(
            [*COMMAND, "connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe"], stdin=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"ping")
        assert process.stdout.read(4) == b"ping"
        done = _interrupted(process)
    assert done.status == 130, done


@on_both_backends
def test_ctrl_c_leaves_what_further_connections_have_told(credentials: Credentials, backend: str) -> None:
    answers, stuck = zoo.tls(zoo.context(credentials.good)), threading.Event()
    turns = iter((answers, answers, zoo.silent))

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        turn = next(turns)
        if turn is zoo.silent:
            stuck.set()
        turn(peer, sock)

    with (
        zoo.listening(behave) as peer,
        started(
            [*COMMAND, "connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--reconnect", "9", "--json"]
        ) as process,
    ):
        assert stuck.wait(zoo.LIMIT)
        done = _interrupted(process)
    assert done.status == 130, done
    assert [one["error"] for one in done.document["reconnects"]] == [None]


@pytest.fixture
def nobody() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@on_both_backends
@pytest.mark.parametrize("option", ["--json", "--verbose"])
def test_a_report_that_nobody_reads_is_141(credentials: Credentials, nobody: int, backend: str, option: str) -> None:
    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer,
        started(
            [*COMMAND, "connect", peer.target, "--ca", credentials.ca, "--backend", backend, option], stdout=nobody
        ) as process,
    ):
        done = end(process)
    assert done.status == 141, done
    assert "Traceback" not in done.errors
    assert "error" not in done.errors


@on_both_backends
def test_a_relay_whose_output_nobody_reads_is_141(credentials: Credentials, nobody: int, backend: str) -> None:
    talking = zoo.tls(zoo.context(credentials.good), zoo.says(b"x" * (1 << 20)))
    with (
        zoo.listening(talking) as peer,
        started(
            [*COMMAND, "connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe", "-q"], stdout=nobody
        ) as process,
    ):
        done = end(process)
    assert (done.status, done.errors) == (141, "")


@pytest.mark.parametrize(
    "args", [("--help",), ("connect", "--help"), ("--version",), ("help", "exit-codes"), ("serve", "--json")]
)
def test_text_that_nobody_reads_is_141(nobody: int, args: tuple[str, ...]) -> None:
    with started([*COMMAND, *args], stdout=nobody) as process:
        done = end(process)
    assert (done.status, done.errors) == (141, "")


def _interrupted_benchmark(backend: str, *options: str) -> Done:
    """A benchmark that is interrupted while its load runs."""
    with serving("--backend", backend) as server:
        target = (server.target, "--ca", server.ca_file, "--backend", backend, "--duration", "60s")
        with started([*COMMAND, "bench", "handshake", *target, *options]) as process:
            for _ in range(40):
                assert server.next_event()["event"] == "connection"
            return _interrupted(process)


def _interrupted(process: subprocess.Popen[bytes]) -> Done:
    process.send_signal(signal.SIGINT)
    done = end(process)
    assert "Traceback" not in done.errors
    return done
