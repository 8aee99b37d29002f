"""What the protocols have in common: numbered replies, the server's words in our errors, and what an answer is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from tlstool.errors import StarttlsError
from tlstool.record import Record
from tlstool.wire import Wire, WireError

Upgrade = Callable[[Wire, str], str | None]
"""The part of a protocol that comes before the ClientHello, with the peer's name for those who have to say it.

Returns what the server said of itself, None if that is nothing. Raises StarttlsError if it does not turn to TLS, WireError if
what it says is not the protocol, TimeLimitError.
"""

_MOST_WORDS = 200


class Reply(Record):
    """A reply with a number, as in SMTP, FTP and NNTP.

    Attributes:
        code: the number.
        lines: the whole of it, line by line, as it came.
    """

    code: int
    lines: tuple[bytes, ...]

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The lines without their numbers."""
        return tuple(line[4:] for line in self.lines)

    def __str__(self) -> str:
        return said(b" ".join((self.lines[0], *self.texts[1:])))


def reply(wire: Wire) -> Reply:
    """The next reply: one line, or more if a hyphen follows the first number (RFC 5321 section 4.2.1, RFC 959 section 4.2)."""
    line = wire.line()
    code = line[:3]
    if not (code.isdigit() and 100 <= int(code) < 600 and line[3:4] in (b"", b" ", b"-")):
        raise nonsense(line)
    lines = [line]
    if line[3:4] == b"-":
        # In FTP, the lines between need not begin with a number.
        while not (line[:3] == code and line[3:4] in (b"", b" ")):
            line = wire.line()
            lines.append(line)
    return Reply(int(code), tuple(lines))


def dotted(wire: Wire) -> list[bytes]:
    """The lines up to one with a dot alone (RFC 1939 section 3, RFC 3977 section 3.1.1)."""
    lines = []
    while (line := wire.line()) != b".":
        lines.append(line)
    return lines


def said(words: bytes) -> str:
    """A peer's words as one line of text of a bearable length. Control characters are for the output to make harmless."""
    text = " ".join(words.decode("utf-8", "backslashreplace").split())
    return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}..."


def refuse(what: str, words: str, hint: str | None = None) -> NoReturn:
    """The server knows what we want, and does not do it."""
    raise StarttlsError("starttls-refused", f"the server refuses {what}: {words}", hint)


def not_offered(what: str, words: str, hint: str | None = None) -> NoReturn:
    """The server cannot do what we want, by its own account."""
    raise StarttlsError("starttls-not-offered", f"the server does not offer {what}: {words}", hint)


def nonsense(words: bytes) -> WireError:
    """The error for an answer that the protocol has not."""
    return WireError(f"the peer answers {said(words[:_MOST_WORDS])!r}" if words else "the peer's answer is empty")
