"""What a server needs to live: a folder that its own user can read, ports, a certificate, and somebody who ends it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import runner
from peers import require

if TYPE_CHECKING:
    from credentials import Pair

START_LIMIT = 60.0
"""Seconds that a server has to come up; a database with nothing in it takes a few."""

STOP_LIMIT = 10.0


class Premises:
    """One server's.

    Attributes:
        folder: readable for everybody, since most servers leave root behind; gone at the end.
        cert, key: the certificate with its chain, and its key, for the user who asked last.
    """

    def __init__(self, name: str, pair: Pair) -> None:
        self._held = ExitStack()
        # Not below pytest's own folder, which nobody but its owner may enter.
        self.folder = Path(
            self._held.enter_context(tempfile.TemporaryDirectory(prefix=f"tlstool-{name}-", ignore_cleanup_errors=True))
        )
        self.folder.chmod(0o755)
        self.cert = self.folder / "server.pem"
        self.key = self.folder / "server.key"
        shutil.copy(pair.cert, self.cert)
        shutil.copy(pair.key, self.key)
        self.key.chmod(0o600)

    def close(self) -> None:
        """End the server, and remove all it left."""
        self._held.close()

    def file(self, name: str, text: str, *, executable: bool = False) -> Path:
        """A file with this in it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)
        return path

    def copy(self, program: Path) -> Path:
        """A program of its own."""
        return Path(shutil.copy(program, self.folder / program.name))

    def directory(self, name: str, owner: str | None = None) -> Path:
        """An empty folder, the user's own if we may give it away."""
        path = self.folder / name
        path.mkdir(parents=True)
        if owner:
            self.give(path, owner)
        return path

    def give(self, path: Path, owner: str) -> None:
        """Make a file the user's own; who is not root runs everything as one user anyway."""
        if is_root():
            shutil.chown(path, owner, owner)

    def run(self, *command: str | Path, user: str | None = None) -> None:
        """Run a program to its end, which has to be a good one."""
        done = subprocess.run(
            [*_as(user), *map(str, command)], capture_output=True, text=True, timeout=START_LIMIT, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *command: str | Path, user: str | None = None) -> subprocess.Popen[bytes]:
        """Start a server in the foreground, in a session of its own; its words go to a file. It does not outlive us."""
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as said:
            process = subprocess.Popen(
                [*_as(user, "--pdeathsig=TERM"), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        self._held.callback(_end, process)
        return process

    def at_end(self, *command: str | Path) -> None:
        """Run this before the folder goes: for servers that go to the background."""
        self._held.callback(subprocess.run, [str(word) for word in command], capture_output=True, timeout=STOP_LIMIT, check=False)

    def await_ports(self, *ports: int, process: subprocess.Popen[bytes] | None = None) -> None:
        """Wait until somebody listens on all of them."""
        deadline = time.monotonic() + START_LIMIT
        pause = threading.Event()  # never set: between two looks the processor is the server's
        for port in ports:
            while not _listens(port):
                assert process is None or process.poll() is None, f"the server has ended: {self._said()}"
                assert time.monotonic() < deadline, f"nobody listens on port {port}: {self._said()}"
                pause.wait(0.02)

    def _said(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(self.folder.glob("*.log")))


def is_root() -> bool:
    """Whether we can become others."""
    return os.geteuid() == 0


def require_root(program: str) -> None:
    """Skip where a server would not even start."""
    if not is_root():
        pytest.skip(f"{program} starts as root alone")


def server_program(name: str, *folders: str) -> Path:
    """A server's program, also where its folder is on no user's path; see `peers.require` for one that is missing."""
    for folder in ("/usr/sbin", *folders):
        if (Path(folder) / name).exists():
            return Path(folder) / name
    return require(name)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, for servers that cannot choose their own."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _as(user: str | None, *options: str) -> list[str]:
    """What makes a command the user's, as far as we may."""
    if user and is_root():
        options = (*options, f"--reuid={user}", f"--regid={user}", "--init-groups")
    return [str(require("setpriv")), *options, "--"] if options else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, with all the processes that it has made; then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                continue
    process.wait(runner.LIMIT)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=runner.LIMIT).close()
    except ConnectionRefusedError:
        return False
    return True
