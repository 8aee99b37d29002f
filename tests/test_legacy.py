"""Peers that speak only what Rustls refuses: told apart, and spoken with once they are asked for."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import zoo
from runner import tlstool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credentials import Credentials
    from foreign import ForeignServers

STATIC_RSA = "TLS_RSA_WITH_AES_128_CBC_SHA"

# The versions and suites of a server, how it is asked for, and what comes of it.
OLD = [
    ("1.0", "AES128-SHA", ("--tls", "1.0"), STATIC_RSA),
    ("1.1", "AES128-SHA", ("--tls", "1.1"), STATIC_RSA),
    ("1.2", "AES128-SHA", ("--ciphers", STATIC_RSA), STATIC_RSA),
    ("1.2", "ECDHE-RSA-AES256-SHA384", ("--ciphers", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"), None),
]
on_all_old = pytest.mark.parametrize(("version", "cipher", "options", "suite"), OLD, ids=[f"{old[0]}-{old[1]}" for old in OLD])


def old(credentials: Credentials, version: str, cipher: str) -> ssl.SSLContext:
    """A server that speaks nothing else."""
    context = zoo.context(credentials.rsa)
    number = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2}[version]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = number
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    return context


@on_all_old
def test_a_peer_that_speaks_only_old_things_is_told_how_to_be_asked(
    credentials: Credentials, version: str, cipher: str, options: tuple[str, ...], suite: str | None
) -> None:
    with zoo.listening(zoo.tls(old(credentials, version, cipher))) as peer:
        base = ("connect", peer.target, "--ca", credentials.ca, "--json")
        refused = tlstool(*base)
        taken = tlstool(*base, *options)
    assert refused.status == 8
    error: Any = refused.document["error"]
    assert error["message"].endswith(f"; it would take TLS {version} with {options[-1] if suite is None else suite}")
    assert error["hint"] == f"ask for it with {' '.join(options)}"
    assert [one["code"] for one in refused.document["warnings"]] == ["asked-again"]
    assert taken.status == 0
    assert (taken.document["backend"], taken.document["handshake"]["tls"]) == ("openssl", version)
    assert taken.document["backend_reason"].startswith("Rustls does not speak ")


def test_what_was_left_out_by_the_user_is_what_is_asked_for(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(old(credentials, "1.2", "ECDHE-RSA-AES128-GCM-SHA256"))) as peer:
        base = ("connect", peer.target, "--ca", credentials.ca, "--json")
        by_version = tlstool(*base, "--tls", "1.3").document["error"]
        by_suite = tlstool(*base, "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384").document["error"]
    assert by_version["hint"] == "ask for it with --tls 1.2"
    assert by_suite["hint"] == "ask for it with --ciphers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


@pytest.mark.parametrize(("option", "value"), [("--groups", "x25519"), ("--sigalgs", "ed25519")])
def test_a_choice_that_openssl_does_not_have_is_to_be_left_out(credentials: Credentials, option: str, value: str) -> None:
    server = zoo.context(credentials.good)
    server.set_ecdh_curve("secp384r1")
    with zoo.listening(zoo.tls(server)) as peer:
        error = tlstool("connect", peer.target, "--ca", credentials.ca, option, value, "--json").document["error"]
    assert error["hint"].startswith(f"leave {option} out: ")


def test_nobody_is_said_to_lack_what_was_not_offered(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        base = ("connect", peer.target, "--ca", credentials.ca, "--json")
        taken = tlstool(*base, "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256").document
    assert (taken["handshake"]["tls"], taken["warnings"]) == ("1.2", [])


def test_a_peer_that_takes_nothing_at_all_keeps_the_hint_of_its_alert() -> None:
    with zoo.listening(zoo.answers(zoo.HANDSHAKE_FAILURE)) as peer:
        document = tlstool("connect", peer.target, "-k", "--json").document
    assert (document["error"]["code"], document["warnings"]) == ("alert-received", [])
    assert "--ciphers or --groups" in document["error"]["hint"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_peer_that_wants_a_certificate_is_not_asked_again(credentials: Credentials, version: str) -> None:
    """Its alert in TLS 1.2 is that of a peer with nothing in common."""
    with zoo.listening(zoo.tls(zoo.context(credentials.good, client_ca=credentials.client_ca))) as peer:
        document = tlstool("connect", peer.target, "--ca", credentials.ca, "--tls", version, "--json").document
    assert (document["error"]["code"], document["warnings"]) == ("client-certificate-required", [])


@pytest.fixture
def tlslite_server(credentials: Credentials) -> Iterator[zoo.Peer]:
    """tlslite-ng, which speaks TLS 1.0 with 3DES and AES in CBC mode alone."""
    api = pytest.importorskip("tlslite.api")
    errors = pytest.importorskip("tlslite.errors")
    chain, key = api.X509CertChain(), api.parsePEMKey(credentials.rsa.key.read_text(), private=True)
    chain.parsePemList(credentials.rsa.cert.read_text())
    settings = api.HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 1)
    settings.versions = [(3, 1)]
    settings.keyExchangeNames = ["rsa"]

    def behaviour(_peer: zoo.Peer, sock: Any) -> None:
        connection = api.TLSConnection(sock)
        # A client that offers nothing so old is refused by an exception.
        with suppress(errors.TLSError):
            connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
            connection.read(max=1)

    with zoo.listening(behaviour) as peer:
        yield peer


def test_tlslite_at_its_oldest(credentials: Credentials, tlslite_server: zoo.Peer) -> None:
    base = ("connect", tlslite_server.target, "--ca", credentials.ca, "--json")
    error = tlstool(*base).document["error"]
    assert "it would take TLS 1.0 with TLS_RSA_WITH_" in error["message"]
    done = tlstool(*base, "--tls", "1.0")
    assert (done.status, done.document["handshake"]["tls"]) == (0, "1.0")


@pytest.mark.parametrize("version", ["1", "1_1"])
def test_s_server_at_its_oldest(servers: ForeignServers, credentials: Credentials, version: str) -> None:
    server = servers.openssl("rsa", f"-tls{version}", "-cipher", "ALL:@SECLEVEL=0")
    base = ("connect", server.target, "--ca", credentials.ca, "--json")
    number = "1.0" if version == "1" else "1.1"
    assert tlstool(*base).document["error"]["hint"] == f"ask for it with --tls {number}"
    assert tlstool(*base, "--tls", number).document["handshake"]["tls"] == number


def test_s_server_with_finite_field_diffie_hellman_alone(servers: ForeignServers, credentials: Credentials) -> None:
    server = servers.openssl("rsa", "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
    base = ("connect", server.target, "--ca", credentials.ca, "--json")
    assert tlstool(*base).document["error"]["hint"] == "ask for it with --ciphers TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"
    assert tlstool(*base, "--ciphers", "DHE-RSA-AES256-GCM-SHA384").status == 0
