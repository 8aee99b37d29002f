"""Bytes as text and back: the escapes of C in what is to be sent, and what a peer sent in a form that any terminal can show."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([0-7]{1,3})|(.?))", re.DOTALL)
_SIMPLE = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"a": b"\a",
    b"b": b"\b",
    b"e": b"\x1b",
    b"f": b"\f",
    b"v": b"\v",
    b"\\": b"\\",
    b'"': b'"',
    b"'": b"'",
}


def unescape(text: bytes) -> bytes:
    r"""The bytes that a text with escapes means: \n \r \t \a \b \e \f \v \\ \" \', \xHH, and \0 to \377 in octal.

    Raises:
        ValueError: an escape means nothing; the message names it.
    """

    def meant(found: re.Match[bytes]) -> bytes:
        hexadecimal, octal, simple = found.groups()
        if hexadecimal is not None:
            return bytes.fromhex(hexadecimal.decode())
        if octal is not None and int(octal, 8) <= 0xFF:
            return bytes((int(octal, 8),))
        if simple in _SIMPLE:
            return _SIMPLE[simple]
        raise ValueError(f"{found[0].decode(errors='replace')} is no escape")

    return _ESCAPE.sub(meant, text)


def escape(data: bytes) -> str:
    r"""Bytes as printable ASCII: what is not, and the backslash, as an escape that `unescape` understands."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")
