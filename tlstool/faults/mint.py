"""Chains by blueprint, of one throw-away authority: valid but for what the blueprint says. Keys exist in memory only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tlstool import authority
from tlstool.authority import Issued
from tlstool.faults import surgery
from tlstool.faults.blueprint import Blueprint, Issuer
from tlstool.model import Identity

if TYPE_CHECKING:
    from cryptography import x509

_UNKNOWN_EXTENSION = "1.3.6.1.4.1.32473.1"  # of the example enterprise (RFC 5612)


class Mint:
    """Makes chains below one root, whose key is forgotten with it.

    Attributes:
        root: what clients are to trust.
    """

    def __init__(self, key_type: str = "ecdsa-p256") -> None:
        """`key_type` is that of the root and the leaves, as in `authority.new_key`."""
        self._key_type = key_type
        self.root = _authority("tlstool throw-away CA", None, Issuer(key_type))

    def make(self, blueprint: Blueprint) -> Identity:
        """A chain as in the blueprint, with the staple that belongs to it."""
        above = self._above(blueprint.issuers)
        leaf = _leaf(blueprint, self._key_type, above[0] if above else None)
        sent = [leaf.certificate, *self._sent(blueprint, above)]
        return Identity(
            chain=b"".join(map(_pem, sent)),
            key=leaf.key_pem(),
            chain_file="the throw-away certificate",
            key_file="the throw-away key",
            staple=None if blueprint.staple is None else _staple(leaf, above[0] if above else leaf, blueprint.staple),
        )

    def _above(self, issuers: tuple[Issuer, ...] | None) -> list[Issued]:
        """The authorities above a leaf from the bottom up, the root last; none above one that signs itself."""
        if issuers is None:
            return []
        above = [self.root]
        for number, issuer in enumerate(issuers, 1):
            if issuer.is_stranger:
                above = [_authority("tlstool stranger", None, issuer)]
            else:
                above.insert(0, _authority(f"tlstool throw-away intermediate {number}", above[0], issuer))
        return above

    def _sent(self, blueprint: Blueprint, above: list[Issued]) -> list[x509.Certificate]:
        """What is sent with a leaf. A root is not: whoever trusts it has it."""
        intermediates = [one.certificate for one in above[:-1]]
        match blueprint.sends:
            case "chain":
                return intermediates
            case "leaf":
                return []
            case "upside-down":
                return intermediates[::-1]
            case "more":
                stranger = _authority("tlstool stranger", None, Issuer())
                return [*intermediates, _authority("tlstool stranger's intermediate", stranger, Issuer()).certificate]


def _authority(subject: str, above: Issued | None, plan: Issuer) -> Issued:
    from cryptography import x509

    key = authority.new_key(plan.key_type)
    usage = ("key_cert_sign", "crl_sign") if plan.is_authority else ("digital_signature",)
    builder = (
        authority.draft(subject, key, above)
        .add_extension(x509.BasicConstraints(ca=plan.is_authority, path_length=plan.depth), critical=True)
        .add_extension(authority.key_usage(*usage), critical=True)
    )
    if plan.only_for is not None:
        permitted = x509.NameConstraints([x509.DNSName(plan.only_for)], None)
        builder = builder.add_extension(permitted, critical=True)
    return authority.signed(builder, key, above)


def _leaf(plan: Blueprint, key_type: str, issuer: Issued | None) -> Issued:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

    key = authority.new_key(key_type)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if plan.purpose == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        authority.draft(plan.names[0], key, issuer, plan.valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(authority.key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if plan.in_alternative_names:
        names = [authority.general_name(name) for name in plan.names]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if plan.issuer_url is not None:
        location = x509.UniformResourceIdentifier(plan.issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if plan.has_unknown_extension:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(_UNKNOWN_EXTENSION), b"\x05\0")
        builder = builder.add_extension(unknown, critical=True)
    if plan.must_staple:
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    made = authority.signed(builder, key, issuer).certificate
    if plan.digest == "sha1" and issuer is not None:
        made = surgery.signed_with(made, issuer.key, hashes.SHA1())
    return Issued(made if plan.is_signature_good else surgery.with_bad_signature(made), key)


def _staple(leaf: Issued, issuer: Issued, says: Literal["good", "revoked", "expired", "unknown"]) -> bytes:
    """An OCSP response (RFC 6960) of the issuer's own; an expired one ended yesterday, and said good until then."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    now, day = datetime.now(UTC), timedelta(days=1)
    status = {"revoked": ocsp.OCSPCertStatus.REVOKED, "unknown": ocsp.OCSPCertStatus.UNKNOWN}
    is_revoked = says == "revoked"
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=issuer.certificate,
            # What every client takes as an identifier (RFC 5019 section 2.1.1); it protects nothing.
            algorithm=hashes.SHA1(),
            cert_status=status.get(says, ocsp.OCSPCertStatus.GOOD),
            this_update=now - (8 * day if says == "expired" else day / 24),
            next_update=now - day if says == "expired" else now + 7 * day,
            revocation_time=now - day / 24 if is_revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, issuer.certificate)
    )
    digest = None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer.key, digest).public_bytes(Encoding.DER)


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)
