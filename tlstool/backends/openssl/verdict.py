"""OpenSSL's verdict on a chain, as ours: it stops at the first fault and gives a number for it (`x509_vfy.h`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tlstool import advice, certs, findings
from tlstool.backends.openssl.facts import library, verified_chain
from tlstool.explain import Walk
from tlstool.judge import path_record
from tlstool.model import Certificate, ClientConfig, Finding, PathCertificate, Trust, Verdict

if TYPE_CHECKING:
    import ssl

NAME_CODES = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_REVOKED = 23
_OUTDATED_LIST = 12
_EXPIRY_CODES = {9: "not-yet-valid", 10: "expired"}

# A list is missing, of another scope, unreadable, not signed by the issuer, or out of date.
_UNKNOWN_REVOCATION = frozenset({3, 4, 6, 8, 11, 12, 15, 16, 33, 35, 36, 44, 54})

# No issuer in the store, or one signed by itself, or one that is there and not trusted.
_UNTRUSTED = frozenset({2, 18, 19, 20, 21, 27})

_LOOKS: dict[int, Callable[[Walk], Finding | None]] = {
    7: lambda walk: walk.forged() or findings.forged(*walk.steps[-1]),  # by the anchor, which nobody shows
    24: Walk.not_a_ca,  # up to OpenSSL 1.1
    25: Walk.path_length,
    26: lambda walk: walk.purpose("server"),
    32: Walk.not_a_ca,
    34: Walk.critical,
    47: Walk.name_constraint,
    48: Walk.name_constraint,
    66: Walk.key,
    67: Walk.key,
    68: Walk.signature,
    79: Walk.not_a_ca,
}
"""Where to look for the certificate that has the fault of this number."""

_PLAIN = {
    2: Finding("unknown-issuer", "the chain does not end at a trusted root"),
    7: Finding("bad-signature", "a signature of the chain does not verify"),
    9: Finding("not-yet-valid", "a certificate of the chain is not valid yet"),
    10: Finding("expired", "a certificate of the chain has expired"),
    22: Finding("chain-too-complex", "the path is too long"),
    24: Finding("not-a-ca", "an issuer is no certificate authority"),
    25: Finding("path-length", "an issuer allows fewer intermediates below it"),
    26: Finding("wrong-purpose", "the certificate is not meant for TLS servers"),
    32: Finding("not-a-ca", "an issuer's key is not meant to sign certificates"),
    34: Finding("unknown-critical-extension", "a critical extension is not understood"),
    47: Finding("name-constraint", "a name is outside of those that an issuer may certify"),
    48: Finding("name-constraint", "a name is outside of those that an issuer may certify"),
    62: Finding("name-mismatch", "the certificate is for another name"),
    64: Finding("name-mismatch", "the certificate is for another address"),
    66: Finding("weak-key", "the leaf's key is too short"),
    67: Finding("weak-key", "the key of an issuer is too short"),
    68: Finding("weak-signature", "a certificate is signed by way of a hash that can be forged"),
    79: Finding("not-a-ca", "an issuer is no certificate authority"),
}
"""What is said where nobody saw the chain, or it does not show who is meant."""


def fault(error: ssl.SSLCertVerificationError, chain: Sequence[Certificate], now: float) -> Finding:
    """The finding for what OpenSSL's verifier stopped at; `chain` as sent, or empty if nobody saw it."""
    code = error.verify_code
    if code in _UNKNOWN_REVOCATION:
        return findings.outdated(None) if code == _OUTDATED_LIST else findings.REVOCATION_UNKNOWN
    if code == _REVOKED:
        return findings.revoked(chain[0] if chain else None, "a list that was given")
    plain = _PLAIN.get(2 if code in _UNTRUSTED else code) or findings.bad_certificate(error.verify_message)
    if not chain:
        return plain
    walk = Walk(chain)
    if code in _UNTRUSTED:
        return walk.no_path()
    if code in _EXPIRY_CODES:
        dated = (findings.date_fault(number, one, now) for number, one in walk.steps)
        return next((one for one in dated if one and one.code == plain.code), plain)
    look = _LOOKS.get(code)
    return (look(walk) if look else None) or plain


def trust(
    config: ClientConfig,
    tls: ssl.SSLObject,
    chain: tuple[Certificate, ...],
    refusals: Sequence[ssl.SSLCertVerificationError],
    checked_name: bool,
) -> Trust:
    """The verdict on a chain.

    Args:
        config: what was wanted.
        tls: the connection that showed the chain.
        chain: as sent.
        refusals: what verification stopped at, in earlier connections.
        checked_name: whether it looked at the name.
    """
    now = time.time()
    if chain and not chain[0].spki_sha256:
        found = [findings.bad_certificate("OpenSSL reads it, but the report cannot", 0)]
    else:
        found = [fault(refusal, chain, now) for refusal in refusals]
        if chain:
            found = [*_unchecked(config, chain[0], now, bool(refusals), checked_name), *found]
    judged = Trust(
        verdict="bad" if found else "good",
        name=config.verify_name,
        revocation=_revocation(config, refusals),
        findings=findings.ordered(found),
        path=None if refusals else _path(tls, chain),
        verifier=verifier(config),
        store=config.roots.store,
    )
    return advice.advised(judged, chain)


def verifier(config: ClientConfig) -> str:
    """What judges the chains of a configuration, by name and version."""
    if config.roots.pem is None and config.roots.store.startswith("system") and sys.platform in ("darwin", "win32"):
        import truststore

        return f"the platform's verifier (truststore {truststore.__version__})"
    return library()


def _unchecked(config: ClientConfig, leaf: Certificate, now: float, refused: bool, checked_name: bool) -> list[Finding]:
    """What OpenSSL did not come to. Where it found nothing, the name alone may be left to us, and pins always are."""
    name = config.verify_name
    checks = [findings.pin_fault(leaf, config.pins)]
    if name is not None and (refused or not checked_name):
        checks.append(findings.name_fault(leaf, name))
    if refused:
        checks.append(findings.date_fault(0, leaf, now))
    return [one for one in checks if one]


def _path(tls: ssl.SSLObject, chain: Sequence[Certificate]) -> tuple[PathCertificate, ...] | None:
    path = [certs.summary(der) for der in verified_chain(tls)]
    return path_record(path, {one.sha256: number for number, one in reversed(list(enumerate(chain)))}) if path else None


def _revocation(config: ClientConfig, refusals: Sequence[ssl.SSLCertVerificationError]) -> Verdict:
    if not config.crls:
        return "not_checked"
    codes = {refusal.verify_code for refusal in refusals} - NAME_CODES
    if _REVOKED in codes:
        return "bad"
    # OpenSSL looks at lists before it looks at dates, so that a chain which fails by those is not revoked.
    return "unknown" if codes & _UNKNOWN_REVOCATION or codes - _EXPIRY_CODES.keys() else "good"
