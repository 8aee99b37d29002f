"""`--starttls` against real servers: Postfix, Dovecot, vsftpd, slapd, PostgreSQL, MariaDB, Prosody and InspIRCd.

One protocol alone: `pytest -m "peer and smtp"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runner import on_both_backends, refused, tlstool

if TYPE_CHECKING:
    from credentials import Credentials
    from starttls_servers import RealServers

pytestmark = pytest.mark.peer

MAKERS = {
    "smtp": "postfix",
    "lmtp": "dovecot",
    "imap": "dovecot",
    "pop3": "dovecot",
    "sieve": "dovecot",
    "ftp": "vsftpd",
    "ldap": "slapd",
    "postgres": "postgresql",
    "mysql": "mariadb",
    "xmpp": "prosody",
    "xmpp-server": "prosody",
    "irc": "inspircd",
}


def of(protocol: str, *more: str) -> object:
    """A case of this protocol, which can be asked for by its mark."""
    return pytest.param(protocol, *more, marks=getattr(pytest.mark, protocol.partition("-")[0]))


on_all = pytest.mark.parametrize("protocol", [of(protocol) for protocol in MAKERS])


@on_both_backends
@on_all
def test_a_real_server_turns_to_tls_and_its_certificate_is_good(
    real_servers: RealServers, credentials: Credentials, protocol: str, backend: str
) -> None:
    target = real_servers.target(MAKERS[protocol], protocol)
    done = tlstool("connect", target, "--starttls", protocol, "--ca", credentials.ca, "--backend", backend, "--json")
    assert done.status == 0, done
    document = done.document
    assert document["starttls"]["protocol"] == protocol
    assert document["phases_ms"]["starttls"] > 0
    assert document["handshake"]["tls"] == "1.3"
    assert document["handshake"]["trust"]["verdict"] == "good"
    assert [one["subject"] for one in document["handshake"]["certificates"]] == ["CN=good", "CN=intermediate"]


@on_both_backends
@on_all
def test_a_real_server_of_another_authority_is_not_trusted(
    real_servers: RealServers, credentials: Credentials, protocol: str, backend: str
) -> None:
    target = real_servers.target(MAKERS[protocol], protocol)
    options = ("--starttls", protocol, "--ca", credentials.client_ca, "--backend", backend)
    document = refused("connect", target, *options, status=9, code="unknown-issuer")
    assert len(document["handshake"]["certificates"]) == 2


@pytest.mark.parametrize(
    ("protocol", "code", "words"),
    [
        of("smtp", "starttls-not-offered", "PIPELINING"),
        of("lmtp", "starttls-not-offered", "PIPELINING"),
        of("imap", "starttls-not-offered", "IMAP4rev1"),
        of("pop3", "starttls-not-offered", "UIDL"),
        of("sieve", "starttls-not-offered", "fileinto"),
        of("ftp", "starttls-refused", "530 Please login with USER and PASS."),
        of("ldap", "starttls-not-offered", "unsupported extended operation"),
        of("postgres", "starttls-not-offered", "it answers N"),
        of("mysql", "starttls-not-offered", "MariaDB"),
        of("xmpp", "starttls-not-offered", "it has mechanisms"),
        of("xmpp-server", "starttls-not-offered", "it has "),
        of("irc", "starttls-not-offered", "it has "),
    ],
)
def test_a_real_server_without_tls_says_so(real_servers: RealServers, protocol: str, code: str, words: str) -> None:
    target = real_servers.target(MAKERS[protocol], f"{protocol}-without")
    document = refused("connect", target, "--starttls", protocol, status=7, code=code)
    assert words in document["error"]["message"]


@pytest.mark.smtp
def test_a_postfix_that_lost_its_certificate_takes_its_offer_back(real_servers: RealServers) -> None:
    target = real_servers.target("postfix", "broken")
    document = refused("connect", target, "--starttls", "smtp", status=7, code="starttls-refused")
    assert "454 4.7.0 TLS not available due to local problem" in document["error"]["message"]


@pytest.mark.xmpp
@pytest.mark.parametrize("protocol", ["xmpp", "xmpp-server"])
def test_prosody_is_asked_for_a_domain_that_it_does_not_serve(real_servers: RealServers, protocol: str) -> None:
    target = real_servers.target("prosody", protocol)
    options = ("--starttls", protocol, "--xmpp-to", "elsewhere.test")
    document = refused("connect", target, *options, status=7, code="starttls-refused")
    assert "host-unknown" in document["error"]["message"]
    assert "--xmpp-to" in document["error"]["hint"]


@pytest.mark.ldap
def test_slapd_with_tls_from_the_first_byte_breaks_off(real_servers: RealServers) -> None:
    document = refused("connect", real_servers.target("slapd", "ldaps"), "--starttls", "ldap", status=7, code="starttls-broken")
    assert "leave it out" in document["error"]["hint"]


@pytest.mark.imap
@pytest.mark.smtp
def test_a_real_server_of_another_protocol_is_recognised(real_servers: RealServers) -> None:
    target = real_servers.target("dovecot", "imap")
    document = refused("connect", target, "--starttls", "smtp", status=7, code="plain-imap")
    assert "--starttls imap" in document["error"]["hint"]


@pytest.mark.imap
def test_a_session_behind_starttls_carries_the_protocol_on(real_servers: RealServers, credentials: Credentials) -> None:
    target = real_servers.target("dovecot", "imap")
    options = ("--starttls", "imap", "--ca", credentials.ca, "--pipe", "--quiet")
    done = tlstool("connect", target, *options, stdin=b"a CAPABILITY\r\nb LOGOUT\r\n")
    assert done.status == 0, done
    assert b"a OK" in done.output
    assert b"STARTTLS" not in done.output
