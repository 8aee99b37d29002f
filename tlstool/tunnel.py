"""What is said to a proxy so that it leads to the peer: CONNECT (RFC 9110 section 9.3.6), or SOCKS by python-socks.

Works on a connected socket, and reads not a byte of what comes after the proxy's consent: that is the peer's.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Any

from tlstool.endpoint import printable
from tlstool.errors import ProxyError, TimeLimitError
from tlstool.phases import Deadline
from tlstool.proxy import Proxy
from tlstool.wire import Wire, WireError

_MOST_HEADERS = 128
_MOST_INTERIM = 8

# How long the words behind a refusal are waited for, and how many bytes of them are looked at.
_WORDS_SECONDS = 0.25
_WORDS_BYTES = 4096
_LONGEST_WORDS = 160


def prepare(proxy: Proxy) -> None:
    """Import what the kind of proxy takes, so that the time of its phase is the proxy's own."""
    if proxy.scheme != "http":
        import encodings.idna  # noqa: F401

        import python_socks.sync  # noqa: F401


def open_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int, deadline: Deadline) -> None:
    """Have the proxy at the other end of `sock` connect to `host`, a name in A-labels or an address.

    Raises:
        ProxyError: it did not; the message has its own words.
        TimeLimitError: it did not answer in time.
    """
    wire = Wire(sock, deadline)
    try:
        if proxy.scheme == "http":
            _connect(wire, sock, proxy, printable(host, port), deadline)
        else:
            _socks(wire, proxy, host, port)
    except WireError as error:
        raise ProxyError("proxy-failed", f"the proxy {proxy} gave no whole answer: {error}") from None
    except TimeLimitError:
        raise TimeLimitError("time-limit", f"the proxy {proxy} did not answer in time") from None


# ---- HTTP ----------------------------------------------------------------------------------------


class _Reply:
    """The head of an answer to CONNECT.

    Attributes:
        status: its code.
        line: code and reason, as sent.
        headers: by their names in small letters; what comes more than once has commas between.
    """

    def __init__(self, status: int, line: str, headers: dict[str, str]) -> None:
        self.status = status
        self.line = line
        self.headers = headers


def _connect(wire: Wire, sock: socket.socket, proxy: Proxy, authority: str, deadline: Deadline) -> None:
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "User-Agent: tlstool", *_authorization(proxy), "", ""]
    wire.send("\r\n".join(lines).encode())
    for _ in range(_MOST_INTERIM):
        reply = _reply(wire, proxy)
        if 200 <= reply.status < 300:
            return
        if not 100 <= reply.status < 200:
            raise _refusal(proxy, authority, reply, _words(sock, reply, deadline))
    raise ProxyError("not-a-proxy", f"the proxy {proxy} sends interim answers without end")


def _authorization(proxy: Proxy) -> list[str]:
    """The header with user and password, if there are any (RFC 7617 section 2)."""
    if proxy.user is None:
        return []
    from base64 import b64encode

    pair = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return [f"Proxy-Authorization: Basic {pair}"]


def _reply(wire: Wire, proxy: Proxy) -> _Reply:
    first = wire.line()
    found = re.fullmatch(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: (.*))?", first.strip())
    if not found:
        raise ProxyError("not-a-proxy", f"{proxy} does not speak HTTP; it begins with {_text(first)[:60]!r}")
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = wire.line()
        if not line:
            status, reason = found.groups()
            return _Reply(int(status), f"{int(status)} {_text(reason or b'')}".strip(), headers)
        name, _, value = _text(line).partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    raise ProxyError("not-a-proxy", f"the answer of the proxy {proxy} has over {_MOST_HEADERS} headers")


def _refusal(proxy: Proxy, authority: str, reply: _Reply, words: str) -> ProxyError:
    told = f'"{reply.line}"' + (f": {words}" if words and words.lower() not in reply.line.lower() else "")
    if reply.status != 407:
        return ProxyError("proxy-refused", f"the proxy {proxy} refused to connect to {authority}; it says {told}")
    wanted = "wants a user and a password" if proxy.user is None else f"does not take the password of {proxy.user!r}"
    schemes = _schemes(reply.headers.get("proxy-authenticate", "Basic"))
    is_spoken = "basic" in (scheme.lower() for scheme in schemes)
    hint = None if is_spoken else f"it asks by the scheme {' or '.join(schemes)}, and only Basic is spoken here"
    return ProxyError("proxy-auth-required", f"the proxy {proxy} {wanted}; it says {told}", hint)


def _schemes(challenges: str) -> list[str]:
    """The schemes of a list of challenges, whose parameters have commas between them, too (RFC 9110 section 11.6.1)."""
    parts = re.sub(r'"[^"]*"', "", challenges).split(",")
    return [word for part in parts for word in part.split()[:1] if "=" not in word]


def _words(sock: socket.socket, reply: _Reply, deadline: Deadline) -> str:
    """What the page behind a refusal says, in a line; what has not come at once is not waited for long."""
    length = reply.headers.get("content-length", "")
    wanted = min(int(length[:9]), _WORDS_BYTES) if length.isascii() and length.isdigit() else _WORDS_BYTES
    body = bytearray()
    with suppress(WireError, TimeLimitError):
        wire = Wire(sock, deadline.within(_WORDS_SECONDS))
        while len(body) < wanted:
            body += wire.exactly(1)
            body += wire.exactly(min(len(wire.waiting()), wanted - len(body)))
    return summary(bytes(body))


def summary(page: bytes) -> str:
    """What a page says in a line: its title, or else the text that it begins with."""
    from html import unescape

    text = page.decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    if title is None:
        text = re.sub(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)", " ", text, flags=re.IGNORECASE | re.DOTALL)
    line = " ".join(unescape(title[1] if title else re.sub(r"<[^>]*(>|\Z)", " ", text)).split())
    return line if len(line) <= _LONGEST_WORDS else f"{line[: _LONGEST_WORDS - 1]}…"


def _text(line: bytes) -> str:
    return line.decode("latin-1").strip()


# ---- SOCKS ---------------------------------------------------------------------------------------


class _Carrier:
    """Our socket as python-socks can use it: as the connection that another proxy in front would have made.

    Attributes:
        received: what the proxy said.
    """

    def __init__(self, wire: Wire) -> None:
        self.received = bytearray()
        self._wire = wire

    def connect(self, **_where: object) -> _Carrier:
        return self

    def sendall(self, data: bytes) -> None:
        self._wire.send(data)

    def recv(self, count: int) -> bytes:
        data = self._wire.exactly(count)
        self.received += data
        return data

    def close(self) -> None:
        """The socket is its owner's."""


def _socks(wire: Wire, proxy: Proxy, host: str, port: int) -> None:
    from python_socks import ProxyError as Refused
    from python_socks import ProxyType
    from python_socks.sync import Proxy as Socks

    version = ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5
    carrier: Any = _Carrier(wire)
    # Names go to the proxy: where we are to find the address, `host` is one already.
    spoken = Socks(version, proxy.host, proxy.port, proxy.user, proxy.password, rdns=True, forward=carrier)
    try:
        spoken.connect(dest_host=host, dest_port=port)
    except Refused as error:
        raise _socks_refusal(proxy, printable(host, port), bytes(carrier.received), str(error)) from None
    except ValueError:
        # What it says of the address that it connects from is read, and was no text.
        raise ProxyError("not-a-proxy", f"the answer of the proxy {proxy} makes no sense") from None


def _socks_refusal(proxy: Proxy, authority: str, received: bytes, words: str) -> ProxyError:
    """A refusal by what the proxy sent: see RFC 1928 sections 3 and 6, RFC 1929 section 2, and SOCKS 4."""
    first = 0x05 if proxy.scheme.startswith("socks5") else 0x00
    if received[:1] != bytes([first]):
        return ProxyError("not-a-proxy", f"{proxy} does not speak SOCKS; it begins with {received[:1].hex()}")
    told = " ".join(words.split())
    no_method = received == b"\x05\xff"
    wrong_password = first == 0x05 and received[1:2] == b"\x02" and len(received) == 4 and received[3] != 0
    unknown_user = first == 0x00 and received[1:2] in (b"\x5c", b"\x5d")
    if no_method or wrong_password or unknown_user:
        has_user = proxy.user is not None and not no_method
        wanted = f"does not take the password of {proxy.user!r}" if has_user else "wants a user and a password"
        return ProxyError("proxy-auth-required", f"the proxy {proxy} {wanted}; it says: {told}")
    return ProxyError("proxy-refused", f"the proxy {proxy} refused to connect to {authority}; it says: {told}")
