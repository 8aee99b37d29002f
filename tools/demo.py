"""A tour of tlstool with its real output: each command is shown as it would be typed, then run.

Everything stays on this machine, on ports that are free. Each step has an exit status that it should have, the bad certificate's
among them; the tour ends with status 0 only if all of them did.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

TLSTOOL = Path(sys.executable).with_name("tlstool")
STEP_LIMIT = 60.0
"""Seconds that a step may take; the longest takes a few."""

OK, USAGE, NOT_TRUSTED = 0, 2, 9


@dataclass
class Tour:
    """The steps so far; `failures` names those that went another way."""

    failures: list[str] = field(default_factory=list)

    def step(self, words: str, arguments: str, expected: int = OK) -> None:
        """Run one command to its end and compare its exit status."""
        show(words, arguments)
        try:
            status = subprocess.run([TLSTOOL, *shlex.split(arguments)], timeout=STEP_LIMIT, check=False).returncode
        except subprocess.TimeoutExpired:
            self.failures.append(f"tlstool {arguments}: no end within {STEP_LIMIT:.0f} s")
            return
        self.compare(arguments, status, expected)

    def compare(self, arguments: str, status: int, expected: int) -> None:
        """Take note of an exit status that is not the expected one."""
        if status != expected:
            self.failures.append(f"tlstool {arguments}: exit status {status} instead of {expected}")
        elif expected != OK:
            say(f"(exit status {status}, as it should be)")


def main() -> int:
    """Make the tour; the exit status."""
    native = has_fast_path()
    if not native:
        say("There is no Rust extension here: the tour runs on the openssl backend.")
    tour = Tour()
    tour.step("What is this, and on what does it run?", "--version")
    with server(tour) as ready:
        target, ca = f"localhost:{ready['port']}", shlex.quote(ready["ca_file"])
        tour.step("Connect to it, trusting its certificate authority.", f"connect {target} --ca {ca}")
        tour.step("Connect without: the report is the same, the verdict is not.", f"connect {target}", NOT_TRUSTED)
        tour.step("Judge the certificate alone.", f"cert-verify {target} --ca {ca}")
        tour.step("How many handshakes a second does it do?", f"bench handshake {target} --ca {ca} --duration 1s")
    local = "bench local --duration 0.4s --rounds 3"
    if native:
        tour.step("Rustls beside the OpenSSL of this Python, in memory, on one core.", local)
    else:
        tour.step("The benchmark in memory needs the Rust extension.", local, USAGE)
    return conclude(tour)


def has_fast_path() -> bool:
    """Whether the installed tool has its Rust extension. Asked of another process, for the tour itself imports nothing of it."""
    return (
        subprocess.run([sys.executable, "-c", "import tlstool._native"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


@contextmanager
def server(tour: Tour) -> Iterator[dict[str, str]]:
    """A server in the background; what it said when it was ready. At the end it is asked to stop, and its totals are shown."""
    arguments = "serve --json"
    show("A TLS server, with a certificate authority that lives as long as it does.", f"{arguments} &")
    with subprocess.Popen([TLSTOOL, *shlex.split(arguments)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = announcement(process.stdout)
            # One line a connection follows, thousands of them: only the last is kept.
            last: deque[str] = deque(maxlen=1)
            reader = threading.Thread(target=last.extend, args=(process.stdout,), daemon=True)
            reader.start()
            yield ready
            show("Stop the server; its last word is what it has seen.", None)
            say(f"$ kill -TERM {process.pid}")
            process.terminate()
            tour.compare(arguments, process.wait(STEP_LIMIT), OK)
            reader.join(STEP_LIMIT)
            say("".join(last).rstrip("\n"))
        finally:
            process.kill()


def announcement(stream: IO[str]) -> dict[str, str]:
    """Show what a server says when it is ready.

    Raises:
        SystemExit: it says something else, or nothing.
    """
    readable, _, _ = select.select([stream], [], [], STEP_LIMIT)
    line = stream.readline().rstrip("\n") if readable else ""
    say(line)
    ready: dict[str, str] = json.loads(line or "{}")
    if ready.get("event") != "ready":
        raise SystemExit("demo: the server did not start")
    return ready


def conclude(tour: Tour) -> int:
    """Say how it went."""
    say("")
    for failure in tour.failures:
        say(f"demo: {failure}")
    if tour.failures:
        return 1
    say("That was the tour: every step did what it should. Next: tlstool --help, in .venv/bin.")
    return 0


def show(words: str, arguments: str | None) -> None:
    """Say what comes, and how it is typed."""
    say(f"\n{heading(words)}")
    if arguments is not None:
        say(f"$ tlstool {arguments}")


def heading(words: str) -> str:
    """Set apart on a terminal; a comment of the shell everywhere."""
    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[1m# {words}\x1b[0m" if bold else f"# {words}"


def say(line: str) -> None:
    """Print now: the commands write to the same stream by themselves."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
