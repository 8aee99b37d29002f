"""Certificates that no sound tool makes, by hand: taken apart as DER, changed, and put together again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tlstool import pem

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

_SEQUENCE, _BIT_STRING, _VERSION = 0x30, 0x03, 0xA0

_PKCS1 = bytes.fromhex("06092a864886f70d0101")
"""The arc of RSA's algorithms (RFC 8017 appendix C), without its last number."""

_RSA_BY_DIGEST = {"md5": 4, "sha1": 5, "sha256": 11}


def with_bad_signature(certificate: x509.Certificate) -> x509.Certificate:
    """The same certificate with the last bit of its signature turned."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate

    der = bytearray(certificate.public_bytes(Encoding.DER))
    der[-1] ^= 1
    return load_der_x509_certificate(bytes(der))


def signed_with(certificate: x509.Certificate, key: object, digest: hashes.HashAlgorithm) -> x509.Certificate:
    """The same certificate, signed anew by an RSA key by way of MD5, SHA-1 or SHA-256. `cryptography` refuses the weak ones.

    Raises:
        TypeError: the key is no RSA key.
    """
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("only an RSA key signs by way of PKCS#1")
    tbs = with_rsa_algorithm(certificate.tbs_certificate_bytes, digest.name)
    return assembled(tbs, key.sign(tbs, padding.PKCS1v15(), digest))


def with_rsa_algorithm(tbs: bytes, digest: str) -> bytes:
    """What is signed of a certificate, with RSASSA-PKCS1-v1_5 (RFC 8017 appendix A.2.4) as the algorithm it is signed by."""
    algorithm = _der(_SEQUENCE, _PKCS1 + bytes([_RSA_BY_DIGEST[digest]]) + b"\x05\0")
    fields = elements(tbs)
    fields[_algorithm_place(fields)] = algorithm
    return sequence(fields)


def assembled(tbs: bytes, signature: bytes) -> x509.Certificate:
    """The certificate of what is signed of it, which names the algorithm, and of the signature (RFC 5280 section 4.1)."""
    from cryptography.x509 import load_der_x509_certificate

    fields = elements(tbs)
    algorithm = fields[_algorithm_place(fields)]
    return load_der_x509_certificate(sequence((tbs, algorithm, _der(_BIT_STRING, b"\0" + signature))))


def sequence(fields: Iterable[bytes]) -> bytes:
    """A SEQUENCE of complete elements."""
    return _der(_SEQUENCE, b"".join(fields))


def elements(sequence: bytes) -> list[bytes]:
    """What stands in a SEQUENCE, each with its header."""
    _, at, end = pem.header(sequence, 0)
    found = []
    while at < end:
        _, _, after = pem.header(sequence, at)
        found.append(sequence[at:after])
        at = after
    return found


def _algorithm_place(fields: Sequence[bytes]) -> int:
    """Behind the serial number, before which version 1 has nothing (RFC 5280 section 4.1.2)."""
    return 2 if fields[0][0] == _VERSION else 1


def _der(tag: int, contents: bytes) -> bytes:
    """An element of DER (X.690 section 8.1)."""
    size = len(contents)
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    length = octets if size < 0x80 else bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + contents
