"""Every address of a target: each has its own verdict, what differs is said, and the gravest decides the exit status."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import factories
import jsonschema
import pytest
import zoo
from runner import COMMAND, end, on_both_backends, refused, started, tlstool

from tlstool.errors import precedence
from tlstool.output.console import Style
from tlstool.output.human import connecting
from tlstool.output.schema import schema
from tlstool.reports import AddressReport
from tlstool.survey import differences

if TYPE_CHECKING:
    from credentials import Credentials


@contextlib.contextmanager
def cluster(*behaviours: zoo.Behaviour | None) -> Iterator[tuple[str, ...]]:
    """Servers on one port of several addresses of loopback, None for nobody; yields the command line that reaches them all."""
    with contextlib.ExitStack() as held:
        port = 0
        for number, behaviour in enumerate(behaviours, start=1):
            sock = held.enter_context(socket.socket())
            sock.bind((f"127.0.0.{number}", port))
            port = sock.getsockname()[1]
            if behaviour is not None:
                sock.listen()
                held.enter_context(_accepting(sock, behaviour))
        addresses = ",".join(f"127.0.0.{number}" for number in range(1, len(behaviours) + 1))
        yield f"localhost:{port}", "--resolve", f"localhost:{port}:{addresses}", "--all-addresses"


@contextlib.contextmanager
def _accepting(listener: socket.socket, behaviour: zoo.Behaviour) -> Iterator[None]:
    listening = zoo.Peer(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                sock.settimeout(zoo.LIMIT)
                behaviour(listening, sock)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listening.stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(zoo.LIMIT)


@on_both_backends
def test_servers_that_are_alike_are_consistent(credentials: Credentials, backend: str) -> None:
    good = zoo.tls(zoo.context(credentials.good))
    with cluster(good, good, good) as args:
        done = tlstool("connect", *args, "--ca", credentials.ca, "--backend", backend, "--json")
    assert done.status == 0, done
    document = done.document
    jsonschema.validate(document, schema("connect"), cls=jsonschema.Draft202012Validator)
    assert (document["consistent"], document["differences"]) == (True, [])
    assert [one["address"].partition(":")[0] for one in document["addresses"]] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert document["address"] == document["addresses"][0]["address"]
    assert {one["verdict"] for one in document["addresses"]} == {"good"}
    assert document["handshake"]["tls"] == "1.3"
    if backend == "rustls":
        assert {one["tickets"] for one in document["addresses"]} == {2}


def test_what_differs_is_named_and_the_gravest_status_decides(credentials: Credentials) -> None:
    good, expired = (zoo.tls(zoo.context(pair)) for pair in (credentials.good, credentials.expired))
    with cluster(good, expired, None, good) as args:
        done = tlstool("connect", *args, "--ca", credentials.ca, "--json")
        people = tlstool("connect", *args, "--ca", credentials.ca)
    assert done.status == 11, done
    document = done.document
    assert [one["exit_status"] for one in document["addresses"]] == [0, 11, 5, 0]
    assert document["consistent"] is False
    assert document["differences"] == ["serial", "chain", "error"]
    assert document["error"]["code"] == "expired"
    assert document["address"] == document["addresses"][1]["address"]
    assert people.status == 11
    lines = people.text.splitlines()
    assert "Addresses     4, different in serial, chain, error" in lines
    expired_line = next(line for line in lines if line.strip().startswith("127.0.0.2"))
    assert expired_line.count("*") == 3
    assert "connection-refused*" in next(line for line in lines if line.strip().startswith("127.0.0.3"))


def test_k_waives_certificates_but_the_difference_is_still_told(credentials: Credentials) -> None:
    good, expired = (zoo.tls(zoo.context(pair)) for pair in (credentials.good, credentials.expired))
    with cluster(good, expired) as args:
        done = tlstool("connect", *args, "-k", "--json")
    assert (done.status, done.document["consistent"]) == (0, False), done


def test_more_addresses_than_go_at_a_time_are_all_tried(credentials: Credentials) -> None:
    good = zoo.tls(zoo.context(credentials.good))
    with cluster(*[good] * 20) as args:
        done = tlstool("connect", *args, "--ca", credentials.ca, "--json", "-v")
    assert done.status == 0, done
    assert len(done.document["addresses"]) == 20
    assert "handshake done    127.0.0.20:" in done.errors


def test_ctrl_c_ends_all_of_them(credentials: Credentials) -> None:
    good = zoo.tls(zoo.context(credentials.good))
    reached = threading.Event()

    def silent(listening: zoo.Peer, sock: socket.socket) -> None:
        reached.set()
        zoo.silent(listening, sock)

    with (
        cluster(good, silent) as args,
        started([*COMMAND, "connect", *args, "--ca", credentials.ca, "--json"]) as process,
    ):
        assert reached.wait(zoo.LIMIT)
        process.send_signal(signal.SIGINT)
        done = end(process)
    assert done.status == 130, done
    assert done.document["error"]["code"] == "interrupted"


def test_one_address_cannot_be_compared_with_a_relay_or_a_unix_socket(credentials: Credentials) -> None:
    refused("connect", "unix:/nowhere", "-k", "--all-addresses", status=2, code="usage")
    done = tlstool("connect", "localhost:1", "--all-addresses", "-p")
    assert done.status == 2, done


def test_an_address_without_a_handshake_differs_in_its_error_alone() -> None:
    good = AddressReport(address="a", tls="1.3", serial="01", chain=("aa",))
    down = AddressReport(address="b", error=factories.problem("connection-refused"), exit_status=5)
    assert differences([good, good]) == ()
    assert differences([good, down]) == ("error",)
    assert differences([down, down]) == ()
    assert differences([]) == ()


def test_tickets_that_did_not_come_in_time_are_no_difference() -> None:
    late, one, two = (AddressReport(address="a", tls="1.3", tickets=tickets) for tickets in (None, 1, 2))
    assert differences([late, two, two]) == ()
    assert differences([late, one, two]) == ("tickets",)


@pytest.mark.parametrize(
    "field", [{"serial": "02"}, {"chain": ("aa", "bb")}, {"tls": "1.2"}, {"group": "x25519"}, {"alpn": "h2"}]
)
def test_each_field_that_is_compared_makes_a_difference(field: dict[str, object]) -> None:
    usual: dict[str, object] = {"address": "a", "tls": "1.3", "serial": "01", "chain": ("aa",)}
    assert differences([AddressReport(**usual), AddressReport(**usual | field)]) == tuple(field)  # type: ignore[arg-type]


def test_the_order_of_statuses_is_that_of_the_documentation() -> None:
    statuses = [1, 12, 9, 10, 11, 13, 8, 7, 5, 6, 4, 3, 14, 15, 0]
    assert sorted(statuses, key=precedence) == statuses


def test_a_hostile_name_in_the_table_has_no_control_characters() -> None:
    evil = AddressReport(address="192.0.2.1:443", tls="1.3", alpn="\x1b[2Jx" * 10)
    shown = connecting.connect(factories.connect_report(addresses=(evil, evil), differences=()), Style(color=False))
    assert "\x1b" not in shown
