"""Reading certificates and identities, summing them up, making them, and the judge for builds without the engine."""

from __future__ import annotations

import hashlib
import ipaddress
import time
from pathlib import Path

import pki
import pytest
from conftest import Pki
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from tlstool import authority, certs, findings, pem
from tlstool.errors import LocalError, UsageError
from tlstool.judge import judge as chain_verdict
from tlstool.model import Certificate, Roots, Trust

# ---- identities ----------------------------------------------------------------------------------


def read(tmp_path: Path, chain: bytes, key: bytes | None) -> str | None:
    """The code of the error that reading an identity ends with; None for none."""
    cert_file, key_file = tmp_path / "cert", tmp_path / "key"
    cert_file.write_bytes(chain)
    if key is not None:
        key_file.write_bytes(key)
    try:
        identity = certs.read_identity(str(cert_file), None if key is None else str(key_file))
    except LocalError as error:
        return error.code if str(tmp_path) in error.message else f"{error.code}, without the file's name"
    assert (identity.chain, identity.key) == (chain, chain if key is None else key)
    return None


def test_an_identity_is_read_in_every_form(tmp_path: Path, certificates: Pki) -> None:
    leaf = certificates.leaf
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        der = leaf.key.private_bytes(Encoding.DER, form, NoEncryption())
        assert read(tmp_path, leaf.pem, leaf.key_pem(form)) is None
        assert read(tmp_path, leaf.der, der) is None
        assert pem.key_text(der).encode() == leaf.key_pem(form)
    assert read(tmp_path, b"subject=leaf\r\n" + leaf.pem.replace(b"\n", b"\r\n") + leaf.key_pem(), None) is None


def test_an_encrypted_key_is_told_whatever_its_form(tmp_path: Path, certificates: Pki) -> None:
    leaf = certificates.leaf
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert read(tmp_path, leaf.pem, leaf.key_pem(form, b"secret")) == "key-encrypted"
    text = leaf.key_pem(PrivateFormat.PKCS8, b"secret")
    assert read(tmp_path, leaf.pem, pem.blocks(text, "ENCRYPTED PRIVATE KEY")[0]) == "key-encrypted"


def test_a_key_without_its_certificate_is_no_identity() -> None:
    assert certs.identity(None, None) is None
    with pytest.raises(UsageError, match="--key needs --cert"):
        certs.identity(None, "key.pem")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (b"", "no-key"),
        (b"garbage", "bad-key"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n", "bad-key"),
        (b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", "bad-key"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "no-key"),
    ],
)
def test_a_key_that_is_no_good_is_told(tmp_path: Path, certificates: Pki, key: bytes, code: str) -> None:
    assert read(tmp_path, certificates.leaf.pem, key) == code


def test_a_certificate_is_no_key(tmp_path: Path, certificates: Pki) -> None:
    assert read(tmp_path, certificates.leaf.pem, None) == "no-key"
    assert read(tmp_path, certificates.leaf.pem, certificates.leaf.der) == "no-key"


@pytest.mark.parametrize(("chain", "code"), [(b"", "no-certificate"), (b"garbage", "bad-certificate-file")])
def test_a_chain_that_is_no_good_is_told(tmp_path: Path, certificates: Pki, chain: bytes, code: str) -> None:
    assert read(tmp_path, chain, certificates.leaf.key_pem()) == code


def test_files_that_are_not_there_are_told(tmp_path: Path, certificates: Pki) -> None:
    (tmp_path / "cert").write_bytes(certificates.leaf.pem)
    for cert, key in (("absent", None), ("cert", "absent")):
        with pytest.raises(LocalError, match="absent") as raised:
            certs.read_identity(str(tmp_path / cert), key and str(tmp_path / key))
        assert raised.value.code == "file-missing"


# ---- summaries -----------------------------------------------------------------------------------


def test_a_summary_says_what_the_certificate_says(certificates: Pki) -> None:
    leaf = pki.leaf(certificates.root, ("b.example", "2001:db8::1", "*.a.example", "192.0.2.7"), serial=0x0ABC, days=(-1, 10.5))
    (found,) = certs.summaries(leaf.pem)
    parsed = leaf.certificate
    assert found == Certificate(
        subject="CN=leaf",
        issuer="CN=Test Root",
        serial="0abc",
        not_before=parsed.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        not_after=parsed.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        days_left=10,
        names=("b.example", "2001:db8::1", "*.a.example", "192.0.2.7"),
        key_type="ecdsa-p256",
        signature_algorithm="ecdsa-with-SHA256",
        is_ca=False,
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


# ---- throw-away certificates ---------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_a_throw_away_leaf_is_good_for_its_names_and_thirty_days(key_type: str) -> None:
    identity, ca = authority.throwaway(pki.LOCAL_NAMES, key_type)
    for name in pki.LOCAL_NAMES:
        (leaf,), trust = judge(identity.chain, ca, name=name)
        assert trust.verdict == "good"
    assert (leaf.key_type, leaf.names, leaf.days_left in (29, 30)) == (key_type, pki.LOCAL_NAMES, True)
    assert certs.seconds(leaf.not_before) < time.time() - 3590
    pem.require_key(identity.key, "the key")


def test_an_authority_may_stand_above_as_many_as_it_was_made_for() -> None:
    for depth, expected in ((1, "good"), (0, "bad")):
        root = authority.issue_authority("Root", "ecdsa-p256", depth=depth)
        intermediate = authority.issue_authority("Intermediate", "ecdsa-p256", root)
        leaf = authority.issue_leaf(["localhost"], "ecdsa-p256", intermediate)
        chain = leaf.certificate_pem() + intermediate.certificate_pem()
        assert judge(chain, root.certificate_pem())[1].verdict == expected


@pytest.mark.parametrize("key_type", ["ecdsa-p257", "dsa"])
def test_a_key_type_that_does_not_exist_is_refused(key_type: str) -> None:
    with pytest.raises(ValueError, match="no key type"):
        authority.new_key(key_type)


# ---- the judge -----------------------------------------------------------------------------------


def judge(
    chain: bytes,
    *roots: bytes,
    name: str | None = "localhost",
    untrusted: tuple[bytes, ...] = (),
    crls: tuple[bytes, ...] = (),
    at: int | None = None,
) -> tuple[tuple[Certificate, ...], Trust]:
    return chain_verdict(chain, untrusted=untrusted, roots=Roots("test", roots), crls=crls, verify_name=name, at=at)


def codes(trust: Trust) -> list[str]:
    assert trust.verifier.startswith("cryptography ")
    assert (trust.verdict == "good") is (not trust.findings)
    return [finding.code for finding in trust.findings]


def test_a_good_chain_is_good_with_its_intermediate_wherever_it_is(certificates: Pki) -> None:
    deep, root = certificates.deep_leaf, certificates.root.pem
    assert codes(judge(deep.chain_pem, root)[1]) == []
    assert codes(judge(deep.pem, root, untrusted=(certificates.intermediate.pem,))[1]) == []
    assert codes(judge(deep.pem, certificates.intermediate.pem)[1]) == []
    assert codes(judge(deep.chain_pem, root, name=None)[1]) == []


def test_every_fault_is_found_and_the_worst_comes_first(certificates: Pki) -> None:
    root = certificates.root
    cases = {
        ("name-mismatch",): pki.leaf(root, ("example.com",)),
        ("expired",): pki.leaf(root, days=(-30, -1)),
        ("not-yet-valid",): pki.leaf(root, days=(1, 30)),
        ("self-signed",): pki.leaf(None),
        ("unknown-issuer",): pki.leaf(pki.authority("Nobody")),
        ("missing-intermediate",): pki.leaf(certificates.intermediate, issuer_url="http://ca.example/", send_above=False),
        ("wrong-purpose",): pki.leaf(root, usage=pki.CLIENT),
        ("bad-signature",): pki.with_bad_signature(pki.leaf(root)),
        ("ca-as-leaf",): pki.leaf(root, is_ca=True),
        ("unknown-issuer", "name-mismatch", "expired"): pki.leaf(pki.authority("Nobody"), ("a.example",), days=(-9, -1)),
        ("name-mismatch", "expired"): pki.leaf(root, ("a.example",), days=(-9, -1)),
    }
    assert {expected: tuple(codes(judge(leaf.chain_pem, root.pem)[1])) for expected, leaf in cases.items()} == {
        expected: expected for expected in cases
    }


def test_a_chain_is_judged_as_of_the_time_asked_for(certificates: Pki) -> None:
    leaf = certificates.leaf
    after = int(leaf.certificate.not_valid_after_utc.timestamp()) + 1
    assert codes(judge(leaf.pem, certificates.root.pem, at=after)[1]) == ["expired"]
    assert judge(leaf.pem, certificates.root.pem, at=after)[0][0].days_left == -1


def test_a_leaf_that_is_an_anchor_is_trusted_as_it_is() -> None:
    leaf = pki.leaf(None)
    assert codes(judge(leaf.pem, leaf.pem)[1]) == []
    assert codes(judge(leaf.pem, leaf.pem, name="example.com")[1]) == ["name-mismatch"]


def test_nobody_is_trusted_by_an_empty_store(certificates: Pki) -> None:
    assert codes(judge(certificates.leaf.pem)[1]) == ["unknown-issuer"]


def test_revocation_lists_are_obeyed(certificates: Pki) -> None:
    leaf, root = pki.leaf(certificates.root), certificates.root
    cases = {
        "good": pki.crl(root),
        "bad": pki.crl(root, [leaf]),
        "unknown": pki.crl(pki.authority("Another Root"), [leaf]),
    }
    found = {verdict: judge(leaf.pem, root.pem, crls=(crl,))[1] for verdict, crl in cases.items()}
    assert {verdict: trust.revocation for verdict, trust in found.items()} == {verdict: verdict for verdict in cases}
    assert {verdict: codes(trust) for verdict, trust in found.items()} == {
        "good": [],
        "bad": ["revoked"],
        "unknown": ["revocation-unknown"],
    }
    stale = judge(leaf.pem, root.pem, crls=(pki.crl(root, [leaf], days=(-9, -1)),))[1]
    assert (stale.revocation, codes(stale)) == ("unknown", ["revocation-unknown"])


def test_a_key_that_the_verifier_does_not_take_is_told() -> None:
    identity, ca = authority.throwaway(["localhost"], "ed25519")
    assert codes(judge(identity.chain, ca)[1]) == ["unsupported-certificate"]


def test_a_certificate_that_cannot_be_parsed_is_bad() -> None:
    assert codes(judge(b"\x30\x00")[1]) == ["bad-certificate"]


def test_both_summaries_of_a_certificate_are_the_same(certificates: Pki) -> None:
    native = pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)
    own_names = ("a.example", "192.0.2.7", "2001:db8::1", str(ipaddress.ip_address("::ffff:1.2.3.4")))
    issued = [
        certificates.root,
        certificates.deep_leaf,
        pki.leaf(certificates.root, own_names[:3], key=pki.rsa_key(2048), serial=0xFF00),
        pki.leaf(certificates.root, (), usage=None, subject=x509.Name([])),
        pki.authority(key=ed25519.Ed25519PrivateKey.generate()),
    ]
    for one in issued:
        (raw,) = native.certificates(one.der)
        (own,) = certs.summaries(one.der)
        assert own == Certificate(**{**raw, "names": tuple(raw["names"])})
