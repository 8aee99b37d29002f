"""`--starttls` from the command to the session, on both backends, against servers that follow a script and then speak TLS."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

import pytest
import starttls_scripts
import zoo
from runner import on_both_backends, refused, tlstool
from starttls_scripts import BAD, GOOD, Script

from tlstool import backends, connect, schemes, starttls
from tlstool.bench.network import bench_handshake
from tlstool.errors import UsageError
from tlstool.requests import ConnectRequest, HandshakeBenchRequest

if TYPE_CHECKING:
    from credentials import Credentials

pytest_plugins = ("credentials",)

IN_PLAIN_RECORDS = [name for name in GOOD if name != "mssql"]


def turning(script: Script, configuration: ssl.SSLContext) -> zoo.Behaviour:
    """Follow the script, then echo in TLS."""

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, script)
        zoo.tls(configuration, zoo.echoes)(peer, sock)

    return behave


def sql_server(configuration: ssl.SSLContext, size: int = 4096, kind: int = 0x12) -> zoo.Behaviour:
    """TDS 7: the handshake in packets of so many bytes, then an echo in records alone."""

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, GOOD["mssql"])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = configuration.wrap_bio(incoming, outgoing, server_side=True)
        while not _handshake_is_done(session):
            _send_wrapped(sock, outgoing.read(), size, kind)
            incoming.write(_packet(sock))
        _send_wrapped(sock, outgoing.read(), size, kind)
        while data := _read(session, incoming, sock):
            peer.received += data
            session.write(data)
            sock.sendall(outgoing.read())

    return behave


def _handshake_is_done(session: ssl.SSLObject) -> bool:
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _read(session: ssl.SSLObject, incoming: ssl.MemoryBIO, sock: socket.socket) -> bytes:
    while True:
        try:
            return session.read(65536)
        except ssl.SSLWantReadError:
            data = sock.recv(65536)
            if not data:
                return b""
            incoming.write(data)
        except ssl.SSLZeroReturnError:
            return b""


def _send_wrapped(sock: socket.socket, records: bytes, size: int, kind: int) -> None:
    for start in range(0, len(records), size):
        part = records[start : start + size]
        sock.sendall(starttls_scripts.tds_packet(part, kind=kind, last=start + size >= len(records)))


def _packet(sock: socket.socket) -> bytes:
    kind, _, size = struct.unpack(">BBH4x", _exactly(sock, 8))
    assert kind == 0x12, "not what a handshake travels in"
    return _exactly(sock, size - 8)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionAbortedError
        data += more
    return data


@on_both_backends
@pytest.mark.parametrize("name", IN_PLAIN_RECORDS)
def test_a_server_that_turns_to_tls_is_reported_and_good(credentials: Credentials, name: str, backend: Any) -> None:
    with zoo.listening(turning(GOOD[name], zoo.context(credentials.good))) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls=name, ca=(str(credentials.ca),), backend=backend))
    assert report.error is None
    assert report.handshake is not None
    assert report.handshake.trust.verdict == "good"
    assert report.starttls is not None
    assert report.starttls.protocol == name
    assert report.phases_ms.starttls is not None
    assert report.phases_ms.handshake is not None


@on_both_backends
@pytest.mark.parametrize("name", IN_PLAIN_RECORDS)
def test_a_bad_certificate_behind_starttls_decides_the_status(credentials: Credentials, name: str, backend: Any) -> None:
    with zoo.listening(turning(GOOD[name], zoo.context(credentials.expired))) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls=name, ca=(str(credentials.ca),), backend=backend))
    assert report.exit_status == 11
    assert report.handshake is not None
    assert len(report.handshake.certificates) == 2


@on_both_backends
@pytest.mark.parametrize(("size", "kind"), [(4096, 0x12), (100, 0x12), (1, 0x04)])
def test_the_handshake_of_sql_server_travels_in_its_packets(credentials: Credentials, size: int, kind: int, backend: str) -> None:
    with zoo.listening(sql_server(zoo.context(credentials.good), size, kind)) as peer:
        options = ("--starttls", "mssql", "--ca", credentials.ca, "--backend", backend, "--pipe", "--json")
        done = tlstool("connect", peer.target, *options, stdin=b"behind the handshake nothing is wrapped")
    assert done.status == 0, done
    assert done.output == b"behind the handshake nothing is wrapped"
    report = json.loads(done.errors)
    assert report["handshake"]["tls"] == "1.2"
    assert [one["code"] for one in report["warnings"] if one["code"] == "old-tls"] == []
    assert report["starttls"] == {"protocol": "mssql", "server": "SQL Server 16.0.1000", "newest_tls": "1.2"}


def test_what_is_watched_of_sql_server_are_its_records_in_their_order(credentials: Credentials) -> None:
    if why := backends.why_no_fast_path():
        pytest.skip(f"rustls: {why}")
    with zoo.listening(sql_server(zoo.context(credentials.good))) as peer:
        done = tlstool("connect", peer.target, "--starttls", "mssql", "--ca", credentials.ca, "-vv")
    assert done.status == 0, done
    messages = re.findall(
        r"^([<>]) +[\d.]+ m?s +(ClientHello|ServerHello|ClientKeyExchange|Finished),", done.errors, re.MULTILINE
    )
    assert [name for _, name in messages] == ["ClientHello", "ServerHello", "ClientKeyExchange", "Finished", "Finished"]
    assert "".join(way for way, _ in messages) == "><>><"


@on_both_backends
def test_sql_server_with_a_bad_certificate_is_reported_in_full(credentials: Credentials, backend: Any) -> None:
    with zoo.listening(sql_server(zoo.context(credentials.unknown_issuer))) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls="mssql", ca=(str(credentials.ca),), backend=backend))
    assert report.exit_status == 9
    assert report.handshake is not None
    assert report.handshake.certificates


@on_both_backends
def test_an_alert_of_sql_server_comes_in_a_packet_too(credentials: Credentials, backend: Any) -> None:
    def behave(_peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, GOOD["mssql"])
        _packet(sock)
        _send_wrapped(sock, zoo.HANDSHAKE_FAILURE, 4096, 0x12)

    with zoo.listening(behave) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls="mssql", ca=(str(credentials.ca),), backend=backend))
    assert report.error is not None
    assert (report.error.code, report.error.alert) == ("alert-received", "handshake_failure")


@on_both_backends
def test_bare_records_of_sql_server_are_no_handshake(credentials: Credentials, backend: Any) -> None:
    def behave(_peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, GOOD["mssql"])
        _packet(sock)
        sock.sendall(zoo.HANDSHAKE_FAILURE + b"\0")

    with zoo.listening(behave) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls="mssql", ca=(str(credentials.ca),), backend=backend))
    assert report.error is not None
    assert (report.exit_status, report.error.code) == (8, "peer-misbehaved")


def test_sql_server_does_not_get_a_version_that_it_has_only_in_tds_8() -> None:
    document = refused("connect", "localhost", "--starttls", "mssql", "--tls", "1.3", status=2, code="usage")
    assert "mssql-strict" in document["error"]["hint"]


def test_tds_8_is_tls_from_the_first_byte_under_its_own_protocol(credentials: Credentials) -> None:
    context = zoo.context(credentials.good)
    context.set_alpn_protocols(["tds/8.0"])
    with zoo.listening(zoo.tls(context)) as peer:
        done = tlstool("connect", peer.target, "--starttls", "mssql-strict", "--ca", credentials.ca, "--json")
    assert done.status == 0, done
    assert done.document["handshake"]["alpn"] == "tds/8.0"
    assert done.document["handshake"]["tls"] == "1.3"
    assert done.document["starttls"] == {"protocol": "mssql-strict", "server": None, "newest_tls": None}
    assert done.document["phases_ms"]["starttls"] is None


@pytest.mark.parametrize("case", ["SMTP that cannot now", "IMAP without it", "PostgreSQL that is full", "XMPP with a bomb"])
def test_a_refusal_is_status_7_with_the_servers_own_words(case: str) -> None:
    name, script, code, words = BAD[case]
    with zoo.listening(lambda _peer, sock: starttls_scripts.play(sock, script)) as peer:
        document = refused("connect", peer.target, "--starttls", name, status=7, code=code)
    error = document["error"]
    assert error["phase"] == "starttls"
    assert words in error["message"]
    assert document["starttls"] == {"protocol": name, "server": None, "newest_tls": None}
    assert document["handshake"] is None


@on_both_backends
def test_a_record_in_the_packet_of_the_consent_is_the_handshakes(credentials: Credentials, backend: Any) -> None:
    *before, consent = GOOD["smtp"]
    assert isinstance(consent, bytes)

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, (*before, consent + zoo.HANDSHAKE_FAILURE))
        zoo.silent(peer, sock)

    with zoo.listening(behave) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls="smtp", ca=(str(credentials.ca),), backend=backend))
    assert report.error is not None
    assert (report.error.code, report.error.alert) == ("alert-received", "handshake_failure")


def test_nothing_is_sent_behind_plain_text_that_follows_the_consent() -> None:
    *before, consent = GOOD["smtp"]
    assert isinstance(consent, bytes)

    def behave(peer: zoo.Peer, sock: socket.socket) -> None:
        starttls_scripts.play(sock, (*before, consent + b"250 injected\r\n"))
        zoo.silent(peer, sock)

    with zoo.listening(behave) as peer:
        document = refused("connect", peer.target, "--starttls", "smtp", status=7, code="plaintext-after-starttls")
    assert "injected" in document["error"]["message"]
    assert peer.received == b""


def test_a_servers_words_do_not_command_the_terminal() -> None:
    with zoo.listening(zoo.greets(b"554 \x1b[2Jgo\x07\xc2\x9baway\r\n")) as peer:
        told = tlstool("connect", peer.target, "--starttls", "smtp", "-v")
    assert told.status == 7
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told.text + told.errors)


def test_a_server_that_says_nothing_is_left_at_the_limit_of_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    from tlstool import phases

    monkeypatch.setitem(phases.LIMITS, "starttls", 0.2)
    with zoo.listening(zoo.silent) as peer:
        report = connect(ConnectRequest(target=peer.target, starttls="smtp"))
    assert report.error is not None
    assert (report.exit_status, report.error.code, report.error.phase) == (6, "time-limit", "starttls")
    assert report.phases_ms.starttls is not None
    assert 199 <= report.phases_ms.starttls < 400
    assert "leave it out" in (report.error.hint or "")


def test_the_domain_that_xmpp_is_asked_for_is_the_name_that_is_verified_or_one_of_its_own(credentials: Credentials) -> None:
    for options, domain in (((), rb"localhost"), (("--xmpp-to", "chat.test"), rb"chat\.test")):
        script: Script = (starttls_scripts.xmpp_hello(to=domain), *GOOD["xmpp"][1:])
        with zoo.listening(turning(script, zoo.context(credentials.good))) as peer:
            done = tlstool("connect", peer.target, "--starttls", "xmpp", "--ca", credentials.ca, *options)
        assert done.status == 0, done
    assert "STARTTLS      xmpp, chat.test" in done.text


def test_a_domain_for_xmpp_has_no_sense_elsewhere() -> None:
    refused("connect", "localhost:1", "--starttls", "smtp", "--xmpp-to", "chat.test", status=2, code="usage")


def test_auto_without_a_protocol_at_the_port_is_tls_from_the_first_byte(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = tlstool("connect", peer.target, "--starttls", "auto", "--ca", credentials.ca, "-v")
    assert done.status == 0, done
    assert f"no protocol that begins in plain text lives on port {peer.port}" in done.errors
    assert "STARTTLS" not in done.text


@pytest.mark.parametrize(("options", "port"), [(("smtp",), 25), (("auto",), 443)])
def test_a_target_without_a_port_is_at_the_protocols_own(monkeypatch: pytest.MonkeyPatch, options: tuple[str], port: int) -> None:
    asked: list[int] = []

    def look(endpoint: Any, *_: object) -> None:
        asked.append(endpoint.port)
        raise UsageError("usage", "this is far enough")

    monkeypatch.setattr("tlstool.resolve.resolve", look)
    with pytest.raises(UsageError):
        connect(ConnectRequest(target="some.test", starttls=options[0]))
    assert asked == [port]


def test_cert_verify_judges_a_chain_that_comes_behind_starttls(credentials: Credentials) -> None:
    with zoo.listening(turning(GOOD["imap"], zoo.context(credentials.good))) as peer:
        done = tlstool("cert-verify", peer.target, "--starttls", "imap", "--ca", credentials.ca, "--json")
    assert done.status == 0, done
    assert done.document["trust"]["verdict"] == "good"


def test_a_load_cannot_speak_another_protocol_first() -> None:
    with pytest.raises(UsageError):
        bench_handshake(HandshakeBenchRequest(target="localhost:1", starttls="smtp"))
    assert tlstool("bench", "handshake", "localhost:1", "--starttls", "smtp").status == 2
    refused("bench", "handshake", "smtp://localhost:1", status=2, code="usage")


@pytest.mark.parametrize(
    ("greeting", "name"), [(b"220 a ESMTP\r\n", "smtp"), (b"* OK IMAP4rev1\r\n", "imap"), (b"+OK POP3\r\n", "pop3")]
)
def test_a_server_that_begins_in_plain_text_is_met_with_the_option_that_works(greeting: bytes, name: str) -> None:
    with zoo.listening(zoo.greets(greeting)) as peer:
        document = refused("connect", peer.target, status=7, code=f"plain-{name}")
    assert f"--starttls {name}" in document["error"]["hint"]


def test_a_url_names_the_protocol(credentials: Credentials) -> None:
    with zoo.listening(turning(GOOD["imap"], zoo.context(credentials.good))) as peer:
        done = tlstool("connect", f"imap://{peer.target}/INBOX", "--ca", credentials.ca, "--json")
        by_port = tlstool("connect", f"imap://{peer.target}", "--starttls", "auto", "--ca", credentials.ca, "--json")
    assert (done.status, by_port.status) == (0, 0), done
    assert done.document["starttls"]["protocol"] == by_port.document["starttls"]["protocol"] == "imap"


def test_a_protocol_that_is_asked_for_goes_before_that_of_the_url(credentials: Credentials) -> None:
    with zoo.listening(turning(GOOD["lmtp"], zoo.context(credentials.good))) as peer:
        done = tlstool("connect", f"smtp://{peer.target}", "--starttls", "lmtp", "--ca", credentials.ca, "--json")
    assert (done.status, done.document["starttls"]["protocol"]) == (0, "lmtp"), done


def test_every_scheme_names_a_protocol_that_there_is() -> None:
    named = {scheme.starttls for scheme in schemes.SCHEMES.values() if scheme.starttls}
    assert named <= set(starttls.NAMES)
    for scheme in schemes.SCHEMES.values():
        if scheme.starttls:
            assert scheme.port in starttls.named(scheme.starttls).ports


def test_all_addresses_are_asked_to_turn_to_tls(credentials: Credentials) -> None:
    with zoo.listening(turning(GOOD["smtp"], zoo.context(credentials.good))) as peer:
        options = ("--starttls", "smtp", "--ca", credentials.ca, "-4", "--all-addresses", "--json")
        done = tlstool("connect", peer.target, *options)
    assert done.status == 0, done
    assert done.document["starttls"]["protocol"] == "smtp"
    assert [one["phases_ms"]["starttls"] is not None for one in done.document["addresses"]] == [True]
