"""What `tlstool serve` does for its clients besides the page and the echo: real clients, and some that no one would want."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PATIENCE
from peers import require
from runner import LIMIT, Done, Server, run, serving, started, tlstool

pytest.importorskip("tlstool._native")

LARGE = 20_000_000
SECRET = b"nobody outside may read this"


def curl(server: Server, *args: str | Path, path: str = "/") -> Done:
    """curl, which trusts the server's authority alone and leaves paths as they are."""
    url = f"https://localhost:{server.port}{path}"
    to_loopback = ("--connect-to", f"localhost:{server.port}:127.0.0.1:{server.port}")
    limits = ("--max-time", str(LIMIT), "--path-as-is", "--globoff")
    return run([require("curl"), "-sS", *limits, "--cacert", server.ca_file, *to_loopback, *args, url])


@contextmanager
def session(server: Server) -> Iterator[ssl.SSLSocket]:
    """Python's own client after its handshake."""
    context = ssl.create_default_context(cafile=server.ca_file)
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        yield tls


def all_of(tls: ssl.SSLSocket) -> bytes:
    pieces = []
    while piece := tls.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is served, beside what is not."""
    root = tmp_path_factory.mktemp("files")
    (root / "secret.txt").write_bytes(SECRET)
    served = root / "served"
    (served / "deep" / "er").mkdir(parents=True)
    (served / "large.bin").write_bytes(os.urandom(LARGE))
    (served / "page.html").write_text("<!DOCTYPE html><p>a page")
    (served / "deep" / "file.txt").write_text("deep")
    (served / "out").symlink_to("../secret.txt")
    (served / "up").symlink_to("..")
    os.mkfifo(served / "pipe")
    return served


@pytest.fixture(scope="module")
def files(folder: Path) -> Iterator[Server]:
    with serving("--files", folder) as server:
        yield server


def test_curl_fetches_a_file_as_it_is(files: Server, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    done = curl(files, "-o", copy, "-w", "%{http_code} %{content_type} %{size_download}", path="/large.bin")
    assert (done.status, done.text) == (0, f"200 application/octet-stream {LARGE}"), done
    assert copy.read_bytes() == (folder / "large.bin").read_bytes()


def test_curl_goes_on_where_it_was_cut_off(files: Server, folder: Path, tmp_path: Path) -> None:
    whole = (folder / "large.bin").read_bytes()
    copy = tmp_path / "copy"
    copy.write_bytes(whole[:12_345])
    done = curl(files, "-C", "-", "-o", copy, "-w", "%{http_code}", path="/large.bin")
    assert (done.status, done.text) == (0, "206"), done
    assert copy.read_bytes() == whole
    assert curl(files, "-r", "-7", path="/large.bin").output == whole[-7:]
    assert curl(files, "-r", f"{LARGE}-", "-w", "%{http_code}", "-o", os.devnull, path="/large.bin").text == "416"


def test_curl_does_not_fetch_again_what_it_has(files: Server, folder: Path, tmp_path: Path) -> None:
    code = ("-o", os.devnull, "-w", "%{http_code}")
    assert curl(files, *code, "-z", folder / "page.html", path="/page.html").text == "304"
    etag = tmp_path / "etag"
    assert curl(files, *code, "--etag-save", etag, path="/page.html").text == "200"
    assert curl(files, *code, "--etag-compare", etag, path="/page.html").text == "304"


def test_head_tells_of_a_file_and_does_not_send_it(files: Server) -> None:
    done = curl(files, "-I", path="/large.bin")
    assert done.status == 0, done
    assert f"Content-Length: {LARGE}\r\n" in done.text
    assert "Accept-Ranges: bytes\r\n" in done.text


def test_a_folder_is_listed_with_what_can_be_had_of_it(files: Server) -> None:
    page = curl(files, "-L", path="/").text
    assert 'href="./deep/"' in page
    assert 'href="./large.bin"' in page
    for hidden in ("pipe", "out", "./up"):
        assert f'"./{hidden}' not in page
    assert 'href="./er/"' in curl(files, "-L", path="/deep").text


def test_no_spelling_of_a_path_leads_out_of_the_folder(files: Server) -> None:
    ups = ("..", "%2e%2e", ".%2e", "%2E.", "..%2f..", "..%5c..", "..%00", "%252e%252e", "up", "..;", "%c0%ae%c0%ae")
    slashes = ("/", "%2f", "//", "/./", "%5c", "%2F%2f")
    ends = ("secret.txt", "secret.txt%00.html", "out", "served/../secret.txt", "/etc/passwd", "etc%2fpasswd")
    connection = http.client.HTTPSConnection("localhost", files.port, timeout=PATIENCE, context=_trusting(files))
    for first, up, slash, end in itertools.product(("/", "/deep/"), ups, slashes, ends):
        for path in (f"{first}{up}{slash}{end}", f"{first}{up}{slash}{up}{slash}{end}"):
            connection.putrequest("GET", path, skip_accept_encoding=True)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            assert response.status in (400, 403, 404), (path, response.status)
            assert SECRET not in body
            assert b"root:" not in body
    connection.close()


def _trusting(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


@pytest.mark.parametrize("path", ["/pipe", "/out", "/up/secret.txt", "/none", "/page.html/"])
def test_links_pipes_and_what_is_not_there_are_refused_at_once(files: Server, path: str) -> None:
    done = curl(files, "-w", "%{http_code}", path=path)
    assert done.text[-3:] in ("403", "404"), done
    assert SECRET.decode() not in done.text


@pytest.mark.parametrize("form", ["pem", "der", "pkcs12", "encrypted"])
def test_private_keys_stay_private_whatever_their_form(tmp_path: Path, form: str) -> None:
    openssl = str(require("openssl"))
    key, made = tmp_path / "key.pem", tmp_path / "made"
    cert = tmp_path / "cert.pem"
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key)
    assert run([openssl, "req", "-x509", *new_key, "-out", cert, "-subj", "/CN=localhost", "-days", "2"]).status == 0
    ways: dict[str, list[str | Path]] = {
        "pem": ["pkey", "-in", key, "-out", made],
        "der": ["pkey", "-in", key, "-outform", "DER", "-out", made],
        "pkcs12": ["pkcs12", "-export", "-inkey", key, "-in", cert, "-passout", "pass:x", "-out", made],
        "encrypted": ["pkcs8", "-topk8", "-in", key, "-outform", "DER", "-passout", "pass:x", "-out", made],
    }
    assert run([openssl, *ways[form]]).status == 0
    with serving("--files", tmp_path) as server:
        assert curl(server, "-o", os.devnull, "-w", "%{http_code}", path="/made").text == "403"
        assert curl(server, "-o", os.devnull, "-w", "%{http_code}", path="/cert.pem").text == "200"


def test_the_log_of_secrets_is_not_served(tmp_path: Path) -> None:
    with serving("--files", tmp_path, "--keylog", tmp_path / "keys.log") as server:
        assert curl(server, "-o", os.devnull, "-w", "%{http_code}", path="/keys.log").text == "403"
    assert (tmp_path / "keys.log").stat().st_size > 0


@pytest.fixture(scope="module")
def sink() -> Iterator[Server]:
    with serving("--discard") as server:
        yield server


@pytest.mark.parametrize("way", ["length", "chunked", "post"])
def test_curl_uploads_and_gets_the_digest(sink: Server, folder: Path, way: str) -> None:
    data = folder / "large.bin"
    ways = {
        "length": ("-T", data),
        "chunked": ("-T", data, "-H", "Transfer-Encoding: chunked"),
        "post": ("--data-binary", f"@{data}"),
    }
    done = curl(sink, *ways[way], path="/any")
    assert done.status == 0, done
    assert json.loads(done.text) == {"bytes": LARGE, "sha256": hashlib.sha256(data.read_bytes()).hexdigest()}


def test_a_gibibyte_is_taken_in_and_digested(sink: Server) -> None:
    size, digest = 1 << 30, hashlib.sha256()
    piece = os.urandom(1 << 20)
    with session(sink) as tls:
        for _ in range(size // len(piece)):
            tls.sendall(piece)
            digest.update(piece)
        tls.settimeout(LIMIT)
        line = _end(tls)
    assert line == f"bytes={size} sha256={digest.hexdigest()}\n"


def _end(tls: ssl.SSLSocket) -> str:
    """Close our side and hear what comes then: by TCP, since Python's `unwrap` throws away what comes behind our close_notify."""
    socket.socket.shutdown(tls, socket.SHUT_WR)
    return all_of(tls).decode()


def test_a_client_that_half_closes_gets_the_line(sink: Server) -> None:
    with session(sink) as tls:
        tls.sendall(b"no HTTP")
        assert _end(tls) == f"bytes=7 sha256={hashlib.sha256(b'no HTTP').hexdigest()}\n"


def test_the_source_serves_curl_and_clients_that_say_nothing() -> None:
    with serving("--source", "3MiB") as server:
        by_http = curl(server, path="/any")
        assert (by_http.status, len(by_http.output)) == (0, 3 << 20)
        with session(server) as tls:
            assert all_of(tls) == by_http.output
        with session(server) as tls:
            tls.sendall(b"\n")
            assert all_of(tls) == by_http.output
        head = curl(server, "-I")
        assert f"Content-Length: {3 << 20}\r\n" in head.text


def test_an_endless_source_is_cut_off_by_its_client_without_an_error() -> None:
    with serving("--source", "endless") as server:
        for words in (b"x", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            with session(server) as tls:
                tls.sendall(words)
                assert len(tls.recv(1000)) > 0
            event = server.next_event()
            assert (event["error"], event["sent"] > 0) == (None, True), event


def test_s_client_reads_from_the_source() -> None:
    with serving("--source", "100000") as server:
        command = [require("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-CAfile", server.ca_file]
        done = run(command, stdin=b"")
        assert len(done.output) == 100_000, done.errors


def test_a_canned_response_is_sent_as_it_is(tmp_path: Path) -> None:
    canned = tmp_path / "response"
    canned.write_bytes(b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 3\r\n\r\nno\n")
    with serving("--respond", canned) as server:
        done = curl(server, "-w", "%{http_code}")
        assert (done.status, done.text) == (0, "no\n418")
        with session(server) as tls:
            tls.sendall(b"hello\r\n")
            assert all_of(tls) == canned.read_bytes()


def test_a_canned_response_may_come_from_stdin(tmp_path: Path) -> None:
    canned = tmp_path / "response"
    canned.write_bytes(b"said")
    with canned.open() as stdin, serving("--respond", "-", stdin=stdin.fileno()) as server, session(server) as tls:
        tls.sendall(b"x")
        assert all_of(tls) == b"said"


def not_started(*args: str | Path) -> tuple[int, str, str]:
    """The status of a server that refuses to start, and its error's code and words."""
    done = tlstool("serve", "--json", *args)
    event = done.events[0]
    assert event["event"] == "error", done
    return done.status, event["error"]["code"], event["error"]["message"]


def test_two_modes_at_once_are_refused() -> None:
    status, code, words = not_started("--echo", "--source", "1KiB")
    assert (status, code) == (2, "usage")
    assert "--echo and --source" in words


def test_what_a_mode_needs_has_to_be_there(tmp_path: Path) -> None:
    assert not_started("--respond", tmp_path / "none")[:2] == (3, "file-missing")
    assert tlstool("serve", "--files", tmp_path / "none").status == 2
    assert tlstool("serve", "--source", "much").status == 2


@pytest.mark.parametrize("mode", [("--discard",), ("--source", "1KiB"), ("--files", "."), ("--respond", os.devnull)])
def test_what_the_second_backend_does_not_do_it_refuses(mode: tuple[str, ...]) -> None:
    assert not_started("--backend", "openssl", *mode)[:2] == (2, "unsupported")


def browsed(server: Server, home: Path) -> bytes:
    """What the page is to a browser that has its settings and authorities there."""
    chromium = (require("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
    quiet = ("--disable-background-networking", "--disable-component-update", f"--user-data-dir={home}/profile")
    command = (*chromium, *quiet, "--dump-dom", f"https://localhost:{server.port}/")
    with started(command, environment={"HOME": str(home)}, stderr=subprocess.DEVNULL) as browser:
        page, _ = browser.communicate(timeout=LIMIT)
    assert isinstance(page, bytes)
    return page


def test_a_browser_shows_the_page_once_it_has_the_authority(tmp_path: Path) -> None:
    database = tmp_path / "knows" / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = (require("certutil"), "-d", f"sql:{database}")
    run([*certutil, "-N", "--empty-password"])
    with serving() as server:
        assert run([*certutil, "-A", "-n", "throw-away", "-t", "C,,", "-i", server.ca_file]).status == 0
        page = browsed(server, tmp_path / "knows")
        refused = browsed(server, tmp_path)
    assert b"You speak TLS&nbsp;1.3" in page
    assert b"<h2>What you offered</h2>" in page
    assert b"JA4" in page
    assert b"You speak" not in refused
