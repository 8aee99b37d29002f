"""The judge for builds without the engine, and certificates made on the spot as it sees them."""

from __future__ import annotations

import time

import pki
import pytest
from conftest import Pki

from tlstool import authority, certs, pem
from tlstool.judge import judge as chain_verdict
from tlstool.model import Certificate, Criteria, Crl, Roots, Trust

# ---- the judge -----------------------------------------------------------------------------------


def judge(
    chain: bytes,
    *roots: bytes,
    name: str | None = "localhost",
    untrusted: tuple[bytes, ...] = (),
    crls: tuple[bytes, ...] = (),
    at: int | None = None,
) -> tuple[tuple[Certificate, ...], Trust]:
    lists = tuple(Crl("test.crl", crl) for crl in crls)
    return chain_verdict(chain, untrusted, Criteria(Roots("test", roots), crls=lists, verify_name=name, at=at))


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
    assert "covers the leaf is out of date: the next was due at " in stale.findings[0].message


def test_a_key_that_the_verifier_does_not_take_is_told() -> None:
    identity, ca = authority.throwaway(["localhost"], "ed25519")
    assert codes(judge(identity.chain, ca)[1]) == ["unsupported-key"]


def test_a_certificate_that_cannot_be_parsed_is_bad() -> None:
    assert codes(judge(b"\x30\x00")[1]) == ["bad-certificate"]


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
