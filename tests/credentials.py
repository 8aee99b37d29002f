"""Certificates and keys as files, the way users have them: sound ones, and one for each fault a chain can have.

Load as a pytest plugin: `pytest_plugins = ("credentials",)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)

LOCAL_NAMES = ("localhost", "127.0.0.1")

# It clears the screen, sets the title, forges a line and turns the text round, on a terminal that lets it.
_HOSTILE_NAME = "evil\x1b[2J\x1b]0;owned\x07\r\nVerdict: good\u202e"


@dataclass(frozen=True)
class Pair:
    """Files with a certificate chain, leaf first, and with the leaf's key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Credentials:
    """All files. The leaves are for localhost and 127.0.0.1 and issued by an intermediate of `ca`, unless said otherwise.

    Attributes:
        ca: the root that the tests trust.
        intermediate: the one that `ca` has issued.
        client_ca: the root of `client`.
        crl: of the intermediate; it lists the leaf of `revoked`.
        good: sound, with the intermediate; the leaf is valid for 90 days.
        wrong_name: for elsewhere.test alone.
        expired: since yesterday.
        not_yet_valid: from tomorrow on.
        unknown_issuer: by a root that nobody trusts.
        self_signed: by itself.
        missing_intermediate: as `good`, without the intermediate; the leaf says where that can be had.
        revoked: by `crl`.
        expired_and_wrong_name, unknown_and_expired: two faults at once.
        hostile: as `unknown_issuer`, its subject full of control characters.
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
    client: Pair
    encrypted_key: Path


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """The files, made once a session."""
    folder = tmp_path_factory.mktemp("credentials")
    root = _Authority("tlstool tests root")
    intermediate = _Authority("tlstool tests intermediate", root)
    stranger = _Authority("a stranger")
    clients = _Authority("tlstool tests clients")
    good = intermediate.issue("good")
    revoked = intermediate.issue("revoked")
    now = datetime.now(UTC)

    def pair(name: str, leaf: _Leaf, *others: x509.Certificate) -> Pair:
        cert, key = folder / f"{name}.pem", folder / f"{name}.key"
        cert.write_bytes(b"".join(_pem(certificate) for certificate in (leaf.certificate, *others)))
        key.write_bytes(_key_pem(leaf.key))
        key.chmod(0o600)
        return Pair(cert, key)

    def faulty(
        name: str, issuer: _Authority, names: Sequence[str] = LOCAL_NAMES, *, start: timedelta = -DAY, end: timedelta = 90 * DAY
    ) -> Pair:
        sent = () if issuer.is_root else (issuer.certificate,)
        return pair(name, issuer.issue(name, names, validity=(now + start, now + end)), *sent)

    return Credentials(
        ca=_write(folder / "ca.pem", _pem(root.certificate)),
        intermediate=_write(folder / "intermediate.pem", _pem(intermediate.certificate)),
        client_ca=_write(folder / "client-ca.pem", _pem(clients.certificate)),
        crl=_write(folder / "crl.pem", intermediate.revoke(revoked.certificate)),
        good=pair("good", good, intermediate.certificate),
        wrong_name=faulty("wrong-name", intermediate, ("elsewhere.test",)),
        expired=faulty("expired", intermediate, start=-10 * DAY, end=-DAY),
        not_yet_valid=faulty("not-yet-valid", intermediate, start=DAY),
        unknown_issuer=faulty("unknown-issuer", stranger),
        self_signed=pair("self-signed", _self_signed("self-signed", now)),
        missing_intermediate=pair("missing-intermediate", intermediate.issue("missing-intermediate")),
        revoked=pair("revoked", revoked, intermediate.certificate),
        expired_and_wrong_name=faulty("expired-and-wrong-name", intermediate, ("elsewhere.test",), start=-10 * DAY, end=-DAY),
        unknown_and_expired=faulty("unknown-and-expired", stranger, start=-10 * DAY, end=-DAY),
        hostile=pair("hostile", stranger.issue(_HOSTILE_NAME)),
        encrypted_key=_write(folder / "encrypted.key", _key_pem(good.key, password=b"a pass phrase")),
        client=pair("client", clients.issue("a client", ("client.test",), purpose=ExtendedKeyUsageOID.CLIENT_AUTH)),
    )


@dataclass(frozen=True)
class _Leaf:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class _Authority:
    """A certification authority: a root, or below `issuer`."""

    def __init__(self, name: str, issuer: _Authority | None = None) -> None:
        self.is_root = issuer is None
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = _builder(
            name, self._key, issuer.certificate.subject if issuer else _name(name), (now - 30 * DAY, now + 365 * DAY)
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=True), critical=True)
        signer = issuer._key if issuer else self._key
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        self.certificate: x509.Certificate = builder.sign(signer, hashes.SHA256())

    def issue(
        self,
        subject: str,
        names: Sequence[str] = LOCAL_NAMES,
        *,
        validity: tuple[datetime, datetime] | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> _Leaf:
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        limits = validity or (now - DAY, now + 90 * DAY)
        builder = _leaf_builder(subject, key, self.certificate.subject, limits, names=names, purpose=purpose)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        at = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://ca.invalid/issuer.cer")
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([at]), critical=False)
        return _Leaf(builder.sign(self._key, hashes.SHA256()), key)

    def revoke(self, certificate: x509.Certificate) -> bytes:
        """A revocation list that holds the certificate."""
        now = datetime.now(UTC)
        entry = x509.RevokedCertificateBuilder(certificate.serial_number, now - DAY).build()
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, now - DAY, now + 30 * DAY)
        builder = builder.add_revoked_certificate(entry).add_extension(x509.CRLNumber(1), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _self_signed(subject: str, now: datetime) -> _Leaf:
    key = ec.generate_private_key(ec.SECP256R1())
    validity = (now - DAY, now + 90 * DAY)
    builder = _leaf_builder(subject, key, _name(subject), validity)
    return _Leaf(builder.sign(key, hashes.SHA256()), key)


def _leaf_builder(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    validity: tuple[datetime, datetime],
    *,
    names: Sequence[str] = LOCAL_NAMES,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> x509.CertificateBuilder:
    builder = _builder(subject, key, issuer, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(ca=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)


def _builder(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, validity: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    """A private key in PKCS#8, encrypted if there is a password."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
