"""`serve --forward`: what arrives at a plain upstream and comes back, and what becomes of a client whose upstream fails."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runner import LIMIT, Server, serving, tlstool
from upstreams import Upstream, all_of, echo, reset

pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)

MIB = 1 << 20

StartUpstream = Callable[..., Upstream]

in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])


def client(server: Server, version: str = "1.3") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=server.ca_file)
    context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    # Else an end without close_notify would look like one with it.
    return context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)


def nobody() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def pipe(server: Server, data: bytes, version: str = "1.3") -> bytes:
    """What comes back from an upstream that sees the end of `data`."""
    done = tlstool("connect", server.target, "--ca", server.ca_file, "-p", "-q", "--tls", version, stdin=data)
    assert done.status == 0, done.errors
    return done.output


@in_both_versions
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_an_upstream_that_speaks_first_hears_the_clients_end_and_answers_behind_it(
    upstream: StartUpstream, tmp_path: Path, version: str, kind: str
) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(b"220 hello\r\n")
        sock.sendall(b"%d bytes\r\n" % len(all_of(sock)))

    behind = upstream(script, tmp_path / "socket" if kind == "unix" else None)
    with serving("--forward", behind.target) as server:
        for size in (0, 1, 3 * MIB):
            assert pipe(server, b"x" * size, version) == b"220 hello\r\n%d bytes\r\n" % size
            event = server.next_event()
            assert (event["received"], event["error"], event["upstream"]) == (size, None, behind.target)
            assert (event["ending"], event["is_upstream_error"]) == ("close_notify", False)


@in_both_versions
def test_a_client_may_go_on_when_the_upstream_has_ended_its_side(upstream: StartUpstream, version: str) -> None:
    def script(sock: socket.socket) -> bytes:
        sock.sendall(b"all")
        sock.shutdown(socket.SHUT_WR)
        return all_of(sock)

    behind = upstream(script)
    with serving("--forward", behind.target) as server, client(server, version) as tls:
        assert (tls.recv(10), tls.recv(10)) == (b"all", b"")
        tls.sendall(b"late words")
        tls.unwrap()
        assert behind.next() == b"late words"
        assert server.next_event()["ending"] == "upstream"


def test_much_goes_both_ways_at_once_unchanged(upstream: StartUpstream) -> None:
    data = bytes(range(256)) * (16 * MIB // 256)
    with serving("--forward", upstream(echo).target) as server:
        assert pipe(server, data) == data
        assert server.next_event()["sent"] == len(data)


def test_a_client_that_does_not_read_can_still_send(upstream: StartUpstream) -> None:
    """What the upstream says waits in its own socket; the other direction goes on."""
    heard = threading.Event()

    def script(sock: socket.socket) -> int:
        sender = threading.Thread(target=sock.sendall, args=(bytes(32 * MIB),))
        sender.start()
        total = 0
        while total < 32 * MIB:
            total += len(sock.recv(1 << 16))
        heard.set()
        sender.join(LIMIT)
        return total

    behind = upstream(script)
    with serving("--forward", behind.target) as server, client(server) as tls:
        tls.sendall(bytes(32 * MIB))
        assert heard.wait(LIMIT)
        got = 0
        while got < 32 * MIB:
            got += len(tls.recv(1 << 16))
        assert behind.next() == 32 * MIB


def test_two_hundred_clients_at_once_each_get_their_own(upstream: StartUpstream) -> None:
    behind = upstream(echo)
    with serving("--forward", behind.target) as server:

        def ask(number: int) -> bytes:
            with client(server) as tls:
                everybody.wait(LIMIT)
                tls.sendall(b"%06d" % number)
                return tls.recv(6)

        everybody = threading.Barrier(200)
        with ThreadPoolExecutor(200) as pool:
            assert list(pool.map(ask, range(200))) == [b"%06d" % number for number in range(200)]


def test_a_unix_socket_whose_queue_is_full_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        listener.settimeout(LIMIT)
        first.connect(str(path))
        with serving("--forward", f"unix:{path}") as server, client(server) as tls:
            tls.sendall(b"x")
            listener.accept()[0].close()
            waiting, _ = listener.accept()
            with waiting:
                waiting.settimeout(LIMIT)
                assert waiting.recv(1) == b"x"


def test_an_upstream_that_refuses_ends_the_clients_connection_in_order() -> None:
    port = nobody()
    with serving("--forward", f"127.0.0.1:{port}") as server:
        with client(server) as tls:
            assert tls.recv(10) == b""
        event = server.next_event()
    assert (event["error"], event["is_upstream_error"], event["ending"]) == ("connection-refused", True, "upstream")
    assert event["message"] == f"the upstream 127.0.0.1:{port}: connection refused"


def test_a_unix_socket_that_is_not_there_is_a_connection_that_failed(tmp_path: Path) -> None:
    with serving("--forward", f"unix:{tmp_path}/nowhere") as server:
        with client(server) as tls:
            assert tls.recv(10) == b""
        event = server.next_event()
    assert (event["error"], event["is_upstream_error"]) == ("connection-failed", True)
    assert event["upstream"] == f"unix:{tmp_path}/nowhere"


def test_an_upstream_that_breaks_leaves_the_client_without_an_orderly_end(upstream: StartUpstream) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(b"half an ans")
        sock.recv(10)
        reset(sock)

    with serving("--forward", upstream(script).target) as server:
        with client(server) as tls:
            assert tls.recv(20) == b"half an ans"
            tls.sendall(b"go on")
            with pytest.raises(ssl.SSLEOFError):
                tls.recv(20)
        event = server.next_event()
    assert (event["error"], event["is_upstream_error"], event["ending"]) == ("connection-reset", True, "upstream")


def test_what_an_upstream_answered_before_it_broke_arrives(upstream: StartUpstream) -> None:
    """As a web server does that refuses an upload half-way."""

    def script(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"413 too much")
        # Closing with unread bytes resets the connection.

    with serving("--forward", upstream(script).target) as server, client(server) as tls:
        sender = threading.Thread(target=_send_all, args=(tls, 8 * MIB))
        sender.start()
        assert tls.recv(20) == b"413 too much"
        sender.join(LIMIT)


def _send_all(tls: ssl.SSLSocket, size: int) -> None:
    """Or as much as the other side takes."""
    try:
        tls.sendall(bytes(size))
    except OSError:
        return


@pytest.mark.parametrize("ends", ["reset", "mid-record"])
def test_an_upstream_does_not_take_a_cut_off_upload_for_a_whole_one(upstream: StartUpstream, ends: str) -> None:
    begun = threading.Event()

    def script(sock: socket.socket) -> bytes:
        first = sock.recv(6)
        begun.set()
        return first + all_of(sock)

    behind = upstream(script)
    with serving("--forward", behind.target) as server:
        tls = client(server)
        tls.sendall(b"upload")
        assert begun.wait(LIMIT)
        with socket.socket(fileno=tls.detach()) as raw:
            if ends == "reset":
                reset(raw)
            else:
                raw.sendall(b"\x17\x03\x03\x40\x00and no more")
                raw.shutdown(socket.SHUT_WR)
            found = behind.next()
        assert isinstance(found, ConnectionResetError), found
        assert server.next_event()["error"] == (None if ends == "reset" else "connection-reset")


def test_a_silent_upstream_runs_into_the_limit_of_connecting() -> None:
    """A queue that is full: the kernel answers to nobody any more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            with serving("--forward", f"127.0.0.1:{port}", "--forward-limit", "200ms") as server:
                with client(server) as tls:
                    assert tls.recv(10) == b""
                event = server.next_event()
        finally:
            for filler in fillers:
                filler.close()
    assert (event["error"], event["is_upstream_error"]) == ("time-limit", True)


def test_open_connections_get_the_grace_period_and_are_then_cut_off_on_both_sides(upstream: StartUpstream) -> None:
    behind = upstream(echo)
    with serving("--forward", behind.target, "--grace", "200ms") as server, client(server) as tls:
        tls.sendall(b"x")
        assert tls.recv(1) == b"x"
        done = server.stop()
        assert done.status == 0
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            tls.recv(1)
        assert isinstance(behind.next(), ConnectionResetError)
        assert done.events[0]["error"] == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--forward", "localhost"], "bad-target"),
        (["--forward", "localhost:0"], "bad-target"),
        (["--forward", "https://localhost/"], "bad-target"),
        (["--forward", "unix:/"], "bad-target"),
        (["--forward", "127.0.0.1:1", "--echo"], "usage"),
        (["--forward-tls"], "usage"),
        (["--proxy-protocol", "v2"], "usage"),
        (["--forward", "127.0.0.1:1", "--forward-insecure"], "usage"),
        (["--forward", "127.0.0.1:1", "--forward-tls", "--forward-key", "key.pem"], "usage"),
        (["--forward", "unix:/tmp/socket", "--forward-tls"], "usage"),
        (["--key-update-every", "0"], "usage"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_listens(arguments: list[str], code: str) -> None:
    done = tlstool("serve", "--json", *arguments)
    assert (done.status, done.events[-1]["error"]["code"]) == (2, code), done


@pytest.mark.parametrize("arguments", [["--forward", "127.0.0.1:1"], ["--key-update-every", "1MiB"]])
def test_the_other_backend_refuses(arguments: list[str]) -> None:
    done = tlstool("serve", "--json", "--backend", "openssl", *arguments)
    assert (done.status, done.events[-1]["error"]["code"]) == (2, "unsupported"), done


def test_an_upstream_without_an_address_is_an_error_at_the_start() -> None:
    done = tlstool("serve", "--json", "--forward", "nowhere.invalid:1")
    assert done.status == 4, done
