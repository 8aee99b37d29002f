"""What goes with `serve --forward`: TLS with the upstream, the PROXY protocol, key updates; and real servers behind it."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from credentials import Credentials
from foreign import ForeignServers
from peers import require
from runner import LIMIT, Server, run, serving, started, tlstool
from test_forward import client, pipe
from upstreams import Upstream, all_of, appeared

pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)

StartUpstream = Callable[..., Upstream]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n\x21\x11"


def get(server: Server, *options: str) -> tuple[int, str]:
    """Status and body of curl's request."""
    url = f"https://localhost:{server.port}/page.txt"
    done = run([require("curl"), "-sS", "--max-time", str(LIMIT), "--cacert", server.ca_file, *options, url])
    return done.status, done.text


@pytest.fixture
def page(servers: ForeignServers) -> str:
    (servers.documents / "page.txt").write_text("what nginx says\n")
    return "what nginx says\n"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tls_is_spoken_on_both_sides(credentials: Credentials, servers: ForeignServers, page: str, version: str) -> None:
    nginx = servers.nginx("good", f"ssl_protocols TLSv{version};")
    with serving("--forward", nginx.target, "--forward-tls", "--forward-ca", credentials.ca) as server:
        assert get(server) == (0, page)
        event = server.next_event()
    assert (event["error"], event["is_upstream_error"]) == (None, False)


@pytest.mark.parametrize(
    ("identity", "code"),
    [("expired", "expired"), ("wrong_name", "name-mismatch"), ("unknown_issuer", "unknown-issuer")],
)
def test_to_an_upstream_with_a_bad_certificate_no_byte_goes(
    credentials: Credentials, upstream: StartUpstream, identity: str, code: str
) -> None:
    pair = getattr(credentials, identity)

    def script(sock: socket.socket) -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        with context.wrap_socket(sock, server_side=True) as tls:
            return all_of(tls)

    behind = upstream(script)
    target = behind.target.replace("127.0.0.1", "localhost")
    with serving("--forward", target, "--forward-tls", "--forward-ca", credentials.ca) as server:
        with client(server) as tls:
            tls.sendall(b"a secret")
            assert tls.recv(10) == b""
        event = server.next_event()
        assert isinstance(behind.next(), ssl.SSLError)
    assert (event["error"], event["is_upstream_error"], event["sent"]) == (code, True, 0)
    with serving("--forward", target, "--forward-tls", "--forward-ca", credentials.ca, "--forward-insecure") as server:
        assert pipe(server, b"no secret") == b""
        assert behind.next() == b"no secret"


def test_an_upstream_without_tls_is_told_from_one(upstream: StartUpstream) -> None:
    behind = upstream(lambda sock: sock.sendall(b"220 plain words\r\n"))
    with serving("--forward", behind.target, "--forward-tls", "--forward-insecure") as server:
        with client(server) as tls:
            assert tls.recv(10) == b""
        event = server.next_event()
    assert (event["error"], event["is_upstream_error"]) == ("not-tls", True)


def test_the_upstream_is_offered_what_the_client_agreed_on_and_our_certificate(credentials: Credentials) -> None:
    pair = credentials.client
    behind = [require("openssl"), "s_server", "-accept", "127.0.0.1:0", "-rev", "-alpn", "test/1", "-Verify", "1"]
    trusted = ("-CAfile", credentials.client_ca, "-verify_return_error")
    with started([*behind, "-cert", credentials.good.cert, "-key", credentials.good.key, *trusted]) as process:
        assert process.stdout is not None
        while not (found := re.search(rb"ACCEPT 127\.0\.0\.1:(\d+)", process.stdout.readline())):
            pass
        ours = ("--forward-ca", credentials.ca, "--forward-extra-ca", credentials.intermediate)
        shown = ("--forward-cert", pair.cert, "--forward-key", pair.key)
        target = f"localhost:{int(found[1])}"
        with serving("--forward", target, "--forward-tls", *ours, *shown, "--alpn", "test/1") as server:
            args = ("connect", server.target, "--ca", server.ca_file, "--alpn", "test/1", "--half-close", "none", "-p", "-q")
            done = tlstool(*args, "--send", "abc\n", "--timeout", "3s")
    assert done.output == b"cba\n", done


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_header_tells_of_the_client(upstream: StartUpstream, version: str) -> None:
    behind = upstream(all_of)
    with serving("--forward", behind.target, "--proxy-protocol", "v2", "--alpn", "test/1") as server:
        args = ("connect", server.target, "--ca", server.ca_file, "--alpn", "test/1", "--tls", version, "-p", "-q")
        assert tlstool(*args, stdin=b"and then words").status == 0
        event = server.next_event()
        header = behind.next()
    assert header.startswith(SIGNATURE)
    length = int.from_bytes(header[14:16])
    body, words = header[16 : 16 + length], header[16 + length :]
    assert words == b"and then words"
    assert body[:8] == socket.inet_aton("127.0.0.1") * 2
    assert f"127.0.0.1:{int.from_bytes(body[8:10])}" == event["peer"]
    assert int.from_bytes(body[10:12]) == server.port
    values = tlvs(body[12:])
    assert (values[0x01], values[0x02]) == (b"test/1", b"localhost")
    assert values[0x20][:5] == b"\x01\0\0\0\x01"
    about = tlvs(values[0x20][5:])
    cipher = "ECDHE-ECDSA-AES256-GCM-SHA384" if version == "1.2" else event["suite"]
    assert (about[0x21].decode(), about[0x23].decode()) == (f"TLSv{version}", cipher)


def tlvs(data: bytes) -> dict[int, bytes]:
    """Types with their values."""
    found = {}
    while data:
        length = int.from_bytes(data[1:3])
        found[data[0]] = data[3 : 3 + length]
        data = data[3 + length :]
    return found


def test_nginx_reads_the_header(tmp_path: Path) -> None:
    path = tmp_path / "nginx.sock"
    said = "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
        f'server {{ listen unix:{path} proxy_protocol; location / {{ return 200 "{said}"; }} }} }}\n'
    )
    with started([require("nginx"), "-p", tmp_path, "-c", configuration, "-e", tmp_path / "error.log"]):
        appeared(path)
        with serving("--forward", f"unix:{path}", "--proxy-protocol", "v2") as server:
            status, body = get(server)
            peer = server.next_event()["peer"].rpartition(":")
    assert (status, body) == (0, f"{peer[0]} {peer[2]} {server.port}")


def test_redis_speaks_through_it(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    command = (require("redis-server"), "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path)
    with started(command, stdout=subprocess.DEVNULL):
        appeared(path)
        with serving("--forward", f"unix:{path}") as server:
            asked = (require("redis-cli"), "--tls", "--cacert", server.ca_file, "--sni", "localhost", "-p", str(server.port))
            assert run([*asked, "set", "key", "value"]).text == "OK\n"
            assert run([*asked, "get", "key"]).text == "value\n"
            assert server.next_event()["error"] is None


def messages(server: Server, version: str = "1.3") -> list[str]:
    """The names of the handshake messages that `openssl s_client` gets while it reads to the end."""
    words = (require("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", "-msg", "-quiet")
    done = run(
        [*words, f"-tls{version.replace('.', '_')}", "-CAfile", server.ca_file, "-servername", "localhost", "-ign_eof"], stdin=b""
    )
    return re.findall(r"<<< TLS 1\.[23], Handshake \[length [0-9a-f]+\], (\w+)", done.text)


def test_keys_are_renewed_each_time_that_so_much_was_sent(upstream: StartUpstream) -> None:
    behind = upstream(lambda sock: sock.sendall(bytes(100_000)))
    with serving("--forward", behind.target, "--key-update-every", "30000") as server:
        assert messages(server).count("KeyUpdate") == 3
        assert server.next_event()["sent"] == 100_000
        assert messages(server, "1.2").count("KeyUpdate") == 0


def test_an_echo_comes_back_whole_however_often_keys_are_renewed() -> None:
    data = bytes(range(256)) * 4096
    with serving("--echo", "--key-update-every", "10000") as server:
        assert pipe(server, data) == data
        assert server.next_event()["error"] is None


def test_gnutls_follows_key_updates(upstream: StartUpstream) -> None:
    behind = upstream(lambda sock: sock.sendall(b"word\n" * 20_000))
    with serving("--forward", behind.target, "--key-update-every", "32KiB") as server:
        words = (require("gnutls-cli"), "--x509cafile", server.ca_file, "-p", str(server.port), "localhost")
        with started(words, stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            got = b""
            while got.count(b"word\n") < 20_000 and (data := process.stdout.read(1 << 16)):
                got += data
    assert got.count(b"word\n") == 20_000


def test_the_status_page_goes_on_under_new_keys() -> None:
    with serving("--key-update-every", "1") as server:
        url = f"https://localhost:{server.port}/json"
        done = run([require("curl"), "-sS", "--max-time", str(LIMIT), "--cacert", server.ca_file, url, url])
        assert [json.loads(part)["tls"] for part in done.text.splitlines() if part] == ["1.3", "1.3"], done
