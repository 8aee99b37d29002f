"""--send and --expect: a dialogue in the order of the command line, with statuses that tell how it went."""

from __future__ import annotations

import json
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import COMMAND, Done, end, on_both_backends, started, tlstool

from tlstool.dialogue import Dialogue
from tlstool.errors import UsageError
from tlstool.escapes import escape, unescape
from tlstool.newlines import Newlines
from tlstool.requests import Expect, Send

if TYPE_CHECKING:
    from credentials import Credentials


def mail_server(peer: zoo.Peer, session: ssl.SSLSocket) -> None:
    """Speaks first, answers each line, and ends after QUIT."""
    session.sendall(b"220 mail.test ESMTP\r\n")
    while line := session.recv(65536):
        peer.received += line
        if line.startswith(b"QUIT"):
            session.sendall(b"221 bye\r\n")
            session.unwrap()
            return
        session.sendall(b"250-mail.test\r\n250 SIZE 1000\r\n")


def talk(credentials: Credentials, backend: str, behaviour: zoo.TlsBehaviour, *args: str | Path) -> tuple[Done, bytes]:
    """How `connect` ends, and what the peer heard."""
    with zoo.listening(zoo.tls(zoo.context(credentials.good), behaviour)) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, *args)
    return done, bytes(peer.received)


DIALOGUE = ("--expect", "^220 ", "--send", r"EHLO me\r\n", "--expect", r"SIZE (\d+)", "--send", r"QUIT\r\n", "--expect", "^221")


@on_both_backends
def test_a_dialogue_goes_in_the_order_of_the_command_line(credentials: Credentials, backend: str) -> None:
    done, heard = talk(credentials, backend, mail_server, *DIALOGUE, "--json")
    assert done.status == 0, done
    assert heard == b"EHLO me\r\nQUIT\r\n"
    assert done.output == b"220 mail.test ESMTP\r\n250-mail.test\r\n250 SIZE 1000\r\n221 bye\r\n"
    report = json.loads(done.errors)
    steps = [(step["sent"], step["expected"], step["matched"]) for step in report["exchanged"]]
    assert steps == [
        (None, "^220 ", "220 "),
        (9, None, None),
        (None, r"SIZE (\d+)", "SIZE 1000"),
        (6, None, None),
        (None, "^221", "221"),
    ]
    assert (report["relayed"]["sent"], report["relayed"]["received"]) == (15, len(done.output))


@on_both_backends
def test_what_never_comes_is_15_and_what_came_instead_is_told(credentials: Credentials, backend: str) -> None:
    def refuses(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.sendall(b"554 no \x1b[31mservice\r\n")
        session.unwrap()

    done, _ = talk(credentials, backend, refuses, "--expect", "^220 ", "--json")
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"], error["phase"]) == (15, "expectation-missed", "run")
    assert r"554 no \x1b[31mservice\r\n" in error["message"]
    people, _ = talk(credentials, backend, refuses, "--expect", "^220 ")
    assert people.status == 15
    assert "'^220 ' did not come" in people.errors
    assert "\x1b" not in people.errors


@on_both_backends
def test_an_expectation_has_its_limit_though_the_peer_goes_on_talking(credentials: Credentials, backend: str) -> None:
    def babbles(peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        while not peer.stopping.wait(0.05):
            session.sendall(b".")

    with zoo.listening(zoo.tls(zoo.context(credentials.good), babbles)) as peer:
        args = (peer.target, "--ca", credentials.ca, "--backend", backend, "--expect", "x")
        done = tlstool("connect", *args, "--timeout", "2s", "--json")
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"]) == (6, "time-limit")
    assert error["message"] == "the peer did not end in time: the limit of the whole run is 2 s"
    assert done.seconds < 5


@on_both_backends
def test_a_pattern_that_backtracks_without_end_is_15_at_its_limit(credentials: Credentials, backend: str) -> None:
    def says(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.sendall(b"a" * 60)
        session.recv(1)

    with zoo.listening(zoo.tls(zoo.context(credentials.good), says)) as peer:
        options = ("--backend", backend, "--expect", "(a+)+$b", "--limit", "expect=700ms", "--json")
        done = tlstool("connect", peer.target, "--ca", credentials.ca, *options)
    error = json.loads(done.errors)["error"]
    assert (done.status, error["code"]) == (15, "expectation-missed")
    assert "backtracks" in error["message"]


@on_both_backends
def test_what_was_sent_last_is_answered_until_the_peer_is_quiet(credentials: Credentials, backend: str) -> None:
    done, heard = talk(credentials, backend, zoo.echoes, "--send", r"a\tb\x00\101", "--send", "c", "-q")
    assert (done.status, heard, done.output, done.errors) == (0, b"a\tb\0Ac", b"a\tb\0Ac", "")
    # The silence, and not the end of any limit.
    assert 1.0 <= done.seconds < 6


@on_both_backends
def test_a_file_is_sent_as_it_is_while_its_echo_comes_back(credentials: Credentials, backend: str, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(bytes(range(256)) * 12_000 + rb"\n")
    done, heard = talk(credentials, backend, zoo.echoes, "--send", f"@{file}", "-q")
    assert (done.status, heard == file.read_bytes(), done.output == file.read_bytes()) == (0, True, True)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_a_file_whose_turn_never_came_is_closed(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x")
    before = os.listdir("/proc/self/fd")
    dialogue = Dialogue((Send(file=str(tmp_path / "data")),), crlf=False)
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    del dialogue
    assert len(os.listdir("/proc/self/fd")) == len(before)


@on_both_backends
def test_lines_get_their_cr_in_what_is_sent(credentials: Credentials, backend: str) -> None:
    _, heard = talk(credentials, backend, zoo.echoes, "--crlf", "--send", r"a\nb\r", "--send", r"\nc\n", "--expect", "c")
    assert heard == b"a\r\nb\r\nc\r\n"


@on_both_backends
def test_a_dialogue_can_go_before_a_relay(credentials: Credentials, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good), mail_server)) as peer:
        args = (peer.target, "--ca", credentials.ca, "--backend", backend, "--expect", "^220", "-p", "-q")
        done = tlstool("connect", *args, stdin=b"QUIT\r\n")
    assert (done.status, done.output) == (0, b"220 mail.test ESMTP\r\n221 bye\r\n")


@on_both_backends
def test_nothing_is_said_to_a_peer_whose_verdict_is_not_good(credentials: Credentials, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = tlstool("connect", peer.target, "--backend", backend, "--send", "secret", "--json")
    assert (done.status, json.loads(done.errors)["exchanged"], bytes(peer.received)) == (9, [], b"")


@on_both_backends
def test_a_question_that_gets_no_answer_is_told_of(credentials: Credentials, backend: str) -> None:
    def leaves(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        while session.recv(65536):
            pass
        session.unwrap()

    with zoo.listening(zoo.tls(zoo.context(credentials.good), leaves)) as peer:
        pipe = ("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe", "--json")
        asked, silent = tlstool(*pipe, stdin=b"question"), tlstool(*pipe, stdin=b"")
    warnings = [[warning["code"] for warning in json.loads(done.errors)["warnings"]] for done in (asked, silent)]
    assert (asked.status, silent.status, warnings) == (0, 0, [["no-answer"], []])


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--send", r"\q"), r"\q is no escape"),
        (("--send", "end\\"), "\\ is no escape"),
        (("--send", r"\777"), r"\777 is no escape"),
        (("--expect", "(open"), "(open is no regular expression"),
        (("--send", "@-"), "--send cannot read stdin"),
        (("--send", "x", "--http"), "--http cannot be mixed"),
        (("--half-close", "maybe"), "'maybe' is not known"),
    ],
)
def test_what_makes_no_sense_is_2_before_anything_is_sent(args: tuple[str, ...], words: str) -> None:
    with zoo.refusing() as port:
        done = tlstool("connect", f"127.0.0.1:{port}", *args)
    assert done.status == 2, done
    assert words in done.errors


def test_a_file_to_send_that_is_not_there_is_3_before_anything_is_sent(tmp_path: Path) -> None:
    with zoo.refusing() as port:
        done = tlstool("connect", f"127.0.0.1:{port}", "--send", f"@{tmp_path}/missing", "--json")
    assert (done.status, json.loads(done.errors)["error"]["code"]) == (3, "file-missing")


def test_a_directory_to_send_is_3_before_anything_is_sent(tmp_path: Path) -> None:
    with zoo.refusing() as port:
        done = tlstool("connect", f"127.0.0.1:{port}", "--send", f"@{tmp_path}")
    assert (done.status, done.errors) == (3, f"error: cannot read {tmp_path}: is a directory\n")


def test_escapes_are_those_of_c() -> None:
    assert unescape(rb"\a\b\e\f\n\r\t\v\\\"\'\0\12\377\x41x") == b"\a\b\x1b\f\n\r\t\v\\\"'\0\n\xffAx"
    everything = bytes(range(256))
    assert unescape(escape(everything).encode()) == everything
    assert escape(everything).isascii()
    assert escape(everything).isprintable()


def test_the_pieces_in_which_lines_come_make_no_difference() -> None:
    given, wanted = b"\na\nb\r\n\r\n\n\r\r\nend\r", b"\r\na\r\nb\r\n\r\n\r\n\r\r\nend\r"
    for size in range(1, len(given) + 1):
        newlines = Newlines()
        pieces = (given[start : start + size] for start in range(0, len(given), size))
        assert b"".join(map(newlines.convert, pieces)) == wanted


@pytest.mark.parametrize("pattern", [b"(", b"a{99999999999}", b"(?P<a", b"\\"])
def test_a_bad_pattern_is_known_before_there_is_a_connection(pattern: bytes) -> None:
    with pytest.raises(UsageError):
        Dialogue((Expect(pattern),), crlf=False)


MOVES = {
    "expect": ("--expect", "goodbye"),
    "send": ("--send", "x"),
    "http": ("--http",),
    "pipe": ("--pipe",),
}


def welcomes(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
    """Say what is a response as well, and wait for the client's end."""
    session.sendall(b"HTTP/1.1 200 OK\r\n\r\nwelcome" + b"x" * 100_000)
    while session.recv(65536):
        pass
    session.unwrap()


@on_both_backends
@pytest.mark.parametrize("how", MOVES)
def test_output_that_nobody_reads_is_141_and_a_full_disk_is_3(credentials: Credentials, backend: str, how: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with zoo.listening(zoo.tls(zoo.context(credentials.good), welcomes)) as peer, open("/dev/full", "wb") as full:
        command = (*COMMAND, "connect", peer.target, "--ca", credentials.ca, "--backend", backend, "-q", *MOVES[how])
        for output, status, words in (
            (writing, 141, ""),
            (full.fileno(), 3, "error: the output cannot be written: no space left"),
        ):
            with started(command, stdout=output) as process:
                done = end(process)
            assert done.status == status, done
            assert done.errors.startswith(words)
            assert bool(done.errors) == bool(words)
    os.close(writing)


@on_both_backends
def test_a_peer_that_waits_for_the_end_of_stdin_is_said_to(credentials: Credentials, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer:
        args = (peer.target, "--ca", credentials.ca, "--backend", backend, "-pq", "--half-close", "none", "--timeout", "700ms")
        done = tlstool("connect", *args, stdin=b"hello")
    assert (done.status, done.output) == (6, b"hello")
    assert "hint: a peer that waits for the end of stdin is not told of it with --half-close none: try notify" in done.errors
