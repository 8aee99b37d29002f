"""What a session leaves for the next one: tickets, resumption and early data, on servers of several makers."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import on_both_backends, refused, serving, tlstool

from tlstool.probes.reconnect import share_keys
from tlstool.sessions import Reconnect

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServer, ForeignServers

rustls_alone = pytest.mark.skipif(
    pytest.importorskip("tlstool.backends").why_no_fast_path() is not None, reason="the Rustls extension is not built"
)

NO_TICKETS = ("ssl_session_tickets off;", "ssl_session_cache off;")
EARLY_DATA = ("ssl_early_data on;", "ssl_session_cache shared:early:1m;")


@pytest.fixture
def start(servers: ForeignServers) -> Callable[[str], ForeignServer]:
    """The server of a maker, which asks no client for a certificate."""

    def start(maker: str) -> ForeignServer:
        options = {"gnutls": ("--disable-client-cert",), "nginx": ("ssl_session_cache shared:plain:1m;",)}
        found: ForeignServer = getattr(servers, maker)("good", *options.get(maker, ()))
        return found

    return start


# ---- tickets -------------------------------------------------------------------------------------


@rustls_alone
@pytest.mark.parametrize(("maker", "count"), [("openssl", 2), ("nginx", 2), ("go", 1)])
def test_the_tickets_of_a_server_are_counted(
    start: Callable[[str], ForeignServer], credentials: Credentials, maker: str, count: int
) -> None:
    server = start(maker)
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--json")
    assert done.document["handshake"]["tickets"] == {"count": count, "lifetime_s": None}


@rustls_alone
def test_that_there_are_no_tickets_is_known_once_the_server_has_ended(servers: ForeignServers, credentials: Credentials) -> None:
    server = servers.openssl("good", "-num_tickets", "0")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--json")
    assert done.document["handshake"]["tickets"] == {"count": 0, "lifetime_s": None}
    assert done.document["handshake"]["early_data_limit"] is None


@pytest.mark.parametrize("options", [(), ("-num_tickets", "0")])
def test_openssl_tells_the_lifetime_of_tickets_and_not_that_there_are_none(
    servers: ForeignServers, credentials: Credentials, options: tuple[str, ...]
) -> None:
    server = servers.openssl("good", *options)
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--backend", "openssl", "--reconnect", "1", "--json")
    tickets = done.document["handshake"]["tickets"]
    if options:
        assert tickets is None
    else:
        assert (tickets["count"] > 0, tickets["lifetime_s"]) == (True, 7200)


@on_both_backends
def test_a_server_that_leaves_it_open_whether_there_are_tickets_is_not_said_to_have_none(
    credentials: Credentials, backend: str
) -> None:
    context = zoo.context(credentials.good)
    context.num_tickets = 0

    def keep_open(peer: zoo.Peer, sock: ssl.SSLSocket) -> None:
        peer.stopping.wait(zoo.LIMIT)

    with zoo.listening(zoo.tls(context, keep_open)) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--json")
    assert done.status == 0, done
    assert done.document["handshake"]["tickets"] is None


@on_both_backends
@pytest.mark.parametrize(("server", "count"), [(("nginx", NO_TICKETS), 0), (("go", ()), 1)])
def test_in_tls_1_2_what_can_be_resumed_counts_as_one(
    servers: ForeignServers, credentials: Credentials, server: tuple[str, tuple[str, ...]], count: int, backend: str
) -> None:
    maker, options = server
    found = getattr(servers, maker)("good", *options)
    done = tlstool("connect", found.target, "--ca", credentials.ca, "--tls", "1.2", "--backend", backend, "--json")
    assert done.document["handshake"]["tickets"]["count"] == count, done


# ---- resumption ----------------------------------------------------------------------------------


@on_both_backends
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("maker", ["openssl", "nginx", "go", "gnutls"])
def test_every_further_connection_is_resumed(
    start: Callable[[str], ForeignServer], credentials: Credentials, maker: str, version: str, backend: str
) -> None:
    server = start(maker)
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--tls", version, "--backend", backend),
        *("--reconnect", "3", "--json"),
        prefix=server.prefix,
    )
    assert done.status == 0, done
    tries = done.document["reconnects"]
    assert [one["kind"] for one in tries] == ["resumed"] * 3
    assert {one["error"] for one in tries} == {None}
    assert {one["ticket_from"] for one in tries} == {done.document["address"]}
    assert all(one["handshake_ms"] > 0 for one in tries)
    assert done.document["handshake"]["kind"] == "full"
    assert done.document["shared_ticket_keys"] is None
    assert done.document["warnings"] == []


@on_both_backends
def test_that_nothing_is_resumed_is_a_warning(servers: ForeignServers, credentials: Credentials, backend: str) -> None:
    server = servers.nginx("good", *NO_TICKETS)
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--tls", "1.2", "--backend", backend, "--reconnect", "2", "--json")
    )
    assert done.status == 0, done
    assert [(one["kind"], one["ticket_from"]) for one in done.document["reconnects"]] == [("full", None)] * 2
    assert [warning["code"] for warning in done.document["warnings"]] == ["not-resumed"]


@on_both_backends
def test_a_server_that_is_gone_ends_no_report(credentials: Credentials, backend: str) -> None:
    serve_once = iter([zoo.tls(zoo.context(credentials.good))])

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        next(serve_once, zoo.closes)(peer, sock)

    with zoo.listening(behave) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--reconnect", "2", "--json")
    assert done.status == 0, done
    assert [one["error"] for one in done.document["reconnects"]] == ["connection-closed"] * 2


@rustls_alone
def test_servers_with_keys_of_their_own_do_not_take_each_others_tickets(credentials: Credentials) -> None:
    identity = ("--cert", credentials.good.cert, "--key", credentials.good.key)
    with serving("127.0.0.1:0", *identity) as first, serving(f"127.0.0.2:{first.port}", *identity):
        pins = ("--resolve", f"localhost:{first.port}:127.0.0.1,127.0.0.2")
        done = tlstool("connect", first.target, *pins, "--ca", credentials.ca, "--reconnect", "4", "--json")
    assert done.status == 0, done
    tries = done.document["reconnects"]
    assert [one["address"].split(":")[0] for one in tries] == ["127.0.0.1", "127.0.0.2"] * 2
    assert [one["kind"] for one in tries] == ["resumed", "full", "full", "full"]
    assert done.document["shared_ticket_keys"] is False


def tried(address: str, ticket_from: str | None, kind: str) -> Reconnect:
    return Reconnect(address, ticket_from, kind=kind)  # type: ignore[arg-type]


def test_keys_are_shared_if_the_ticket_of_one_address_is_good_for_the_others() -> None:
    assert share_keys([tried("a", "a", "resumed"), tried("b", "a", "resumed")]) is True
    assert share_keys([tried("a", "a", "resumed"), tried("b", "a", "full")]) is False
    assert share_keys([tried("a", "a", "resumed")]) is None
    assert share_keys([tried("a", "a", "full"), tried("b", "a", "full")]) is None
    assert share_keys([tried("b", None, "full")]) is None


# ---- early data ----------------------------------------------------------------------------------


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request"
    path.write_bytes(b"GET /five HTTP/1.0\r\nHost: localhost\r\n\r\n")
    return path


@rustls_alone
def test_a_server_that_takes_early_data_gets_it(servers: ForeignServers, credentials: Credentials, request_file: Path) -> None:
    (servers.documents / "five").write_bytes(b"five\n")
    server = servers.nginx("good", *EARLY_DATA)
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--early-data", request_file, "-p", "--json", stdin=b"")
    assert done.status == 0, done
    size = request_file.stat().st_size
    assert done.output.endswith(b"\r\n\r\nfive\n")
    assert '"accepted": true' in done.errors, done.errors
    assert f'"sent": {size},' in done.errors


@rustls_alone
def test_the_bytes_of_the_first_flight_are_those_of_the_file(
    servers: ForeignServers, credentials: Credentials, request_file: Path
) -> None:
    server = servers.openssl("good", "-early_data")
    size = request_file.stat().st_size
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--early-data", request_file, "--json")
    assert done.status == 0, done
    assert done.document["early_data"] == {
        "size": size,
        "limit": 16384,
        "kind": "resumed",
        "sent": size,
        "accepted": True,
        "sent_later": 0,
        "reason": None,
    }
    assert server.said is not None
    assert request_file.read_bytes().decode().splitlines()[0] in server.said.read_text(errors="replace")


@rustls_alone
def test_what_is_over_the_limit_is_sent_after_the_handshake(
    servers: ForeignServers, credentials: Credentials, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 20_000)
    server = servers.openssl("good", "-early_data")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--early-data", tmp_path / "large", "--json")
    early = done.document["early_data"]
    assert (early["sent"], early["accepted"], early["sent_later"], early["reason"]) == (16384, True, 3616, "over-limit")


@rustls_alone
@pytest.mark.parametrize(("options", "reason"), [((), "no-early-data"), (("-num_tickets", "0"), "no-ticket")])
def test_a_server_that_takes_none_gets_the_data_after_the_handshake(
    servers: ForeignServers, credentials: Credentials, request_file: Path, options: tuple[str, ...], reason: str
) -> None:
    (servers.documents / "five").write_bytes(b"five\n")
    server = servers.openssl("good", *options)
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--early-data", request_file, "-p", stdin=b"")
    assert done.output.endswith(b"five\n"), done
    shown = tlstool("connect", server.target, "--ca", credentials.ca, "--early-data", request_file, "--json").document
    early = shown["early_data"]
    assert (early["sent"], early["accepted"], early["reason"]) == (0, None, reason)
    assert early["sent_later"] == request_file.stat().st_size


@rustls_alone
def test_nothing_is_sent_early_to_a_peer_whose_verdict_is_not_good(
    servers: ForeignServers, credentials: Credentials, request_file: Path
) -> None:
    """Not even if the verdict is waived."""
    server = servers.openssl("unknown_issuer", "-early_data")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "-k", "--early-data", request_file, "--json")
    assert done.status == 0, done
    early = done.document["early_data"]
    assert (early["sent"], early["sent_later"], early["reason"]) == (0, 0, "verdict")
    assert server.said is not None
    assert "GET /five" not in server.said.read_text(errors="replace")


@rustls_alone
def test_further_connections_show_whether_early_data_would_be_taken(servers: ForeignServers, credentials: Credentials) -> None:
    server = servers.openssl("good", "-early_data")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--reconnect", "2", "--json")
    assert [one["early_data"] for one in done.document["reconnects"]] == [True, True]
    assert done.document["handshake"]["early_data_limit"] == 16384


def test_early_data_is_refused_where_it_cannot_be(credentials: Credentials, request_file: Path) -> None:
    target = ("connect", "localhost:1", "--ca", credentials.ca)
    refused(*target, "--early-data", request_file, "--backend", "openssl", status=2, code="unsupported")
    refused(*target, "--early-data", request_file, "--tls", "1.2", status=2, code="usage")
    refused(*target, "--early-data", "/nonexistent", status=3, code="file-missing")
    refused(*target, "--reconnect", "1", "--all-addresses", status=2, code="usage")
