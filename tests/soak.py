"""A server under minutes of good, slow and hostile clients: the good ones are served, and in the end nothing is left over.

    python tests/soak.py [--seconds 300] [--clients 8] [OPTIONS OF serve, such as --echo]

Prints what the clients did and what the server held before and after; its status is 1 if a good client was not served, or if the
server ended with more descriptors, threads or memory than it had after the warm-up.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import hostile
import runner

# So that slow clients are not most of what there is.
_LIMITS = ("handshake=2s", "request=2s", "send=2s", "idle=5s", "close=1s")

_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Held:
    """What a server's process has."""

    descriptors: int
    threads: int
    resident: int

    @classmethod
    def by(cls, pid: int) -> Held:
        """This process."""
        return cls(hostile.descriptors(pid), hostile.threads(pid), hostile.resident(pid))


@dataclass
class Soak:
    """One run.

    Attributes:
        acts: what the clients did, how often.
        events: what the server told, by the code of the error.
        unserved: why good clients were not.
        before, after: what the server held after the warm-up and at the end, with no client there.
        status: the server's.
    """

    server: runner.Server
    echo: bool
    acts: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    unserved: list[str] = field(default_factory=list)
    before: Held = Held(0, 0, 0)
    after: Held = Held(0, 0, 0)
    status: int | None = None

    def faults(self) -> list[str]:
        """What should not be."""
        grown = self.after.resident - self.before.resident
        found = [f"a good client was not served: {why}" for why in self.unserved[:5]]
        if self.after.descriptors > self.before.descriptors:
            found.append(f"{self.after.descriptors - self.before.descriptors} descriptors are left over")
        if self.after.threads > self.before.threads:
            found.append(f"{self.after.threads - self.before.threads} threads are left over")
        # What an allocator keeps differs from flood to flood; over minutes, a leak of some bytes a connection is more than this.
        if grown > max(4096, self.before.resident // 10):
            found.append(f"{grown} KiB of memory are left over")
        if self.events["internal-error"]:
            found.append(f"{self.events['internal-error']} connections ended in an internal error")
        if self.status != 0:
            found.append(f"the server ended with status {self.status}")
        return found

    def load(self, seconds: float, clients: int) -> None:
        """So many clients at a time, whoever comes by chance."""
        end = time.monotonic() + seconds

        def work(number: int) -> None:
            chance = random.Random(number)
            while time.monotonic() < end:
                act = chance.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])[0]
                try:
                    act(self, chance)
                except OSError as error:
                    if act in GOOD:
                        self.unserved.append(f"{act.__name__}: {error!r}")
                self.acts[act.__name__] += 1

        working = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
        for one in working:
            one.start()
        for one in working:
            one.join()

    def settled(self, descriptors: int | None = None) -> Held:
        """What the server holds once it has no client any more, which ought to be so many descriptors."""
        pid = self.server.process.pid
        if descriptors is not None:
            hostile.eventually(lambda: hostile.descriptors(pid) <= descriptors)
        return Held.by(pid)

    def listen(self) -> None:
        """Count the server's events, until it ends."""
        while True:
            try:
                event = self.server.next_event()
            except AssertionError:
                return
            if event["event"] == "connection":
                self.events[event["error"] or "good"] += 1


def served(soak: Soak, tls: ssl.SSLSocket) -> None:
    """One request, or some bytes, and the answer."""
    if not soak.echo:
        hostile.asked(tls)
        return
    data = os.urandom(2000)
    tls.sendall(data)
    got = b""
    while len(got) < len(data):
        more = tls.recv(65536)
        if not more:
            raise ConnectionResetError("the echo ended early")
        got += more
    if got != data:
        raise OSError("the echo is another")


def visits(soak: Soak, chance: random.Random) -> None:
    with hostile.session(soak.server.port, soak.server.ca_file) as tls:
        for _ in range(chance.randint(1, 20)):
            served(soak, tls)


def resumes(soak: Soak, chance: random.Random) -> None:
    context = ssl.create_default_context(cafile=soak.server.ca_file)
    context.maximum_version = chance.choice([ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    kept = None
    for _ in range(3):
        sock = hostile.dial(soak.server.port)
        with context.wrap_socket(sock, server_hostname="localhost", session=kept) as tls:
            served(soak, tls)
            kept = tls.session


def resets(soak: Soak, chance: random.Random) -> None:
    with hostile.session(soak.server.port, soak.server.ca_file) as tls:
        if chance.random() < 0.5:
            tls.sendall(hostile.REQUEST)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)


def comes_and_goes(soak: Soak, chance: random.Random) -> None:
    hello = hostile.hello()
    for _ in range(20):
        with hostile.dial(soak.server.port) as sock:
            sock.sendall(hello[: chance.randrange(len(hello) + 1)])


def stays_silent(soak: Soak, chance: random.Random) -> None:
    with hostile.silent(soak.server.port, 20):
        time.sleep(chance.random())


def trickles_hello(soak: Soak, _chance: random.Random) -> None:
    with hostile.dial(soak.server.port) as sock:
        hostile.trickle(sock, hostile.endless(hostile.hello()[:-1], b""))


def trickles_head(soak: Soak, _chance: random.Random) -> None:
    with hostile.session(soak.server.port, soak.server.ca_file) as tls:
        hostile.trickle(tls, hostile.endless(hostile.REQUEST[:20], b"x"))


def never_reads(soak: Soak, _chance: random.Random) -> None:
    with hostile.session(soak.server.port, soak.server.ca_file) as tls:
        hostile.glut(tls, hostile.REQUEST * 100)
        hostile.last_words(tls)


def talks_nonsense(soak: Soak, chance: random.Random) -> None:
    greeting = chance.choice([b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", os.urandom(500), b"\x16\x03\x01\xff\xff" + bytes(999)])
    with hostile.dial(soak.server.port) as sock, suppress(OSError):
        sock.sendall(greeting)
        hostile.last_words(sock)


def breaks_the_session(soak: Soak, _chance: random.Random) -> None:
    tls = hostile.session(soak.server.port, soak.server.ca_file)
    with tls, socket.socket(fileno=os.dup(tls.fileno())) as below, suppress(OSError):
        below.settimeout(hostile.LIMIT)
        below.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
        hostile.last_words(below)


def sends_a_large_hello(soak: Soak, chance: random.Random) -> None:
    with hostile.dial(soak.server.port) as sock, suppress(OSError):
        sock.sendall(hostile.large_hello(chance.choice([16_384, 100, 1])))


Act = Callable[[Soak, random.Random], None]

GOOD: tuple[Act, ...] = (visits, resumes)

ACTS: tuple[tuple[Act, int], ...] = (
    (visits, 12),
    (resumes, 6),
    (resets, 6),
    (comes_and_goes, 2),
    (stays_silent, 2),
    (trickles_hello, 1),
    (trickles_head, 1),
    (never_reads, 1),
    (talks_nonsense, 6),
    (breaks_the_session, 6),
    (sends_a_large_hello, 3),
)
"""Who comes, and how often by comparison."""


def run(seconds: float, clients: int = 8, options: Sequence[str] = ()) -> Soak:
    """Soak a server with these options of its own for so long, a fifth of it to warm up."""
    limits = [word for limit in _LIMITS for word in ("--limit", limit)]
    with runner.serving(*limits, *options) as server:
        soak = Soak(server, echo="--echo" in options)
        listening = threading.Thread(target=soak.listen)
        visits(soak, random.Random(0))
        listening.start()
        hostile.eventually(lambda: soak.events["good"] > 0)
        own = hostile.descriptors(server.process.pid)
        soak.load(seconds / 5, clients)
        soak.before = soak.settled(own)
        soak.load(seconds * 4 / 5, clients)
        soak.after = soak.settled(own)
        server.process.terminate()
        soak.status = server.process.wait(hostile.LIMIT)
        listening.join(hostile.LIMIT)
    return soak


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Soak a server in good, slow and hostile clients.", allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=300.0, help="a fifth of it to warm up (default: 300)")
    parser.add_argument("--clients", type=int, default=8, help="at a time (default: 8)")
    given, options = parser.parse_known_args()
    soak = run(given.seconds, given.clients, options)
    for name, count in (*soak.acts.items(), *soak.events.items()):
        print(f"{count:8,} {name}")
    print(f"before: {soak.before}\nafter:  {soak.after}")
    faults = soak.faults()
    print("\n".join(faults) or "nothing is left over")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
