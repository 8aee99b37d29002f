"""XMPP, between client and server and between servers: XML that never ends, of which the first elements are read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from tlstool.starttls.replies import nonsense, not_offered, refuse, said
from tlstool.wire import Wire, WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_STREAM = "http://etherx.jabber.org/streams"

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;"})


def xmpp(wire: Wire, name: str) -> str | None:
    """RFC 6120 section 5, as a client."""
    return _stream(wire, name, "jabber:client")


def xmpp_server(wire: Wire, name: str) -> str | None:
    """RFC 6120 section 5, as another server."""
    return _stream(wire, name, "jabber:server")


def _stream(wire: Wire, name: str, namespace: str) -> str | None:
    stream = _Stream(wire)
    wire.send(
        f"<?xml version='1.0'?><stream:stream to='{name.translate(_ESCAPED)}' version='1.0' xmlns='{namespace}' "
        f"xmlns:stream='{_STREAM}'>".encode()
    )
    features = stream.element()
    _check(features, "the stream", "--xmpp-to NAME has to name the domain that the server serves")
    if features.name != f"{_STREAM} features":
        raise nonsense(features.name.encode())
    if f"{_TLS} starttls" not in features.inner:
        offers = ", ".join(one.rpartition(" ")[2] for one in features.inner)
        not_offered("STARTTLS", f"it has {said(offers.encode())}" if offers else "it has no feature at all")
    wire.send(f"<starttls xmlns='{_TLS}'/>".encode())
    answer = stream.element()
    _check(answer, "STARTTLS")
    if answer.name == f"{_TLS} failure":
        refuse("STARTTLS", "failure, without a reason")
    if answer.name != f"{_TLS} proceed":
        raise nonsense(answer.name.encode())
    return said(stream.server.encode()) if stream.server else None


def _check(element: _Element, what: str, hint: str | None = None) -> None:
    """Raise the error that the server ended the stream with (RFC 6120 section 4.9), if that is what it says."""
    if element.name == f"{_STREAM} error":
        cause = next((one.rpartition(" ")[2] for one in element.inner), "error")
        refuse(what, f"{cause} ({said(element.text.encode())})" if element.text.strip() else cause, hint)


class _Element:
    """A child of the stream, with the names of all that it holds (namespace, space, name), and its text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inner: list[str] = []
        self.text = ""


class _Stream:
    """The server's half. There is no document type in it (RFC 6120 section 11.1), so that no entity can explode."""

    def __init__(self, wire: Wire) -> None:
        self.server: str | None = None
        self._wire = wire
        self._depth = 0
        self._open: _Element | None = None
        self._complete: list[_Element] = []
        self._parser = expat.ParserCreate("UTF-8", " ")
        # Since 2.6, expat waits for more of a token that was cut, and more does not come before we answer.
        if hasattr(self._parser, "SetReparseDeferralEnabled"):
            self._parser.SetReparseDeferralEnabled(False)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._document_type

    def element(self) -> _Element:
        """The next child of the stream, once it is complete."""
        while not self._complete:
            part = self._wire.through(b">")
            try:
                self._parser.Parse(part, False)
            except expat.ExpatError:
                raise nonsense(part) from None
        return self._complete.pop(0)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            if name != f"{_STREAM} stream":
                raise nonsense(name.encode())
            self.server = attributes.get("from")
        elif self._depth == 2:
            self._open = _Element(name)
        elif self._open:
            self._open.inner.append(name)

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            raise WireError("the peer ended the stream")
        if self._depth == 1 and self._open:
            self._complete.append(self._open)
            self._open = None

    def _characters(self, text: str) -> None:
        if self._open:
            self._open.text += text

    def _document_type(self, *_declared: object) -> None:
        raise WireError("the peer's stream has a document type")
