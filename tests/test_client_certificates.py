"""`tlstool connect` to servers of other makers that demand a certificate of their clients: it is taken, missing, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from runner import Done, on_both_backends, tlstool

from tlstool.output.schema import schema

if TYPE_CHECKING:
    from credentials import Credentials, Pair
    from foreign import ForeignServer, ForeignServers

# How each goes on with nobody who shows no certificate of that authority.
DEMANDING: dict[str, Callable[[Path], tuple[str | Path, ...]]] = {
    "openssl": lambda ca: ("-Verify", "1", "-CAfile", ca, "-verify_return_error"),
    "nginx": lambda ca: (f"ssl_client_certificate {ca};", "ssl_verify_client on;"),
    "haproxy": lambda ca: ("verify", "required", "ca-file", ca),
    "gnutls": lambda ca: ("--require-client-cert", "--x509cafile", ca, "--verify-client-cert"),
    "go": lambda ca: ("-client-ca", ca),
    "node": lambda ca: (ca,),
    "java": lambda ca: (ca,),
}

# nginx ends no handshake for that: it answers with a page.
ENDING_THE_HANDSHAKE = [maker for maker in DEMANDING if maker != "nginx"]

# Before TLS 1.3 there was no alert for it.
WANTING = {"1.2": {"handshake_failure", "bad_certificate", "decode_error"}, "1.3": {"certificate_required", "bad_certificate"}}
REFUSING = {"unknown_ca", "certificate_unknown", "bad_certificate", "access_denied"}

in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture
def demanding(servers: ForeignServers, credentials: Credentials) -> Callable[[str], ForeignServer]:
    """The server of a maker that goes on with nobody but clients of `client_ca`."""

    def start(maker: str) -> ForeignServer:
        found: ForeignServer = getattr(servers, maker)("good", *DEMANDING[maker](credentials.client_ca))
        return found

    return start


def given(pair: Pair) -> tuple[str | Path, ...]:
    return ("--cert", pair.cert, "--key", pair.key)


def document_of(done: Done) -> dict[str, Any]:
    jsonschema.validate(done.document, schema("connect"), cls=jsonschema.Draft202012Validator)
    return done.document


@on_both_backends
@in_both_versions
@pytest.mark.parametrize("maker", DEMANDING)
def test_a_server_that_takes_our_certificate_is_said_to(
    demanding: Callable[[str], ForeignServer], credentials: Credentials, maker: str, version: str, backend: str
) -> None:
    server = demanding(maker)
    options = ("--ca", credentials.ca, "--tls", version, "--backend", backend, *given(credentials.client))
    done = tlstool("connect", server.target, *options, "--json", prefix=server.prefix)
    assert done.status == 0, done
    handshake = document_of(done)["handshake"]
    # The interpreter's ssl waits for a ticket no longer because the handshake was slow.
    patient = backend == "rustls" or version == "1.2"
    assert handshake["client_certificate"] in ({"accepted"} if patient else {"accepted", "sent"})
    if backend == "rustls":
        assert handshake["client_request"]["authorities"] == ["CN=clients' root"]
        assert "ecdsa_secp256r1_sha256" in handshake["client_request"]["signature_schemes"]


@on_both_backends
@in_both_versions
@pytest.mark.parametrize("maker", ENDING_THE_HANDSHAKE)
def test_a_certificate_that_is_demanded_and_missing_is_status_13(
    demanding: Callable[[str], ForeignServer], credentials: Credentials, maker: str, version: str, backend: str
) -> None:
    server = demanding(maker)
    options = ("--ca", credentials.ca, "--tls", version, "--backend", backend)
    done = tlstool("connect", server.target, *options, "--json", prefix=server.prefix)
    assert done.status == 13, done
    document = document_of(done)
    assert document["error"]["code"] == "client-certificate-required"
    assert document["error"]["alert"] in WANTING[version]
    if backend == "rustls":
        assert document["handshake"]["client_request"]["authorities"] == ["CN=clients' root"]


@on_both_backends
@in_both_versions
@pytest.mark.parametrize("maker", ENDING_THE_HANDSHAKE)
def test_a_certificate_of_another_authority_is_refused_which_is_status_13(
    demanding: Callable[[str], ForeignServer], credentials: Credentials, maker: str, version: str, backend: str
) -> None:
    server = demanding(maker)
    options = ("--ca", credentials.ca, "--tls", version, "--backend", backend, *given(credentials.unknown_issuer))
    done = tlstool("connect", server.target, *options, "--json", prefix=server.prefix)
    assert done.status == 13, done
    document = document_of(done)
    assert document["error"]["code"] == "client-certificate-refused"
    # Node closes the connection, and says nothing.
    assert document["error"]["alert"] in ({None} if maker == "node" else REFUSING)
    if backend == "rustls":
        assert document["handshake"]["client_request"]["authorities"] == ["CN=clients' root"]


@on_both_backends
@in_both_versions
@pytest.mark.parametrize(
    ("identity", "words"), [(None, b"No required SSL certificate was sent"), ("unknown_issuer", b"The SSL certificate error")]
)
def test_nginx_refuses_by_a_page(
    *,
    demanding: Callable[[str], ForeignServer],
    credentials: Credentials,
    identity: str | None,
    words: bytes,
    version: str,
    backend: str,
) -> None:
    ours = given(getattr(credentials, identity)) if identity else ()
    options = ("--ca", credentials.ca, "--tls", version, "--backend", backend, *ours)
    done = tlstool("connect", demanding("nginx").target, *options, "--http")
    assert "400 Bad Request" in done.errors, done
    assert words in done.output


@on_both_backends
@in_both_versions
def test_a_pipe_brings_nothing_to_a_server_that_misses_our_certificate(
    demanding: Callable[[str], ForeignServer], credentials: Credentials, version: str, backend: str
) -> None:
    options = ("--ca", credentials.ca, "--tls", version, "--backend", backend, "--json", "--pipe")
    done = tlstool("connect", demanding("go").target, *options, stdin=b"to nobody\n")
    assert (done.status, done.output) == (13, b""), done
    assert '"client-certificate-required"' in done.errors


@on_both_backends
def test_a_certificate_that_nobody_asked_for_is_said_to_be_unused(
    servers: ForeignServers, credentials: Credentials, backend: str
) -> None:
    options = ("--ca", credentials.ca, *given(credentials.client), "--backend", backend)
    done = tlstool("connect", servers.go().target, *options, "--json")
    assert done.status == 0, done
    assert [warning["code"] for warning in document_of(done)["warnings"]] == ["client-certificate-unused"]
