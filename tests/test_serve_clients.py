"""What `serve` is told of its clients' certificates and sessions: contradictions, files, and keys that outlive a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from factories import server_config
from peers import require
from runner import run, serving, tlstool

from tlstool.backends.openssl import OpenSsl
from tlstool.errors import Unsupported
from tlstool.model import Roots
from tlstool.sites import ClientAuth, Sessions

if TYPE_CHECKING:
    from conftest import Pki
    from credentials import Credentials

in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--require-client-cert",), "--client-ca"),
        (("--client-ca", "CA"), "--require-client-cert"),
        (("--client-crl", "CA"), "--require-client-cert"),
        (("--request-client-cert", "--client-crl", "CA"), "--client-ca"),
        (("--client-ca", "CA", "--require-client-cert", "--request-client-cert"), "contradict"),
        (("--tickets", "off", "--ticket-key", "KEY"), "--ticket-key"),
        (("--tickets", "off", "--max-early-data", "1KiB"), "--tickets off"),
        (("--ticket-key", "KEY", "--max-early-data", "1KiB"), "--ticket-key"),
        (("--tickets", "256"), "from 0 to 255"),
        (("--max-early-data", "4GiB"), "4 GiB"),
        (("--tls", "1.3", "--tls-max", "1.2"), "--tls-max"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_listens(options: tuple[str, ...], words: str) -> None:
    done = tlstool("serve", *options)
    assert (done.status, done.text) == (2, ""), done
    assert words in done.errors


@pytest.mark.parametrize("size", [0, 47, 49, 81])
def test_a_ticket_key_of_another_size_is_refused_with_how_to_make_one(tmp_path: Path, size: int) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(size))
    done = tlstool("serve", "--ticket-key", key)
    assert done.status == 3, done
    assert "48 or 80" in done.errors
    assert "openssl rand 80" in done.errors


@pytest.mark.parametrize(("version", "alert"), [("1.2", "handshake_failure"), ("1.3", "certificate_required")])
def test_who_shows_no_certificate_is_told_in_the_words_of_the_version(credentials: Credentials, version: str, alert: str) -> None:
    with serving("--client-ca", credentials.client_ca, "--require-client-cert") as server:
        done = tlstool("connect", server.target, "--ca", server.ca_file, "--tls", version, "--json")
        event = server.next_event()
    assert (done.status, done.document["error"]["alert"]) == (13, alert)
    assert (event["tls"], event["error"]) == (version, "client-certificate-required")


@in_both_versions
def test_sessions_outlive_the_server_with_a_key_from_a_file(credentials: Credentials, tmp_path: Path, version: str) -> None:
    key, session = tmp_path / "key", tmp_path / "session"
    key.write_bytes(os.urandom(80))
    demand = ("--client-ca", credentials.client_ca, "--require-client-cert")
    identity = ("-cert", credentials.client.cert, "-key", credentials.client.key)

    def visit(*options: str | Path, tickets: Path = key) -> tuple[str | None, str | None]:
        with serving(*demand, "--ticket-key", tickets) as server:
            client = (require("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-ign_eof")
            run([*client, f"-tls{version.replace('.', '_')}", *options], stdin=b"GET / HTTP/1.0\r\n\r\n")
            event = server.next_event()
            return event["kind"], event["error"]

    assert visit(*identity, "-sess_out", session) == ("full", None)
    # Without its certificate: the session remembers.
    assert visit("-sess_in", session) == ("resumed", None)
    other = tmp_path / "other"
    other.write_bytes(os.urandom(48))
    assert visit("-sess_in", session, tickets=other) == ("full", "client-certificate-required")


@pytest.mark.parametrize("fields", [{"client_auth": ClientAuth(Roots("none", ()))}, {"sessions": Sessions(tickets=0)}])
def test_the_interpreters_ssl_refuses_what_it_cannot_tell_or_choose(certificates: Pki, fields: dict[str, object]) -> None:
    with pytest.raises(Unsupported):
        OpenSsl().server(server_config(certificates.leaf.identity, **fields))
