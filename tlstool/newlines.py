"""Lines as the Internet's text protocols have them: every LF that has no CR before it gets one (RFC 5198 appendix C)."""

from __future__ import annotations


class Newlines:
    """Remembers from piece to piece whether the last byte was a CR."""

    def __init__(self) -> None:
        self._after_cr = False

    def convert(self, data: bytes) -> bytes:
        """The piece as it is to be sent."""
        if not data:
            return data
        has_cr, self._after_cr = self._after_cr and data[:1] == b"\n", data[-1:] == b"\r"
        converted = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return converted[1:] if has_cr else converted
