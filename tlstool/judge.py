"""The verdict on a chain by cryptography's verifier, for runs without the engine.

That verifier says yes, or no in words for people. The words are not parsed: checks of our own find which fault it is, and a chain
that passes them all while the verifier refuses is reported with the verifier's words.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tlstool import findings, pem, trust
from tlstool.certs import extension, load, seconds, summaries
from tlstool.errors import LocalError
from tlstool.model import Certificate, Finding, Roots, Trust, Verdict

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import verification


def judge(
    certificates: bytes,
    *,
    untrusted: Sequence[bytes],
    roots: Roots,
    crls: Sequence[bytes],
    verify_name: str | None,
    at: int | None,
) -> tuple[tuple[Certificate, ...], Trust]:
    """The chain in `certificates` (PEM, leaf first, or one DER) and the verdict of cryptography's verifier on it.

    `verify_name` None leaves the name unchecked; `at` None judges as of now.

    Raises:
        LocalError: `bad-certificate-file`, `bad-crl` or `no-roots`.
    """
    chain = summaries(certificates, at)
    if not chain[0].spki_sha256:
        unread = (findings.bad_certificate("it is no certificate of version 3, nor of an older one"),)
        return chain, Trust("bad", verify_name, "unknown" if crls else "not_checked", unread, _verifier_name(), roots.store)
    extra = [certificate for data in untrusted for certificate in summaries(data, at)]
    anchors = [anchor for data in trust.listed(roots) for anchor in summaries(data, at) if anchor.spki_sha256]
    now = int(time.time()) if at is None else at
    path, faults = _path(chain, [one for one in [*chain[1:], *extra] if one.spki_sha256], anchors, now)
    faults += [fault for certificate in path or chain[:1] if (fault := findings.date_fault(certificate, now))]
    if verify_name is not None and (fault := findings.name_fault(chain[0], verify_name)):
        faults.append(fault)
    revocation: Verdict = "not_checked"
    if crls:
        revocation, fault = _revocation(path, crls, now)
        faults += [fault] if fault else []
    return chain, Trust(
        verdict="bad" if faults else "good",
        name=verify_name,
        revocation=revocation,
        findings=findings.ordered(faults),
        verifier=_verifier_name(),
        store=roots.store,
    )


def _verifier_name() -> str:
    import cryptography

    return f"cryptography {cryptography.__version__}"


def _path(
    chain: Sequence[Certificate], intermediates: Sequence[Certificate], anchors: Sequence[Certificate], now: float
) -> tuple[tuple[Certificate, ...], list[Finding]]:
    """The path from the leaf to an anchor, dates aside, or none and why there is none."""
    from cryptography.x509 import verification

    leaf = chain[0]
    if leaf.sha256 in {anchor.sha256 for anchor in anchors}:
        # Trusted as it is, for `openssl req -x509` makes such; its purpose still counts.
        return (leaf,), [] if _is_for_servers(load(leaf)) else [findings.WRONG_PURPOSE]
    if leaf.is_ca:
        return (), [findings.CA_AS_LEAF]
    words = ""
    # The dates are judged by themselves, so that an expired chain is not called untrusted too.
    # A store of cryptography's cannot be empty; one that is verifies nothing.
    for moment in dict.fromkeys((now, *_moments(leaf, intermediates))) if anchors else ():
        try:
            verified = _verifier(anchors, moment).verify(load(leaf), [load(one) for one in intermediates])
        except verification.VerificationError as error:
            words = words or str(error)
            continue
        return tuple(one for parsed in verified.chain for one in summaries(_der(parsed), now)), []
    return (), [_why(leaf, intermediates, anchors, words, chain)]


def _moments(leaf: Certificate, intermediates: Sequence[Certificate]) -> list[float]:
    """Times at which the leaf and its issuers were valid: when the newest of them began, and when the first of them ended."""
    begin, end = seconds(leaf.not_before), seconds(leaf.not_after)
    begins = [moment for one in intermediates if begin <= (moment := seconds(one.not_before)) <= end]
    ends = [moment for one in intermediates if begin <= (moment := seconds(one.not_after)) <= end]
    return [max([begin, *begins]), min([end, *ends])]


def _verifier(anchors: Sequence[Certificate], moment: float) -> verification.ClientVerifier:
    from cryptography import x509
    from cryptography.x509 import verification

    any_use = verification.ExtensionPolicy.permit_all()
    criticality = verification.Criticality.AGNOSTIC
    authorities = any_use.require_present(x509.BasicConstraints, criticality, _must_be_authority).may_be_present(
        x509.KeyUsage, criticality, _must_sign_certificates
    )
    return (
        verification.PolicyBuilder()
        .store(verification.Store([load(anchor) for anchor in anchors]))
        .time(datetime.fromtimestamp(moment, UTC))
        .extension_policies(
            ca_policy=authorities, ee_policy=any_use.may_be_present(x509.ExtendedKeyUsage, criticality, _must_serve)
        )
        # The one for servers insists on a name. Names are checked apart here, as that may be left out, and the purpose is above.
        .build_client_verifier()
    )


def _must_be_authority(_policy: verification.Policy, _certificate: x509.Certificate, basic: x509.BasicConstraints) -> None:
    if not basic.ca:
        raise ValueError("an issuer is no certificate authority")


def _must_sign_certificates(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer's key is not meant to sign certificates")


def _must_serve(_policy: verification.Policy, certificate: x509.Certificate, _use: x509.ExtendedKeyUsage | None) -> None:
    if not _is_for_servers(certificate):
        raise ValueError("the certificate is not meant for TLS servers")


def _is_for_servers(certificate: x509.Certificate) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    use = extension(certificate, x509.ExtendedKeyUsage)
    return use is None or not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}.isdisjoint(use)


def _why(
    leaf: Certificate,
    intermediates: Sequence[Certificate],
    anchors: Sequence[Certificate],
    words: str,
    chain: Sequence[Certificate],
) -> Finding:
    """Which fault the verifier saw: a link that is missing, or false, or of another purpose."""
    if not _is_for_servers(load(leaf)):
        return findings.WRONG_PURPOSE
    trusted = {anchor.subject for anchor in anchors}
    issuers = {one.subject: one for one in [*anchors, *intermediates]}
    link = leaf
    while link.issuer in issuers:
        issuer = issuers.pop(link.issuer)
        if not _signed_by(link, issuer):
            return findings.BAD_SIGNATURE
        if issuer.subject in trusted:
            return findings.unsupported_certificate(words)
        link = issuer
    return findings.untrusted(chain)


def _signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        load(certificate).verify_directly_issued_by(load(issuer))
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _revocation(path: Sequence[Certificate], crls: Sequence[bytes], now: float) -> tuple[Verdict, Finding | None]:
    """Whether a list of the leaf's issuer, signed by it and in date, has the leaf (RFC 5280 section 6.3)."""
    if len(path) < 2:
        return "unknown", findings.REVOCATION_UNKNOWN
    leaf, issuer = load(path[0]), load(path[1])
    key = issuer.public_key()
    for crl in _lists(crls):
        if crl.issuer != leaf.issuer or not crl.is_signature_valid(key):  # type: ignore[arg-type]
            continue
        if crl.next_update_utc is not None and crl.next_update_utc.timestamp() < now:
            continue
        if crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None:
            return "bad", findings.REVOKED
        return "good", None
    return "unknown", findings.REVOCATION_UNKNOWN


def _lists(crls: Sequence[bytes]) -> list[x509.CertificateRevocationList]:
    from cryptography import x509

    try:
        ders = [der for data in crls for der in ([data] if pem.is_der(data) else pem.blocks(data, "X509 CRL"))]
        return [x509.load_der_x509_crl(der) for der in ders]
    except ValueError as error:
        raise LocalError("bad-crl", f"a certificate revocation list cannot be read: {error}") from None


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
