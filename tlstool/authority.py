"""Certificates made on the spot: authorities that nobody else knows, and leaves of theirs for servers.

Keys exist in memory only. Reading certificates is for `certs`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tlstool.model import Identity

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
    from cryptography.hazmat.primitives.hashes import SHA256

VALID = timedelta(days=30)
"""How long a certificate that is made here is good for."""

# An hour back, for clients whose clock is slow.
_SLOW_CLOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)

    def certificate_pem(self) -> bytes:
        """The certificate as a PEM block."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """The key as a PEM block: PKCS#8, not encrypted."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def throwaway(names: Sequence[str], key_type: str = "ecdsa-p256", *, staple: bool = False) -> tuple[Identity, bytes]:
    """A leaf of an authority whose key is forgotten at once.

    Args:
        names: DNS names and addresses of the leaf; the first is its common name.
        key_type: of both, as in `new_key`.
        staple: whether the authority says, for as long as the leaf is good, that it is not revoked.

    Returns:
        The leaf with its key, and the authority's certificate in PEM.
    """
    # Two authorities of one name in one file of roots confuse clients that look for an issuer by its name alone.
    subject = "tlstool throw-away CA" + ("" if key_type == "ecdsa-p256" else f" ({key_type})")
    authority = issue_authority(subject, key_type)
    leaf = issue_leaf(names, key_type, authority)
    identity = Identity(
        chain=leaf.certificate_pem(),
        key=leaf.key_pem(),
        chain_file="the throw-away certificate",
        key_file="the throw-away key",
        staple=ocsp_response(leaf, authority) if staple else None,
    )
    return identity, authority.certificate_pem()


def issue_authority(
    subject: str, key_type: str, issuer: Issued | None = None, *, depth: int = 0, valid: timedelta = VALID
) -> Issued:
    """A certificate authority: an intermediate one of `issuer`'s, or a root without.

    Args:
        subject: its common name.
        key_type: as in `new_key`.
        issuer: an authority whose `depth` allows for one more.
        depth: how many authorities may stand between it and a leaf (pathLenConstraint, RFC 5280 section 4.2.1.9).
        valid: how long it is good for.
    """
    from cryptography import x509

    key = new_key(key_type)
    builder = (
        draft(subject, key, issuer, (-_SLOW_CLOCK, valid))
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
    )
    return signed(builder, key, issuer)


def issue_leaf(
    names: Sequence[str],
    key_type: str,
    issuer: Issued,
    *,
    purpose: Literal["server", "client"] = "server",
    valid: timedelta = VALID,
) -> Issued:
    """A certificate of `issuer`'s with these DNS names and addresses, for a server or a client; the first is its common name."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = new_key(key_type)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if purpose == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        draft(names[0], key, issuer, (-_SLOW_CLOCK, valid))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
    )
    return signed(builder, key, issuer)


def ocsp_response(leaf: Issued, issuer: Issued) -> bytes:
    """The issuer's word that the leaf is not revoked (RFC 6960 section 4.2.1), in DER, for as long as the leaf is good."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=issuer.certificate,
            # Not for security, but to name the certificate: the one hash that every client knows (RFC 5019 section 2.1.1).
            algorithm=SHA1(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=leaf.certificate.not_valid_before_utc,
            next_update=leaf.certificate.not_valid_after_utc,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    )
    return builder.sign(issuer.key, _digest(issuer.key)).public_bytes(Encoding.DER)


def new_key(key_type: str) -> CertificateIssuerPrivateKeyTypes:
    """A private key.

    Args:
        key_type: `ecdsa-p256`, `ecdsa-p384`, `ecdsa-p521`, `ed25519`, or `rsa-2048` and the like.

    Raises:
        ValueError: there is no such type.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    curves = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}
    if key_type in curves:
        return ec.generate_private_key(curves[key_type])
    if key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if key_type.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.removeprefix("rsa-")))
    raise ValueError(f"no key type {key_type!r}")


def draft(
    subject: str,
    key: CertificateIssuerPrivateKeyTypes,
    issuer: Issued | None,
    valid: tuple[timedelta, timedelta] = (-_SLOW_CLOCK, VALID),
) -> x509.CertificateBuilder:
    """What authorities and leaves have in common: the names of both ends, the key, the serial number, and when it is valid.

    Args:
        subject: the common name.
        key: whose public half is certified.
        issuer: None for a certificate that is to be signed by itself.
        valid: when the validity begins and ends, from now.
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is None:
        return builder
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.add_extension(above, critical=False)


def signed(builder: x509.CertificateBuilder, key: CertificateIssuerPrivateKeyTypes, issuer: Issued | None) -> Issued:
    """The certificate for `key`, signed by its issuer, or by itself without one."""
    signer = issuer.key if issuer else key
    return Issued(builder.sign(signer, _digest(signer)), key)


def _digest(signer: CertificateIssuerPrivateKeyTypes) -> SHA256 | None:
    """The hash for a signature; Ed25519 has its own built in (RFC 8410 section 3)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

    return None if isinstance(signer, Ed25519PrivateKey) else SHA256()


def general_name(name: str) -> x509.GeneralName:
    """A DNS name or an address as a subjectAltName has it (RFC 5280 section 4.2.1.6)."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def key_usage(*purposes: str) -> x509.KeyUsage:
    """A keyUsage (RFC 5280 section 4.2.1.3) with these bits, by the names that `cryptography` has for them."""
    from cryptography import x509

    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{purpose: purpose in purposes for purpose in known})
