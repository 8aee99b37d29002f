"""What is told of the bytes on the wire: the cost of a handshake, and every record and message with `-vv`, on each backend."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from conftest import Pair, Pki, Serve, backend_named
from factories import server_config
from runner import on_both_backends, tlstool
from sessions import client_config, connect, is_openssl, shake

from tlstool.backends.base import Backend, Offer
from tlstool.backends.openssl.observed import Observed
from tlstool.events import WireEvent
from tlstool.model import TlsVersion
from tlstool.phases import Deadline

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServers

MESSAGES = {
    "1.2": "> ClientHello, < ServerHello, < Certificate, < ServerKeyExchange, < ServerHelloDone, > ClientKeyExchange, "
    "> Finished, < Finished",
    "1.3": "> ClientHello, < ServerHello, < EncryptedExtensions, < Certificate, < CertificateVerify, < Finished, > Finished",
}


def summary(events: list[WireEvent]) -> str:
    """The messages of a handshake, without tickets and with one name for both forms of a chain."""
    arrow = {"sent": ">", "received": "<"}
    messages = [event for event in events if event.layer == "message" and event.name not in ("NewSessionTicket", "Alert")]
    return ", ".join(f"{arrow[event.direction]} {event.name.replace('Compressed', '')}" for event in messages)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_record_and_message_is_told_in_order(
    pair: Pair, serve: Serve, certificates: Pki, soon: Deadline, version: TlsVersion
) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, mode="echo"))
    config = replace(client_config(certificates.root.roots), versions=(version,))
    events: list[WireEvent] = []
    session = connect(pair.client, served.port, config, offer=Offer(on_wire=events.append))
    assert summary(events) == MESSAGES[version]
    session.write(b"ping", soon)
    assert session.read(4, soon) == b"ping"
    session.close(soon)
    assert [one.elapsed_ms for one in events] == sorted(one.elapsed_ms for one in events)
    data = [one for one in events if one.layer == "record" and one.name == "application_data"]
    assert {one.direction for one in data} == {"sent", "received"}
    assert {one.detail for one in data} == {"encrypted"}
    alerts = [one for one in events if one.name == "Alert" and one.direction == "sent"]
    assert [one.detail for one in alerts] == ["warning close_notify"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_cost_is_that_of_the_records(
    pair: Pair, serve: Serve, certificates: Pki, soon: Deadline, version: TlsVersion
) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    config = replace(client_config(certificates.root.roots), versions=(version,))
    events: list[WireEvent] = []
    session = connect(pair.client, served.port, config, offer=Offer(on_wire=events.append))
    told = list(events)
    session.close(soon)
    cost = session.handshake.cost
    assert cost is not None
    sizes = [(one.direction, one.size) for one in told if one.layer == "record"]
    assert cost.bytes_sent == sum(size for direction, size in sizes if direction == "sent")
    assert cost.bytes_received == sum(size for direction, size in sizes if direction == "received")
    round_trips = {"1.2": 2, "1.3": 1}[version]
    assert (cost.round_trips, cost.flights_sent, cost.flights_received) == (round_trips, 2, round_trips)
    hello = next(one.size for one in told if one.name == "ClientHello")
    assert (cost.client_hello_bytes, cost.client_hello_segments) == (hello + 5, 1)
    assert cost.chain_bytes == next(one.size for one in told if one.name.endswith("Certificate"))
    assert cost.hello_to_hello_ms is not None
    assert cost.hello_to_hello_ms > 0
    assert session.handshake.hello_retry is False
    assert session.handshake.hybrid is (None if is_openssl(pair.client) else session.handshake.group == "X25519MLKEM768")


@on_both_backends
def test_a_retry_is_told_and_costs_a_round_trip(servers: ForeignServers, credentials: Credentials, backend: str) -> None:
    server = servers.openssl("good", "-groups", "P-384")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--backend", backend, "--json")
    handshake = done.document["handshake"]
    assert (handshake["hello_retry"], handshake["kind"]) == (True, "full_with_retry")
    assert (handshake["cost"]["round_trips"], handshake["cost"]["flights_sent"]) == (2, 3)


def test_a_group_that_is_a_hybrid_is_said_to_be_one(serve: Serve, certificates: Pki) -> None:
    rustls = backend_named("rustls")
    served = serve(rustls, server_config(identity=certificates.leaf.identity))
    for group, hybrid in (("X25519MLKEM768", True), ("x25519", False)):
        config = replace(client_config(certificates.root.roots), groups=(group,))
        assert shake(rustls, served.port, config).hybrid is hybrid


@on_both_backends
def test_very_verbose_prints_a_line_for_each_and_verbose_none(
    servers: ForeignServers, credentials: Credentials, backend: str
) -> None:
    options = ("connect", servers.openssl().target, "--ca", credentials.ca, "--backend", backend)
    lines = tlstool(*options, "-vv").errors.splitlines()
    wire = [line for line in lines if line[:2] in ("> ", "< ")]
    assert any("record handshake, " in line and line.endswith("B, encrypted") for line in wire)
    assert any("  CertificateVerify, " in line for line in wire)
    assert any(line.startswith("> ") and "Alert, 2 B, warning close_notify" in line for line in wire)
    assert [line for line in tlstool(*options, "-v").errors.splitlines() if line[:2] in ("> ", "< ")] == []


def test_what_a_listener_raises_is_raised_where_it_was_told(backend: Backend, serve: Serve, certificates: Pki) -> None:
    served = serve(backend, server_config(identity=certificates.leaf.identity))

    def refuse(_event: WireEvent) -> None:
        raise BrokenPipeError("nobody reads this")

    with pytest.raises(BrokenPipeError, match="nobody reads this"):
        connect(backend, served.port, client_config(certificates.root.roots), offer=Offer(on_wire=refuse))


def test_a_server_hello_that_is_cut_off_is_no_tls_1_3_and_no_failure() -> None:
    hello = bytes.fromhex("02 00 00 2e 03 03") + bytes(32) + bytes.fromhex("00 13 01 00 00 06 00 2b 00 02 03 04")
    with socket.socket() as sock:
        for end in range(len(hello) + 1):
            observed = Observed(sock, None)
            observed.note("read", 0x16, hello[:end])
            observed.note("read", 0x100, bytes.fromhex("17 03 03 00 10"))
            observed.note("read", 0x101, b"\x16")
            assert observed.cost().bytes_received == 21
