"""What every backend does with a certificate of our own: shows it to those who may see it, and tells what came of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pki
import pytest
from conftest import PATIENCE, Pki, Script
from sessions import client_config, connect, shake

from tlstool.backends.base import Backend
from tlstool.errors import ClientCertificateError, LocalError, TlsToolError
from tlstool.phases import Deadline

ScriptedPeer = Callable[[Script], int]


def demanding(certificates: Pki, tmp_path: Path, version: ssl.TLSVersion) -> Script:
    """A server that wants a certificate of the test root; of the interpreter's ssl, whichever backend is tested."""
    (tmp_path / "chain.pem").write_bytes(certificates.leaf.chain_pem)
    (tmp_path / "key.pem").write_bytes(certificates.leaf.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    context.load_verify_locations(cadata=certificates.root.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version

    def script(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            tls.sendall(b"welcome")
            tls.recv(1)

    return script


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_and_gets_none_says_so(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    port = scripted(demanding(certificates, tmp_path, version))
    with pytest.raises(ClientCertificateError) as raised:
        connect(backend, port, client_config(certificates.root.roots))
    assert raised.value.code == "client-certificate-required"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_our_certificate_opens_the_door(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    soon = Deadline.after(PATIENCE)
    port = scripted(demanding(certificates, tmp_path, version))
    own = pki.leaf(certificates.root, ("me.example",), usage=pki.CLIENT)
    session = connect(backend, port, replace(client_config(certificates.root.roots), identity=own.identity))
    assert session.handshake.client_certificate == "accepted"
    assert session.read(100, soon) == b"welcome"
    session.close(soon)


def test_a_certificate_of_a_stranger_is_refused(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path
) -> None:
    port = scripted(demanding(certificates, tmp_path, ssl.TLSVersion.TLSv1_3))
    stranger = pki.leaf(pki.authority("Nobody's Root"), ("me.example",), usage=pki.CLIENT)
    with pytest.raises(ClientCertificateError) as raised:
        connect(backend, port, replace(client_config(certificates.root.roots), identity=stranger.identity))
    assert raised.value.code == "client-certificate-refused"
    assert raised.value.alert == "unknown_ca"


def test_our_certificate_does_not_go_to_a_peer_that_is_not_trusted(
    backend: Backend, scripted: ScriptedPeer, certificates: Pki, tmp_path: Path
) -> None:
    seen: list[bytes | None] = []
    (tmp_path / "bad.pem").write_bytes(pki.leaf(None, key=certificates.leaf.key).pem)
    (tmp_path / "bad.key").write_bytes(certificates.leaf.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "bad.pem", tmp_path / "bad.key")
    context.load_verify_locations(cadata=certificates.root.pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL

    def note(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            seen.append(tls.getpeercert(binary_form=True))

    own = pki.leaf(certificates.root, ("me.example",), usage=pki.CLIENT)
    config = replace(client_config(certificates.root.roots), identity=own.identity)
    try:
        trust = shake(backend, scripted(note), config).trust
        codes = [finding.code for finding in trust.findings]
    except TlsToolError as error:
        codes = [error.code]
    assert codes == ["self-signed"]
    assert [one for one in seen if one is not None] == []


@pytest.mark.parametrize(
    ("chain", "key", "code"),
    [
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", None, "bad-certificate-file"),
        (None, b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "bad-key"),
        (None, pki.leaf(None).key_pem(), "key-mismatch"),
    ],
)
def test_an_identity_that_is_no_good_is_refused(
    backend: Backend, certificates: Pki, chain: bytes | None, key: bytes | None, code: str
) -> None:
    good = certificates.leaf.identity
    identity = replace(good, chain=chain or good.chain, key=key or good.key)
    with pytest.raises(LocalError) as raised:
        backend.client(replace(client_config(certificates.root.roots), identity=identity))
    assert raised.value.code == code
