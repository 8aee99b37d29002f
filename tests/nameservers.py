"""A name server on the loopback, which knows just what a test tells it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def name_server(records: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Answer over UDP from `records` (name and type, and the data as in a zone file) until the end of the block.

    Gives address and port. A name that has no record of the type that is asked for is there all the same.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                wire, client = sock.recvfrom(4096)
                if not wire:
                    return
                query = dns.message.from_wire(wire)
                response = dns.message.make_response(query)
                response.flags |= dns.flags.RA
                question = query.question[0]
                kind = dns.rdatatype.to_text(question.rdtype)
                if data := records.get((question.name.to_text(omit_final_dot=True), kind)):
                    response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, data))
                sock.sendto(response.to_wire(), client)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"", sock.getsockname())
            thread.join(10)
