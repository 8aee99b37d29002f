"""The ways to a peer: Unix sockets, source addresses, families, given addresses, name servers, tries, limits of phases."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import nameservers
import pytest
import zoo
from runner import COMMAND, end, on_both_backends, refused, started, tlstool

from tlstool import dial, peer, phases
from tlstool.client import connect
from tlstool.errors import TimeLimitError
from tlstool.events import Event, PhaseEvent
from tlstool.phases import Deadline
from tlstool.reach import Route
from tlstool.requests import ConnectRequest
from tlstool.serving.listening import listen

if TYPE_CHECKING:
    from credentials import Credentials


@pytest.fixture
def good(credentials: Credentials) -> Iterator[zoo.Peer]:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as listening:
        yield listening


# ---- Unix sockets --------------------------------------------------------------------------------


@contextlib.contextmanager
def unix_server(address: str, behaviour: zoo.Behaviour) -> Iterator[None]:
    """Treats one connection so."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(zoo.LIMIT)
                    behaviour(zoo.Peer(0), sock)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(zoo.LIMIT)


@on_both_backends
@pytest.mark.parametrize("abstract", [False, True])
def test_a_unix_socket_is_a_target(credentials: Credentials, tmp_path: Path, backend: str, abstract: bool) -> None:
    path = f"@{tmp_path.name}-{backend}" if abstract else str(tmp_path / "server.sock")
    with unix_server(path.replace("@", "\0", 1), zoo.tls(zoo.context(credentials.good))):
        options = ("--ca", credentials.ca, "--verify-name", "localhost", "--backend", backend, "--json")
        done = tlstool("connect", f"unix:{path}", *options)
    assert done.status == 0, done
    document = done.document
    assert document["address"] == f"unix:{path}"
    assert document["phases_ms"]["dns"] is None
    assert document["phases_ms"]["tcp"] > 0
    assert document["handshake"]["sni"] is None


@on_both_backends
def test_without_a_name_to_verify_a_unix_socket_is_looked_at_only_with_k(
    credentials: Credentials, tmp_path: Path, backend: str
) -> None:
    target = f"unix:{tmp_path / 'server.sock'}"
    document = refused("connect", target, "--backend", backend, status=2, code="usage")
    assert "--verify-name" in document["error"]["hint"]
    with unix_server(target.removeprefix("unix:"), zoo.tls(zoo.context(credentials.good))):
        done = tlstool("connect", target, "-k", "--ca", credentials.ca, "--backend", backend, "--json")
    assert done.status == 0, done
    assert done.document["handshake"]["trust"]["name"] is None
    assert [warning["code"] for warning in done.document["warnings"]] == ["name-not-checked"]


def test_a_certificate_is_verified_over_a_unix_socket(credentials: Credentials, tmp_path: Path) -> None:
    path = str(tmp_path / "server.sock")
    with unix_server(path, zoo.tls(zoo.context(credentials.good))):
        done = tlstool("cert-verify", f"unix:{path}", "--ca", credentials.ca, "--verify-name", "localhost", "--json")
    assert (done.status, done.document["kind"]) == (0, "target"), done


@pytest.mark.parametrize("listens", [False, True])
def test_a_unix_socket_without_a_server_is_status_5(tmp_path: Path, listens: bool) -> None:
    path = tmp_path / "server.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        if listens:
            bound.bind(str(path))
        code = "connection-refused" if listens else "connection-failed"
        refused("connect", f"unix:{path}", "-k", status=5, code=code)


def test_a_unix_socket_whose_queue_is_full_is_left_at_the_limit(tmp_path: Path) -> None:
    path = str(tmp_path / "server.sock")
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(path)
        listener.listen(0)
        while True:
            waiting = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            waiting.setblocking(False)
            if waiting.connect_ex(path):
                break
        with pytest.raises(TimeLimitError):
            dial.connect_unix(path, Deadline.after(0.2))


# ---- from where, to which address ----------------------------------------------------------------


def test_a_connection_comes_from_the_address_and_port_that_were_given(good: zoo.Peer, credentials: Credentials) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.3", 0))
        port = probe.getsockname()[1]
    route = Route(
        peer.endpoint.parse(good.target), ConnectRequest(target="", bind=f"127.0.0.3:{port}"), phases.Trace(), Deadline(None)
    )
    route.find()
    with route.dial() as sock:
        assert sock.getsockname() == ("127.0.0.3", port)
    done = tlstool("connect", good.target, "--ca", credentials.ca, "--bind", "127.0.0.2")
    assert done.status == 0, done


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("--bind", "192.0.2.1"), 3, "cannot-bind"),
        (("--bind", "nonsense"), 2, "usage"),
        (("--bind", "127.0.0.1:x"), 2, "usage"),
        (("--bind", "::1"), 4, "wrong-family"),
        (("-6",), 4, "wrong-family"),
        (("-4", "-6"), 2, "usage"),
        (("--resolve", "nonsense"), 2, "bad-target"),
        (("--dns", "127.0.0.1:0"), 2, "bad-target"),
        (("--proxy", "https://127.0.0.1"), 2, "bad-proxy"),
        (("--limit", "tls=1s"), 2, "usage"),
        (("--limit", "dns"), 2, "usage"),
        (("--limit", "dns=1"), 2, "usage"),
        (("--retries", "-1"), 2, "usage"),
    ],
)
def test_a_way_that_makes_no_sense_is_refused(good: zoo.Peer, options: tuple[str, ...], status: int, code: str) -> None:
    refused("connect", f"127.0.0.1:{good.port}", *options, status=status, code=code)


def test_an_unknown_phase_is_met_with_the_known_ones_and_help_has_them_too() -> None:
    known = list(phases.LIMITS)
    assert f"choose from {', '.join(known)}" in tlstool("connect", "x", "--limit", "tls=1s").errors
    words = " ".join(tlstool("connect", "--help").text.split())
    assert f"{', '.join(known[:-1])} or {known[-1]}" in words


def test_a_given_address_is_taken_for_a_name_that_nobody_knows(good: zoo.Peer, credentials: Credentials) -> None:
    options = ("--ca", credentials.ca, "--verify-name", "localhost", "--json")
    done = tlstool("connect", f"nosuch.invalid:{good.port}", "--resolve", f"nosuch.invalid:{good.port}:127.0.0.1", *options)
    assert (done.status, done.document["address"]) == (0, f"127.0.0.1:{good.port}"), done


def test_a_given_name_server_is_asked(good: zoo.Peer, credentials: Credentials) -> None:
    with nameservers.serving(nameservers.zone({"www.test CNAME": "web.test", "web.test A": "127.0.0.1"})) as name_server:
        options = ("--dns", name_server.place, "--ca", credentials.ca, "--sni", "localhost", "--json")
        done = tlstool("connect", f"www.test:{good.port}", *options)
        assert (done.status, done.document["address"]) == (0, f"127.0.0.1:{good.port}"), done
        refused("connect", "nosuch.test", "--dns", name_server.place, status=4, code="unknown-host")


def test_ipv6_alone_reaches_an_ipv6_server(credentials: Credentials) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    port = listener.getsockname()[1]

    def serve() -> None:
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                zoo.tls(zoo.context(credentials.good))(zoo.Peer(port), sock)

    with listener:
        thread = threading.Thread(target=serve)
        thread.start()
        pins = ("--resolve", f"localhost:{port}:127.0.0.1,::1")
        done = tlstool("connect", f"localhost:{port}", "-6", *pins, "--ca", credentials.ca, "--json")
        thread.join(zoo.LIMIT)
    assert (done.status, done.document["address"]) == (0, f"[::1]:{port}"), done


# ---- tries ---------------------------------------------------------------------------------------


def test_a_server_that_comes_up_meanwhile_is_reached_by_a_later_try(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PhaseEvent] = []
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                zoo.tls(zoo.context(credentials.good))(zoo.Peer(port), sock)

        def on_event(event: Event) -> None:
            assert isinstance(event, PhaseEvent)
            told.append(event)
            if [one.state for one in told].count("waiting") == 2 and event.state == "waiting":
                listener.listen()
                thread = threading.Thread(target=serve)
                thread.start()
                held.callback(thread.join, zoo.LIMIT)

        report = connect(
            ConnectRequest(target=f"localhost:{port}", ca=(str(credentials.ca),), retries=5, family="ipv4"), on_event
        )
    assert (report.exit_status, report.tries) == (0, 3)
    waits = [event.detail for event in told if event.state == "waiting"]
    assert [wait.partition(" in ")[0] for wait in waits] == ["try 2 of 6", "try 3 of 6"]


def test_tries_end_with_the_last_error_and_are_counted() -> None:
    with zoo.refusing() as port:
        document = refused("connect", f"127.0.0.1:{port}", "--retries", "1", status=5, code="connection-refused")
    assert document["tries"] == 2


def test_no_pause_goes_beyond_the_end_of_the_run() -> None:
    with zoo.refusing() as port:
        report = connect(ConnectRequest(target=f"127.0.0.1:{port}", retries=100, timeout=0.6))
    assert report.error is not None
    assert report.error.code == "connection-refused"
    assert report.tries is not None
    assert 1 < report.tries < 10
    assert report.phases_ms.total is not None
    assert report.phases_ms.total < 1600


@pytest.mark.parametrize("behaviour", [zoo.closes, zoo.answers(zoo.HANDSHAKE_FAILURE)])
def test_only_a_connection_that_does_not_come_about_is_tried_again(behaviour: zoo.Behaviour) -> None:
    with zoo.listening(behaviour) as listening:
        report = connect(ConnectRequest(target=listening.target, retries=3))
    assert (report.exit_status, report.tries) == (8, 1)


# ---- limits --------------------------------------------------------------------------------------


def trickling_proxy(listening: zoo.Peer, sock: socket.socket) -> None:
    sock.recv(65536)
    for byte in b"HTTP/1.1 100 Continue\r\n\r\n" * 10:
        sock.sendall(bytes([byte]))
        if listening.stopping.wait(1.0):
            return


@contextlib.contextmanager
def stuck(phase: str) -> Iterator[tuple[str, ...]]:
    """The command line of a connection that gets no further than that phase."""
    with contextlib.ExitStack() as held:
        if phase == "dns":
            name_server = held.enter_context(nameservers.serving(nameservers.silent))
            yield "some.test", "--dns", name_server.place
        elif phase == "tcp":
            yield (f"127.0.0.1:{held.enter_context(zoo.full())}",)
        elif phase == "proxy":
            listening = held.enter_context(zoo.listening(trickling_proxy))
            yield "some.test", "--proxy", f"http://127.0.0.1:{listening.port}"
        else:
            listening = held.enter_context(zoo.listening(zoo.trickles))
            yield (f"127.0.0.1:{listening.port}",)


@pytest.mark.parametrize("phase", ["dns", "tcp", "proxy", "handshake"])
def test_a_phase_ends_at_its_own_limit_which_is_named(phase: str) -> None:
    with stuck(phase) as args:
        done = tlstool("connect", *args, "--limit", f"{phase}=300ms", "--json")
    assert done.status == 6, done
    error = done.document["error"]
    assert (error["code"], error["phase"]) == ("time-limit", phase)
    assert error["message"].endswith(f"the limit of the {phase} phase is 300 ms")
    assert 299 <= done.document["phases_ms"][phase] < 1300


@pytest.mark.parametrize("phase", ["dns", "tcp", "proxy", "handshake"])
def test_the_end_of_the_run_is_named_where_it_comes_first(phase: str) -> None:
    with stuck(phase) as args:
        done = tlstool("connect", *args, "--timeout", "300ms", "--json")
    error = done.document["error"]
    assert (done.status, error["code"], error["phase"]) == (6, "time-limit", phase)
    assert error["message"].endswith("the limit of the whole run is 300 ms")


def test_the_limit_of_the_close_holds_against_a_peer_that_does_not_close(credentials: Credentials) -> None:
    def stays(listening: zoo.Peer, session: object) -> None:
        listening.stopping.wait(zoo.LIMIT)

    request = ConnectRequest(target="", ca=(str(credentials.ca),), limits=(("close", 0.3),))
    with zoo.listening(zoo.tls(zoo.context(credentials.good), stays)) as listening:
        attempt = peer.Attempt(replace(request, target=listening.target), lambda _: None)
        session = attempt.open(listening.target)
        session.write(b"data", Deadline.after(10.0))
        deadline = attempt.deadline.phase("close")
        session.close(deadline)
        assert deadline.at is not None
        assert deadline.limit == "the limit of the close phase is 300 ms"
        assert time.monotonic() - deadline.at < 1.0


def test_the_name_of_an_address_to_listen_on_is_looked_up_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_args: object, **_options: object) -> None:
        over.wait(zoo.LIMIT)
        raise socket.gaierror(socket.EAI_AGAIN, "the test is over")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setitem(phases.LIMITS, "dns", 0.2)
    with pytest.raises(TimeLimitError) as caught:
        listen("slow.test:0", 1)
    over.set()
    assert caught.value.phase == "dns"


# ---- Ctrl-C --------------------------------------------------------------------------------------


@on_both_backends
def test_ctrl_c_leaves_what_was_known(backend: str) -> None:
    greeted = threading.Event()

    def silent(listening: zoo.Peer, sock: socket.socket) -> None:
        sock.recv(1)
        greeted.set()
        zoo.silent(listening, sock)

    with (
        zoo.listening(silent) as listening,
        started([*COMMAND, "connect", listening.target, "--backend", backend, "--json"]) as process,
    ):
        assert greeted.wait(zoo.LIMIT)
        process.send_signal(signal.SIGINT)
        done = end(process)
    assert done.status == 130, done
    document = done.document
    assert (document["target"], document["address"]) == (listening.target, f"127.0.0.1:{listening.port}")
    assert document["error"]["phase"] == "handshake"
    assert document["phases_ms"]["tcp"] > 0
