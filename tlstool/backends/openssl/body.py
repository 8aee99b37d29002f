"""The body of an HTTP/1.1 response (RFC 9112 section 6): where it ends, and what it says without its chunks."""

from __future__ import annotations

import re

from tlstool.errors import ThresholdError, TruncatedError
from tlstool.traffic import Body

_LONGEST_LINE = 8 * 1024
_LONGEST_TRAILER = 64 * 1024

# Extensions say nothing to us.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r]*)?\r\n")


class BodyReader:
    """Raw pieces in, content out.

    Attributes:
        complete: nothing of it is to come.
    """

    def __init__(self, body: Body) -> None:
        self._chunked = body.chunked
        # Of the chunk, or of all; None: as long as the connection.
        self._left = 0 if body.chunked else body.length
        self._expects = "size" if body.chunked else ""
        self._line = b""
        self._trailer = 0
        self.complete = not body.chunked and body.length == 0

    def take(self, data: bytes) -> bytes:
        """What a piece adds to the content; anything behind the end of the body is dropped.

        Raises:
            ThresholdError: `not-http`: this is no chunk.
        """
        content = []
        while data and not self.complete:
            if self._left is None:
                content.append(data)
                break
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                content.append(piece)
                self._left -= len(piece)
                self.complete = not self._left and not self._chunked
            else:
                data = self._to_line_end(data)
        return b"".join(content)

    def end(self) -> None:
        """The peer will send no more.

        Raises:
            TruncatedError: it should have.
        """
        if self.complete or self._left is None:
            return
        what = "before its last chunk" if self._chunked else f"{self._left} bytes before the body does"
        raise TruncatedError("truncated", f"the peer ended {what}")

    def _to_line_end(self, data: bytes) -> bytes:
        head, newline, rest = data.partition(b"\n")
        self._line += head + newline
        if len(self._line) > _LONGEST_LINE:
            raise _broken("a line between its chunks has no end")
        if newline:
            line, self._line = self._line, b""
            self._act_by(line)
        return rest

    def _act_by(self, line: bytes) -> None:
        if self._expects == "size":
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise _broken("a chunk has no size")
            self._left = int(size[1], 16)
            self._expects = "end" if self._left else "trailer"
        elif self._expects == "end":
            if line != b"\r\n":
                raise _broken("a chunk is longer than it says")
            self._expects = "size"
        elif line == b"\r\n":
            self.complete = True
        else:
            # The fields of a trailer section are nobody's here.
            self._trailer += len(line)
            if self._trailer > _LONGEST_TRAILER:
                raise _broken("its trailer has no end")


def _broken(why: str) -> ThresholdError:
    return ThresholdError("not-http", f"the response's chunked body is broken: {why}")
