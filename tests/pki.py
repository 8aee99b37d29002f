"""Certificates made on the spot: authorities, leafs, and every fault that a leaf can have."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tlstool.faults import surgery
from tlstool.model import Identity, Roots

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH

SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
"""How a public key is encoded that is to be hashed."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, its key, and the certificates between it and its root."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """As a server sends it: the leaf and what is above it, without the root."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.above))

    @property
    def roots(self) -> Roots:
        return Roots("test", (self.pem,))

    @property
    def identity(self) -> Identity:
        return Identity(chain=self.chain_pem, key=self.key_pem(), chain_file="leaf.pem", key_file="leaf.key")

    def key_pem(self, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> bytes:
        encryption = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, form, encryption)


@functools.cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key, the same for the same arguments: they take long to make."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def authority(
    name: str = "Test Root",
    issuer: Issued | None = None,
    *,
    key: Key | None = None,
    is_ca: bool = True,
    path_length: int | None = None,
    extensions: Sequence[x509.ExtensionType] = (),
    days: tuple[float, float] = (-1, 365.5),
) -> Issued:
    """A certificate authority, self-signed or below another; or one that says it is none. `extensions` are critical."""
    more = [(extension, True) for extension in extensions]
    return _issue(name, issuer, key=key, is_ca=is_ca, path_length=path_length, more=more, days=days)


def leaf(
    issuer: Issued | None,
    names: Sequence[str] = LOCAL_NAMES,
    *,
    subject: str | x509.Name = "leaf",
    key: Key | None = None,
    days: tuple[float, float] = (-1, 30.5),
    usage: x509.ObjectIdentifier | None = SERVER,
    is_ca: bool = False,
    issuer_url: str | None = None,
    send_above: bool = True,
    extensions: Sequence[x509.ExtensionType] = (),
    plain_extensions: Sequence[x509.ExtensionType] = (),
    serial: int | None = None,
) -> Issued:
    """A certificate for a server.

    Args:
        issuer: None for a self-signed one.
        names: DNS names and addresses of the subjectAltName; none leaves it out.
        subject: its common name, or the whole name.
        key: its own, None for a new one on P-256.
        days: from now, when its validity begins and ends.
        usage: the extendedKeyUsage, None to leave it out.
        is_ca: of basicConstraints.
        issuer_url: where authorityInfoAccess says that the issuer's certificate is.
        send_above: whether its chain has the certificates between it and the root.
        extensions: more of them, critical.
        plain_extensions: more of them, not critical.
        serial: None for a random one.
    """
    more: list[tuple[x509.ExtensionType, bool]] = [(extension, True) for extension in extensions]
    more += [(extension, False) for extension in plain_extensions]
    if names:
        more.append((x509.SubjectAlternativeName([_general_name(name) for name in names]), False))
    if usage is not None:
        more.append((x509.ExtendedKeyUsage([usage]), False))
    if issuer_url is not None:
        location = x509.UniformResourceIdentifier(issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)
        more.append((x509.AuthorityInformationAccess([access]), False))
    return _issue(subject, issuer, key=key, days=days, is_ca=is_ca, more=more, send_above=send_above, serial=serial)


def with_bad_signature(issued: Issued) -> Issued:
    """The same certificate with the last bit of its signature turned."""
    return replace(issued, certificate=surgery.with_bad_signature(issued.certificate))


def version_1(issuer: Issued) -> Issued:
    """A certificate of X.509 version 1, which has no extensions (RFC 5280 section 4.1)."""
    made = leaf(issuer)
    version, *fields = surgery.elements(made.certificate.tbs_certificate_bytes)
    assert version[0] == 0xA0
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    tbs = surgery.sequence(fields[:-1])
    return replace(made, certificate=surgery.assembled(tbs, issuer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))))


def with_algorithm(made: Issued, issuer: Issued, digest: hashes.HashAlgorithm) -> Issued:
    """The certificate signed by way of another hash, by an RSA key: cryptography itself refuses those that are weak."""
    return replace(made, certificate=surgery.signed_with(made.certificate, issuer.key, digest))


def below_giant(root: Issued, bits: int = 16384) -> Issued:
    """A leaf whose issuer has a giant RSA key that nobody has the private half of: its signature is made up."""
    modulus = (1 << (bits - 1)) | 1
    giant = rsa.RSAPublicNumbers(65537, modulus).public_key()
    issuer = _issue("giant", root, key=None, is_ca=True, public_key=giant)
    made = leaf(issuer)
    tbs = surgery.with_rsa_algorithm(made.certificate.tbs_certificate_bytes, "sha256")
    return replace(made, certificate=surgery.assembled(tbs, bytes(bits // 8)))


def crl(issuer: Issued, revoked: Sequence[Issued] = (), *, days: tuple[float, float] = (-1, 30)) -> bytes:
    """A revocation list in PEM."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now + timedelta(days=days[0]))
        .next_update(now + timedelta(days=days[1]))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(_authority_key_id(issuer), critical=False)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, _digest(issuer.key)).public_bytes(Encoding.PEM)


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _issue(
    subject: str | x509.Name,
    issuer: Issued | None,
    *,
    key: Key | None,
    is_ca: bool,
    path_length: int | None = None,
    days: tuple[float, float] = (-1, 365.5),
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    send_above: bool = True,
    serial: int | None = None,
    public_key: rsa.RSAPublicKey | None = None,
) -> Issued:
    own_key = key or ec.generate_private_key(ec.SECP256R1())
    name = common_name(subject) if isinstance(subject, str) else subject
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(public_key or own_key.public_key())
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
        .add_extension(_key_usage(is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False)
    )
    if issuer:
        builder = builder.add_extension(_authority_key_id(issuer), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    signer = issuer.key if issuer else own_key
    is_below_root = issuer is not None and issuer.certificate.issuer != issuer.certificate.subject
    above = (issuer.certificate, *issuer.above) if issuer and is_below_root and send_above else ()
    return Issued(builder.sign(signer, _digest(signer)), own_key, above)


def _digest(key: Key) -> hashes.SHA256 | None:
    return None if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else hashes.SHA256()


def _authority_key_id(issuer: Issued) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def ech_configs(public_name: str) -> bytes:
    """An `ECHConfigList` (RFC 9849 section 4) of one configuration, whose private key is thrown away."""
    public = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    # HPKE by X25519 (0x0020), HKDF-SHA256 (1) and AES-128-GCM (1); no maximum length of the name, no extensions.
    contents = b"\x07\x00\x20" + _with_length(public, 2) + _with_length(b"\x00\x01\x00\x01", 2)
    contents += b"\x00" + _with_length(public_name.encode(), 1) + b"\x00\x00"
    return _with_length(b"\xfe\x0d" + _with_length(contents, 2), 2)


def _with_length(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size) + data


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
