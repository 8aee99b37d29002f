"""What a peer is told to be that does not speak TLS, and what the user is told to type instead."""

from __future__ import annotations

import time

import greetings
import pytest
import zoo

from tlstool import connect, endpoint, sniff
from tlstool.errors import NotTlsError, TimeLimitError, TlsToolError, make
from tlstool.hints import HINTS
from tlstool.requests import ConnectRequest


@pytest.mark.parametrize(("first", "code"), [*((first, code) for code, first in greetings.ONE_EACH.items()), *greetings.ALSO])
def test_a_peer_is_known_by_its_first_bytes(first: bytes, code: str) -> None:
    assert sniff.not_tls(first).code == code


@pytest.mark.parametrize("code", greetings.ONE_EACH)
def test_a_greeting_that_is_cut_anywhere_is_no_accident(code: str) -> None:
    whole = greetings.ONE_EACH[code]
    for length in range(len(whole)):
        error = sniff.not_tls(whole[:length])
        assert isinstance(error, NotTlsError)
        assert error.hint


def test_every_protocol_has_its_own_code_and_a_hint() -> None:
    codes = [protocol.code for protocol in sniff.PROTOCOLS]
    assert [*codes, "not-tls"] == list(NotTlsError.codes)[: len(codes) + 1]
    assert {code for code in codes if code not in HINTS} == set()


@pytest.mark.parametrize("backend", ["rustls", "openssl"])
def test_the_servers_own_words_are_shown(backend: str) -> None:
    with zoo.listening(zoo.greets(b"220 mail.test ESMTP Postfix\r\n")) as peer:
        report = connect(ConnectRequest(target=peer.target, backend=backend))  # type: ignore[arg-type]
    assert report.error is not None
    assert report.error.message == "the peer speaks SMTP: 220 mail.test ESMTP Postfix"
    assert report.error.hint == f"try tlstool connect {peer.target} --starttls smtp; the port for TLS from the first byte is 465"


def test_words_that_are_no_text_are_not_shown() -> None:
    assert sniff.not_tls(greetings.ONE_EACH["plain-mysql"]).message == "the peer speaks the protocol of MySQL"


def test_a_long_greeting_is_shown_in_part() -> None:
    assert sniff.not_tls(b"220 " + b"x" * 500 + b" ESMTP").message.endswith("xxx…")


def test_an_answer_without_end_takes_no_time() -> None:
    start = time.process_time()
    assert sniff.not_tls(b"\n" * 50_000).code == "not-tls"
    assert time.process_time() - start < 2


def test_what_steers_a_terminal_is_not_shown_as_it_is() -> None:
    assert "\x1b" not in repr(sniff.not_tls(b"\x1b[2J\x1b]0;x\x07").message)


@pytest.mark.parametrize(
    ("code", "target", "hint"),
    [
        (
            "plain-imap",
            "mail.test:143",
            "try tlstool connect mail.test:143 --starttls imap; the port for TLS from the first byte is 993",
        ),
        ("plain-http", "web.test:8080", "try http://web.test:8080/, or another port for TLS, often 443"),
        ("plain-http", "https://web.test/x", "try http://web.test:443/, or another port for TLS, often 443"),
        ("plain-ssh", "[::1]:22", "try ssh -p 22 ::1"),
        ("plain-socks", "proxy.test:1080", "to go through it, try tlstool connect HOST --proxy socks5h://proxy.test:1080"),
        ("plain-sieve", "unix:/run/a b", "try tlstool connect 'unix:/run/a b' --starttls sieve"),
        ("plain-http", "unix:/run/web", HINTS["plain-http"]),
        ("plain-vnc", "screen.test:5900", HINTS["plain-vnc"]),
        ("not-tls", "host.test:99", HINTS["not-tls"]),
    ],
)
def test_the_hint_is_the_command_that_would_work(code: str, target: str, hint: str) -> None:
    error = make(code, "the peer speaks something else")
    sniff.advise(error, endpoint.parse(target))
    assert error.hint == hint


@pytest.mark.parametrize(
    "error", [make("connection-closed", "closed"), TimeLimitError("time-limit", "no answer", phase="handshake")]
)
def test_a_peer_that_says_nothing_is_judged_by_its_port(error: TlsToolError) -> None:
    sniff.advise(error, endpoint.parse("db.test:5432"))
    assert error.hint is not None
    assert error.hint.endswith("try tlstool connect db.test:5432 --starttls postgres")


def test_a_port_that_says_nothing_keeps_the_standing_hint() -> None:
    error = make("connection-closed", "closed")
    sniff.advise(error, endpoint.parse("host.test:4433"))
    assert error.hint == HINTS["connection-closed"]
