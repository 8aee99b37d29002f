"""Serve: listen, make what certificates are missing, and hand the accept loop to a backend."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from tlstool import authority, backends, certs, endpoint, identities, machine, names, pem
from tlstool.aside import Aside
from tlstool.errors import LocalError, UsageError
from tlstool.events import OnEvent, Ready, ignore
from tlstool.model import Identity, ServerConfig, ServeTotals
from tlstool.phases import Trace
from tlstool.requests import ServeRequest

_BACKLOG = 4096
_LOOPBACK = "127.0.0.1"


class Stop:
    """A wish that a server end, from another thread or from a signal. The second one does not wait for open connections."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self._write_fd, False)

    def request(self) -> None:
        """Wish it."""
        os.write(self._write_fd, b"\0")

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """While inside, SIGINT and SIGTERM wish it. For the main thread only."""
        import signal

        def heard(_number: int, _frame: object) -> None:
            """The interpreter has written the signal's number to the pipe by now."""

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self.fd)
        os.close(self._write_fd)

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(request: ServeRequest, on_event: OnEvent = ignore, stop: Stop | None = None) -> ServeTotals:
    """Serve until `stop` is requested or `request.count` connections have ended.

    `on_event` hears `Ready` once the server listens, then each `Connection` that ended.

    Raises:
        UsageError: the request makes no sense, or no backend can do it.
        LocalError: a file is no good, or the address cannot be listened on.
        TimeLimitError: the name of the address could not be looked up in time.
    """
    ciphers = tuple(names.suite(name) for name in request.ciphers)
    groups = tuple(names.group(name) for name in request.groups)
    name, _ = backends.choose(request.backend, tls=request.tls, ciphers=ciphers, groups=groups)
    threads = request.threads or machine.cores()
    with ExitStack() as held:
        stop = stop or held.enter_context(Stop())
        identity, ca_file = held.enter_context(_identity(request))
        config = ServerConfig(
            identity=identity,
            mode=request.mode,
            versions=request.tls,
            ciphers=ciphers,
            groups=groups,
            alpn=request.alpn,
            keylog=request.keylog,
            threads=threads,
            count=request.count,
            grace=request.grace,
        )
        # Ready before it listens: what a backend refuses, it refuses before anyone is told that there is a server.
        server = backends.get(name).server(config)
        listeners = [held.enter_context(listener) for listener in listen(request.listen, threads)]
        address, port = listeners[0].getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        url = f"https://{'localhost' if ca_file and address in (_LOOPBACK, '::1') else shown}:{port}/"
        fingerprint = certs.sha256(pem.certificates(identity.chain)[0])
        on_event(Ready(address, port, url, ca_file, fingerprint, os.getpid()))
        return server.serve(listeners, on_event, stop.fd)


def listen(where: str, count: int) -> list[socket.socket]:
    """`count` sockets that listen on one address, so that each thread has its own queue; fewer where the system cannot do that.

    `where` is "PORT", "ADDRESS:PORT" or "[v6]:PORT"; port 0 takes a free one.

    Raises:
        UsageError: `bad-target`: that is no address to listen on.
        LocalError: `port-in-use`, `cannot-listen`.
        TimeLimitError: the resolver did not answer in time.
    """
    host, port = endpoint.split_port(where if ":" in where or not where.isdigit() else f"{_LOOPBACK}:{where}")
    if port is None:
        raise UsageError("bad-target", f"{where!r} has no port", "write ADDRESS:PORT; port 0 takes a free one")
    number = endpoint.parse_port(port, least=0)
    listeners: list[socket.socket] = []
    try:
        family, address = _local_address(host, number)
        # The first socket takes the address for itself, so that no other server is joined by mistake; then it lets ours share.
        first = _bound(family, address, shared=False)
        listeners.append(first)
        if count > 1 and hasattr(socket, "SO_REUSEPORT"):
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            for _ in range(count - 1):
                listeners.append(_bound(family, first.getsockname(), shared=True))
        for listener in listeners:
            listener.listen(_BACKLOG)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise _cannot_listen(f"{host}:{port}", error) from None
    return listeners


def _local_address(host: str, port: int) -> tuple[int, object]:
    """Family and socket address to listen on. A name is looked up, within the limit that a client has for that."""
    asking = Aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    with Trace().phase("dns", host) as found:
        family, _, _, _, address = asking.result(found.deadline, f"the resolver did not answer for {host} in time")[0]
    return family, address


def _bound(family: int, address: object, *, shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)  # type: ignore[arg-type]
    except OSError:
        listener.close()
        raise
    return listener


def _cannot_listen(where: str, error: OSError) -> LocalError:
    if error.errno == errno.EADDRINUSE:
        return LocalError("port-in-use", f"{where} is in use", "give another port, or 0 for a free one")
    reason = error.strerror or str(error)
    return LocalError("cannot-listen", f"cannot listen on {where}: {reason.lower()}")


def _identity(request: ServeRequest) -> AbstractContextManager[tuple[Identity, str | None]]:
    """The server's identity, and the file with the CA's certificate if it is a throw-away one."""
    from contextlib import nullcontext

    given = identities.given(request.cert, request.key)
    return _throwaway() if given is None else nullcontext((given, None))


@contextmanager
def _throwaway() -> Iterator[tuple[Identity, str]]:
    from tempfile import NamedTemporaryFile

    identity, ca = authority.throwaway(("localhost", _LOOPBACK, "::1"))
    with NamedTemporaryFile(prefix="tlstool-ca-", suffix=".pem") as file:
        file.write(ca)
        file.flush()
        yield identity, file.name
