"""Clients of other makers against `tlstool serve`: `openssl s_client`, curl, `gnutls-cli`, and one on Go's crypto/tls."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from peers import require
from runner import LIMIT, Done, Server, end, on_both_backends, run, serving, started, tlstool

if TYPE_CHECKING:
    from credentials import Credentials

in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])

HTTP_1_0_REQUEST = b"GET /json HTTP/1.0\r\n\r\n"


class OurServers:
    """Our servers by backend and mode: one each, started when a test first asks for it."""

    def __init__(self, held: ExitStack) -> None:
        self._held = held
        self._running: dict[tuple[str, str], Server] = {}

    def __call__(self, backend: str, mode: str = "--status") -> Server:
        if (backend, mode) not in self._running:
            self._running[backend, mode] = self._held.enter_context(serving(mode, "--backend", backend, "--alpn", "http/1.1"))
        return self._running[backend, mode]


@pytest.fixture(scope="module")
def ours() -> Iterator[OurServers]:
    with ExitStack() as held:
        yield OurServers(held)


def curl(server: Server, *args: str | Path, path: str = "/", ca: Path | str | None = None) -> Done:
    """curl, which trusts the server's authority alone."""
    url = f"https://localhost:{server.port}{path}"
    to_loopback = ("--connect-to", f"localhost:{server.port}:127.0.0.1:{server.port}")
    return run([require("curl"), "-sS", "--max-time", str(LIMIT), "--cacert", ca or server.ca_file, *to_loopback, *args, url])


@on_both_backends
@in_both_versions
def test_s_client_verifies_chain_and_name(ours: OurServers, backend: str, version: str) -> None:
    server = ours(backend)
    option = {"1.2": "-tls1_2", "1.3": "-tls1_3"}[version]
    names = ("-servername", "localhost", "-verify_hostname", "localhost")
    trust = ("-CAfile", server.ca_file, "-verify_return_error")
    done = run([require("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", option, *names, *trust])
    assert done.status == 0, done
    assert "Verify return code: 0 (ok)" in done.text
    assert "ALPN protocol" not in done.text


@on_both_backends
@in_both_versions
def test_curl_gets_a_page_that_says_what_was_negotiated(ours: OurServers, backend: str, version: str) -> None:
    server = ours(backend)
    versions = ("--tlsv1.2", "--tls-max", version) if version == "1.2" else ("--tlsv1.3",)
    page = curl(server, *versions, "--http1.1", "--dump-header", "-")
    assert page.status == 0, page
    head, _, body = page.text.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    assert "text/html" in head
    assert version in body


@on_both_backends
@in_both_versions
def test_the_facts_are_there_as_json(ours: OurServers, backend: str, version: str) -> None:
    versions = ("--tlsv1.2", "--tls-max", version) if version == "1.2" else ("--tlsv1.3",)
    done = curl(ours(backend), *versions, path="/json")
    assert done.status == 0, done
    facts = json.loads(done.text)
    assert (facts["tls"], facts["sni"], facts["alpn"]) == (version, "localhost", "http/1.1")
    assert facts["suite"].startswith("TLS_")
    assert facts["peer"].startswith("127.0.0.1:")


@on_both_backends
def test_two_requests_share_a_connection(ours: OurServers, backend: str) -> None:
    server = ours(backend)
    again = f"https://localhost:{server.port}/json"
    done = curl(server, "--write-out", "%{http_code} %{num_connects}\n", "-o", os.devnull, "-o", os.devnull, again)
    assert (done.status, done.text.split()) == (0, ["200", "1", "200", "0"]), done


@on_both_backends
def test_head_gets_the_length_of_the_page_without_the_page(ours: OurServers, backend: str) -> None:
    server = ours(backend)
    head = curl(server, "--head")
    assert head.status == 0, head
    fields = dict(line.lower().split(": ", 1) for line in head.text.splitlines() if ": " in line)
    assert int(fields["content-length"]) > 0
    assert head.text.endswith("\r\n\r\n")


@on_both_backends
@in_both_versions
def test_gnutls_verifies_and_reads_to_an_orderly_end(ours: OurServers, backend: str, version: str) -> None:
    server = ours(backend)
    names = ("--verify-hostname=localhost", "--sni-hostname=localhost", f"--x509cafile={server.ca_file}")
    priority = f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}"
    client = (require("gnutls-cli"), "127.0.0.1", "--port", str(server.port), priority, "--logfile=/dev/null")
    done = run([*client, *names], stdin=HTTP_1_0_REQUEST)
    assert done.status == 0, done
    head, _, body = done.text.partition("\r\n\r\n")
    assert "200" in head.splitlines()[0]
    assert json.loads(body)["tls"] == version


@on_both_backends
@in_both_versions
def test_a_go_client_gets_all_its_bytes_back(ours: OurServers, go_peer: Callable[[], Path], backend: str, version: str) -> None:
    server = ours(backend, "--echo")
    sent = os.urandom(1 << 20)
    done = run(
        [go_peer(), "dial", "-address", server.target, "-ca", server.ca_file, "-version", version, "-alpn", "http/1.1"],
        stdin=sent,
    )
    assert done.status == 0, done.errors
    assert done.output == sent
    state = json.loads(done.errors)
    assert (state["version"], state["alpn"]) == (version, "http/1.1")


@on_both_backends
def test_own_certificates_are_shown_with_their_chain(credentials: Credentials, backend: str) -> None:
    identity = ("--cert", credentials.good.cert, "--key", credentials.good.key)
    with serving(*identity, "--backend", backend) as server:
        assert server.ready["ca_file"] is None
        done = curl(server, "--output", os.devnull, ca=credentials.ca)
    assert done.status == 0, done


@on_both_backends
def test_many_clients_are_served_at_once(ours: OurServers, backend: str) -> None:
    server = ours(backend)
    # All of them are connected before the first is answered.
    context = ssl.create_default_context(cafile=server.ca_file)
    with ExitStack() as held:
        clients = []
        for _ in range(40):
            sock = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT))
            clients.append(held.enter_context(context.wrap_socket(sock, server_hostname="localhost")))
        curls = [
            held.enter_context(
                started([require("curl"), "-sS", "--cacert", server.ca_file, f"https://localhost:{server.port}/json"])
            )
            for _ in range(10)
        ]
        for client in clients:
            client.sendall(HTTP_1_0_REQUEST)
        assert all(client.recv(4096).startswith(b"HTTP/1.1 200") for client in clients)
        assert [end(process).status for process in curls] == [0] * len(curls)


@on_both_backends
def test_the_end_of_stdin_does_not_end_the_server(backend: str) -> None:
    with serving("--backend", backend, stdin=subprocess.PIPE) as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        done = curl(server, "--output", os.devnull)
        assert done.status == 0, done
        assert server.process.poll() is None


@on_both_backends
def test_after_the_counted_connections_it_ends_with_its_totals(backend: str) -> None:
    with serving("--count", "2", "--backend", backend) as server:
        for _ in range(2):
            assert curl(server, "--output", os.devnull).status == 0
        done = end(server.process)
    assert (done.status, done.errors) == (0, "")
    *connections, totals = done.events
    assert [event["event"] for event in connections] == ["connection", "connection"]
    assert [event["sni"] for event in connections] == ["localhost", "localhost"]
    assert all(event["error"] is None and event["received"] > 0 and event["sent"] > 0 for event in connections)
    assert totals["event"] == "totals"
    assert (totals["connections"], totals["handshakes"], totals["failed"]) == (2, 2, 0)
    assert totals["sent"] == sum(event["sent"] for event in connections)
    assert not Path(server.ca_file).exists()


@on_both_backends
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_order(backend: str, number: signal.Signals) -> None:
    with serving("--backend", backend) as server:
        assert curl(server, "--output", os.devnull).status == 0
        done = server.stop(number)
    assert (done.status, done.errors) == (0, "")
    assert done.events[-1]["event"] == "totals"
    assert done.events[-1]["handshakes"] == 1
    assert not Path(server.ca_file).exists()


@on_both_backends
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_though_clients_dawdle(backend: str, number: signal.Signals) -> None:
    with serving("--backend", backend, "--grace", "200ms") as server, ExitStack() as held:
        context = ssl.create_default_context(cafile=server.ca_file)
        idle = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT))
        held.enter_context(context.wrap_socket(idle, server_hostname="localhost"))
        mute = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT))
        mute.sendall(b"\x16")  # the first byte of a handshake, and no more
        done = server.stop(number)
    assert done.status == 0, done
    assert done.events[-1]["event"] == "totals"
    assert done.seconds < 5


@on_both_backends
def test_what_is_no_tls_is_told_and_harms_nobody(backend: str) -> None:
    with serving("--backend", backend) as server:
        run([require("curl"), "-sS", "--max-time", str(LIMIT), f"http://127.0.0.1:{server.port}/"])
        event = server.next_event()
        assert (event["event"], event["tls"], event["error"]) == ("connection", None, "not-tls")
        assert "HTTP" in event["message"]
        with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as sock:
            sock.sendall(os.urandom(4096).replace(b"\x16", b"\x00"))
            sock.shutdown(socket.SHUT_WR)
        event = server.next_event()
        assert event["event"] == "connection"
        assert event["error"] is not None
        assert curl(server, "--output", os.devnull).status == 0


@on_both_backends
def test_ours_reaches_ours_over_every_address_of_the_throw_away_certificate(ours: OurServers, backend: str) -> None:
    server = ours(backend)
    for host in ("localhost", "127.0.0.1"):
        done = tlstool("connect", f"{host}:{server.port}", "--ca", server.ca_file, "--backend", backend, "--json")
        assert done.status == 0, done
        assert done.document["handshake"]["trust"]["name"] == host
