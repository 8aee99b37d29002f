"""PEM (RFC 7468) and DER as far as text and tags go: which objects a file holds, without a look at what they say.

Needs no library, so that the fast path loads none; whether an object is sound is for the backend to judge.
"""

from __future__ import annotations

import binascii
import re
from typing import Literal

from tlstool.errors import LocalError

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s*?\n(.*?)-----END \1-----", re.DOTALL)
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")

KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
"""PKCS#8, PKCS#1, SEC1, and encrypted PKCS#8 (RFC 7468 sections 10 and 11; RFC 5915 section 4)."""

_SEQUENCE, _INTEGER, _OCTET_STRING, _OID = 0x30, 0x02, 0x04, 0x06


def blocks(data: bytes, *labels: str) -> list[bytes]:
    """The DER of every PEM block under one of the labels, in order.

    Raises:
        ValueError: such a block is cut off, or is no base64.
    """
    wanted = [label.encode() for label in labels]
    found = [(label, body) for label, body in _BLOCK.findall(data) if label in wanted]
    begun = sum(label in wanted for label in _BEGIN.findall(data))
    if begun > len(found):
        raise ValueError("is cut off: a PEM block has no END line")
    try:
        return [binascii.a2b_base64(b"".join(body.split()), strict_mode=True) for _, body in found]
    except binascii.Error:
        raise ValueError("has a PEM block that is not base64") from None


def labels(data: bytes) -> list[str]:
    """The labels of all PEM blocks that begin in the data."""
    return [label.decode() for label in _BEGIN.findall(data)]


def encode(der: bytes, label: str) -> str:
    """DER as a PEM block."""
    text = binascii.b2a_base64(der, newline=False).decode()
    lines = (text[start : start + 64] for start in range(0, len(text), 64))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def is_der(data: bytes) -> bool:
    """Whether the data is one DER SEQUENCE and nothing else, as certificates, lists and keys are."""
    try:
        tag, _, end = header(data, 0)
    except ValueError:
        return False
    return tag == _SEQUENCE and end == len(data)


def header(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and end of the contents of the DER element at an offset (X.690 section 8.1).

    Raises:
        ValueError: there is none, or it reaches beyond the data.
    """
    try:
        tag, length, start = data[at], data[at + 1], at + 2
    except IndexError:
        raise ValueError("is cut off") from None
    if length >= 0x80:
        size = length & 0x7F
        start += size
        length = int.from_bytes(data[start - size : start], "big")
    if start + length > len(data):
        raise ValueError("is cut off")
    return tag, start, start + length


def certificates(data: bytes) -> list[bytes]:
    """The DER of all certificates in PEM text, or the one that the data is.

    Raises:
        ValueError: as `blocks`.
    """
    return [data] if is_der(data) else blocks(data, "CERTIFICATE")


def has_certificate(data: bytes) -> bool:
    """Whether the data claims to hold a certificate, sound or not."""
    return is_der(data) or b"-----BEGIN CERTIFICATE-----" in data


def require_certificate(data: bytes, name: str) -> None:
    """Refuse data without a readable certificate.

    Raises:
        LocalError: `no-certificate` if it has none, `bad-certificate-file` if it has one that is no PEM.
    """
    if is_der(data):
        _require_shape(data, name)
    try:
        if certificates(data):
            return
    except ValueError as error:
        raise LocalError("bad-certificate-file", f"{name} {error}") from None
    if not data.strip():
        raise LocalError("no-certificate", f"{name} is empty")
    if not labels(data):
        raise LocalError("bad-certificate-file", f"{name} is neither PEM nor a certificate in DER")
    hint = "PKCS#7 has to be unpacked first: openssl pkcs7 -in FILE -print_certs -out CHAIN" if "PKCS7" in labels(data) else None
    held = ", ".join(dict.fromkeys(labels(data)))
    raise LocalError("no-certificate", f"{name} has no certificate in it, but {held}", hint)


def _require_shape(der: bytes, name: str) -> None:
    """Refuse DER that is something else than a certificate (RFC 5280 section 4.1), by the tags of what it holds.

    A PKCS#7 file (RFC 2315 section 7) begins with an object identifier; for PKCS#12, see `is_pkcs12`.

    Raises:
        LocalError: `no-certificate`.
    """
    _, start, _ = header(der, 0)
    try:
        first, _, _ = header(der, start)
    except ValueError:
        return
    if first == _SEQUENCE:
        return
    hint = None
    if is_pkcs12(der):
        hint = "PKCS#12 has to be unpacked first: openssl pkcs12 -in FILE -nodes -out PEM"
    elif first == _OID:
        hint = "PKCS#7 has to be unpacked first: openssl pkcs7 -inform DER -in FILE -print_certs -out CHAIN"
    raise LocalError("no-certificate", f"{name} is DER, but no certificate", hint)


def is_pkcs12(data: bytes) -> bool:
    """Whether the data is a PKCS#12 file, which begins with the version 3 and a ContentInfo (RFC 7292 section 4)."""
    if not is_der(data):
        return False
    try:
        _, start, _ = header(data, 0)
        first, inner, end = header(data, start)
        second, _, _ = header(data, end)
    except ValueError:
        return False
    return (first, data[inner:end], second) == (_INTEGER, b"\x03", _SEQUENCE)


def is_encrypted(data: bytes) -> bool:
    """Whether the private key in the data is behind a pass phrase."""
    # RFC 1421 section 4.6.1.1 is how OpenSSL's older formats say it, PKCS#8 has a label, or a shape, of its own.
    return b"Proc-Type: 4,ENCRYPTED" in data or "ENCRYPTED PRIVATE KEY" in labels(data) or _key_shape(data) == "encrypted"


def require_key(data: bytes, name: str) -> None:
    """Refuse data without a private key that can be used as it is.

    Raises:
        LocalError: `no-key` or `bad-key`.
    """
    if is_der(data):
        if _key_shape(data) is None:
            raise LocalError("no-key", f"{name} has no private key in it")
        return
    try:
        if blocks(data, *KEY_LABELS):
            return
    except ValueError as error:
        raise LocalError("bad-key", f"{name} {error}") from None
    if not data.strip():
        raise LocalError("no-key", f"{name} is empty")
    if not labels(data):
        raise LocalError("bad-key", f"{name} is neither PEM nor a private key in DER")
    raise LocalError("no-key", f"{name} has no private key in it")


def key_block(data: bytes) -> bytes:
    """The first private key in PEM text, as it stands there with its headers.

    Raises:
        ValueError: there is none.
    """
    for block in _BLOCK.finditer(data):
        if block[1].decode() in KEY_LABELS:
            return block[0]
    raise ValueError("has no private key in it")


def key_text(data: bytes) -> str:
    """The first private key, in PEM: as it is there, or encoded from DER.

    Raises:
        ValueError: there is none.
    """
    shape = _key_shape(data)
    if shape in KEY_LABELS:
        return encode(data, shape)
    for label, body in _BLOCK.findall(data):
        if label.decode() in KEY_LABELS:
            return encode(binascii.a2b_base64(b"".join(body.split())), label.decode())
    raise ValueError("has no private key in it")


def _key_shape(data: bytes) -> Literal["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "encrypted"] | None:
    """What a DER key is, by its first two elements; None for what is no key.

    PKCS#8 (RFC 5958 section 2): version, algorithm; PKCS#1 (RFC 8017 appendix A.1.2): version, modulus;
    SEC1 (RFC 5915 section 3): version, octets; encrypted PKCS#8 (RFC 5958 section 3): algorithm, octets.
    """
    if not is_der(data):
        return None
    try:
        _, start, _ = header(data, 0)
        first, inner, end = header(data, start)
        second, _, _ = header(data, end)
        if first == _INTEGER:
            return {_SEQUENCE: "PRIVATE KEY", _INTEGER: "RSA PRIVATE KEY", _OCTET_STRING: "EC PRIVATE KEY"}.get(second)  # type: ignore[return-value]
        if first == _SEQUENCE and second == _OCTET_STRING and header(data, inner)[0] == _OID:
            return "encrypted"
    except ValueError:
        return None
    return None
