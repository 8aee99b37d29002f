"""Fixtures for every test: certificates, the backends, servers on free loopback ports, and peers that follow a script."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pki
import pytest

from tlstool import backends, passphrase
from tlstool.backends.base import Backend
from tlstool.phases import Deadline
from tlstool.sites import Connection, ServerConfig, ServeTotals

pytest_plugins = ("credentials", "foreign", "proxies", "starttls_servers", "upstreams")
"""Modules with fixtures: named here, before any test imports one of them by itself."""

PATIENCE = 10.0
"""Seconds after which a test that waits has failed."""


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leads elsewhere because of the environment that the tests happen to run in."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nobody_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for the answer of whoever started it."""
    monkeypatch.setattr(passphrase, "TERMINAL", os.devnull + "/nowhere")


@dataclass(frozen=True)
class Pki:
    """A root, an intermediate below it, and a good leaf of each for localhost."""

    root: pki.Issued
    intermediate: pki.Issued
    leaf: pki.Issued
    deep_leaf: pki.Issued


@pytest.fixture(scope="session")
def certificates() -> Pki:
    root = pki.authority()
    intermediate = pki.authority("Test Intermediate", root)
    return Pki(root, intermediate, pki.leaf(root), pki.leaf(intermediate))


def backend_named(name: str) -> Backend:
    """A backend; a build without Rustls skips what needs it, but not in CI, where it has to be there."""
    if name == "rustls" and (why := backends.why_no_fast_path()):
        if os.environ.get("CI"):
            pytest.fail(f"rustls: {why}")
        pytest.skip(f"rustls: {why}")
    return backends.get(name)


@pytest.fixture(params=["rustls", "openssl"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend in turn."""
    return backend_named(request.param)


@dataclass(frozen=True)
class Pair:
    """A backend as the client, and one as the server."""

    client: Backend
    server: Backend


@pytest.fixture(params=["rustls-rustls", "rustls-openssl", "openssl-rustls", "openssl-openssl"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each client with each server."""
    client, server = request.param.split("-")
    return Pair(backend_named(client), backend_named(server))


@dataclass
class Served:
    """A server of ours that runs in a thread.

    Attributes:
        port: on 127.0.0.1.
        connections: those that have ended.
        threads: in which it told of them.
        totals: None until it has ended.
    """

    port: int
    stop_fd: int
    thread: threading.Thread | None = None
    connections: list[Connection] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    totals: ServeTotals | None = None

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask_to_stop(self) -> None:
        os.write(self.stop_fd, b"\0")

    def wait(self) -> ServeTotals:
        """What it did in its life, once that is over."""
        assert self.thread is not None
        self.thread.join(PATIENCE)
        assert self.totals is not None, "the server did not end, or failed"
        return self.totals

    def stop(self) -> ServeTotals:
        self.ask_to_stop()
        return self.wait()


Serve = Callable[[Backend, ServerConfig], Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; it is stopped when the test ends."""
    running: list[tuple[Served, socket.socket, int]] = []

    def start(backend: Backend, config: ServerConfig) -> Served:
        listener = socket.create_server(("127.0.0.1", 0))
        stop_reader, stop_writer = os.pipe()
        served = Served(listener.getsockname()[1], stop_writer)
        running.append((served, listener, stop_reader))

        def note(connection: Connection) -> None:
            served.threads.add(threading.get_ident())
            served.connections.append(connection)

        def run() -> None:
            served.totals = backend.server(config).serve([[listener]], note, stop_reader)

        served.thread = threading.Thread(target=run, daemon=True)
        served.thread.start()
        return served

    yield start
    for served, listener, stop_reader in running:
        # One byte to stop, one to cut what is left.
        os.write(served.stop_fd, b"\0\0")
        if served.thread is not None:
            served.thread.join(PATIENCE)
        listener.close()
        os.close(stop_reader)
        os.close(served.stop_fd)


Script = Callable[[socket.socket], object]


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], int]]:
    """Start a peer that does as the script says with every connection, and closes it then; gives its port."""
    over = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(PATIENCE)
        listeners.append(listener)

        def run() -> None:
            while not over.is_set():
                with suppress(OSError):
                    sock, _ = listener.accept()
                    if over.is_set():
                        sock.close()
                        return
                    sock.settimeout(PATIENCE)
                    with sock:
                        script(sock)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    over.set()
    for listener in listeners:
        with suppress(OSError):
            socket.create_connection(listener.getsockname(), timeout=PATIENCE).close()
    for thread in threads:
        thread.join(PATIENCE)
    for listener in listeners:
        listener.close()


@pytest.fixture
def soon() -> Deadline:
    """The moment at which a test that still waits has failed."""
    return Deadline.after(PATIENCE)
