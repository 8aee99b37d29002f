"""Encrypted Client Hello (RFC 9849) against Go's crypto/tls, with configurations from files and from the DNS."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from nameservers import Answer, serving
from runner import refused, tlstool

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServers

pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)

PUBLIC = "elsewhere.test"


@dataclass(frozen=True)
class EchServer:
    """A server that decrypts hellos.

    Attributes:
        target: its target, by the inner name.
        port: where it listens.
        held: the `ECHConfigList` whose key it has, base64; of configuration 1.
        lost: one whose key it has not, of configuration 2.
    """

    target: str
    port: int
    held: str
    lost: str


def start(servers: ForeignServers, credentials: Credentials, public: str = "wrong_name", *options: str) -> EchServer:
    """Go's server with the certificate `public` of `credentials` for its public name."""
    pair = getattr(credentials, public)
    server = servers.go("good", "-ech", PUBLIC, "-public-cert", pair.cert, "-public-key", pair.key, *options)
    assert server.said is not None
    lists = re.search(r"^ech (\S+) (\S+)$", server.said.read_text(), re.MULTILINE)
    assert lists, server.said.read_text()
    return EchServer(server.target, server.port, lists[1], lists[2])


@pytest.fixture
def server(servers: ForeignServers, credentials: Credentials) -> EchServer:
    return start(servers, credentials)


def zone(records: dict[tuple[str, str], str]) -> Answer:
    """Answers by name and type, with the data as in a zone file; of a name without any, that it does not exist."""

    def answer(question: dns.message.Message, _tcp: bool) -> dns.message.Message:
        reply = dns.message.make_response(question, recursion_available=True)
        wanted = question.question[0]
        name, kind = wanted.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(wanted.rdtype)
        if data := records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(wanted.name, 60, "IN", kind, data))
        elif name not in {known for known, _ in records}:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    return answer


def written(folder: Path, configs: str, form: str) -> Path:
    """A file with an `ECHConfigList`."""
    path = folder / "configs"
    binary = base64.b64decode(configs)
    path.write_bytes(
        {
            "binary": binary,
            "base64": configs.encode() + b"\n",
            "zone file": b'ech="' + configs.encode() + b'"\n',
            "PEM": b"-----BEGIN ECHCONFIG-----\n" + base64.encodebytes(binary) + b"-----END ECHCONFIG-----\n",
        }[form]
    )
    return path


@pytest.mark.parametrize("form", ["binary", "base64", "zone file", "PEM"])
def test_a_hello_that_the_server_can_decrypt_is_accepted(
    server: EchServer, credentials: Credentials, tmp_path: Path, form: str
) -> None:
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--ech", written(tmp_path, server.held, form), "--json")
    assert done.status == 0, done
    assert done.document["ech"] == {
        "status": "accepted",
        "source": "file",
        "outer_name": PUBLIC,
        "inner_name": "localhost",
        "config_ids": [1],
        "retried": False,
        "reason": None,
    }
    assert done.document["handshake"]["trust"]["name"] == "localhost"
    assert done.document["handshake"]["certificates"][0]["subject"] == "CN=good"


def test_a_server_that_rejects_is_tried_once_more_with_what_it_sends(
    server: EchServer, credentials: Credentials, tmp_path: Path
) -> None:
    configs = written(tmp_path, server.lost, "base64")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--ech", configs, "--json")
    assert done.status == 0, done
    ech = done.document["ech"]
    assert (ech["status"], ech["retried"], ech["config_ids"]) == ("accepted", True, [2, 1])
    assert done.document["handshake"]["trust"]["name"] == "localhost"


def test_a_server_that_rejects_without_more_is_an_error(
    servers: ForeignServers, credentials: Credentials, tmp_path: Path
) -> None:
    server = start(servers, credentials, "wrong_name", "-no-retry")
    configs = written(tmp_path, server.lost, "base64")
    document = refused("connect", server.target, "--ca", credentials.ca, "--ech", configs, status=8, code="ech-rejected")
    assert "switched ECH off" in document["error"]["hint"]
    assert (document["ech"]["status"], document["ech"]["retried"]) == ("rejected", False)
    trust = document["handshake"]["trust"]
    assert (trust["verdict"], trust["name"]) == ("good", PUBLIC)


@pytest.mark.parametrize(("waive", "ends"), [((), (10, "name-mismatch")), (("-k",), (8, "ech-rejected"))])
def test_a_rejection_counts_only_with_a_certificate_for_the_public_name(
    servers: ForeignServers, credentials: Credentials, tmp_path: Path, waive: tuple[str, ...], ends: tuple[int, str]
) -> None:
    """Else anybody on the way could name a key of theirs, and read the inner hello of the second try."""
    server = start(servers, credentials, "good")
    configs = written(tmp_path, server.lost, "base64")
    document = refused("connect", server.target, "--ca", credentials.ca, "--ech", configs, *waive, status=ends[0], code=ends[1])
    assert (document["ech"]["status"], document["ech"]["retried"]) == ("rejected", False)
    assert "public name" in document["ech"]["reason"]
    assert document["handshake"]["ech"]["retry_configs"] is not None
    assert document["handshake"]["trust"]["name"] == PUBLIC
    assert [finding["code"] for finding in document["handshake"]["trust"]["findings"]] == ["name-mismatch"]


def test_our_certificate_does_not_go_to_a_server_that_rejects(
    servers: ForeignServers, credentials: Credentials, tmp_path: Path
) -> None:
    pair = credentials.wrong_name
    options = ("-ech", PUBLIC, "-public-cert", pair.cert, "-public-key", pair.key, "-client-ca", credentials.client_ca)
    found = servers.go("good", *options)
    assert found.said is not None
    lists = re.search(r"^ech (\S+) (\S+)$", found.said.read_text(), re.MULTILINE)
    assert lists
    ours = ("--cert", credentials.client.cert, "--key", credentials.client.key)
    done = tlstool(
        *("connect", found.target, "--ca", credentials.ca, *ours, "--json"),
        *("--ech", written(tmp_path, lists[2], "base64")),
    )
    assert done.status == 0, done
    assert done.document["ech"]["retried"]
    assert done.document["handshake"]["client_certificate"] == "accepted"


def test_the_configuration_is_found_in_the_dns(server: EchServer, credentials: Credentials) -> None:
    records = {
        ("localhost", "A"): "127.0.0.1",
        (f"_{server.port}._https.localhost", "HTTPS"): f"1 . alpn=h2 ech={server.held}",
    }
    with serving(zone(records)) as server_of_names:
        done = tlstool(
            "connect", server.target, "-4", "--dns", server_of_names.place, "--ca", credentials.ca, "--ech", "auto", "--json"
        )
    assert done.status == 0, done
    ech = done.document["ech"]
    assert (ech["status"], ech["source"], ech["outer_name"]) == ("accepted", "dns", PUBLIC)


def test_an_alias_in_the_dns_is_followed(server: EchServer, credentials: Credentials) -> None:
    records = {
        ("localhost", "A"): "127.0.0.1",
        (f"_{server.port}._https.localhost", "HTTPS"): "0 pool.test.",
        ("pool.test", "HTTPS"): f"1 . ech={server.held}",
    }
    with serving(zone(records)) as server_of_names:
        done = tlstool(
            "connect", server.target, "-4", "--dns", server_of_names.place, "--ca", credentials.ca, "--ech", "auto", "--json"
        )
    assert done.document["ech"]["status"] == "accepted", done


@pytest.mark.parametrize(
    ("record", "reason"),
    [(None, "no HTTPS record"), ("1 . alpn=h2", "no HTTPS record"), ("1 . ech=AAb+DQACAAA=", "no ECHConfigList")],
)
def test_where_the_dns_has_none_that_can_be_used_the_report_says_so(
    server: EchServer, credentials: Credentials, record: str | None, reason: str
) -> None:
    records = {("localhost", "A"): "127.0.0.1"}
    if record:
        records[(f"_{server.port}._https.localhost", "HTTPS")] = record
    with serving(zone(records)) as server_of_names:
        done = tlstool(
            "connect", server.target, "-4", "--dns", server_of_names.place, "--ca", credentials.ca, "--ech", "auto", "--json"
        )
    assert done.status == 0, done
    assert done.document["ech"]["status"] == "unavailable"
    assert reason in done.document["ech"]["reason"]
    assert done.document["handshake"]["ech"] is None
    assert [warning["code"] for warning in done.document["warnings"]] == ["ech-unavailable"]


@pytest.mark.parametrize("maker", ["openssl", "nginx", "go"])
def test_grease_bothers_no_server(servers: ForeignServers, credentials: Credentials, maker: str) -> None:
    server = getattr(servers, maker)()
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--ech", "grease", "--json")
    assert done.status == 0, done
    ech = done.document["ech"]
    assert (ech["status"], ech["source"], ech["outer_name"], ech["config_ids"]) == ("grease", "grease", None, [])


def test_a_server_that_knows_nothing_of_it_is_not_believed(
    server: EchServer, servers: ForeignServers, credentials: Credentials, tmp_path: Path
) -> None:
    configs = written(tmp_path, server.held, "base64")
    refused("connect", servers.openssl().target, "--ca", credentials.ca, "--ech", configs, status=10, code="name-mismatch")


@pytest.mark.parametrize(
    "data", [b"", b"not base64!", b"AAAA", b"\x00\x04\xfe\x0d\x00\x00", b"-----BEGIN ECHCONFIG-----\nAAAA\n"]
)
def test_a_file_that_has_none_is_refused(credentials: Credentials, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad").write_bytes(data)
    refused("connect", "localhost:1", "--ca", credentials.ca, "--ech", tmp_path / "bad", status=3, code="bad-ech-config")


def test_it_is_refused_where_it_cannot_be(credentials: Credentials) -> None:
    target = ("connect", "localhost:1", "--ca", credentials.ca)
    refused(*target, "--ech", "grease", "--backend", "openssl", status=2, code="unsupported")
    refused(*target, "--ech", "grease", "--tls", "1.2", status=2, code="usage")
