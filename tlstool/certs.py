"""Certificates: read from files, and summed up. Making them is for `authority`, our own identity for `identities`.

Reading needs no library. What does (`cryptography`) is imported by the functions that need it: the fast path has the engine's
summaries, which are the same, value for value.
"""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tlstool import extensions, files, pem
from tlstool.model import Certificate

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_DAY = 86_400

_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384", "secp521r1": "ecdsa-p521"}

# RFC 8017 appendix C, RFC 5758 section 3.2, RFC 8410 section 9.
_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}


def read_chain(path: str) -> bytes:
    """A file with certificates, PEM or one in DER; "-" is standard input.

    Raises:
        LocalError: `file-missing`, `file-unreadable`, `no-certificate` or `bad-certificate-file`.
    """
    data = files.read(path)
    pem.require_certificate(data, named(path))
    return data


def summaries(data: bytes, at: float | None = None) -> tuple[Certificate, ...]:
    """All certificates of PEM text, or the one in DER; days left are counted from `at`, seconds since the epoch (None: now).

    Raises:
        LocalError: `no-certificate`, or `bad-certificate-file` if one is no PEM.
    """
    pem.require_certificate(data, "the input")
    return tuple(summary(der, at) for der in pem.certificates(data))


def summary(der: bytes, at: float | None = None) -> Certificate:
    """One certificate in DER.

    The serial is the hex of its octets without leading zero octets; subject and issuer are as RFC 4514 writes them, attributes
    that have no short name there under their OID. Of one that cannot be parsed there are hash and PEM, and nothing else.
    """
    from cryptography import x509

    try:
        certificate = _parse(der)
    except (ValueError, x509.InvalidVersion):
        return _unread(der)
    serial, public_key_info = _raw_parts(certificate.tbs_certificate_bytes)
    not_after = certificate.not_valid_after_utc
    algorithm = certificate.signature_algorithm_oid.dotted_string
    key_type, key_bits = _key(certificate)
    return Certificate(
        version=certificate.version.value + 1,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        is_self_issued=certificate.subject == certificate.issuer,
        serial=(serial.lstrip(b"\0") or b"\0").hex(),
        not_before=_rfc3339(certificate.not_valid_before_utc),
        not_after=_rfc3339(not_after),
        days_left=int((not_after.timestamp() - (int(time.time()) if at is None else at)) // _DAY),
        key_type=key_type,
        key_bits=key_bits,
        signature_algorithm=_SIGNATURES.get(algorithm, algorithm),
        **extensions.told(certificate),
        sha256=sha256(der),
        spki_sha256=sha256(public_key_info),
        pem=pem.encode(der, "CERTIFICATE"),
    )


def sha256(data: bytes) -> str:
    """A fingerprint: the hash in lower-case hex."""
    # hashlib loads OpenSSL, and a client on the fast path needs neither.
    import hashlib

    return hashlib.sha256(data).hexdigest()


def load(certificate: Certificate) -> x509.Certificate:
    """The certificate of a summary, parsed again."""
    return _parse(pem.certificates(certificate.pem.encode())[0])


def seconds(rfc3339: str) -> float:
    """A time of a report, in seconds since the epoch."""
    return datetime.fromisoformat(rfc3339).timestamp()


def rfc3339(moment: float) -> str:
    """A time as reports have it, of seconds since the epoch."""
    return _rfc3339(datetime.fromtimestamp(moment, UTC))


def named(path: str) -> str:
    """What a file is called in messages."""
    return "standard input" if path == "-" else path


def _parse(der: bytes) -> x509.Certificate:
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        # What a peer's certificate does that it should not is no warning to our user.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(der)


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(certificate: x509.Certificate) -> tuple[str, int | None]:
    """The type of a certificate's key, and its size; see `Certificate`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    unknown = certificate.public_key_algorithm_oid.dotted_string
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return unknown, None
    match key:
        case ec.EllipticCurvePublicKey():
            named = _CURVES.get(key.curve.name)
            return named or _curve_oid(key.curve) or unknown, key.key_size if named else None
        case rsa.RSAPublicKey():
            return f"rsa-{key.key_size}", key.key_size
        case ed25519.Ed25519PublicKey():
            return "ed25519", 255
        case ed448.Ed448PublicKey():
            return "ed448", 448
    return unknown, None


def _curve_oid(curve: ec.EllipticCurve) -> str | None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import ObjectIdentifier

    known = [oid for oid in vars(ec.EllipticCurveOID).values() if isinstance(oid, ObjectIdentifier)]
    return next((oid.dotted_string for oid in known if ec.get_curve_for_oid(oid)().name == curve.name), None)


def _raw_parts(tbs: bytes) -> tuple[bytes, bytes]:
    """Serial number and subjectPublicKeyInfo as they stand in a TBSCertificate (RFC 5280 section 4.1).

    A parsed key, encoded again, may differ from what was signed, and so would its hash.
    """
    _, at, _ = pem.header(tbs, 0)
    tag, start, end = pem.header(tbs, at)
    if tag == 0xA0:  # [0] EXPLICIT version, absent in version 1
        at = end
        _, start, end = pem.header(tbs, at)
    serial = tbs[start:end]
    for _ in ("serialNumber", "signature", "issuer", "validity", "subject"):
        _, _, at = pem.header(tbs, at)
    return serial, tbs[at : pem.header(tbs, at)[2]]


def _unread(der: bytes) -> Certificate:
    return Certificate(
        version=0,
        subject="",
        issuer="",
        is_self_issued=False,
        serial="",
        not_before="",
        not_after="",
        days_left=0,
        key_type="",
        key_bits=None,
        signature_algorithm="",
        **extensions.NOTHING,
        sha256=sha256(der),
        spki_sha256="",
        pem=pem.encode(der, "CERTIFICATE"),
    )
