"""--interactive at a terminal: its lines, its keys, and a relay that adds nothing to them."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import COMMAND, LIMIT, on_both_backends

if TYPE_CHECKING:
    from pathlib import Path

    from credentials import Credentials

pytest_plugins = ("credentials",)


class Terminal:
    """A program that has a terminal of its own for all of its streams.

    Attributes:
        shown: all that has come to its screen.
    """

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int, screen: int) -> None:
        self.process = process
        self.shown = b""
        self._keyboard = keyboard
        self._screen = screen

    def type(self, keys: bytes) -> None:
        os.write(self._keyboard, keys)

    def wait_for(self, text: bytes) -> None:
        """Until the screen shows it."""
        deadline = time.monotonic() + LIMIT
        while text not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, self.shown
            assert select.select([self._keyboard], [], [], left)[0], self.shown
            self.shown += os.read(self._keyboard, 65536)

    def end(self) -> int:
        """The status, once the program has ended."""
        deadline = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._keyboard], [], [], 0.05)[0]:
                self.shown += os.read(self._keyboard, 65536)
        os.close(self._screen)
        with suppress(OSError):  # nobody has the terminal open any more, and all is read
            while True:
                self.shown += os.read(self._keyboard, 65536)
        return self.process.returncode


@contextmanager
def at_terminal(*args: str | Path) -> Iterator[Terminal]:
    """`tlstool ARGS` in the foreground of a new terminal, as a shell would start it."""
    keyboard, screen = pty.openpty()
    # The first terminal that the leader of a session opens becomes its own, and its keys signals.
    name = os.ttyname(screen)
    shell = ("sh", "-c", f'exec "$@" <{name} >{name} 2>&1', "sh")
    with subprocess.Popen([*shell, *COMMAND, *map(str, args)], start_new_session=True) as process:
        try:
            yield Terminal(process, keyboard, screen)
        finally:
            process.kill()
            os.close(keyboard)


def connecting(credentials: Credentials, peer: zoo.Peer, backend: str, *more: str) -> tuple[str | Path, ...]:
    return ("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "-i", *more)


@on_both_backends
def test_lines_go_when_they_are_typed_and_ctrl_d_ends_our_half(credentials: Credentials, backend: str) -> None:
    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer,
        at_terminal(*connecting(credentials, peer, backend, "--crlf")) as terminal,
    ):
        terminal.wait_for(b"Verdict")
        terminal.type(b"helXX\x7f\x7flo\n")
        # Once as the terminal's own echo, once as the peer's.
        terminal.wait_for(b"hello\r\r\n")
        terminal.type(b"Q\nquit\n")
        terminal.wait_for(b"quit\r\r\n")
        terminal.type(b"\x04")
        assert terminal.end() == 0
    assert bytes(peer.received) == b"hello\r\nQ\r\nquit\r\n"
    assert terminal.shown.index(b"Verdict") < terminal.shown.index(b"hello\r\r\n")
    assert b"16 sent, 16 received" in terminal.shown


@on_both_backends
def test_ctrl_c_is_130_at_once_though_the_peer_does_not_end(credentials: Credentials, backend: str) -> None:
    def keeps_open(peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.sendall(b"welcome")
        peer.stopping.wait(zoo.LIMIT)

    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good), keeps_open)) as peer,
        at_terminal(*connecting(credentials, peer, backend)) as terminal,
    ):
        terminal.wait_for(b"welcome")
        start = time.monotonic()
        terminal.type(b"\x03")
        assert terminal.end() == 130
        assert time.monotonic() - start < 1.5  # the limit for a close is 2 s
    assert b"Traceback" not in terminal.shown


@on_both_backends
def test_the_peers_end_ends_it_though_nobody_types(credentials: Credentials, backend: str) -> None:
    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.says(b"bye"))) as peer,
        at_terminal(*connecting(credentials, peer, backend)) as terminal,
    ):
        assert terminal.end() == 0
    assert b"bye" in terminal.shown


@on_both_backends
def test_it_goes_on_after_ctrl_z(credentials: Credentials, backend: str) -> None:
    with (
        zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer,
        at_terminal(*connecting(credentials, peer, backend)) as terminal,
    ):
        terminal.wait_for(b"Verdict")
        terminal.process.send_signal(signal.SIGSTOP)
        os.waitpid(terminal.process.pid, os.WUNTRACED)
        terminal.type(b"while stopped\n")
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(b"while stopped\r\nwhile stopped\r\n")
        terminal.type(b"\x04")
        assert terminal.end() == 0


@on_both_backends
@pytest.mark.parametrize("kind", ["file", "null", "closed", "socket"])
def test_stdin_may_be_anything(credentials: Credentials, tmp_path: Path, backend: str, kind: str) -> None:
    (tmp_path / "input").write_bytes(b"some input")
    near, far = socket.socketpair()
    far.sendall(b"some input")
    far.shutdown(socket.SHUT_WR)
    redirect = {"file": f"< {tmp_path}/input", "null": "< /dev/null", "closed": "<&-", "socket": ""}[kind]
    with zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer, near, far:
        command = " ".join(map(str, (*COMMAND, *connecting(credentials, peer, backend, "-q"), redirect)))
        done = subprocess.run(["sh", "-c", command], stdin=near, capture_output=True, timeout=LIMIT, check=False)
    expected = b"some input" if kind in ("file", "socket") else b""
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")
