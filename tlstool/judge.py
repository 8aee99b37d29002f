"""The verdict on a chain by cryptography's verifier, for runs without the engine.

That verifier says yes, or no in words for people. The words are not parsed: checks of our own find which fault it is, and a chain
that passes them all while the verifier refuses is reported with the verifier's words.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tlstool import advice, findings, pem, trust
from tlstool.certs import load, rfc3339, seconds, summaries
from tlstool.errors import LocalError, Unsupported
from tlstool.explain import Walk
from tlstool.model import Certificate, Criteria, Crl, Finding, PathCertificate, Purpose, Trust, Verdict

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import verification


# What cryptography's verifier takes besides RSA, which is the web's profile.
_KEYS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521")


def judge(certificates: bytes, untrusted: Sequence[bytes], criteria: Criteria) -> tuple[tuple[Certificate, ...], Trust]:
    """The chain in `certificates` (PEM, leaf first, or one DER) and the verdict of cryptography's verifier on it.

    `untrusted` are more files with certificates that may lead from the leaf to an anchor.

    Raises:
        LocalError: `bad-certificate-file`, `bad-crl` or `no-roots`.
        Unsupported: TLSA records were given.
    """
    if criteria.tlsa:
        raise Unsupported("unsupported", "without the Rustls extension, no chain is judged by TLSA records")
    at, name = criteria.at, criteria.verify_name
    chain = summaries(certificates, at)
    if not chain[0].spki_sha256:
        unread = (findings.bad_certificate("it is no X.509 certificate", 0),)
        revocation: Verdict = "unknown" if criteria.crls else "not_checked"
        return chain, Trust("bad", name, revocation, unread, None, _verifier_name(), criteria.roots.store)
    extra = [certificate for data in untrusted for certificate in summaries(data, at)]
    anchors = [anchor for data in trust.listed(criteria.roots) for anchor in summaries(data, at) if anchor.spki_sha256]
    now = int(time.time()) if at is None else at
    path, faults = _path(Walk(chain, extra), [one for one in [*chain[1:], *extra] if one.spki_sha256], anchors, criteria, now)
    places = {one.sha256: number for number, one in reversed(list(enumerate(chain)))}
    dated = (findings.date_fault(places.get(one.sha256), one, now, by_clock=at is None) for one in path or chain[:1])
    faults += [fault for fault in dated if fault]
    if name is not None and (fault := findings.name_fault(chain[0], name)):
        faults.append(fault)
    revocation = "not_checked"
    if criteria.crls:
        revocation, fault = _revocation(path, criteria.crls, now)
        faults += [fault] if fault else []
    if fault := findings.pin_fault(chain[0], criteria.pins):
        faults.append(fault)
    judged = Trust(
        verdict="bad" if faults else "good",
        name=name,
        revocation=revocation,
        findings=findings.ordered(faults),
        path=path_record(path, places) if path else None,
        verifier=_verifier_name(),
        store=criteria.roots.store,
    )
    return chain, advice.advised(judged, chain)


def path_record(path: Sequence[Certificate], places: dict[str, int]) -> tuple[PathCertificate, ...]:
    """A path for the report; `places` are those of the certificates as sent, by their hashes."""
    return tuple(
        PathCertificate(
            subject=one.subject,
            not_after=one.not_after,
            key_type=one.key_type,
            signature_algorithm=one.signature_algorithm,
            sha256=one.sha256,
            sent=places.get(one.sha256),
            is_anchor=one is path[-1],
        )
        for one in path
    )


def _verifier_name() -> str:
    import cryptography

    return f"cryptography {cryptography.__version__}"


def _path(
    walk: Walk, intermediates: Sequence[Certificate], anchors: Sequence[Certificate], criteria: Criteria, now: float
) -> tuple[tuple[Certificate, ...], list[Finding]]:
    """The path from the leaf to an anchor, dates aside, or none and why there is none."""
    from cryptography.x509 import verification

    leaf = walk.leaf
    if leaf.sha256 in {anchor.sha256 for anchor in anchors}:
        # Trusted as it is, for `openssl req -x509` makes such; its purpose still counts.
        fault = findings.purpose_fault(0, leaf, criteria.purpose)
        return (leaf,), [fault] if fault else []
    words = ""
    # The dates are judged by themselves, so that an expired chain is not called untrusted too.
    # A store of cryptography's cannot be empty; one that is verifies nothing.
    for moment in dict.fromkeys((now, *_moments(leaf, intermediates))) if anchors and not leaf.is_ca else ():
        try:
            verified = _verifier(anchors, moment, criteria.purpose).verify(load(leaf), [load(one) for one in intermediates])
        except verification.VerificationError as error:
            words = words or str(error)
            continue
        unusable = Walk([leaf]).key()
        return tuple(one for parsed in verified.chain for one in summaries(_der(parsed), now)), [unusable] if unusable else []
    trusted = {anchor.subject for anchor in anchors}
    ends = any(one.issuer in trusted for _, one in walk.steps)
    fault = walk.first(criteria.purpose, anchors, words, _KEYS)
    return (), [fault if ends or fault.code != "bad-certificate" else walk.no_path()]


def _moments(leaf: Certificate, intermediates: Sequence[Certificate]) -> list[float]:
    """Times at which the leaf and its issuers were valid: when the newest of them began, and when the first of them ended."""
    begin, end = seconds(leaf.not_before), seconds(leaf.not_after)
    begins = [moment for one in intermediates if begin <= (moment := seconds(one.not_before)) <= end]
    ends = [moment for one in intermediates if begin <= (moment := seconds(one.not_after)) <= end]
    return [max([begin, *begins]), min([end, *ends])]


def _verifier(anchors: Sequence[Certificate], moment: float, purpose: Purpose) -> verification.ClientVerifier:
    from cryptography import x509
    from cryptography.x509 import verification

    def must_serve(_policy: verification.Policy, certificate: x509.Certificate, _use: x509.ExtendedKeyUsage | None) -> None:
        (leaf,) = summaries(_der(certificate))
        if findings.purpose_fault(0, leaf, purpose):
            raise ValueError(f"the certificate is not meant for TLS {purpose}s")

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
            ca_policy=authorities, ee_policy=any_use.may_be_present(x509.ExtendedKeyUsage, criticality, must_serve)
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


def _revocation(path: Sequence[Certificate], crls: Sequence[Crl], now: float) -> tuple[Verdict, Finding | None]:
    """Whether a list of the leaf's issuer, signed by it and in date, has the leaf (RFC 5280 section 6.3)."""
    lists, late = _lists(crls), None
    if len(path) < 2:
        return "unknown", findings.REVOCATION_UNKNOWN
    leaf, issuer = load(path[0]), load(path[1])
    key = issuer.public_key()
    for file, crl in lists:
        if crl.issuer != leaf.issuer or not crl.is_signature_valid(key):  # type: ignore[arg-type]
            continue
        if crl.next_update_utc is not None and crl.next_update_utc.timestamp() < now:
            late = rfc3339(crl.next_update_utc.timestamp())
            continue
        entry = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
        if entry is None:
            return "good", None
        by = f"the list of {findings.quoted(path[0].issuer)} in {file}"
        return "bad", findings.revoked(path[0], by, rfc3339(entry.revocation_date_utc.timestamp()))
    return "unknown", findings.outdated(late) if late else findings.REVOCATION_UNKNOWN


def _lists(crls: Sequence[Crl]) -> list[tuple[str, x509.CertificateRevocationList]]:
    from cryptography import x509

    found = []
    for crl in crls:
        try:
            ders = [crl.data] if pem.is_der(crl.data) else pem.blocks(crl.data, "X509 CRL")
            found += [(crl.file, x509.load_der_x509_crl(der)) for der in ders]
        except ValueError:
            raise LocalError("bad-crl", f"{crl.file} has a revocation list that cannot be read") from None
    return found


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
