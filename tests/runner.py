"""The program as its users run it: a process of its own, with a status, two streams, and never without a limit in time."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import jsonschema
import pytest
from peers import on_ci

from tlstool.backends import why_no_fast_path
from tlstool.output.schema import schema

LIMIT = 30.0
"""Seconds after which a process that has not ended is killed, and its test fails."""

# Not from the folder that the tests run in, but as it is installed.
COMMAND = (sys.executable, "-P", "-m", "tlstool")

# A process begins with the peak of the one that started it, which the tests' own would be too large for: a small one starts it.
_MEASURE = """
import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""

_WHY_NO_RUSTLS = why_no_fast_path()

on_both_backends = pytest.mark.parametrize(
    "backend",
    [
        # Where nothing may be left out, it is not skipped, and fails.
        pytest.param("rustls", marks=pytest.mark.skipif(bool(_WHY_NO_RUSTLS) and not on_ci(), reason=str(_WHY_NO_RUSTLS))),
        "openssl",
    ],
)

# The last one would have every process compile the whole program anew.
_SURROUNDINGS = ("TLSTOOL_", "SSL_CERT_", "SSLKEYLOGFILE", "NO_COLOR", "FORCE_COLOR", "OPENSSL_CONF", "PYTHONDONTWRITEBYTECODE")
_PROXIES = ("_proxy", "_PROXY")


@dataclass(frozen=True)
class Done:
    """A process that has ended.

    Attributes:
        status: its exit status; the negative number of a signal that ended it.
        output: what it wrote to stdout, as bytes.
        errors: what it wrote to stderr.
        seconds: how long it ran, its start included.
        resident: the most memory that it held at any time, in KiB; None where that was not measured.
    """

    status: int
    output: bytes
    errors: str
    seconds: float
    resident: int | None = None

    @property
    def text(self) -> str:
        """What it wrote to stdout."""
        return self.output.decode()

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        document = json.loads(self.text)
        assert isinstance(document, dict)
        return document

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON documents on stdout, one a line."""
        return [json.loads(line) for line in self.text.splitlines()]


def tlstool(
    *args: str | Path,
    stdin: bytes | int = subprocess.DEVNULL,
    limit: float = LIMIT,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Done:
    """Run `tlstool ARGS` to its end. `prefix` goes before it on the command line, for `nsenter` and the like."""
    return run([*prefix, *COMMAND, *map(str, args)], stdin=stdin, limit=limit, environment=environment)


def run(
    command: Sequence[str | Path],
    *,
    stdin: bytes | int = subprocess.DEVNULL,
    limit: float = LIMIT,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run any program to its end."""
    start = time.monotonic()
    given: dict[str, Any] = {"stdin": stdin} if isinstance(stdin, int) else {"input": stdin}
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=limit, check=False, env=_environment(environment), **given
    )
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"), time.monotonic() - start)


def refused(*args: str | Path, status: int, code: str, stdin: bytes | int = subprocess.DEVNULL) -> dict[str, Any]:
    """Run `tlstool ARGS` with `--json` and, beside it, for people; both have to end with this error. Returns the document."""
    # What people are told does not depend on which backend found it, so one of the two is enough.
    formats: list[tuple[str, ...]] = [("--json",)] if "openssl" in args else [("--json",), ()]
    with ThreadPoolExecutor() as pool:
        done, *told = pool.map(lambda more: tlstool(*args, *more, stdin=stdin), formats)
    assert done.status == status, done
    assert "Traceback" not in done.errors
    document = done.document
    command = " ".join(map(str, args[:2])) if args[0] == "bench" else str(args[0])
    jsonschema.validate(document, schema(command), cls=jsonschema.Draft202012Validator)
    error = document["error"]
    assert (document["ok"], document["exit_status"], error["code"]) == (False, status, code), error
    for people in told:
        assert people.status == status, people
        assert "Traceback" not in people.errors
        # The words may go on with a number that differs from run to run.
        assert error["message"].split(":")[0] in people.text + people.errors
    return document


def measured(*args: str | Path, limit: float = LIMIT) -> Done:
    """Run `tlstool ARGS` to its end, and tell how much memory that took."""
    done = run([sys.executable, "-I", "-S", "-c", _MEASURE, *COMMAND, *map(str, args)], limit=limit)
    *errors, resident = done.errors.splitlines(keepends=True)
    # macOS counts in bytes.
    return replace(done, errors="".join(errors), resident=int(resident) // (1024 if sys.platform == "darwin" else 1))


@contextmanager
def started(
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the end of the block, where it is killed if it has not ended by itself."""
    process = subprocess.Popen(
        [str(word) for word in command],
        bufsize=0,  # what is left to read can be waited for with select
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=_environment(environment),
    )
    try:
        yield process
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait(LIMIT)


def end(process: subprocess.Popen[bytes], limit: float = LIMIT) -> Done:
    """Wait for a started process, reading what is left of its streams. Its stdin stays open meanwhile."""
    start = time.monotonic()
    stdin, process.stdin = process.stdin, None  # which `communicate` would close
    try:
        output, errors = process.communicate(timeout=limit)
    finally:
        process.stdin = stdin
    return Done(process.returncode, output or b"", (errors or b"").decode(errors="replace"), time.monotonic() - start)


class Server:
    """A `tlstool serve --json` that listens.

    Attributes:
        ready: its ready line.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.ready = self.next_event()
        assert self.ready["event"] == "ready", self.ready

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self.ready["port"])

    @property
    def target(self) -> str:
        """The same for clients, under the name of its certificate."""
        return f"localhost:{self.port}"

    @property
    def ca_file(self) -> str:
        """The certificate of its throw-away authority."""
        return str(self.ready["ca_file"])

    def next_event(self) -> dict[str, Any]:
        """The next line, waited for."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], LIMIT)[0]:
            raise AssertionError("the server says nothing")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the server has ended: {end(self.process).errors}")
        event = json.loads(line)
        assert isinstance(event, dict)
        return event

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Done:
        """Send a signal and wait for the end; what is returned begins after the lines that were read before."""
        self.process.send_signal(number)
        return end(self.process)


@contextmanager
def serving(*args: str | Path, stdin: int = subprocess.DEVNULL) -> Iterator[Server]:
    """`tlstool serve --json ARGS` on a free port of 127.0.0.1, until the end of the block."""
    with started([*COMMAND, "serve", "--json", *map(str, args)], stdin=stdin) as process:
        yield Server(process)


def visit(port: int, *requests: str) -> bytes:
    """Say that over TLS, whoever the server is, and close in order; all that came back."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        got = b""
        for request in requests:
            tls.sendall(f"GET {request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            got += b"".join(iter(lambda: tls.recv(65536), b""))
        return got


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """Ours without what would change the program's ways."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(_SURROUNDINGS) and not name.endswith(_PROXIES)
    }
    return kept | {"LC_ALL": "C.UTF-8"} | dict(more or {})
