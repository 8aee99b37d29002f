"""Peers that misbehave, and peers that show a bad certificate: small servers in threads of the tests' own process."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from credentials import Pair

LIMIT = 30.0
"""Seconds after which a peer gives up whatever it does."""

RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing resets the connection."""

HANDSHAKE_FAILURE = bytes.fromhex("15 03 03 00 02 02 28")
"""A fatal alert handshake_failure(40) in a record of its own (RFC 8446 sections 5.1 and 6)."""

NONSENSE = bytes.fromhex("16 03 03 00 08 02 00 00 04 de ad be ef")
"""A handshake record with a ServerHello that is too short to be one (RFC 8446 section 4.1.3)."""


@dataclass
class Peer:
    """A server that listens on 127.0.0.1.

    Attributes:
        port: where.
        received: what clients sent, as far as a behaviour looks at it; for TLS servers the application data.
        connected: set once there was a connection.
        stopping: set when the test is over.
    """

    port: int
    received: bytearray = field(default_factory=bytearray)
    connected: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def target(self) -> str:
        """For clients that go by the certificate's name."""
        return f"localhost:{self.port}"


Behaviour = Callable[[Peer, socket.socket], None]
"""What a server does with a connection, which is closed afterwards."""


@contextmanager
def listening(behaviour: Behaviour) -> Iterator[Peer]:
    """A server that treats each connection so, in a thread of its own, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = Peer(listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def treat(sock: socket.socket) -> None:
            # Clients may leave whenever they like; what they make of a peer is what the tests look at.
            with sock, contextlib.suppress(OSError):
                sock.settimeout(LIMIT)
                behaviour(peer, sock)

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                peer.connected.set()
                threads.append(threading.Thread(target=treat, args=(sock,)))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield peer
        finally:
            peer.stopping.set()
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            for thread in (acceptor, *threads):
                thread.join(LIMIT)


@contextmanager
def refusing() -> Iterator[int]:
    """A port where nobody listens: it is taken, so that nobody else will, either."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@contextmanager
def full() -> Iterator[int]:
    """A port where a connection is neither taken nor refused, because the queue of the one who listens is full."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        # How many fit in is the system's business; the first that has to wait shows that no more do.
        while len(waiting) < 16:
            sock = held.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            if not select.select([], [sock], [], 0.2)[1]:
                break
            waiting.append(sock)
        else:
            raise AssertionError("the queue takes everything")
        yield int(listener.getsockname()[1])


# ---- no TLS at all -------------------------------------------------------------------------------


def silent(peer: Peer, sock: socket.socket) -> None:
    """Say nothing, and read, until the client goes."""
    _drain(peer, sock)


def greets(banner: bytes) -> Behaviour:
    """Speak first, as SMTP and SSH do."""

    def behave(peer: Peer, sock: socket.socket) -> None:
        sock.sendall(banner)
        _drain(peer, sock)

    return behave


def answers(reply: bytes) -> Behaviour:
    """Wait for the client's first bytes, answer, and end the connection."""

    def behave(peer: Peer, sock: socket.socket) -> None:
        peer.received += sock.recv(65536)
        sock.sendall(reply)
        sock.shutdown(socket.SHUT_WR)
        _drain(peer, sock)

    return behave


def closes(peer: Peer, sock: socket.socket) -> None:
    """Read the client's first bytes, and end the connection in order."""
    answers(b"")(peer, sock)


def resets(peer: Peer, sock: socket.socket) -> None:
    """Read the client's first bytes, and reset the connection."""
    peer.received += sock.recv(65536)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def dribbles(data: bytes) -> Behaviour:
    """Send `data` again and again, a few bytes a second."""

    def behave(peer: Peer, sock: socket.socket) -> None:
        for byte in itertools.cycle(data):
            sock.sendall(bytes([byte]))
            if peer.stopping.wait(0.15):
                return

    return behave


def trickles(peer: Peer, sock: socket.socket) -> None:
    """Begin a handshake record of 16 KiB, a byte a second."""
    sock.recv(65536)
    for byte in bytes.fromhex("16 03 03 40 00 02 00 3f fc 03 03") + bytes(int(LIMIT)):
        sock.sendall(bytes([byte]))
        if peer.stopping.wait(1.0):
            return


# ---- TLS -----------------------------------------------------------------------------------------


def context(
    pair: Pair,
    *,
    version: ssl.TLSVersion | None = None,
    client_ca: Path | None = None,
) -> ssl.SSLContext:
    """A server's configuration; `version` is the only one that it speaks, `client_ca` makes it demand a certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pair.cert, pair.key)
    if version is not None:
        made.minimum_version = made.maximum_version = version
    if client_ca is not None:
        made.load_verify_locations(client_ca)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


TlsBehaviour = Callable[[Peer, ssl.SSLSocket], None]
"""What a server does with a session."""


def tls(configuration: ssl.SSLContext, then: TlsBehaviour | None = None) -> Behaviour:
    """Shake hands, then do as `then` says: by default keep the application data that comes, to its end."""

    def behave(peer: Peer, sock: socket.socket) -> None:
        with configuration.wrap_socket(sock, server_side=True) as session:
            (then or _drain)(peer, session)

    return behave


def echoes(peer: Peer, session: ssl.SSLSocket) -> None:
    """Send back what comes, and close in order."""
    while data := session.recv(65536):
        peer.received += data
        session.sendall(data)
    session.unwrap()


def cuts(data: bytes) -> TlsBehaviour:
    """Send `data`, and end the connection without close_notify."""

    def behave(_peer: Peer, session: ssl.SSLSocket) -> None:
        session.sendall(data)
        session.shutdown(socket.SHUT_WR)  # of the TCP connection: TLS is not told
        while session.recv(65536):
            pass  # what is not read would reset the connection, and take `data` with it

    return behave


def says(data: bytes) -> TlsBehaviour:
    """Send `data`, and close in order."""

    def behave(_peer: Peer, session: ssl.SSLSocket) -> None:
        session.sendall(data)
        session.unwrap()

    return behave


def _drain(peer: Peer, sock: socket.socket) -> None:
    while data := sock.recv(65536):
        peer.received += data
