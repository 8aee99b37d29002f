"""What a service manager (systemd) passes to `tlstool serve`, and hears of it: LISTEN_FDS and NOTIFY_SOCKET."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PATIENCE
from runner import COMMAND, LIMIT, Server, end, on_both_backends, started, tlstool, visit

# Puts the descriptors of its first argument where a service manager does, and becomes the program behind it.
AS_A_SERVICE = """
import fcntl, os, sys
given = [fcntl.fcntl(int(number), fcntl.F_DUPFD_CLOEXEC, 100) for number in sys.argv[1].split(",")]
for place, descriptor in enumerate(given, 3):
    os.dup2(descriptor, place)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A socket that hears what a service tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.settimeout(LIMIT)
        heard.bind(address)
        yield heard


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_when_the_server_is_ready_and_when_it_stops(tmp_path: Path, abstract: bool) -> None:
    if abstract and sys.platform != "linux":
        pytest.skip("abstract names are Linux's")
    name = f"@tlstool-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with (
        manager(name.replace("@", "\0")) as heard,
        started([*COMMAND, "serve", "--json"], environment={"NOTIFY_SOCKET": name}) as process,
    ):
        said = heard.recv(4096).decode().splitlines()
        assert "READY=1" in said
        assert f"MAINPID={process.pid}" in said
        process.send_signal(signal.SIGTERM)
        assert heard.recv(4096) == b"STOPPING=1"
        assert end(process).status == 0


def test_the_service_manager_hears_when_files_are_read_again(tmp_path: Path) -> None:
    made = tlstool("serve", "--make-certs", tmp_path / "pki")
    assert made.status == 0, made.errors
    name = str(tmp_path / "notify")
    own = ("--cert", tmp_path / "pki" / "server.pem", "--key", tmp_path / "pki" / "server.key")
    command = [*COMMAND, "serve", "--json", *own]
    with manager(name) as heard, started(command, environment={"NOTIFY_SOCKET": name}) as process:
        server = Server(process)
        assert heard.recv(4096).startswith(b"READY=1")
        process.send_signal(signal.SIGHUP)
        assert server.next_event()["event"] == "renewed"
        begun = heard.recv(4096).decode().splitlines()
        assert begun[0] == "RELOADING=1"
        assert begun[1].removeprefix("MONOTONIC_USEC=").isdecimal()
        assert heard.recv(4096) == b"READY=1"
        assert server.stop().status == 0


def test_a_service_manager_that_is_gone_does_not_matter() -> None:
    with started([*COMMAND, "serve", "--json"], environment={"NOTIFY_SOCKET": "/nowhere/at/all"}) as process:
        assert Server(process).stop().status == 0


def as_a_service(sockets: list[socket.socket], *options: str, names: str = "") -> subprocess.Popen[bytes]:
    """`tlstool serve` that was given these sockets, from descriptor 3 on."""
    descriptors = [sock.fileno() for sock in sockets]
    return subprocess.Popen(
        [
            *(sys.executable, "-c", AS_A_SERVICE, ",".join(map(str, descriptors))),
            *(*map(str, COMMAND), "serve", "--json", *options),
        ],
        bufsize=0,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names},
        pass_fds=descriptors,
    )


@contextmanager
def service(sockets: list[socket.socket], *options: str, names: str = "") -> Iterator[subprocess.Popen[bytes]]:
    process = as_a_service(sockets, *options, names=names)
    try:
        yield process
    finally:
        process.kill()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        process.wait(LIMIT)


@on_both_backends
def test_passed_sockets_are_served_in_place_of_the_argument_and_go_on_listening(backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [sock.getsockname()[1] for sock in (one, other)]
        with service([one, other], "127.0.0.1:1", "--backend", backend, "--threads", "1", names="web:admin") as process:
            server = Server(process)
            assert server.port == ports[0]
            for port, name in zip(ports, ("web", "admin"), strict=True):
                assert visit(port, "/json")
                assert server.next_event()["site"] == name
            assert server.stop().status == 0
        # Whoever passed the sockets still has them: the next client waits for the next server.
        socket.create_connection(("127.0.0.1", ports[0]), timeout=PATIENCE).close()


def test_a_passed_descriptor_that_does_not_listen_is_refused() -> None:
    left, right = socket.socketpair()
    with left, right, service([left]) as process:
        done = end(process)
    assert (done.status, done.events[-1]["error"]["code"]) == (2, "usage")


def test_sockets_that_were_passed_to_another_process_are_left_alone() -> None:
    with started([*COMMAND, "serve", "--json"], environment={"LISTEN_FDS": "1", "LISTEN_PID": "1"}) as process:
        assert Server(process).stop().status == 0


@on_both_backends
def test_a_second_signal_does_not_wait_for_open_connections(tmp_path: Path, backend: str) -> None:
    name = str(tmp_path / "notify")
    command = [*COMMAND, "serve", "--json", "--grace", "10m", "--echo", "--backend", backend]
    with manager(name) as heard, started(command, environment={"NOTIFY_SOCKET": name}) as process:
        server = Server(process)
        context = ssl.create_default_context(cafile=server.ca_file)
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock,
            context.wrap_socket(sock, server_hostname="localhost") as tls,
        ):
            tls.sendall(b"x")
            assert tls.recv(1) == b"x"
            process.send_signal(signal.SIGTERM)
            # So that the two signals are not taken for one.
            while heard.recv(4096) != b"STOPPING=1":
                pass
            done = server.stop()
    assert done.status == 0
    assert [(event["event"], event.get("ending")) for event in done.events] == [("connection", "server"), ("totals", None)]
