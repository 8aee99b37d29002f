"""`tlstool connect` through proxies of other makers, to a server behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import on_both_backends, refused, tlstool

if TYPE_CHECKING:
    from credentials import Credentials
    from proxies import Proxies


@pytest.fixture
def peer(credentials: Credentials) -> Iterator[zoo.Peer]:
    with zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as listening:
        yield listening


@on_both_backends
@pytest.mark.parametrize("scheme", ["http", "socks5h", "socks5", "socks4"])
def test_a_peer_is_reached_through_a_proxy_which_is_named(
    proxies: Proxies, credentials: Credentials, peer: zoo.Peer, scheme: str, backend: str
) -> None:
    place = proxies.http() if scheme == "http" else proxies.socks()
    done = tlstool(
        "connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--proxy", f"{scheme}://{place}", "--json"
    )
    assert done.status == 0, done
    document = done.document
    assert document["proxy"] == f"{scheme}://{place}"
    assert document["phases_ms"]["proxy"] > 0
    # Only who looked the name up knows the address.
    by_us = scheme in ("socks5", "socks4")
    assert document["address"] == (f"127.0.0.1:{peer.port}" if by_us else None)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_bytes_go_both_ways_through_a_proxy(proxies: Proxies, credentials: Credentials, peer: zoo.Peer, scheme: str) -> None:
    place = proxies.http() if scheme == "http" else proxies.socks()
    sent = b"x" * 300_000
    done = tlstool("connect", peer.target, "--ca", credentials.ca, "--proxy", f"{scheme}://{place}", "-p", "-q", stdin=sent)
    assert (done.status, done.output) == (0, sent)


def test_the_proxy_of_the_environment_is_taken_and_no_proxy_goes_around_it(
    proxies: Proxies, credentials: Credentials, peer: zoo.Peer
) -> None:
    environment = {"HTTPS_PROXY": f"http://{proxies.http()}"}
    for more, expected in (({}, environment["HTTPS_PROXY"]), ({"NO_PROXY": "localhost"}, None)):
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--json", environment=environment | more)
        assert (done.status, done.document["proxy"]) == (0, expected), done
    done = tlstool("connect", peer.target, "--ca", credentials.ca, "--json", "--no-proxy", "*", environment=environment)
    assert (done.status, done.document["proxy"]) == (0, None)


def test_a_benchmark_goes_around_the_proxy_of_the_environment(credentials: Credentials, peer: zoo.Peer) -> None:
    options = ("--ca", credentials.ca, "--count", "1", "--connections", "1")
    done = tlstool("bench", "handshake", peer.target, *options, environment={"HTTPS_PROXY": "http://127.0.0.1:1"})
    assert done.status == 0, done


def test_a_password_comes_from_a_file_or_the_url_and_is_never_shown(
    proxies: Proxies, credentials: Credentials, peer: zoo.Peer, tmp_path: Path
) -> None:
    place = proxies.private()
    file = tmp_path / "password"
    file.write_text(f"{proxies.password}\n")
    given = (
        ("--proxy", f"socks5h://{proxies.user}@{place}", "--proxy-pass-file", file),
        ("--proxy", f"socks5h://{proxies.user}:{proxies.password}@{place}"),
    )
    for options in given:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, *options, "-v", "--json")
        assert done.status == 0, done
        assert done.document["proxy"] == f"socks5h://{place}"
        assert proxies.password not in done.text + done.errors


def test_a_password_that_nobody_can_be_asked_for_is_asked_for_by_a_hint(peer: zoo.Peer) -> None:
    # In a session of its own a process has no terminal.
    done = tlstool("connect", peer.target, "--proxy", "http://alice@127.0.0.1:1", prefix=("setsid", "--wait"))
    assert done.status == 2, done
    assert "--proxy-pass-file" in done.errors


@pytest.mark.parametrize("credentials_in_url", ["", "alice:wrong@"])
def test_a_proxy_that_wants_a_password_is_status_5(proxies: Proxies, peer: zoo.Peer, credentials_in_url: str) -> None:
    url = f"socks5h://{credentials_in_url}{proxies.private()}"
    document = refused("connect", peer.target, "--proxy", url, status=5, code="proxy-auth-required")
    assert document["error"]["phase"] == "proxy"
    assert "wrong" not in str(document)


@pytest.mark.parametrize("kind", ["http", "socks5h"])
def test_a_peer_that_the_proxy_cannot_reach_is_status_5_with_its_words(proxies: Proxies, kind: str) -> None:
    place = proxies.http() if kind == "http" else proxies.socks()
    with zoo.refusing() as port:
        document = refused("connect", f"localhost:{port}", "--proxy", f"{kind}://{place}", status=5, code="proxy-refused")
    assert ("500 Unable to connect" if kind == "http" else "Connection refused") in document["error"]["message"]


def test_a_proxy_that_is_not_there_is_named() -> None:
    with zoo.refusing() as port:
        document = refused("connect", "some.test", "--proxy", f"http://127.0.0.1:{port}", status=5, code="connection-refused")
    assert f"the proxy http://127.0.0.1:{port}" in document["error"]["message"]


def test_a_web_server_is_no_proxy(credentials: Credentials) -> None:
    page = b"<html><title>Sorry</title></html>"
    reply = b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
    with zoo.listening(zoo.answers(reply)) as web:
        document = refused("connect", "some.test", "--proxy", f"http://127.0.0.1:{web.port}", status=5, code="proxy-refused")
    assert '"405 Method Not Allowed": Sorry' in document["error"]["message"]
