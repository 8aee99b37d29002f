"""Keys and certificates that a user names instead of, or besides, authorities: pins and TLSA records, read from their text."""

from __future__ import annotations

import binascii
import re

from tlstool.errors import UsageError
from tlstool.model import Tlsa

_SHA256_BYTES = 32
_TLSA_PARTS = 4
# Of the data, by matching type: itself, SHA-256, SHA-512 (RFC 6698 section 2.1.3).
_SIZES = {0: None, 1: 32, 2: 64}


def pin(text: str) -> str:
    """The hash that a pin is, in hex: of `sha256/BASE64` as RFC 7469 has it, `sha256//BASE64` as curl has it, or hex.

    Raises:
        UsageError: it is none of these.
    """
    value = re.sub(r"^sha256//?", "", text.strip())
    try:
        digest = bytes.fromhex(value.replace(":", "")) if _is_hex(value) else binascii.a2b_base64(value, strict_mode=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _SHA256_BYTES:
        hint = "write sha256/ and the base64 of the SHA-256 of a public key, or its hex: spki_sha256 in --json has it"
        raise UsageError("usage", f"{text!r} is no pin", hint)
    return digest.hex()


def tlsa(text: str) -> Tlsa:
    """A TLSA record as the DNS writes its data: `3 1 1 HEX` (RFC 6698 section 2.2); the hex may have spaces.

    Raises:
        UsageError: it is none, or has a number that has no meaning.
    """
    parts = text.split(maxsplit=_TLSA_PARTS - 1)
    try:
        usage, selector, matching = (int(part) for part in parts[:3])
        data = bytes.fromhex(parts[3])
    except (ValueError, IndexError):
        raise _no_record(text, "it wants three numbers and hex") from None
    if usage not in range(4) or selector not in range(2) or matching not in _SIZES:
        raise _no_record(text, "usage is 0 to 3, selector 0 or 1, matching type 0 to 2")
    size = _SIZES[matching]
    if size is None and not data:
        raise _no_record(text, "its data is missing")
    if size is not None and len(data) != size:
        raise _no_record(text, f"matching type {matching} takes {size} bytes, and it has {len(data)}")
    return Tlsa(usage, selector, matching, data)


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}", text) is not None


def _no_record(text: str, why: str) -> UsageError:
    return UsageError("usage", f"{text!r} is no TLSA record: {why}", "write it as the DNS has it, such as --tlsa '3 1 1 HEX'")
