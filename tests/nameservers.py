"""A name server on a free port of 127.0.0.1, for UDP and TCP, whose answers are what a test says (made by dnspython)."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

LIMIT = 30.0

Answer = Callable[[dns.message.Message, bool], "dns.message.Message | None"]
"""From a question, and whether it came over TCP, to an answer; None is silence."""


@dataclass
class NameServer:
    """A name server that runs.

    Attributes:
        port: for both, UDP and TCP.
        asked: the questions that came, as `NAME TYPE over UDP`.
    """

    port: int
    asked: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


def zone(records: dict[str, str]) -> Answer:
    """Answers by `NAME TYPE`, several with blanks between them: `zone({"a.test A": "192.0.2.1"})`; no other name exists."""

    def answer(question: dns.message.Message, _tcp: bool) -> dns.message.Message:
        reply = dns.message.make_response(question, recursion_available=True)
        wanted = question.question[0]
        name, kind = wanted.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(wanted.rdtype)
        names = {key.split()[0] for key in records}
        for _ in range(len(records)):
            if found := records.get(f"{name} {kind}"):
                reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found.split()))
            if not (alias := records.get(f"{name} CNAME")):
                break
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{alias}."))
            name = alias
        if name not in names and not reply.answer:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    return answer


def fails(rcode: dns.rcode.Rcode) -> Answer:
    """Always this code and no answer."""

    def answer(question: dns.message.Message, _tcp: bool) -> dns.message.Message:
        reply = dns.message.make_response(question)
        reply.set_rcode(rcode)
        return reply

    return answer


def truncating(answer: Answer) -> Answer:
    """The same over TCP; over UDP nothing but the sign that there is more."""

    def truncated(question: dns.message.Message, tcp: bool) -> dns.message.Message | None:
        if tcp:
            return answer(question, tcp)
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.TC
        return reply

    return truncated


def silent(_question: dns.message.Message, _tcp: bool) -> None:
    """No answer at all."""


@contextmanager
def serving(answer: Answer) -> Iterator[NameServer]:
    """A name server until the end of the block."""
    with contextlib.ExitStack() as held:
        stream, datagrams = _bound(held)
        server = NameServer(stream.getsockname()[1])

        def reply(wire: bytes, tcp: bool) -> bytes | None:
            question = dns.message.from_wire(wire)
            wanted = question.question[0]
            name, kind = wanted.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(wanted.rdtype)
            server.asked.append(f"{name} {kind} over {'TCP' if tcp else 'UDP'}")
            found = answer(question, tcp)
            return None if found is None else found.to_wire()

        def over_udp() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, peer = datagrams.recvfrom(65535)
                    if not wire:
                        return
                    if answered := reply(wire, False):
                        datagrams.sendto(answered, peer)

        def over_tcp() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = stream.accept()
                    with sock, contextlib.suppress(OSError, struct.error):
                        sock.settimeout(LIMIT)
                        length = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))[0]
                        if answered := reply(sock.recv(length, socket.MSG_WAITALL), True):
                            sock.sendall(struct.pack("!H", len(answered)) + answered)

        threads = [threading.Thread(target=work) for work in (over_udp, over_tcp)]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            stream.shutdown(socket.SHUT_RDWR)  # wakes accept
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
                waking.sendto(b"", datagrams.getsockname())
            for thread in threads:
                thread.join(LIMIT)


def _bound(held: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    """A socket for TCP and one for UDP on the same free port."""
    for _ in range(64):
        stream = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            datagrams.bind(stream.getsockname())
        except OSError:
            continue  # somebody else's for UDP
        return stream, datagrams
    raise AssertionError("no port is free for both")
