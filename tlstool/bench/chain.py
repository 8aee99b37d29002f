"""The chain that `bench local` measures with: made on the spot, or the caller's own. Knows nothing of benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tlstool import files
from tlstool.errors import LocalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate, KeyUsage

NAME = "localhost"
"""The name in the certificates that are made here."""

MADE_KEY_TYPES = ("ecdsa-p256", "rsa-2048")
"""Key types that a chain can be made of."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a server shows and a client trusts.

    Attributes:
        key_type: of the leaf: `ecdsa-p256`, `rsa-2048` and the like.
        name: a DNS name of the leaf, to be sent and verified.
        chain: PEM, leaf and intermediates as they are sent.
        key: PEM of the leaf's private key, not encrypted.
        root: PEM of what is trusted.
    """

    key_type: str
    name: str
    chain: str
    key: str = field(repr=False)
    root: str


def make(key_type: str) -> Chain:
    """A chain of three: root, intermediate, and a leaf for localhost, all with keys of `key_type`, good for one day.

    Leaf and intermediate are sent and the root is trusted, as in the published comparisons of TLS libraries.

    Raises:
        KeyError: `key_type` is none of `MADE_KEY_TYPES`.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    root_key, intermediate_key, leaf_key = (_generate(key_type) for _ in range(3))
    root = _issue("tlstool bench root", root_key, None, root_key)
    intermediate = _issue("tlstool bench intermediate", intermediate_key, root, root_key)
    leaf = _issue(NAME, leaf_key, intermediate, intermediate_key, is_ca=False)
    return Chain(
        key_type=key_type,
        name=NAME,
        chain=b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (leaf, intermediate)).decode(),
        key=leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        root=root.public_bytes(Encoding.PEM).decode(),
    )


def load(cert: str, key: str, ca: str) -> Chain:
    """The caller's own chain: files (PEM) with leaf and intermediates, with the leaf's key, and with the root.

    Raises:
        LocalError: a file is missing or not what it should be.
    """
    from cryptography import x509

    chain = _pem(cert)
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except ValueError as why:
        raise LocalError("bad-certificate-file", f"{cert} holds no certificate in PEM that can be read: {why}") from None
    secret = _pem(key)
    if "ENCRYPTED" in secret:
        raise LocalError("key-encrypted", f"the key in {key} is encrypted")
    return Chain(key_type=_key_type(leaf), name=_name(leaf, cert), chain=chain, key=secret, root=_pem(ca))


def _generate(key_type: str) -> EllipticCurvePrivateKey | RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if key_type == "rsa-2048":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if key_type == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    raise KeyError(key_type)


def _issue(
    subject: str,
    key: EllipticCurvePrivateKey | RSAPrivateKey,
    issuer: Certificate | None,
    issuer_key: EllipticCurvePrivateKey | RSAPrivateKey,
    *,
    is_ca: bool = True,
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back: the clock may have been set since.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(is_ca=is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.DNSName(subject)])
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(purpose, critical=False)
    return builder.sign(issuer_key, SHA256())


def _usage(*, is_ca: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(path: str) -> str:
    try:
        return files.read(path).decode("ascii")
    except UnicodeDecodeError:
        raise LocalError("bad-certificate-file", f"{path} is not in PEM") from None


def _key_type(leaf: Certificate) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ecdsa-p{key.curve.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    return leaf.public_key_algorithm_oid.dotted_string


def _name(leaf: Certificate, path: str) -> str:
    """The first DNS name of the leaf that is not a pattern; localhost if it is among them."""
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    usable = [name for name in names if not name.startswith("*")]
    if not usable:
        raise LocalError("bad-certificate-file", f"the first certificate in {path} is for no DNS name that could be verified")
    return NAME if NAME in usable else usable[0]
