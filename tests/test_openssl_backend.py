"""What is the `openssl` backend's own: old versions and suites, the second connection, Ctrl-C, the status page."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

import pki
import pytest
from conftest import PATIENCE, Pki, Script, Serve
from factories import server_config
from sessions import client_config, connect, shake

from tlstool.backends.openssl import OpenSsl
from tlstool.backends.openssl.failure import Seen, failure
from tlstool.backends.openssl.status import respond
from tlstool.errors import ChainError, ConnectError, Unsupported
from tlstool.model import Finding, LoadPlan, TlsVersion
from tlstool.names import suite as iana_suite
from tlstool.phases import Deadline

ScriptedPeer = Callable[[Script], int]

FACTS = {"tls": "1.3", "suite": "S", "group": None, "alpn": None, "sni": "<b>&", "kind": "full", "peer": "127.0.0.1:1"}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_versions_that_rustls_refuses_are_spoken(serve: Serve, certificates: Pki, version: TlsVersion) -> None:
    served = serve(OpenSsl(), server_config(identity=certificates.leaf.identity, versions=("1.0", "1.1", "1.2")))
    handshake = shake(OpenSsl(), served.port, replace(client_config(certificates.root.roots), versions=(version,)))
    assert (handshake.tls, handshake.trust.verdict) == (version, "good")


def test_suites_that_rustls_refuses_are_spoken(serve: Serve, certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root, key=pki.rsa_key())
    suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
    served = serve(OpenSsl(), server_config(identity=leaf.identity, ciphers=(suite,)))
    for name in (suite, "AES128-SHA"):
        assert shake(OpenSsl(), served.port, replace(client_config(certificates.root.roots), ciphers=(name,))).suite == suite


def test_suites_go_by_the_names_of_their_numbers() -> None:
    # From IANA's registry of TLS parameters, one of each make.
    registry = {
        0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
        0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        0x00A2: "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256",
        0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xC060: "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256",
        0xC09D: "TLS_RSA_WITH_AES_256_CCM",
        0xC0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0x1301: "TLS_AES_128_GCM_SHA256",
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    here = {suite["id"] & 0xFFFF: iana_suite(suite["name"]) for suite in context.get_ciphers()}
    known = registry.keys() & here.keys()
    assert {number: here[number] for number in known} == {number: registry[number] for number in known}
    assert 0xC02C in known


def test_only_a_bad_chain_costs_a_second_connection(serve: Serve, certificates: Pki) -> None:
    served = serve(OpenSsl(), server_config(identity=certificates.leaf.identity))
    warning = Finding("second-connection", "the chain was fetched over a second connection without verification of the name")
    for name, warnings in (("localhost", ()), ("example.com", (warning,))):
        session = connect(OpenSsl(), served.port, client_config(certificates.root.roots, name))
        session.close(Deadline.after(1.0))
        assert session.warnings == warnings
    assert served.stop().connections == 3


@pytest.mark.parametrize(
    ("alert", "is_sent", "code"),
    [
        (40, True, "client-certificate-refused"),  # handshake_failure
        (51, True, "client-certificate-refused"),  # decrypt_error
        (116, True, "client-certificate-refused"),  # certificate_required
        (40, False, "client-certificate-required"),
        (48, False, "client-certificate-required"),  # unknown_ca
        (50, False, "client-certificate-required"),  # decode_error
        (50, True, "alert-received"),
        (70, True, "alert-received"),  # protocol_version
    ],
)
def test_an_alert_is_about_our_certificate_as_it_is_on_rustls(alert: int, is_sent: bool, code: str) -> None:
    seen = Seen(alert=alert, requested=True, sent=is_sent)
    assert failure(ssl.SSLError(1, "alert"), seen, "handshake").code == code


def test_a_verdict_stays_when_the_peer_does_not_come_back(serve: Serve, certificates: Pki) -> None:
    served = serve(OpenSsl(), server_config(identity=pki.leaf(None).identity))

    def refuse() -> socket.socket:
        raise ConnectError("connection-refused", "the peer had but one")

    with pytest.raises(ChainError) as raised:
        OpenSsl().client(client_config(certificates.root.roots)).connect(served.dial(), Deadline.after(PATIENCE), refuse)
    assert raised.value.code == "unknown-issuer"


def test_what_ssl_has_no_way_to_do_is_refused(certificates: Pki) -> None:
    config = client_config(certificates.root.roots)
    own = pki.leaf(certificates.root, usage=pki.CLIENT).identity
    changes = (
        {"versions": ("1.0", "1.2")},
        {"versions": ("1.3",), "ciphers": ("AES128-SHA",)},
        {"identity": own, "verify_name": "other.example"},
    )
    for change in changes:
        with pytest.raises(Unsupported):
            OpenSsl().client(replace(config, **change))


def interrupt(sock: socket.socket) -> None:
    """A peer whose silence is broken by Ctrl-C on our side."""
    sock.recv(65536)
    os.kill(os.getpid(), signal.SIGINT)
    sock.recv(1)


def test_ctrl_c_ends_a_handshake(scripted: ScriptedPeer, certificates: Pki) -> None:
    with pytest.raises(KeyboardInterrupt):
        connect(OpenSsl(), scripted(interrupt), client_config(certificates.root.roots), limit=3600.0)


def test_ctrl_c_ends_a_load_with_what_was_measured(scripted: ScriptedPeer, certificates: Pki) -> None:
    plan = LoadPlan("127.0.0.1", scripted(interrupt), duration=3600.0, handshake_limit=3600.0)
    result = OpenSsl().client(client_config(certificates.root.roots)).load(plan)
    assert (result.interrupted, result.handshakes, result.errors) == (True, 0, {})


# ---- the status page -----------------------------------------------------------------------------


def page(request: str) -> tuple[str, str, bool]:
    response, keep = respond(request.encode("latin-1"), FACTS)
    head, _, body = response.decode().partition("\r\n\r\n")
    return head, body, keep


@pytest.mark.parametrize(
    ("target", "accept", "content_type"),
    [
        ("/", "*/*", "text/html"),
        ("/", "text/plain", "text/plain"),
        ("/", "text/html, text/plain", "text/html"),
        ("/json?x", "text/html", "application/json"),
        ("https://localhost/json", "*/*", "application/json"),
    ],
)
def test_the_client_chooses_the_format(target: str, accept: str, content_type: str) -> None:
    head, body, _ = page(f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n")
    assert f"\r\nContent-Type: {content_type}" in head
    assert f"\r\nContent-Length: {len(body)}\r\n" in head
    if content_type == "application/json":
        assert json.loads(body) == FACTS


def test_what_a_peer_says_stays_text() -> None:
    _, body, _ = page("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert "&lt;b&gt;&amp;" in body
    assert "<b>" not in body


def test_a_head_request_gets_the_length_and_no_body() -> None:
    head, body, _ = page("HEAD /json HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (body, f"Content-Length: {len(json.dumps(FACTS)) + 1}\r\n" in head) == ("", True)


@pytest.mark.parametrize(
    ("request_head", "keep"),
    [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", False),
        ("GET / HTTP/1.0\r\n\r\n", False),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", False),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", False),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", False),
        ("\x01\x02\r\n\r\n", False),
    ],
)
def test_connections_are_kept_as_the_version_says(request_head: str, keep: bool) -> None:
    head, _, kept = page(request_head)
    assert kept is keep
    assert ("\r\nConnection: close" in head) is not keep
