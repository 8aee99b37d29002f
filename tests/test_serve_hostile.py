"""A server survives any client: what each may take is bounded in time, number and memory, and the others are served meanwhile."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import hostile
import pytest
import runner
from peers import require
from runner import Server, on_both_backends, serving, tlstool

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

MANY = 300
"""Clients of a flood."""


def ended(server: Server, count: int = 1) -> list[dict[str, Any]]:
    """The next connections that the server tells of."""
    return [server.next_event() for _ in range(count)]


def errors(server: Server, count: int = 1) -> list[str | None]:
    return [event["error"] for event in ended(server, count)]


@contextmanager
def within(limits: dict[str, int], *args: str) -> Iterator[Server]:
    """A server in a process with these limits (`prlimit --NAME`), soft and hard."""
    prlimit = require("prlimit")
    command = [prlimit, *(f"--{name}={limit}" for name, limit in limits.items()), *runner.COMMAND, "serve", "--json", *args]
    with runner.started(command) as process:
        yield Server(process)


def test_an_address_that_others_may_reach_is_said_to_be_one_in_a_line() -> None:
    with runner.started([*runner.COMMAND, "serve", "0.0.0.0:0"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ready on ")
        process.terminate()
        told = runner.end(process).errors
    assert told.count("every address of this machine (0.0.0.0)") == 1
    with serving() as server:
        assert "not-loopback" not in server.stop().text


# ---- limits in time ------------------------------------------------------------------------------


@on_both_backends
def test_a_hello_in_a_trickle_ends_at_the_limit_that_runs_from_the_accept(backend: str) -> None:
    with serving("--backend", backend, "--limit", "handshake=500ms") as server, hostile.dial(server.port) as slow:
        hostile.trickle(slow, hostile.endless(hostile.hello()[:-1], b""), 0.05)
        (event,) = ended(server)
        assert (event["error"], event["tls"]) == ("time-limit", None)
        assert 500 <= event["duration_ms"] < 10_000


@on_both_backends
def test_a_head_in_a_trickle_ends_at_the_limit_of_a_request(backend: str) -> None:
    with (
        serving("--backend", backend, "--limit", "request=500ms") as server,
        hostile.session(server.port, server.ca_file) as slow,
    ):
        hostile.asked(slow)
        hostile.trickle(slow, hostile.endless(hostile.REQUEST[:-2], b"X: y\r\n"), 0.05)
        assert errors(server) == ["time-limit"]


@on_both_backends
def test_a_client_that_takes_nothing_ends_at_the_limit_of_sending(backend: str) -> None:
    options = ("--backend", backend, "--echo", "--limit", "send=500ms")
    with serving(*options) as server, hostile.session(server.port, server.ca_file) as greedy:
        hostile.glut(greedy, bytes(1 << 16))
        assert errors(server) == ["time-limit"]


@on_both_backends
def test_a_whole_connection_ends_at_its_limit_however_busy_it_is(backend: str) -> None:
    options = ("--backend", backend, "--echo", "--limit", "connection=1s")
    with serving(*options) as server:
        with hostile.session(server.port, server.ca_file) as busy, suppress(OSError):
            while busy.recv(100) if busy.send(b"still here") else b"":
                pass
        (event,) = ended(server)
        # Between two messages, the end is in order and no fault.
        assert event["error"] in (None, "time-limit")
        assert 1000 <= event["duration_ms"] < 10_000
        assert event["sent"] > 0


@on_both_backends
def test_an_idle_connection_is_closed_in_order_and_that_is_no_fault(backend: str) -> None:
    options = ("--backend", backend, "--limit", "idle=300ms")
    with serving(*options) as server, hostile.session(server.port, server.ca_file) as idle:
        hostile.asked(idle)
        assert idle.recv(1) == b""
        assert errors(server) == [None]


def test_a_limit_of_a_phase_that_there_is_not_is_refused() -> None:
    done = tlstool("serve", "--limit", "tcp=1s")
    assert done.status == 2
    assert "handshake, request, send, idle, close, connection" in done.errors


# ---- limits in number ----------------------------------------------------------------------------


@on_both_backends
def test_clients_over_the_limit_are_turned_away_until_there_is_room(backend: str) -> None:
    with serving("--backend", backend, "--max-connections", "2") as server, ExitStack() as held:
        first, _second = (held.enter_context(hostile.session(server.port, server.ca_file)) for _ in range(2))
        assert not hostile.is_served(server.port, server.ca_file)
        (event,) = ended(server)
        assert (event["error"], event["tls"]) == ("too-many-connections", None)
        first.close()
        assert errors(server) == [None]
        assert hostile.is_served(server.port, server.ca_file)
        assert errors(server) == [None]
        totals = server.stop().events[-1]
        assert (totals["connections"], totals["refused"], totals["failed"]) == (3, 1, 0)


@on_both_backends
def test_the_limit_of_an_address_holds_for_that_one_alone(backend: str) -> None:
    # Darwin has only one address of the loopback unless it is given more.
    if not sys.platform.startswith("linux"):
        pytest.skip("needs 127.0.0.2")
    with serving("--backend", backend, "--max-per-address", "1") as server:
        with hostile.session(server.port, server.ca_file) as only:
            assert not hostile.is_served(server.port, server.ca_file)
            assert hostile.is_served(server.port, server.ca_file, source="127.0.0.2")
            assert sorted(map(str, errors(server, 2))) == ["None", "too-many-connections"]
            assert b"TLS" in hostile.asked(only)
        assert errors(server) == [None]
        assert hostile.is_served(server.port, server.ca_file)


@on_both_backends
def test_who_is_slow_in_the_handshake_gives_way_to_who_comes_later(backend: str) -> None:
    with (
        serving("--backend", backend, "--max-connections", "5") as server,
        hostile.silent(server.port, 6),
    ):
        assert errors(server) == ["too-many-connections"]
        assert hostile.eventually(lambda: hostile.is_served(server.port, server.ca_file))
        messages = [event["message"] for event in server.stop().events if event.get("error") == "too-many-connections"]
        assert any("its place was wanted" in message for message in messages)


# ---- floods --------------------------------------------------------------------------------------


@on_linux
def test_others_are_served_beside_a_flood_of_half_open_connections() -> None:
    with serving("--limit", "handshake=20s") as server:
        before = hostile.resident(server.process.pid)
        with hostile.silent(server.port, MANY):
            assert hostile.is_served(server.port, server.ca_file)
            assert hostile.resident(server.process.pid) - before < MANY * 16 + 4096
        assert errors(server, MANY + 1).count("connection-closed") == MANY
        assert hostile.eventually(lambda: hostile.descriptors(server.process.pid) < MANY)


@on_linux
def test_garbage_ends_at_once_and_leaves_nothing() -> None:
    with serving() as server:
        for number in range(MANY):
            with hostile.dial(server.port) as rude:
                # The first byte is of no record that there is.
                rude.sendall(bytes([number % 20]) + os.urandom(300))
                hostile.last_words(rude)
            if number == MANY // 2:
                before = hostile.resident(server.process.pid)
                assert hostile.is_served(server.port, server.ca_file)
        found = errors(server, MANY + 1)
        assert set(found) <= {None, "not-tls", "peer-misbehaved", "connection-reset"}
        assert found.count(None) == 1
        assert hostile.resident(server.process.pid) - before < 2048


@on_linux
@pytest.mark.parametrize("record", [16_384, 1])
def test_large_hellos_that_come_byte_by_byte_hold_up_nobody(record: int) -> None:
    count, piece = 30, 1024
    data = hostile.large_hello(record)
    with serving("--threads", "1") as server, ExitStack() as held:
        before = hostile.resident(server.process.pid)
        slow = [held.enter_context(hostile.dial(server.port)) for _ in range(count)]
        for one in slow:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.sendall(data[: -4 * piece] if record > 1 else data[: 100 * piece])
        rest = data[-4 * piece :]
        for start in range(piece):
            for one in slow:
                one.send(rest[start : start + 1])
        assert hostile.is_served(server.port, server.ca_file)
        # What may be kept of a hello, and as much again for the way that memory grows.
        assert hostile.resident(server.process.pid) - before < count * 256 + 4096


@on_linux
def test_requests_of_clients_that_never_read_do_not_pile_up() -> None:
    count = 20
    with serving("--limit", "send=20s") as server, ExitStack() as held:
        before = hostile.resident(server.process.pid)
        for _ in range(count):
            # A hundred times larger are the answers.
            hostile.glut(held.enter_context(hostile.session(server.port, server.ca_file)), hostile.REQUEST * 100)
        assert hostile.is_served(server.port, server.ca_file)
        assert hostile.resident(server.process.pid) - before < count * 512 + 4096


@on_linux
def test_clients_that_come_and_go_leave_no_descriptor() -> None:
    with serving() as server:
        # Once a client was served the server has all that it needs itself.
        assert hostile.is_served(server.port, server.ca_file)
        assert errors(server) == [None]
        before = hostile.descriptors(server.process.pid)
        first = hostile.hello()
        for number in range(MANY):
            with hostile.dial(server.port) as hasty:
                hasty.sendall(first[: number % len(first)])
        errors(server, MANY)
        assert hostile.is_served(server.port, server.ca_file)
        assert hostile.eventually(lambda: hostile.descriptors(server.process.pid) == before)


# ---- what the system has no more of --------------------------------------------------------------


@on_linux
def test_a_server_takes_all_the_descriptors_that_it_may_have() -> None:
    with runner.started([require("prlimit"), "--nofile=40:400", *runner.COMMAND, "serve", "--json"]) as process:
        server = Server(process)
        with hostile.silent(server.port, 100):
            assert hostile.is_served(server.port, server.ca_file)
            assert hostile.descriptors(process.pid) > 100


@on_linux
def test_without_descriptors_clients_are_told_so_at_once_and_the_log_once() -> None:
    with within({"nofile": 64}, "--threads", "2") as server, ExitStack() as held:
        sessions = []
        with suppress(OSError):
            while len(sessions) < 64:
                sessions.append(held.enter_context(hostile.session(server.port, server.ca_file)))
        assert 20 < len(sessions) < 64
        for _ in range(5):
            assert not hostile.is_served(server.port, server.ca_file)
        assert b"TLS" in hostile.asked(sessions[0])
        event = server.next_event()
        assert event["error"] == "out-of-descriptors"
        assert "64" in event["message"]
        assert "RLIMIT_NOFILE" in event["message"]
        sessions.pop().close()
        assert errors(server) == [None]
        assert hostile.is_served(server.port, server.ca_file)
        assert errors(server) == [None]
        assert server.stop().events[-1]["refused"] == 6


@on_linux
def test_a_flood_of_half_open_connections_does_not_keep_the_descriptors() -> None:
    with within({"nofile": 64}, "--limit", "handshake=20s") as server, hostile.silent(server.port, 200):
        assert hostile.eventually(lambda: hostile.is_served(server.port, server.ca_file))


# No system has room for a stack like that.
NO_THREADS = {"RUST_MIN_STACK": str(1 << 46)}


@on_linux
@pytest.mark.parametrize(
    ("descriptors", "environment", "code"), [(24, {}, "out-of-descriptors"), (1024, NO_THREADS, "out-of-threads")]
)
def test_a_server_that_the_system_gives_too_little_says_what_it_lacks(
    descriptors: int, environment: dict[str, str], code: str
) -> None:
    command = [require("prlimit"), f"--nofile={descriptors}", *runner.COMMAND, "serve", "--threads", "64"]
    told = runner.run(command, environment=environment)
    done = runner.run([*command, "--json"], environment=environment)
    error = done.events[-1]["error"]
    assert (told.status, done.status, error["code"]) == (3, 3, code), told
    assert error["hint"]
    assert "hint: " in told.errors
