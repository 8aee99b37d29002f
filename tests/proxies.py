"""Real proxies on free ports of 127.0.0.1: tinyproxy for CONNECT, Dante for SOCKS 4 and 5, microsocks for a user and a password.

Load as a pytest plugin: `pytest_plugins = ("proxies",)`.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import runner
from peers import require

_TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 30
LogFile "{folder}/tinyproxy.log"
PidFile "{folder}/tinyproxy.pid"
MaxClients 20
Allow 127.0.0.1
"""

_DANTE = """
logoutput: {folder}/dante.log
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }}
"""


class Proxies:
    """Starts proxies when they are first asked for, and gives where they are, as HOST:PORT; all of them end with the session.

    Attributes:
        user, password: of the one that wants them.
    """

    user, password = "alice", "s3cret"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        self._running: dict[str, str] = {}

    def http(self) -> str:
        """tinyproxy."""
        return self._once("tinyproxy", self._tinyproxy)

    def socks(self) -> str:
        """Dante, which wants no password."""
        return self._once("danted", self._dante)

    def private(self) -> str:
        """microsocks, which wants `user` and `password`."""
        return self._once("microsocks", self._microsocks)

    def close(self) -> None:
        """End all of them."""
        self._held.close()

    def _once(self, name: str, command: Callable[[Path, int], list[str | Path]]) -> str:
        if name not in self._running:
            program, port = require(name), _free_port()
            with (self._folder / f"{name}.out").open("wb") as said:
                process = subprocess.Popen(
                    [str(word) for word in command(program, port)],
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                )
            self._held.callback(_end, process)
            _await(port, process)
            self._running[name] = f"127.0.0.1:{port}"
        return self._running[name]

    def _tinyproxy(self, program: Path, port: int) -> list[str | Path]:
        return [program, "-d", "-c", self._configured("tinyproxy.conf", _TINYPROXY, port)]

    def _dante(self, program: Path, port: int) -> list[str | Path]:
        return [program, "-f", self._configured("danted.conf", _DANTE, port), "-p", self._folder / "danted.pid"]

    def _microsocks(self, program: Path, port: int) -> list[str | Path]:
        return [program, "-i", "127.0.0.1", "-p", str(port), "-u", self.user, "-P", self.password]

    def _configured(self, name: str, text: str, port: int) -> Path:
        path = self._folder / name
        path.write_text(text.format(folder=self._folder, port=port))
        return path


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    """The proxies, which start when a test asks for them."""
    found = Proxies(tmp_path_factory.mktemp("proxies"))
    yield found
    found.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Politely, since some have children to end themselves."""
    process.terminate()
    try:
        process.wait(runner.LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(runner.LIMIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + runner.LIMIT
    pause = threading.Event()  # never set: between two tries the processor is left to whom we wait for
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=runner.LIMIT).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "the proxy has ended"
            assert time.monotonic() < deadline, f"nobody listens on port {port}"
            pause.wait(0.01)
        else:
            return
