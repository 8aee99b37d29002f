"""Certificates and keys as files, the way users have them: sound ones, and one for each fault that a chain can have.

Load as a pytest plugin: `pytest_plugins = ("credentials",)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pki
import pytest

_ELSEWHERE = ("elsewhere.test",)
_PAST = (-10.0, -1.0)

# It clears the screen, sets the title, forges a line and turns the text round, on a terminal that lets it.
_HOSTILE_NAME = "evil\x1b[2J\x1b]0;owned\x07\r\nVerdict: good\u202e"


@dataclass(frozen=True)
class Pair:
    """Files with a certificate chain, leaf first, and with the leaf's key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Credentials:
    """All files. The leaves are for localhost and issued by an intermediate of `ca`, unless said otherwise.

    Attributes:
        ca: the root that the tests trust.
        intermediate: the one that `ca` has issued.
        client_ca: the root of `client`.
        crl: of the intermediate; it lists the leaf of `revoked`.
        good: sound, with the intermediate; the leaf is valid for 30 days.
        wrong_name: for elsewhere.test alone.
        expired: since yesterday.
        not_yet_valid: from tomorrow on.
        unknown_issuer: by a root that nobody trusts.
        self_signed: by itself.
        missing_intermediate: as `good`, without the intermediate; the leaf says where that can be had.
        revoked: by `crl`.
        expired_and_wrong_name, unknown_and_expired: two faults at once.
        hostile: as `unknown_issuer`, its subject full of control characters.
        rsa: as `good`, with an RSA key, which may also decrypt.
        client: for a client.
        encrypted_key: the key of `good`, behind a pass phrase.
    """

    ca: Path
    intermediate: Path
    client_ca: Path
    crl: Path
    good: Pair
    wrong_name: Pair
    expired: Pair
    not_yet_valid: Pair
    unknown_issuer: Pair
    self_signed: Pair
    missing_intermediate: Pair
    revoked: Pair
    expired_and_wrong_name: Pair
    unknown_and_expired: Pair
    hostile: Pair
    rsa: Pair
    client: Pair
    encrypted_key: Path


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """The files, made once a session."""
    folder = tmp_path_factory.mktemp("credentials")
    root, stranger, clients = pki.authority("root"), pki.authority("stranger"), pki.authority("clients' root")
    intermediate = pki.authority("intermediate", root)
    good = pki.leaf(intermediate, subject="good")
    revoked = pki.leaf(intermediate)
    unlinked = pki.leaf(intermediate, issuer_url="http://ca.invalid/intermediate.cer", send_above=False)

    def file(name: str, data: bytes) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    def pair(name: str, issued: pki.Issued) -> Pair:
        return Pair(file(f"{name}.pem", issued.chain_pem), file(f"{name}.key", issued.key_pem()))

    return Credentials(
        ca=file("ca.pem", root.pem),
        intermediate=file("intermediate.pem", intermediate.pem),
        client_ca=file("client-ca.pem", clients.pem),
        crl=file("crl.pem", pki.crl(intermediate, [revoked])),
        good=pair("good", good),
        wrong_name=pair("wrong-name", pki.leaf(intermediate, _ELSEWHERE)),
        expired=pair("expired", pki.leaf(intermediate, days=_PAST)),
        not_yet_valid=pair("not-yet-valid", pki.leaf(intermediate, days=(1, 30))),
        unknown_issuer=pair("unknown-issuer", pki.leaf(stranger)),
        self_signed=pair("self-signed", pki.leaf(None)),
        missing_intermediate=pair("missing-intermediate", unlinked),
        revoked=pair("revoked", revoked),
        expired_and_wrong_name=pair("expired-and-wrong-name", pki.leaf(intermediate, _ELSEWHERE, days=_PAST)),
        unknown_and_expired=pair("unknown-and-expired", pki.leaf(stranger, days=_PAST)),
        hostile=pair("hostile", pki.leaf(stranger, subject=_HOSTILE_NAME)),
        rsa=pair("rsa", pki.leaf(intermediate, key=pki.rsa_key())),
        client=pair("client", pki.leaf(clients, ("client.test",), usage=pki.CLIENT)),
        encrypted_key=file("encrypted.key", good.key_pem(password=b"a pass phrase")),
    )
