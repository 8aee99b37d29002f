"""Certificates summed up, by the engine and by cryptography, and the names and dates that are read off them."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pki
import pytest
from conftest import Pki
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tlstool import certs, findings, pem
from tlstool.model import Certificate, Criteria, Roots

# ---- summaries -----------------------------------------------------------------------------------


def test_a_summary_says_what_the_certificate_says(certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root, ("b.example", "2001:db8::1", "*.a.example", "192.0.2.7"), serial=0x0ABC, days=(-1, 10.5))
    (found,) = certs.summaries(leaf.pem)
    parsed = leaf.certificate
    assert found == Certificate(
        version=3,
        subject="CN=leaf",
        issuer="CN=Test Root",
        is_self_issued=False,
        serial="0abc",
        not_before=parsed.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        not_after=parsed.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        days_left=10,
        names=("b.example", "2001:db8::1", "*.a.example", "192.0.2.7"),
        key_type="ecdsa-p256",
        key_bits=256,
        signature_algorithm="ecdsa-with-SHA256",
        is_ca=False,
        path_length=None,
        key_usage=("digitalSignature",),
        extended_key_usage=("serverAuth",),
        ocsp_urls=(),
        ca_issuer_urls=(),
        crl_urls=(),
        scts=(),
        must_staple=False,
        sha256=hashlib.sha256(leaf.der).hexdigest(),
        spki_sha256=hashlib.sha256(parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest(),
        pem=leaf.pem.decode(),
    )
    assert certs.summaries(leaf.der) == (found,)


def test_days_left_are_whole_ones_and_negative_once_over(certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root)
    end = leaf.certificate.not_valid_after_utc.timestamp()
    days = [certs.summaries(leaf.der, end + seconds)[0].days_left for seconds in (-86_400, -86_399, 0, 1, 86_401)]
    assert days == [1, 0, 0, -1, -2]


@pytest.mark.parametrize(
    ("key", "key_type"),
    [
        (pki.rsa_key(2048), "rsa-2048"),
        (ec.generate_private_key(ec.SECP384R1()), "ecdsa-p384"),
        (ec.generate_private_key(ec.SECP521R1()), "ecdsa-p521"),
        (ec.generate_private_key(ec.SECP256K1()), "1.3.132.0.10"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (ed448.Ed448PrivateKey.generate(), "ed448"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_go_by_their_names(certificates: Pki, key: pki.Key, key_type: str) -> None:
    assert certs.summaries(pki.leaf(certificates.root, key=key).pem)[0].key_type == key_type


def test_signatures_go_by_their_registered_names() -> None:
    named = {
        certs.summaries(pki.authority(key=key).pem)[0].signature_algorithm
        for key in (pki.rsa_key(2048), ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate())
    }
    assert named == {"sha256WithRSAEncryption", "Ed25519", "Ed448"}


def test_names_are_escaped_and_reversed_as_rfc_4514_says(certificates: Pki) -> None:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A, B + C"),
            x509.NameAttribute(NameOID.COMMON_NAME, " #x"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.example"),
        ]
    )
    (found,) = certs.summaries(pki.leaf(certificates.root, subject=subject).pem)
    assert found.subject == "1.2.840.113549.1.9.1=a@b.example,CN=\\ #x,O=A\\, B \\+ C,C=DE"


def test_authorities_are_known_by_their_constraints(certificates: Pki) -> None:
    assert [one.is_ca for one in certs.summaries(certificates.leaf.pem + certificates.root.pem)] == [False, True]


def test_a_certificate_that_cannot_be_parsed_has_a_hash_and_nothing_else() -> None:
    (found,) = certs.summaries(b"\x30\x00")
    assert (found.sha256, found.subject, found.spki_sha256) == (hashlib.sha256(b"\x30\x00").hexdigest(), "", "")


# ---- names and dates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("presented", "wanted", "match"),
    [
        ("www.example.com", "WWW.Example.COM", True),
        ("www.example.com", "www.example.com.", True),
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("w*.example.com", "www.example.com", False),
        ("www.*.com", "www.example.com", False),
        ("*", "localhost", False),
        ("127.0.0.1", "127.0.0.1", False),
    ],
)
def test_dns_names_match_as_rfc_9525_says(presented: str, wanted: str, match: bool) -> None:
    assert findings.is_for(wanted, [presented], []) is match


def test_addresses_match_as_numbers() -> None:
    assert findings.is_for("2001:DB8:0:0::1", [], ["2001:db8::1"])
    assert not findings.is_for("127.0.0.2", [], ["127.0.0.1"])


def test_a_wrong_name_is_told_with_the_right_ones(certificates: Pki) -> None:
    names = tuple(f"{letter}.example" for letter in "abcdef")
    for presented, words in ((names, "a.example, b.example, c.example, d.example and 2 more, not for x"), ((), "no name at all")):
        (found,) = certs.summaries(pki.leaf(certificates.root, presented).pem)
        fault = findings.name_fault(found, "x")
        assert fault is not None
        assert words in fault.message


def test_extensions_are_read_for_what_they_say(certificates: Pki) -> None:
    (found,) = certs.summaries(rich_leaf(certificates.root).pem)
    assert found.ocsp_urls == ("http://ocsp.example/",)
    assert found.ca_issuer_urls == ("http://ca.example/root.cer",)
    assert found.crl_urls == ("http://crl.example/1.crl", "ldap://crl.example/2")
    assert found.must_staple
    assert found.extended_key_usage == ("serverAuth", "clientAuth", "1.3.6.1.4.1.311.10.3.3")
    assert [(sct.log_id, sct.timestamp) for sct in found.scts] == [("ab" * 32, "2026-01-02T03:04:05Z")]


def rich_leaf(issuer: pki.Issued) -> pki.Issued:
    """A leaf with every extension that is read."""
    uri = x509.UniformResourceIdentifier
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri("http://ocsp.example/")),
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, uri("http://ca.example/root.cer")),
    ]
    points = [
        x509.DistributionPoint([uri("http://crl.example/1.crl"), uri("ldap://crl.example/2")], None, None, None),
        x509.DistributionPoint(None, None, None, [x509.DirectoryName(pki.common_name("CRL issuer"))]),
    ]
    moment = int(datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC).timestamp() * 1000)
    # Version, log, time, no extensions, and an ECDSA signature that is none; each list with its length before it.
    sct = b"\0" + b"\xab" * 32 + moment.to_bytes(8, "big") + b"\0\0" + b"\x04\x03\0\x01\0"
    entry = len(sct).to_bytes(2, "big") + sct
    scts = len(entry).to_bytes(2, "big") + entry
    return pki.leaf(
        issuer,
        usage=None,
        plain_extensions=(
            x509.ExtendedKeyUsage([pki.SERVER, pki.CLIENT, x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3")]),
            x509.AuthorityInformationAccess(access),
            x509.CRLDistributionPoints(points),
            x509.TLSFeature([x509.TLSFeatureType.status_request]),
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04" + bytes([len(scts)]) + scts),
        ),
    )


def test_both_summaries_of_a_certificate_are_the_same(certificates: Pki) -> None:
    rustls = pytest.importorskip("tlstool.backends.rustls", reason="the Rustls extension is not built", exc_type=ImportError)
    own_names = ("a.example", "192.0.2.7", "2001:db8::1")
    issued = [
        certificates.root,
        certificates.deep_leaf,
        rich_leaf(certificates.root),
        pki.leaf(certificates.root, own_names, key=pki.rsa_key(2048), serial=0xFF00),
        pki.leaf(certificates.root, (), usage=None, subject=x509.Name([])),
        pki.authority(key=ed25519.Ed25519PrivateKey.generate()),
        pki.leaf(certificates.root, key=ec.generate_private_key(ec.SECP256K1())),
        pki.version_1(certificates.root),
    ]
    more = os.environ.get("TLSTOOL_TEST_CERTIFICATES")
    chains = [one.der for one in issued] + (pem.certificates(Path(more).read_bytes()) if more else [])
    at = int(time.time())
    for der in chains:
        shown, _ = rustls.judge(der, (), Criteria(Roots("none", ()), at=at))
        assert (certs.summary(der, at),) == shown
