"""`tlstool connect` against servers of other makers: OpenSSL, nginx, HAProxy, GnuTLS, and those of Go, Node and Java."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from peers import require
from runner import COMMAND, end, on_both_backends, run, started, tlstool

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServer, ForeignServers

MAKERS = ("openssl", "nginx", "haproxy", "gnutls", "go", "node", "java")

FIVE_MIB = os.urandom(5 << 20)

on_all_servers = pytest.mark.parametrize("maker", MAKERS)
in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture
def plain(servers: ForeignServers) -> Callable[[str, str], ForeignServer]:
    """The server of a maker with a certificate, which asks no client for one."""

    def start(maker: str, identity: str) -> ForeignServer:
        options = ("--disable-client-cert",) if maker == "gnutls" else ()
        found: ForeignServer = getattr(servers, maker)(identity, *options)
        return found

    return start


@on_both_backends
@in_both_versions
@on_all_servers
def test_a_sound_server_is_reported_and_good(
    plain: Callable[[str, str], ForeignServer], credentials: Credentials, maker: str, version: str, backend: str
) -> None:
    server = plain(maker, "good")
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--tls", version, "--backend", backend, "--json"),
        prefix=server.prefix,
    )
    assert done.status == 0, done
    handshake = done.document["handshake"]
    assert done.document["backend"] == backend
    assert handshake["tls"] == version
    assert re.fullmatch(r"TLS_(ECDHE_ECDSA_WITH_)?(AES|CHACHA20)_\w+_SHA(256|384)", handshake["suite"])
    assert handshake["sni"] == "localhost"
    assert handshake["client_certificate"] in ("not_requested", None)
    path = [(one["subject"], one["sent"], one["is_anchor"]) for one in handshake["trust"].pop("path")]
    assert path == [("CN=good", 0, False), ("CN=intermediate", 1, False), ("CN=root", None, True)]
    assert handshake["trust"] | {"verifier": None} == {
        "verdict": "good",
        "name": "localhost",
        "revocation": "not_checked",
        "findings": [],
        "verifier": None,
        "store": str(credentials.ca),
    }
    assert [certificate["subject"] for certificate in handshake["certificates"]] == ["CN=good", "CN=intermediate"]


@on_both_backends
@pytest.mark.parametrize(
    ("identity", "trusted", "options", "status", "code"),
    [
        ("good", "ca", ("--verify-name", "elsewhere.test"), 10, "name-mismatch"),
        ("good", "client_ca", (), 9, "unknown-issuer"),
        ("expired", "ca", (), 11, "expired"),
    ],
)
@on_all_servers
def test_a_bad_certificate_decides_the_status_and_is_reported_in_full(
    *,
    plain: Callable[[str, str], ForeignServer],
    credentials: Credentials,
    maker: str,
    identity: str,
    trusted: str,
    options: tuple[str, ...],
    status: int,
    code: str,
    backend: str,
) -> None:
    server = plain(maker, identity)
    ca = getattr(credentials, trusted)
    done = tlstool("connect", server.target, "--ca", ca, "--backend", backend, "--json", *options, prefix=server.prefix)
    assert (done.status, done.document["error"]["code"]) == (status, code), done
    handshake = done.document["handshake"]
    assert handshake["tls"] == "1.3"
    assert handshake["trust"]["verdict"] == "bad"
    assert len(handshake["certificates"]) == 2


@on_both_backends
@pytest.mark.parametrize(
    ("maker", "options"), [("openssl", ("-alpn", "http/1.1,h2")), ("gnutls", ("--alpn=h2", "-a")), ("go", ("-alpn", "h2"))]
)
def test_alpn_is_what_the_server_chose(
    servers: ForeignServers, credentials: Credentials, maker: str, options: tuple[str, ...], backend: str
) -> None:
    server = getattr(servers, maker)("good", *options)
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--alpn", "h2,acme-tls/1", "--backend", backend, "--json"),
        prefix=server.prefix,
    )
    assert (done.status, done.document["handshake"]["alpn"]) == (0, "h2"), done


@on_both_backends
def test_a_server_without_a_common_protocol_answers_by_its_alert(
    servers: ForeignServers, credentials: Credentials, backend: str
) -> None:
    server = servers.go("good", "-alpn", "h2")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--alpn", "imap", "--backend", backend, "--json")
    assert done.status == 8, done
    error = done.document["error"]
    assert (error["code"], error["alert"]) == ("alert-received", "no_application_protocol")


@on_both_backends
@pytest.mark.parametrize("maker", ["openssl", "go"])
def test_a_server_that_takes_only_p256_is_reached(
    servers: ForeignServers, credentials: Credentials, maker: str, backend: str
) -> None:
    server = servers.go("good", "-p256") if maker == "go" else servers.openssl("good", "-groups", "P-256")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--tls", "1.3", "--backend", backend, "--json")
    assert done.status == 0, done
    handshake = done.document["handshake"]
    assert handshake["kind"] == "full_with_retry"
    # The interpreter's ssl does not tell the group.
    assert handshake["group"] == {"rustls": "secp256r1", "openssl": None}[backend]


@on_both_backends
@in_both_versions
@pytest.mark.parametrize("maker", ["openssl", "nginx"])
def test_a_pipe_ends_with_the_server_and_has_brought_every_byte(
    *,
    plain: Callable[[str, str], ForeignServer],
    servers: ForeignServers,
    credentials: Credentials,
    maker: str,
    version: str,
    backend: str,
) -> None:
    (servers.documents / "five-mib").write_bytes(FIVE_MIB)
    server = plain(maker, "good")
    command = (*COMMAND, "connect", server.target, "--ca", credentials.ca, "--tls", version, "--backend", backend, "--pipe", "-q")
    # A file server takes the end of what the client sends for the client's end, so stdin stays open.
    with started(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"GET /five-mib HTTP/1.0\r\n\r\n")
        done = end(process)
    header, _, body = done.output.partition(b"\r\n\r\n")
    assert header.lower().startswith((b"http/1.0 200", b"http/1.1 200"))
    assert hashlib.sha256(body).digest() == hashlib.sha256(FIVE_MIB).digest()
    assert (done.status, done.errors) == (0, "")


@on_both_backends
def test_a_pipe_sends_and_receives_at_once(servers: ForeignServers, credentials: Credentials, backend: str) -> None:
    server = servers.go()
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--backend", backend, "--pipe", "-q", stdin=FIVE_MIB)
    assert hashlib.sha256(done.output).digest() == hashlib.sha256(FIVE_MIB).digest()
    assert (done.status, done.errors) == (0, "")


@on_both_backends
def test_the_chain_is_written_as_it_was_sent(
    plain: Callable[[str, str], ForeignServer], credentials: Credentials, tmp_path: Path, backend: str
) -> None:
    chain = tmp_path / "chain.pem"
    server = plain("openssl", "good")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--backend", backend, "--chain", chain)
    assert done.status == 0, done
    assert chain.read_text() == credentials.good.cert.read_text()
    read = run([require("openssl"), "x509", "-in", chain, "-noout", "-subject"])
    assert (read.status, read.text) == (0, "subject=CN = good\n")


@on_both_backends
@pytest.mark.parametrize(
    ("version", "labels"),
    [
        ("1.2", {"CLIENT_RANDOM"}),
        (
            "1.3",
            {
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0",
            },
        ),
    ],
)
def test_the_key_log_holds_the_secrets_that_the_server_has_and_is_for_its_owner_alone(
    *,
    servers: ForeignServers,
    credentials: Credentials,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    version: str,
    labels: set[str],
    backend: str,
) -> None:
    of_server = tmp_path_factory.getbasetemp() / "server.keys"
    server = servers.openssl("good", "-keylogfile", of_server)
    keys = tmp_path / "keys"
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--tls", version, "--backend", backend, "--keylog", keys)
    assert done.status == 0, done
    secrets = {line for line in keys.read_text().splitlines() if line.partition(" ")[0] in labels}
    assert {line.partition(" ")[0] for line in secrets} == labels
    assert secrets <= set(of_server.read_text().splitlines())
    assert keys.stat().st_mode & 0o777 == 0o600
