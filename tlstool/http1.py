"""One request and the head of its response in HTTP/1.1 (RFC 9112). No I/O; of the body it knows only how it is framed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tlstool.errors import ThresholdError
from tlstool.escapes import escape
from tlstool.reports import HttpField, HttpResponse
from tlstool.traffic import Body

if TYPE_CHECKING:
    from http.client import HTTPMessage

HEAD_LIMIT = 64 * 1024
"""Bytes that the head of a response may have."""

_SHOWN = 80

# RFC 3986 sections 3.3 and 3.4. What is encoded already stays so.
_IN_A_PATH = "/%!$&'()*+,;=:@~"
_IN_A_QUERY = _IN_A_PATH + "?"


def request(where: str, host: str, agent: str) -> bytes:
    """A GET after which the connection ends; `where` is a path with its query, or a URL. What no path may have is encoded."""
    from urllib.parse import quote, urlsplit

    # A path that begins with two slashes is one all the same, and no host.
    parts = urlsplit(f"//host{where}" if where.startswith("/") else where)
    path = quote(parts.path or "/", _IN_A_PATH) + (f"?{quote(parts.query, _IN_A_QUERY)}" if parts.query else "")
    fields = {"Host": host, "User-Agent": agent, "Accept": "*/*", "Connection": "close"}
    lines = (f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", "")
    return "\r\n".join(lines).encode()


def head_length(data: bytes) -> int | None:
    """How long the head is with which `data` begins, the empty line included; None if it has not all come yet.

    Raises:
        ThresholdError: `not-http`: it can be no head, or has no end.
    """
    ends = [place + len(end) for end in (b"\r\n\r\n", b"\n\n") if (place := data.find(end)) >= 0]
    if not data.startswith(b"HTTP/1."[: len(data)]):
        raise not_http(f"the answer is not HTTP/1.1: it begins with {escape(data[:_SHOWN])}")
    if min(ends, default=len(data)) > HEAD_LIMIT:
        raise not_http(f"the response's head is longer than {HEAD_LIMIT // 1024} KiB")
    return min(ends, default=None)


def is_interim(head: bytes) -> bool:
    """Whether the response that counts comes behind this one (RFC 9110 section 15.2); we never ask for another protocol."""
    return re.match(rb"HTTP/1\.\d 1(?!01)\d\d\b", head) is not None


def response(head: bytes) -> tuple[HttpResponse, Body]:
    """What a head says, and how the body behind it is framed.

    Raises:
        ThresholdError: `not-http`: it is malformed.
    """
    from http.client import HTTPException, HTTPResponse
    from io import BytesIO

    class Head:
        """As much of a socket as the parser asks for."""

        def makefile(self, _mode: str) -> BytesIO:
            return BytesIO(head)

    parsed = HTTPResponse(Head())  # type: ignore[arg-type]
    try:
        parsed.begin()
    except (HTTPException, ValueError) as error:
        raise not_http(f"the response's head is malformed: {escape(str(error).encode())[:_SHOWN]}") from None
    found = HttpResponse(
        version=f"{parsed.version // 10}.{parsed.version % 10}",
        status=parsed.status,
        reason=parsed.reason,
        fields=tuple(HttpField(name, str(value)) for name, value in parsed.headers.items()),
    )
    return found, _body(found.status, parsed.headers)


def not_http(message: str) -> ThresholdError:
    """The error of an answer that is no HTTP."""
    return ThresholdError("not-http", message, "is this an HTTP server? --send TEXT speaks any protocol", phase="run")


def _body(status: int, fields: HTTPMessage) -> Body:
    """RFC 9112 section 6.3."""
    if status in (204, 304):
        return Body(length=0)
    encodings = ",".join(fields.get_all("Transfer-Encoding", ())).lower()
    if encodings:
        return Body(chunked=encodings.rpartition(",")[2].strip() == "chunked")
    lengths = {length.strip() for value in fields.get_all("Content-Length", ()) for length in value.split(",")}
    if not lengths:
        return Body()
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise not_http("the response has no valid Content-Length")
    return Body(length=int(length))
