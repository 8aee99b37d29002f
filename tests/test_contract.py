"""What every backend does, told once and run on each; and each client with each server.

What the interpreter's ssl cannot do is refused or null there, and that is asserted as well.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import replace

import pki
import pytest
from conftest import Pair, Pki, Script, Serve
from factories import server_config
from sessions import client_config, connect, is_openssl, shake

from tlstool.backends.base import Backend
from tlstool.errors import (
    HandshakeError,
    NotTlsError,
    TimeLimitError,
    Unsupported,
)
from tlstool.model import Crl, TlsVersion
from tlstool.phases import Deadline

ScriptedPeer = Callable[[Script], int]


@pytest.fixture
def silent(scripted: ScriptedPeer) -> int:
    """A peer that takes connections and says nothing."""
    return scripted(lambda sock: sock.recv(65536) and sock.recv(1))


# ---- the report ----------------------------------------------------------------------------------


def test_a_good_handshake_is_reported_in_full(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.deep_leaf.identity))
    handshake = shake(pair.client, served.port, client_config(certificates.root.roots))
    assert handshake.tls == "1.3"
    assert handshake.suite in {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"}
    assert (handshake.alpn, handshake.sni, handshake.client_certificate) == (None, "localhost", "not_requested")
    assert [one.subject for one in handshake.certificates] == ["CN=leaf", "CN=Test Intermediate"]
    trust = handshake.trust
    assert (trust.verdict, trust.name, trust.revocation, trust.findings) == ("good", "localhost", "not_checked", ())
    assert (trust.store, bool(trust.verifier)) == ("test", True)
    path = [(one.subject, one.sent, one.is_anchor) for one in trust.path or ()]
    assert path == [("CN=leaf", 0, False), ("CN=Test Intermediate", 1, False), ("CN=Test Root", None, True)]
    if is_openssl(pair.client):
        assert (handshake.group, handshake.signature_scheme, handshake.staple) == (None, None, None)
    else:
        assert handshake.staple is not None
        assert (handshake.signature_scheme, handshake.staple.status) == ("ecdsa_secp256r1_sha256", "absent")
        assert handshake.group


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_version_asked_for_is_the_one_spoken(pair: Pair, serve: Serve, certificates: Pki, version: TlsVersion) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    handshake = shake(pair.client, served.port, replace(client_config(certificates.root.roots), versions=(version,)))
    assert handshake.tls == version
    assert served.stop().handshakes == 1
    assert [one.tls for one in served.connections] == [version]


def test_the_protocol_is_chosen_among_those_offered(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, alpn=("h2", "http/1.1")))
    config = replace(client_config(certificates.root.roots), alpn=("spdy/1", "http/1.1"))
    assert shake(pair.client, served.port, config).alpn == "http/1.1"
    served.stop()
    assert [one.alpn for one in served.connections] == ["http/1.1"]


def test_an_old_suite_is_reported_by_its_iana_name(pair: Pair, serve: Serve, certificates: Pki) -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    handshake = shake(pair.client, served.port, replace(client_config(certificates.root.roots), ciphers=(suite,)))
    assert (handshake.tls, handshake.suite) == ("1.2", suite)


def test_sni_can_be_left_out(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    handshake = shake(pair.client, served.port, replace(client_config(certificates.root.roots), sni=None))
    assert (handshake.sni, handshake.trust.verdict) == (None, "good")
    served.stop()
    assert [one.sni for one in served.connections] == [None]


def test_an_address_is_verified_and_never_sent(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity))
    config = replace(client_config(certificates.root.roots), verify_name="127.0.0.1", sni=None)
    assert shake(pair.client, served.port, config).trust.verdict == "good"
    served.stop()
    assert [one.sni for one in served.connections] == [None]


# ---- the verdict ---------------------------------------------------------------------------------


def faulty(certificates: Pki, fault: str) -> pki.Issued:
    root = certificates.root
    return {
        "wrong name": lambda: pki.leaf(root, ("example.com", "*.localhost")),
        "expired": lambda: pki.leaf(root, days=(-30, -1)),
        "not yet valid": lambda: pki.leaf(root, days=(1, 30)),
        "self-signed": lambda: pki.leaf(None),
        "unknown issuer": lambda: pki.leaf(pki.authority("Nobody's Root")),
        "missing intermediate": lambda: pki.leaf(
            certificates.intermediate, issuer_url="http://ca.example/intermediate.der", send_above=False
        ),
        "for clients": lambda: pki.leaf(root, usage=pki.CLIENT),
        "false signature": lambda: pki.with_bad_signature(pki.leaf(root)),
        "expired, wrong name, unknown issuer": lambda: pki.leaf(pki.authority("Nobody's Root"), ("example.com",), days=(-30, -1)),
        "expired, wrong name": lambda: pki.leaf(root, ("example.com",), days=(-30, -1)),
    }[fault]()


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("wrong name", ["name-mismatch"]),
        ("expired", ["expired"]),
        ("not yet valid", ["not-yet-valid"]),
        ("self-signed", ["self-signed"]),
        ("unknown issuer", ["unknown-issuer"]),
        ("missing intermediate", ["missing-intermediate"]),
        ("for clients", ["wrong-purpose"]),
        ("false signature", ["bad-signature"]),
        ("expired, wrong name, unknown issuer", ["unknown-issuer", "name-mismatch", "expired"]),
        ("expired, wrong name", ["name-mismatch", "expired"]),
    ],
)
def test_a_bad_certificate_is_a_verdict_with_the_whole_report(
    backend: Backend, serve: Serve, certificates: Pki, fault: str, codes: list[str]
) -> None:
    bad = faulty(certificates, fault)
    served = serve(backend, server_config(identity=bad.identity))
    handshake = shake(backend, served.port, client_config(certificates.root.roots))
    assert [finding.code for finding in handshake.trust.findings] == codes
    assert handshake.trust.verdict == "bad"
    assert handshake.tls == "1.3"
    assert [one.pem.encode() for one in handshake.certificates] == [bad.pem]


@pytest.mark.parametrize(("verdict", "codes"), [("good", []), ("bad", ["revoked"]), ("unknown", ["revocation-unknown"])])
def test_revocation_lists_are_obeyed(backend: Backend, serve: Serve, certificates: Pki, verdict: str, codes: list[str]) -> None:
    leaf = pki.leaf(certificates.root)
    crls = {
        "good": pki.crl(certificates.root),
        "bad": pki.crl(certificates.root, [leaf]),
        "unknown": pki.crl(pki.authority("Another Root"), [leaf]),
    }
    served = serve(backend, server_config(identity=leaf.identity))
    config = replace(client_config(certificates.root.roots), crls=(Crl("test.crl", crls[verdict]),))
    trust = shake(backend, served.port, config).trust
    assert (trust.revocation, [finding.code for finding in trust.findings]) == (verdict, codes)


def test_revocation_goes_before_a_wrong_name(backend: Backend, serve: Serve, certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root, ("example.com",))
    served = serve(backend, server_config(identity=leaf.identity))
    config = replace(client_config(certificates.root.roots), crls=(Crl("test.crl", pki.crl(certificates.root, [leaf])),))
    trust = shake(backend, served.port, config).trust
    assert [finding.code for finding in trust.findings] == ["revoked", "name-mismatch"]


def test_another_name_than_the_one_sent_can_be_verified(backend: Backend, serve: Serve, certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root, ("verified.example",))
    served = serve(backend, server_config(identity=leaf.identity))
    config = replace(client_config(certificates.root.roots), sni="sent.example")
    assert shake(backend, served.port, replace(config, verify_name="verified.example")).trust.verdict == "good"
    wrong = shake(backend, served.port, replace(config, verify_name="sent.example")).trust
    assert [finding.code for finding in wrong.findings] == ["name-mismatch"]
    served.stop()
    assert {one.sni for one in served.connections} == {"sent.example"}


def test_a_leaf_that_is_an_anchor_is_trusted_as_it_is(backend: Backend, serve: Serve) -> None:
    leaf = pki.leaf(None)
    served = serve(backend, server_config(identity=leaf.identity))
    assert shake(backend, served.port, client_config(leaf.roots)).trust.verdict == "good"
    wrong = shake(backend, served.port, client_config(leaf.roots, "example.com")).trust
    assert [finding.code for finding in wrong.findings] == ["name-mismatch"]


def test_insecure_waives_nothing_in_the_report(backend: Backend, serve: Serve, certificates: Pki, soon: Deadline) -> None:
    served = serve(backend, server_config(identity=pki.leaf(None).identity, mode="echo"))
    session = connect(backend, served.port, replace(client_config(certificates.root.roots), insecure=True))
    assert [finding.code for finding in session.handshake.trust.findings] == ["self-signed"]
    session.write(b"all the same", soon)
    assert session.read(100, soon) == b"all the same"
    session.close(soon)


# ---- peers that fail -----------------------------------------------------------------------------


def test_a_silent_peer_costs_the_limit(backend: Backend, silent: int, certificates: Pki) -> None:
    with pytest.raises(TimeLimitError) as raised:
        connect(backend, silent, client_config(certificates.root.roots), limit=0.2)
    assert raised.value.code == "time-limit"


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "plain-http"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "plain-ssh"),
        (b"220 mail.example ESMTP\r\n", "plain-smtp"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", "not-tls"),
    ],
)
def test_a_peer_without_tls_is_named_by_what_it_speaks(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, greeting: bytes, code: str
) -> None:
    def greet(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(greeting)
        sock.recv(65536)

    with pytest.raises(NotTlsError) as raised:
        connect(backend, scripted(greet), client_config(certificates.root.roots))
    assert raised.value.code == code


def test_a_peer_that_closes_early_is_said_to_have_closed(backend: Backend, scripted: ScriptedPeer, certificates: Pki) -> None:
    with pytest.raises(HandshakeError) as raised:
        connect(backend, scripted(lambda sock: sock.recv(65536)), client_config(certificates.root.roots))
    assert raised.value.code == "connection-closed"


def test_a_peer_that_resets_is_said_to_have_broken_the_connection(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki
) -> None:
    def reset(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with pytest.raises(HandshakeError) as raised:
        connect(backend, scripted(reset), client_config(certificates.root.roots))
    assert raised.value.code == "connection-reset"


@pytest.mark.parametrize(
    ("number", "name"), [(40, "handshake_failure"), (112, "unrecognized_name"), (120, "no_application_protocol")]
)
def test_an_alert_is_named(backend: Backend, scripted: ScriptedPeer, certificates: Pki, number: int, name: str) -> None:
    def refuse(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(bytes((0x15, 3, 3, 0, 2, 2, number)))
        sock.recv(65536)

    with pytest.raises(HandshakeError) as raised:
        connect(backend, scripted(refuse), client_config(certificates.root.roots))
    assert (raised.value.code, raised.value.alert) == ("alert-received", name)


def test_nothing_in_common_is_an_alert_or_a_fact(pair: Pair, serve: Serve, certificates: Pki) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, versions=("1.2",)))
    with pytest.raises(HandshakeError) as raised:
        connect(pair.client, served.port, replace(client_config(certificates.root.roots), versions=("1.3",)))
    assert (raised.value.code, raised.value.alert) == ("alert-received", "protocol_version")
    totals = served.stop()
    assert (totals.connections, totals.handshakes, totals.failed) == (1, 0, 1)
    assert [one.error for one in served.connections] == ["peer-incompatible"]


# ---- what a backend lacks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"groups": ("x25519",)}, "openssl"),
        ({"ciphers": ("TLS_AES_128_GCM_SHA256",)}, "openssl"),
        ({"at": 1_700_000_000}, "openssl"),
        ({"versions": ("1.1",)}, "rustls"),
        ({"ciphers": ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",)}, "rustls"),
        ({"ciphers": ("TLS_NO_SUCH_SUITE_WITH_NULL",)}, "both"),
    ],
)
def test_what_a_backend_lacks_it_refuses_before_there_is_a_connection(
    backend: Backend, certificates: Pki, change: dict[str, object], lacking: str
) -> None:
    config = replace(client_config(certificates.root.roots), **change)  # type: ignore[arg-type]
    name = backend.info().name
    settable = name == "openssl" and hasattr(ssl.SSLContext, "set_groups") and "at" not in change
    if lacking in (name, "both") and not (settable and lacking == "openssl"):
        with pytest.raises(Unsupported):
            backend.client(config)
    else:
        backend.client(config)


# ---- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 16384, 16385, 300_001])
def test_bytes_come_back_as_they_went(pair: Pair, serve: Serve, certificates: Pki, soon: Deadline, size: int) -> None:
    served = serve(pair.server, server_config(identity=certificates.leaf.identity, mode="echo"))
    session = connect(pair.client, served.port, client_config(certificates.root.roots))
    data = os.urandom(size)
    session.write(data, soon)
    back = b""
    while len(back) < size:
        piece = session.read(7919, soon)
        assert 0 < len(piece) <= 7919
        back += piece
    session.close(soon)
    assert back == data
    totals = served.stop()
    assert (totals.received, totals.sent, totals.failed) == (size, size, 0)
