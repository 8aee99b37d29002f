"""What is said to a proxy, and what becomes of its answers: not a byte too much is read, and no refusal lacks its words."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tlstool import proxy
from tlstool.errors import ProxyError, TimeLimitError
from tlstool.phases import Deadline
from tlstool.tunnel import open_tunnel, summary

PATIENCE = 10.0

CONSENT = b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n"

SOCKS5_CONSENT = b"\x05\x00" + b"\x05\x00\x00\x01" + bytes(6)

Script = Callable[[socket.socket], None]


@contextmanager
def proxied(script: Script) -> Iterator[socket.socket]:
    """Our end of a connection to a proxy that follows a script, and keeps the connection until the end of the block."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE)

    def run() -> None:
        with suppress(OSError):  # we may go before its end
            script(theirs)

    thread = threading.Thread(target=run)
    with ours, theirs:
        thread.start()
        try:
            yield ours
        finally:
            ours.close()
            thread.join(PATIENCE)


def request(sock: socket.socket) -> bytes:
    """What a client of HTTP says, to the empty line."""
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += sock.recv(1)
    return said


def answers(reply: bytes) -> Script:
    """Wait for the request, and answer."""

    def script(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(reply)

    return script


def refusal(script: Script, url: str = "http://proxy.test:3128") -> ProxyError:
    with proxied(script) as sock, pytest.raises(ProxyError) as caught:
        open_tunnel(sock, proxy.parse(url), "example.com", 443, Deadline.after(PATIENCE))
    return caught.value


# ---- HTTP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "authority"), [("example.com", b"example.com:25"), ("2001:db8::1", b"[2001:db8::1]:25")])
def test_connect_names_the_peer(host: str, authority: bytes) -> None:
    said: list[bytes] = []

    def script(sock: socket.socket) -> None:
        said.append(request(sock))
        sock.sendall(CONSENT)

    with proxied(script) as sock:
        open_tunnel(sock, proxy.parse("http://proxy.test"), host, 25, Deadline.after(PATIENCE))
    lines = said[0].split(b"\r\n")
    assert lines[0] == b"CONNECT " + authority + b" HTTP/1.1"
    assert b"Host: " + authority in lines
    assert not any(line.startswith(b"Proxy-Authorization") for line in lines)


def test_user_and_password_go_to_the_proxy() -> None:
    said: list[bytes] = []

    def script(sock: socket.socket) -> None:
        said.append(request(sock))
        sock.sendall(CONSENT)

    with proxied(script) as sock:
        open_tunnel(sock, proxy.parse("http://jos%C3%A9:pass%3Aword@proxy.test"), "example.com", 443, Deadline.after(PATIENCE))
    assert b"Proxy-Authorization: Basic " + base64.b64encode("josé:pass:word".encode()) in said[0].split(b"\r\n")


@pytest.mark.parametrize(
    "consent", [CONSENT, b"HTTP/1.0 200 OK\n\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 103 Soon\r\n\r\n" + CONSENT]
)
def test_what_comes_with_the_consent_is_left_for_the_peers_reader(consent: bytes) -> None:
    banner = b"220 mail.test ESMTP\r\n"
    with proxied(answers(consent + banner)) as sock:
        open_tunnel(sock, proxy.parse("http://proxy.test"), "mail.test", 25, Deadline.after(PATIENCE))
        assert sock.recv(1000) == banner


def test_a_consent_in_many_pieces_is_one() -> None:
    def script(sock: socket.socket) -> None:
        request(sock)
        for byte in CONSENT + b"banner":
            sock.sendall(bytes([byte]))

    with proxied(script) as sock:
        open_tunnel(sock, proxy.parse("http://proxy.test"), "mail.test", 25, Deadline.after(PATIENCE))
        assert sock.recv(6, socket.MSG_WAITALL) == b"banner"


PAGE = b"<html><head><style>p {}</style><title>Access\n denied &amp; logged</title></head><body>No.</body></html>"


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-refused", ['"403 Forbidden"']),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE),
            "proxy-refused",
            ['"502 Bad Gateway"', "Access denied & logged"],
        ),
        (b"HTTP/1.1 503 No\r\n\r\nthe peer is down", "proxy-refused", ['"503 No": the peer is down']),
        (b"HTTP/1.0 302 Found\r\nLocation: http://login.test\r\n\r\n", "proxy-refused", ["302 Found"]),
        (b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "proxy-auth-required", ["wants a user", "407 Who?"]),
        (b"<html>welcome</html>\r\n", "not-a-proxy", ["<html>welcome"]),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not-a-proxy", ["SSH-2.0"]),
        (b"HTTP/1.1 abc\r\n\r\n", "not-a-proxy", ["HTTP/1.1 abc"]),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "not-a-proxy", ["headers"]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "not-a-proxy", ["without end"]),
        (b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n", "proxy-failed", ["64 KiB"]),
    ],
)
def test_a_refusal_has_a_code_and_the_proxys_words(reply: bytes, code: str, words: list[str]) -> None:
    error = refusal(answers(reply))
    assert error.code == code
    assert error.exit_status == 5
    assert all(word in error.message for word in words), error.message


def test_a_proxy_that_does_not_take_a_password_is_told_from_one_that_wants_one() -> None:
    reply = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n"
    error = refusal(answers(reply), "http://alice:secret@proxy.test")
    assert "does not take the password of 'alice'" in error.message
    assert "secret" not in error.message


def test_a_scheme_that_is_not_spoken_is_named() -> None:
    error = refusal(answers(b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n"))
    assert "NTLM" in (error.hint or "")


@pytest.mark.parametrize(
    "fields",
    [
        b'Proxy-Authenticate: Basic realm="a, b"\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n',
        b'Proxy-Authenticate: Negotiate, Digest realm="x", nonce="y", Basic\r\n',
    ],
)
def test_a_proxy_that_takes_basic_among_others_wants_a_user(fields: bytes) -> None:
    error = refusal(answers(b"HTTP/1.1 407 No\r\n" + fields + b"\r\n"))
    assert "--proxy-pass-file" in (error.hint or "")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_closes_in_the_middle_is_said_so(said: bytes) -> None:
    def script(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)

    assert refusal(script).code == "proxy-failed"


def test_control_characters_of_a_page_are_no_words() -> None:
    assert summary(b"<title>a\r\n\tb</title>") == "a b"
    assert summary(b"<script>evil()</script><!-- x --><h1>Sorry</h1> no") == "Sorry no"
    assert summary(b"<") == ""
    assert len(summary(b"word " * 1000)) == 160


# ---- SOCKS ---------------------------------------------------------------------------------------


def socks(*exchange: tuple[bytes, bytes], then: bytes = b"") -> Script:
    """For each pair, wait for what the client has to say, and answer."""

    def script(sock: socket.socket) -> None:
        for expected, reply in exchange:
            assert sock.recv(len(expected), socket.MSG_WAITALL) == expected
            sock.sendall(reply)
        sock.sendall(then)

    return script


REQUEST = b"\x05\x01\x00\x03\x0bexample.com" + struct.pack("!H", 443)


@pytest.mark.parametrize(
    "address", [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x09localhost"], ids=["IPv4", "IPv6", "a name"]
)
def test_socks_5_leaves_what_comes_with_the_consent(address: bytes) -> None:
    script = socks((b"\x05\x01\x00", b"\x05\x00"), (REQUEST, b"\x05\x00\x00" + address + bytes(2) + b"220 hello\r\n"))
    with proxied(script) as sock:
        open_tunnel(sock, proxy.parse("socks5h://proxy.test"), "example.com", 443, Deadline.after(PATIENCE))
        assert sock.recv(100) == b"220 hello\r\n"


def test_socks_4a_hands_the_name_over() -> None:
    wanted = b"\x04\x01" + struct.pack("!H", 443) + b"\0\0\0\x01alice\0example.com\0"
    with proxied(socks((wanted, b"\x00\x5a" + bytes(6) + b"220 hello\r\n"))) as sock:
        open_tunnel(sock, proxy.parse("socks4a://alice@proxy.test"), "example.com", 443, Deadline.after(PATIENCE))
        assert sock.recv(100) == b"220 hello\r\n"


def test_socks_5_gives_user_and_password_where_they_are_wanted() -> None:
    script = socks(
        (b"\x05\x02\x00\x02", b"\x05\x02"),
        (b"\x01\x05alice\x06secret", b"\x01\x00"),
        (REQUEST, b"\x05\x00\x00\x01" + bytes(6)),
    )
    with proxied(script) as sock:
        open_tunnel(sock, proxy.parse("socks5h://alice:secret@proxy.test"), "example.com", 443, Deadline.after(PATIENCE))


@pytest.mark.parametrize(
    ("url", "exchange", "code"),
    [
        ("socks5h://p", [(b"\x05\x01\x00", b"\x05\xff")], "proxy-auth-required"),
        (
            "socks5h://alice:no@p",
            [(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x05alice\x02no", b"\x01\x01")],
            "proxy-auth-required",
        ),
        ("socks5h://p", [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST, b"\x05\x02\x00\x01" + bytes(6))], "proxy-refused"),
        ("socks5h://p", [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST, b"\x05\x05\x00\x01" + bytes(6))], "proxy-refused"),
        ("socks5h://p", [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST, b"\x05\x77\x00\x01" + bytes(6))], "proxy-refused"),
        ("socks5h://p", [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST, b"\x05\x00\x00\x03\x01\xff\0\0")], "not-a-proxy"),
        ("socks5h://p", [(b"\x05\x01\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n")], "not-a-proxy"),
        ("socks4a://p", [(b"\x04\x01", b"\x00\x5b" + bytes(6))], "proxy-refused"),
        ("socks4a://p", [(b"\x04\x01", b"\x00\x5d" + bytes(6))], "proxy-auth-required"),
        ("socks4a://p", [(b"\x04\x01", b"HTTP/1.1 400")], "not-a-proxy"),
    ],
)
def test_a_refusal_of_socks_has_a_code(url: str, exchange: list[tuple[bytes, bytes]], code: str) -> None:
    error = refusal(socks(*exchange), url)
    assert (error.code, error.exit_status) == (code, 5)


# ---- time ----------------------------------------------------------------------------------------


def silent(sock: socket.socket) -> None:
    while sock.recv(1000):
        pass


def trickling(data: bytes) -> Script:
    """A byte at a time, so slowly that it never comes to an end."""

    def script(sock: socket.socket) -> None:
        over = threading.Event()
        for byte in data:
            sock.sendall(bytes([byte]))
            over.wait(0.04)

    return script


@pytest.mark.parametrize("url", ["http://proxy.test", "socks5h://proxy.test", "socks4a://proxy.test"])
@pytest.mark.parametrize("script", [silent, trickling(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)], ids=["silence", "a trickle"])
def test_a_proxy_that_does_not_get_on_is_left_at_the_limit(url: str, script: Script) -> None:
    wanted = proxy.parse(url)
    with proxied(script) as sock:
        start = time.monotonic()
        with pytest.raises((TimeLimitError, ProxyError)):
            open_tunnel(sock, wanted, "example.com", 443, Deadline.after(0.3))
        assert time.monotonic() - start < 0.3 + 1
