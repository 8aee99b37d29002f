"""The part before TLS, each protocol by itself: over a pair of sockets, against servers that follow a script."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import starttls_scripts
from starttls_scripts import ALSO_GOOD, BAD, GOOD, Deliver, Script, at_once, by_the_byte

from tlstool import starttls
from tlstool.errors import NotTlsError, StarttlsError, TimeLimitError, TlsToolError, UsageError
from tlstool.phases import Deadline
from tlstool.wire import CAP

PATIENCE = 10.0

SERVER_HELLO = bytes.fromhex("16 03 03 00 7a 02 00 00 76 03 03")
SERVER_SAYS = {"smtp": "220-mail.test ESMTP be patient", "imap": "* OK [CAPABILITY IMAP4rev1] ready", "mysql": "8.0.1-test"} | {
    "mssql": "SQL Server 16.0.1000",
    "xmpp": "chat.test",
    "irc": "irc.test",
    "rdp": "TLS",
    "sieve": '"IMPLEMENTATION" "test"',
    "postgres": None,
    "telnet": None,
}

deliveries = pytest.mark.parametrize("deliver", [at_once, by_the_byte])


@contextmanager
def playing(script: Script, deliver: Deliver = at_once, *, then_close: bool = False) -> Iterator[socket.socket]:
    """The client's end of a connection to a server that follows the script; what that did not hear is the test's failure."""
    near, far = socket.socketpair()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            starttls_scripts.play(far, script, deliver)
        except BaseException as error:  # for the thread that looks
            failures.append(error)
        if then_close:
            far.shutdown(socket.SHUT_WR)

    with near, far:
        far.settimeout(PATIENCE)
        thread = threading.Thread(target=serve)
        thread.start()
        yield near
        thread.join(PATIENCE)
        assert failures == []


def upgrade(name: str, sock: socket.socket, patience: float = PATIENCE) -> str | None:
    return starttls.upgrade(starttls.named(name), sock, "localhost", Deadline.after(patience))


@deliveries
@pytest.mark.parametrize("name", GOOD)
def test_a_server_is_brought_to_the_point_where_tls_begins(name: str, deliver: Deliver) -> None:
    with playing(GOOD[name], deliver) as sock:
        said = upgrade(name, sock)
        if name in SERVER_SAYS:
            assert said == SERVER_SAYS[name]
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def test_what_a_server_says_of_itself_has_an_end() -> None:
    script = tuple(
        part.replace(b"chat.test", b"x" * 10_000) if isinstance(part, bytes) else part for part in starttls_scripts.GOOD["xmpp"]
    )
    with playing(script) as sock:
        assert len(upgrade("xmpp", sock) or "") < 256


@deliveries
@pytest.mark.parametrize("case", ALSO_GOOD)
def test_there_are_other_ways_to_turn_to_tls(case: str, deliver: Deliver) -> None:
    name, script = ALSO_GOOD[case]
    with playing(script, deliver) as sock:
        upgrade(name, sock)


@deliveries
@pytest.mark.parametrize("case", BAD)
def test_a_server_that_does_not_turn_to_tls_is_reported_in_its_own_words(case: str, deliver: Deliver) -> None:
    name, script, code, words = BAD[case]
    with playing(script, deliver, then_close=True) as sock, pytest.raises(StarttlsError) as caught:
        upgrade(name, sock)
    assert caught.value.code == code
    assert caught.value.exit_status == 7
    assert words in caught.value.message


def test_every_protocol_that_begins_in_plain_text_has_its_scripts() -> None:
    in_plain_text = {name for name in starttls.NAMES if starttls.named(name).function}
    assert set(GOOD) == in_plain_text
    assert {name for name, *_ in BAD.values()} >= in_plain_text - {"lmtp", "xmpp-server"}


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("mysql", "mssql")])
def test_a_server_hello_behind_the_consent_is_left_for_the_handshake(name: str) -> None:
    *before, consent = GOOD[name]
    assert isinstance(consent, bytes)
    with playing((*before, consent + SERVER_HELLO)) as sock:
        upgrade(name, sock)
        assert sock.recv(64) == SERVER_HELLO


@pytest.mark.parametrize("name", [name for name in GOOD if name != "mysql"])
def test_plain_text_behind_the_consent_is_refused_before_anything_is_sent(name: str) -> None:
    *before, consent = GOOD[name]
    assert isinstance(consent, bytes)
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(PATIENCE)
        thread = threading.Thread(target=starttls_scripts.play, args=(far, (*before, consent + b"* OK injected\r\n")))
        thread.start()
        with pytest.raises(StarttlsError) as caught:
            upgrade(name, near)
        thread.join(PATIENCE)
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(1)
    assert caught.value.code == "plaintext-after-starttls"


def test_more_than_one_greeting_of_mysql_is_refused() -> None:
    greeting, answer = GOOD["mysql"]
    assert isinstance(greeting, bytes)
    with playing((greeting + b"more", answer)) as sock, pytest.raises(StarttlsError) as caught:
        upgrade("mysql", sock)
    assert caught.value.code == "plaintext-after-starttls"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "answer", [b"220-a\r\n", b"* OK\r\n", b"<a>", b'"A"\r\n', b":a NOTICE * :a\r\n", b"a", b"\0", b"\xff\xfd\x01"]
)
def test_an_endless_answer_ends_at_the_cap(name: str, answer: bytes) -> None:
    sent = 0

    def pour() -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            while True:
                sent += far.send(answer * 1000)

    near, far = socket.socketpair()
    with far:
        far.settimeout(PATIENCE)
        thread = threading.Thread(target=pour)
        thread.start()
        with near, pytest.raises(TlsToolError) as caught:
            upgrade(name, near)
        thread.join(PATIENCE)
    assert caught.value.exit_status == 7
    # What the system holds for us besides is not ours.
    assert sent < CAP + (1 << 20)


@pytest.mark.parametrize("name", GOOD)
def test_a_byte_now_and_then_does_not_stretch_the_limit(name: str) -> None:
    near, far = socket.socketpair()
    over = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            for byte in b" " * 1000:
                far.send(bytes([byte]))
                if over.wait(0.02):
                    return

    with near, far:
        thread = threading.Thread(target=trickle)
        thread.start()
        start = time.monotonic()
        with pytest.raises(TlsToolError) as caught:
            upgrade(name, near, patience=0.2)
        elapsed = time.monotonic() - start
        over.set()
        thread.join(PATIENCE)
    assert elapsed < 0.5
    # A space ends some conversations at once; the others end in time.
    assert isinstance(caught.value, (TimeLimitError, StarttlsError))


@pytest.mark.parametrize(
    ("name", "greeting", "code"),
    [
        ("imap", b"220 mail.test ESMTP\r\n", "plain-smtp"),
        ("smtp", b"* OK IMAP4rev1 ready\r\n", "plain-imap"),
        ("smtp", b"+OK POP3 ready\r\n", "plain-pop3"),
        ("pop3", b"SSH-2.0-OpenSSH_9.2\r\n", "plain-ssh"),
        ("ldap", b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain-http"),
        ("postgres", b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain-http"),
        ("telnet", b"220 mail.test ESMTP\r\n", "plain-smtp"),
        ("xmpp", b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", "plain-http"),
    ],
)
def test_a_server_of_another_protocol_is_recognised(name: str, greeting: bytes, code: str) -> None:
    with playing((greeting,)) as sock, pytest.raises(NotTlsError) as caught:
        upgrade(name, sock, patience=0.5)
    assert (caught.value.code, caught.value.phase, caught.value.exit_status) == (code, "starttls", 7)


def test_an_ftp_server_is_told_from_smtp_though_both_say_220() -> None:
    script: Script = (b"220 FTP server\r\n", starttls_scripts.Hear(rb"EHLO .*\r\n"), b"500 what?\r\n")
    with playing(script) as sock, pytest.raises(NotTlsError) as caught:
        upgrade("smtp", sock)
    assert caught.value.code == "plain-ftp"


def test_a_mail_server_whose_name_has_ftp_in_it_is_one_all_the_same() -> None:
    script: Script = (b"220 sftp.test ESMTP\r\n", starttls_scripts.Hear(rb"EHLO .*\r\n"), b"250 a\r\n")
    with playing(script) as sock, pytest.raises(StarttlsError) as caught:
        upgrade("smtp", sock)
    assert caught.value.code == "starttls-not-offered"


@pytest.mark.parametrize("name", ["ldap", "postgres", "mssql", "rdp", "xmpp"])
def test_a_server_that_speaks_tls_from_the_first_byte_is_told_from_one_that_broke_off(name: str) -> None:
    alert = bytes.fromhex("15 03 03 00 02 02 0a")
    with playing((alert,), then_close=True) as sock, pytest.raises(StarttlsError) as caught:
        upgrade(name, sock)
    assert caught.value.code == "tls-from-first-byte"
    assert "--starttls" in (caught.value.hint or "")


def test_silence_ends_at_the_limit() -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(TimeLimitError):
        upgrade("smtp", near, patience=0.05)


def test_the_domain_asked_of_xmpp_is_not_markup() -> None:
    script: Script = (starttls_scripts.xmpp_hello(to=rb"a&apos;/&gt;&lt;b&amp;"), *GOOD["xmpp"][1:])
    with playing(script) as sock:
        starttls.upgrade(starttls.named("xmpp"), sock, "a'/><b&", Deadline.after(PATIENCE))


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("seed", range(20))
def test_garbage_and_broken_replies_end_in_an_error_of_ours_or_in_consent(name: str, seed: int) -> None:
    chance = random.Random(f"{name} {seed}")
    words = b"".join(line for line in GOOD[name] if isinstance(line, bytes))
    garbage = bytearray(words * 2)
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(garbage) + 1)
        match chance.randrange(4):
            case 0:
                garbage[place : place + 1] = chance.randbytes(1)
            case 1:
                del garbage[place : place + chance.randrange(1, 9)]
            case 2:
                garbage[place:place] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                garbage[place:] = garbage[: place + 1]
    near, far = socket.socketpair()
    with near, far:
        far.sendall(bytes(garbage))
        far.shutdown(socket.SHUT_WR)
        # The rest of the time is not what matters here: the end of what was said is.
        with contextlib.suppress(TlsToolError):
            upgrade(name, near)


def test_a_protocol_has_the_port_that_it_is_known_by() -> None:
    known = {
        25: "smtp",
        587: "smtp",
        24: "lmtp",
        143: "imap",
        110: "pop3",
        21: "ftp",
        389: "ldap",
        5432: "postgres",
        3306: "mysql",
    }
    known |= {
        5222: "xmpp",
        5269: "xmpp-server",
        6667: "irc",
        119: "nntp",
        4190: "sieve",
        23: "telnet",
        3389: "rdp",
        1433: "mssql",
    }
    found = {port: starttls.at_port(port) for port in known}
    assert {port: protocol.name for port, protocol in found.items() if protocol} == known
    assert starttls.at_port(443) is None


def test_a_wrong_protocol_is_met_with_the_right_ones() -> None:
    with pytest.raises(UsageError) as caught:
        starttls.named("gopher")
    assert "smtp" in (caught.value.hint or "")


def test_the_command_line_knows_the_protocols_without_what_speaks_them() -> None:
    from tlstool.commands import _options

    assert starttls.NAMES == _options.STARTTLS
