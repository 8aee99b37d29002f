"""--http: the request as servers have it, the head aside, the body as it is meant, and an error for what is no HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import Done, on_both_backends, tlstool

from tlstool import http1
from tlstool.errors import ThresholdError
from tlstool.traffic import Body

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def responds(*pieces: bytes, alpn: list[str] | None = None) -> Callable[[Credentials], zoo.Behaviour]:
    """Read the request's head, then say this, piece by piece, and close in order."""

    def talk(peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        while not peer.received.endswith(b"\r\n\r\n"):
            data = session.recv(65536)
            if not data:
                return
            peer.received += data
        for piece in pieces:
            session.sendall(piece)
        session.unwrap()

    def behaviour(credentials: Credentials) -> zoo.Behaviour:
        context = zoo.context(credentials.good)
        if alpn:
            context.set_alpn_protocols(alpn)
        return zoo.tls(context, talk)

    return behaviour


def get(
    credentials: Credentials,
    backend: str,
    server: Callable[[Credentials], zoo.Behaviour],
    *args: str,
    url: str = "{}",
    bare: tuple[str, ...] = ("--http",),
) -> tuple[Done, bytes]:
    """How the request ends, and what the server got of it."""
    with zoo.listening(server(credentials)) as peer:
        target = url.format(peer.target)
        done = tlstool("connect", *bare, target, "--ca", credentials.ca, "--backend", backend, *args)
        return done, bytes(peer.received).replace(peer.target.encode(), b"HOST")


@on_both_backends
def test_the_head_goes_to_stderr_and_the_body_to_stdout(credentials: Credentials, backend: str) -> None:
    server = responds(HEAD + b"X-Evil: \x1b[31m\r\nContent-Length: 5\r\n\r\nhello, and more")
    done, asked = get(credentials, backend, server)
    assert (done.status, done.output) == (0, b"hello")
    lines = asked.decode().split("\r\n")
    assert lines[:2] == ["GET / HTTP/1.1", "Host: HOST"]
    assert lines[2].startswith("User-Agent: tlstool/")
    assert lines[3:] == ["Accept: */*", "Connection: close", "", ""]
    assert "HTTP/1.1 200 OK\nContent-Type: text/plain\nX-Evil: \\x1b[31m\nContent-Length: 5\n" in done.errors
    assert done.errors.index("Verdict") < done.errors.index("HTTP/1.1 200 OK") < done.errors.index("Bytes")


@on_both_backends
@pytest.mark.parametrize(
    ("url", "option", "line"),
    [
        ("{}", ("--http", "/a b/ä?q=1 2#part"), "GET /a%20b/%C3%A4?q=1%202 HTTP/1.1"),
        ("{}", ("--http", "//a/b"), "GET //a/b HTTP/1.1"),
        ("https://{}/from/url?x=y%20z", ("--http",), "GET /from/url?x=y%20z HTTP/1.1"),
        ("https://{}/from/url", ("--http=/own",), "GET /own HTTP/1.1"),
        ("https://{}?only=query", ("--http",), "GET /?only=query HTTP/1.1"),
    ],
)
def test_the_path_is_the_options_or_the_urls(
    credentials: Credentials, backend: str, url: str, option: tuple[str, ...], line: str
) -> None:
    done, asked = get(credentials, backend, responds(HEAD + b"\r\n"), "-q", url=url, bare=option)
    assert (done.status, done.errors, asked.decode().split("\r\n")[0]) == (0, "", line)


@on_both_backends
def test_the_name_that_is_sent_is_the_host_that_is_asked_for(credentials: Credentials, backend: str) -> None:
    with zoo.listening(responds(HEAD + b"\r\n")(credentials)) as peer:
        args = (f"127.0.0.1:{peer.port}", "--sni", "localhost", "--ca", credentials.ca, "--backend", backend, "--http", "-q")
        assert tlstool("connect", *args).status == 0
        assert f"\r\nHost: localhost:{peer.port}\r\n".encode() in peer.received


@on_both_backends
@pytest.mark.parametrize(
    ("response", "body", "close_notify"),
    [
        ((HEAD + b"\r\nto ", b"the end"), b"to the end", True),
        ((HEAD + b"Content-Length: 5, 5\r\n\r\n", b"hel", b"lo"), b"hello", None),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r", b"\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n"), b"hello!", None),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), b"", None),
        ((b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", HEAD + b"\r\nx"), b"x", True),
        ((b"HTTP/1.0 200 OK\n\nx",), b"x", True),
    ],
    ids=["to the end", "length", "chunked", "none", "interim", "old and lax"],
)
def test_the_body_is_what_its_head_says(
    credentials: Credentials, backend: str, response: tuple[bytes, ...], body: bytes, *, close_notify: bool | None
) -> None:
    done, asked = get(credentials, backend, responds(*response), "--json")
    report = json.loads(done.errors)
    assert (done.status, done.output, report["warnings"]) == (0, body, [])
    assert report["http"]["status"] in (200, 204)
    moved = report["relayed"]
    assert moved["received"] == sum(map(len, response))
    # Where the body says itself that it is whole, it may be known before the peer has ended.
    assert moved["close_notify"] in (close_notify, True)
    assert report["handshake"]["alpn"] is None
    assert asked


@on_both_backends
def test_a_status_that_is_no_success_is_shown_and_no_failure(credentials: Credentials, backend: str) -> None:
    done, _ = get(credentials, backend, responds(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"))
    assert (done.status, done.output) == (0, b"no")
    assert "HTTP/1.1 404 Not Found" in done.errors


@on_both_backends
@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (b"", 14, "truncated"),
        (b"HTTP/1.1 200 OK\r\nContent-", 14, "truncated"),
        (HEAD + b"Content-Length: 6\r\n\r\nhello", 14, "truncated"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 14, "truncated"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n", 15, "not-http"),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 15, "not-http"),
        (HEAD + b"Content-Length: -5\r\n\r\nhello", 15, "not-http"),
        (b"220 mail.test ESMTP \x1b[31m\r\n", 15, "not-http"),
        (b"HTTP/1.1 abc\r\n\r\n", 15, "not-http"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", 15, "not-http"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, 15, "not-http"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 15, "not-http"),
    ],
)
def test_what_is_no_response_is_told_by_its_code(
    credentials: Credentials, backend: str, response: bytes, status: int, code: str
) -> None:
    done, _ = get(credentials, backend, responds(response), "--json")
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"], error["phase"]) == (status, code, "run")
    assert "\x1b" not in done.errors


@on_both_backends
def test_http_1_1_is_offered_and_nothing_else_is_spoken(credentials: Credentials, backend: str) -> None:
    done, _ = get(credentials, backend, responds(HEAD + b"\r\nx", alpn=["h2", "http/1.1"]), "--json")
    assert (done.status, json.loads(done.errors)["handshake"]["alpn"]) == (0, "http/1.1")
    both = ("--alpn", "h2,http/1.1", "--json")
    done, asked = get(credentials, backend, responds(HEAD + b"\r\nx", alpn=["h2"]), *both)
    assert (done.status, json.loads(done.errors)["error"]["code"], asked) == (15, "not-http", b"")
    with zoo.refusing() as port:
        assert tlstool("connect", f"localhost:{port}", "--http", "--alpn", "h2").status == 2


@on_both_backends
def test_a_response_that_stalls_is_6_in_time(credentials: Credentials, backend: str) -> None:
    def stalls(peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.recv(65536)
        session.sendall(HEAD + b"Content-Length: 6\r\n\r\nhello")
        peer.stopping.wait(zoo.LIMIT)

    with zoo.listening(zoo.tls(zoo.context(credentials.good), stalls)) as peer:
        args = (peer.target, "--ca", credentials.ca, "--backend", backend, "--http", "--json", "--limit", "answer=300ms")
        done = tlstool("connect", *args, "--limit", "close=100ms")
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"], done.output) == (6, "time-limit", b"hello")
    assert error["message"] == "the peer did not end in time: the limit of the answer phase is 300 ms"
    assert "--limit answer=TIME" in error["hint"]
    assert done.seconds < 5


@on_both_backends
def test_pages_come_from_real_servers(servers: ForeignServers, credentials: Credentials, backend: str) -> None:
    page = bytes(range(256)) * 10_000
    (servers.documents / "page").write_bytes(page)
    for server in (servers.nginx("good"), servers.openssl("good")):
        done = tlstool("connect", server.target, "--ca", credentials.ca, "--backend", backend, "--http", "/page", "-q")
        assert (done.status, done.errors, done.output == page) == (0, "", True)


def test_a_chunked_body_has_no_other_length() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    found, body = http1.response(head)
    assert (found.status, body) == (200, Body(chunked=True))


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n\r"])
def test_a_head_that_may_go_on_is_waited_for(data: bytes) -> None:
    assert http1.head_length(data) is None


@pytest.mark.parametrize("data", [b"h", b"SSH-2.0", b"HTTP/2 200\r\n\r\n", b"\r\n"])
def test_what_can_be_no_head_is_known_by_its_first_bytes(data: bytes) -> None:
    with pytest.raises(ThresholdError):
        http1.head_length(data)
