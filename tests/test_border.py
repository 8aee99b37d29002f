"""The border between Python and the engine: the same codes and the same field names on both sides."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import pki
import pytest
from conftest import PATIENCE, Pki
from factories import server_config

from tlstool.errors import TlsToolError, subclasses
from tlstool.model import Certificate, ClientConfig, Finding, Handshake, LoadPlan, LoadResult, Roots, Staple, Trust, plain
from tlstool.record import Record
from tlstool.sites import Connection, Hello, KeyShare, ServerConfig, ServeTotals
from tlstool.sniff import PROTOCOLS
from tlstool.traffic import Relayed, RelayPlan

native = pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)

# What happens before the engine is asked, or is made of what it says.
PYTHON_ONLY = {protocol.code for protocol in PROTOCOLS} | {
    "assertion-failed",
    "bad-baseline",
    "bad-proxy",
    "bad-target",
    "cannot-bind",
    "cannot-listen",
    "expectation-missed",
    "expires-soon",
    "file-missing",
    "key-encrypted",
    "limit-missed",
    "no-fast-path",
    "not-a-proxy",
    "package-missing",
    "plaintext-after-starttls",
    "port-in-use",
    "proxy-auth-required",
    "proxy-failed",
    "proxy-refused",
    "resolver-failed",
    "starttls-broken",
    "starttls-not-offered",
    "starttls-refused",
    "tls-from-first-byte",
    "unknown-host",
    "wrong-family",
    "wrong-password",
}


def names(record: type[Record]) -> set[str]:
    return {field.name for field in fields(record)}  # type: ignore[arg-type]


@contextmanager
def engine_server(config: ServerConfig) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The engine's server, its port, and what it says, the totals last, once the block has ended."""
    said: list[dict[str, Any]] = []
    reader, writer = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            said.append(native.serve(native.ServerConfig(plain(config)), [[listener.fileno()]], said.append, reader))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1], said
        finally:
            os.write(writer, b"\0")
            thread.join(PATIENCE)
            os.close(reader)
            os.close(writer)


def test_every_code_of_the_engine_has_a_class_and_every_other_one_is_known_to_be_pythons() -> None:
    codes = [code for cls in subclasses() for code in cls.codes]
    assert len(codes) == len(set(codes))
    engine = native.error_codes()
    assert len(engine) == len(set(engine))
    assert set(engine) - set(codes) == set()
    assert set(codes) - set(engine) == PYTHON_ONLY


def test_what_the_engine_answers_has_the_fields_of_the_records(certificates: Pki) -> None:
    config = ClientConfig("localhost", "localhost", certificates.root.roots)
    with engine_server(server_config(pki.leaf(None).identity, tells="hellos")) as (port, said):
        made = native.ClientConfig(plain(config))
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
            session = native.connect(made, sock.fileno(), PATIENCE)
        handshake = session.handshake
        null = os.open(os.devnull, os.O_RDWR)
        relayed = session.relay(plain(RelayPlan(null, null)), PATIENCE)
        os.close(null)
        session.close(1.0)
        plan = LoadPlan("127.0.0.1", port, duration=0.2)
        load = native.load(plain(plan), native.ClientConfig(plain(ClientConfig("localhost", "localhost", Roots("none", ())))))
    assert handshake.keys() == names(Handshake)
    assert handshake["trust"].keys() == names(Trust)
    # What to do next about a fault is said on this side of the border alone.
    assert handshake["trust"]["findings"][0].keys() == names(Finding) - {"hint"}
    assert handshake["staple"].keys() == names(Staple)
    assert handshake["certificates"][0].keys() == names(Certificate)
    assert relayed.keys() == names(Relayed)
    assert load.keys() == names(LoadResult)
    *connections, totals = said
    assert connections[0].keys() == names(Connection)
    assert connections[0]["hello"].keys() == names(Hello)
    assert connections[0]["hello"]["key_shares"][0].keys() == names(KeyShare)
    assert totals.keys() == names(ServeTotals)


def test_the_engine_takes_no_field_that_it_does_not_know(certificates: Pki) -> None:
    """So a field that is called otherwise over there makes every test of that job fail."""
    client = plain(ClientConfig("localhost", "localhost", certificates.root.roots))
    server, plan = plain(server_config(certificates.leaf.identity)), plain(LoadPlan("127.0.0.1", 1))
    with pytest.raises(TlsToolError, match="nonsense"):
        native.ClientConfig(client | {"nonsense": 1})
    with pytest.raises(TlsToolError, match="nonsense"):
        native.ServerConfig(server | {"nonsense": 1})
    with (
        engine_server(server_config(pki.leaf(None).identity)) as (port, _),
        socket.create_connection(("127.0.0.1", port)) as sock,
    ):
        session = native.connect(native.ClientConfig(client), sock.fileno(), PATIENCE)
    for wrong in (plain(RelayPlan(None, 1)) | {"nonsense": 1}, plain(RelayPlan(None, 1)) | {"body": {"nonsense": 1}}):
        with pytest.raises(TlsToolError, match="nonsense"):
            session.relay(wrong, None)
    with pytest.raises(TlsToolError, match="nonsense"):
        native.load(plan | {"nonsense": 1}, native.ClientConfig(client))
