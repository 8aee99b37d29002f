"""What `connect` finds out besides: hybrid key exchange, keying material, new keys, versions and signatures."""

from __future__ import annotations

import json
import select
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zoo
from runner import on_both_backends, refused, tlstool

from tlstool.backends import why_no_fast_path

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServer, ForeignServers

rustls_alone = pytest.mark.skipif(bool(why_no_fast_path()), reason="the Rustls extension is not built")


def report_on(server: ForeignServer, credentials: Credentials, *options: str | Path) -> dict[str, Any]:
    done = tlstool("connect", server.target, "--ca", credentials.ca, *options, "--json", prefix=server.prefix)
    assert done.status == 0, done
    return done.document


# ---- hybrid key exchange -------------------------------------------------------------------------


@rustls_alone
def test_a_server_with_hybrid_key_exchange_is_known_by_one_handshake(servers: ForeignServers, credentials: Credentials) -> None:
    check = report_on(servers.go(), credentials, "--pq-check")["pq_check"]
    assert check["verdict"] == "hybrid"
    assert [one["group"] for one in check["tries"]] == ["X25519MLKEM768"]


@rustls_alone
@pytest.mark.parametrize("options", [("-p256",), ()])
def test_a_server_without_it_does_not_do_it_either_where_nothing_else_is_offered(
    servers: ForeignServers, credentials: Credentials, options: tuple[str, ...]
) -> None:
    server = servers.go("good", *options) if options else servers.openssl()
    check = report_on(server, credentials, "--pq-check")["pq_check"]
    assert check["verdict"] == "classical"
    first, second = check["tries"]
    assert (first["group"], first["error"]) == ("secp256r1" if options else "x25519", None)
    assert second["offered"] == ["X25519MLKEM768"]
    assert (second["group"], second["error"]) == (None, "alert-received")


def through(port: int, largest: int) -> zoo.Behaviour:
    """A box on the way to a server that drops connections whose first flight is larger than so many bytes."""

    def behave(_peer: zoo.Peer, sock: socket.socket) -> None:
        hello = sock.recv(65536)
        if len(hello) > largest:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, zoo.RESET)
            return
        with socket.create_connection(("127.0.0.1", port), timeout=zoo.LIMIT) as server:
            server.sendall(hello)
            ends = {sock: server, server: sock}
            while ready := select.select(list(ends), [], [], zoo.LIMIT)[0]:
                for one in ready:
                    if not (data := one.recv(65536)):
                        return
                    ends[one].sendall(data)

    return behave


@rustls_alone
def test_what_breaks_by_the_large_hello_is_proved_by_a_small_one(servers: ForeignServers, credentials: Credentials) -> None:
    with zoo.listening(through(servers.go().port, 1000)) as box:
        document = refused("connect", box.target, "--ca", credentials.ca, "--pq-check", status=8, code="connection-reset")
    check = document["pq_check"]
    assert check["verdict"] == "broken_by_large_hello"
    assert [(one["group"], one["error"]) for one in check["tries"]] == [(None, "connection-reset"), ("x25519", None)]


@rustls_alone
def test_what_breaks_in_any_case_says_nothing_of_the_hello(credentials: Credentials) -> None:
    with zoo.listening(zoo.resets) as peer:
        document = refused("connect", peer.target, "--ca", credentials.ca, "--pq-check", status=8, code="connection-reset")
    assert document["pq_check"]["verdict"] == "unknown"


@rustls_alone
def test_where_nobody_listens_there_is_nothing_to_say(credentials: Credentials) -> None:
    with zoo.refusing() as port:
        document = refused(
            "connect", f"localhost:{port}", "--ca", credentials.ca, "--pq-check", status=5, code="connection-refused"
        )
    assert document["pq_check"] is None


def test_the_check_is_refused_where_it_would_mean_nothing(credentials: Credentials) -> None:
    target = ("connect", "127.0.0.1:1", "--ca", credentials.ca, "--pq-check")
    refused(*target, "--groups", "x25519", status=2, code="usage")
    refused(*target, "--tls", "1.2", status=2, code="usage")
    refused(*target, "--backend", "openssl", status=2, code="unsupported")


# ---- keys ----------------------------------------------------------------------------------------


@rustls_alone
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_ends_export_the_same(servers: ForeignServers, credentials: Credentials, version: str) -> None:
    label = "EXPERIMENTAL tlstool"
    server = servers.go("good", "-export", label)
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--tls", version, "-p", "--json"),
        *("--export-keying", f"{label}:32", "--export-keying", f"{label}:32:abcd"),
        stdin=b"",
    )
    assert done.status == 0, done
    exported = json.loads(done.errors)["exported"]
    assert [one["keying_material"] for one in exported] == done.text.split()
    assert [(one["label"], one["length"], one["context"]) for one in exported] == [(label, 32, None), (label, 32, "abcd")]


@pytest.mark.parametrize("wish", ["label", "label:0", "label:8161", "label:32:xyz", "label:32:ab:cd", ":32", "läbel:32"])
def test_a_wish_for_keying_material_that_makes_no_sense_is_refused(wish: str) -> None:
    refused("connect", "localhost:1", "--export-keying", wish, status=2, code="usage")


@rustls_alone
@pytest.mark.parametrize("maker", ["go", "gnutls"])
def test_data_flows_after_a_key_update(servers: ForeignServers, credentials: Credentials, maker: str) -> None:
    server = servers.gnutls("good", "--disable-client-cert") if maker == "gnutls" else servers.go()
    line = b"under new keys\n"
    done = tlstool(
        *("connect", server.target, "--ca", credentials.ca, "--key-update", "-p", "--json", "--half-close", "none"),
        *("--timeout", "3s"),
        stdin=line,
        prefix=server.prefix,
    )
    assert done.output == line, done
    assert json.loads(done.errors)["keys_updated"] is True


@rustls_alone
def test_tls_12_has_no_key_update(servers: ForeignServers, credentials: Credentials) -> None:
    document = report_on(servers.openssl("good", "-tls1_2"), credentials, "--key-update")
    assert document["keys_updated"] is False
    assert "no-key-update" in [warning["code"] for warning in document["warnings"]]


def test_a_key_update_is_refused_where_tls_13_is_not_allowed() -> None:
    refused("connect", "127.0.0.1:1", "--key-update", "--tls", "1.2", status=2, code="usage")


def test_openssl_refuses_what_python_has_no_way_to_do() -> None:
    target = ("connect", "localhost:1", "--backend", "openssl")
    refused(*target, "--export-keying", "label:32", status=2, code="unsupported")
    refused(*target, "--key-update", status=2, code="unsupported")
    refused(*target, "--sigalgs", "ed25519", status=2, code="unsupported")


# ---- versions and signatures ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "version"),
    [(("--tls-max", "1.2"), "1.2"), (("--tls-min", "1.3"), "1.3"), (("--tls-min", "1.2", "--tls-max", "1.2"), "1.2")],
)
@on_both_backends
def test_a_range_of_versions_is_kept_to(
    servers: ForeignServers, credentials: Credentials, options: tuple[str, ...], version: str, backend: str
) -> None:
    assert report_on(servers.go(), credentials, *options, "--backend", backend)["handshake"]["tls"] == version


@pytest.mark.parametrize(
    "options",
    [
        ("--tls-min", "1.3", "--tls-max", "1.2"),
        ("--tls", "1.3", "--tls-min", "1.2"),
        ("--tls-min", "1.2,1.3"),
        ("--tls-min", "2"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(options: tuple[str, ...]) -> None:
    refused("connect", "localhost:1", *options, status=2, code="usage")


@rustls_alone
@pytest.mark.parametrize("name", ["ecdsa_secp256r1_sha256", "ECDSA+SHA256"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_signature_scheme_is_known_by_both_its_names(
    servers: ForeignServers, credentials: Credentials, name: str, version: str
) -> None:
    document = report_on(servers.go(), credentials, "--sigalgs", name, "--tls", version)
    assert document["handshake"]["signature_scheme"] == "ecdsa_secp256r1_sha256"


@rustls_alone
def test_a_server_that_cannot_sign_so_is_an_error(servers: ForeignServers, credentials: Credentials) -> None:
    target = ("connect", servers.go().target, "--ca", credentials.ca)
    refused(*target, "--sigalgs", "rsa_pss_rsae_sha256", status=8, code="alert-received")
    refused(*target, "--sigalgs", "ed448", status=2, code="unsupported")
    refused(*target, "--sigalgs", "ed25518", status=2, code="unknown-name")


def test_one_peer_is_enough_for_an_experiment() -> None:
    refused("connect", "localhost:1", "--pq-check", "--all-addresses", status=2, code="usage")
