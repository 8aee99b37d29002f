"""The sockets that a server listens on."""

from __future__ import annotations

import errno
import socket

from tlstool import descriptors, endpoint
from tlstool.aside import Aside
from tlstool.errors import LocalError, UsageError
from tlstool.events import Caution
from tlstool.phases import Trace

LOOPBACK = "127.0.0.1"

_BACKLOG = 4096


def listen(where: str, count: int) -> list[socket.socket]:
    """`count` sockets that listen on one address, so that each thread has its own queue; fewer where the system cannot do that.

    `where` is "PORT", "ADDRESS:PORT" or "[v6]:PORT"; port 0 takes a free one.

    Raises:
        UsageError: `bad-target`: that is no address to listen on.
        LocalError: `port-in-use`, `cannot-listen`, `out-of-descriptors`.
        TimeLimitError: the resolver did not answer in time.
    """
    host, port = endpoint.split_port(where if ":" in where or not where.isdigit() else f"{LOOPBACK}:{where}")
    if port is None:
        raise UsageError("bad-target", f"{where!r} has no port", "write ADDRESS:PORT; port 0 takes a free one")
    if not host:
        hint = f"write 0.0.0.0:{port} or [::]:{port} for every address of this machine, {port} alone for {LOOPBACK}"
        raise UsageError("bad-target", f"{where!r} has no address", hint)
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


def exposure(address: str) -> Caution | None:
    """What to say of an address that is not this machine's alone."""
    import ipaddress

    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.is_loopback:
        return None
    where = f"every address of this machine ({address})" if ip.is_unspecified else f"{address}, which is no loopback address"
    return Caution("not-loopback", f"listening on {where}: others may reach it")


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
    if lack := descriptors.lack(error, f"cannot listen on {where}"):
        return lack
    reason = error.strerror or str(error)
    # On Linux it is the port that one may not have: net.ipv4.ip_unprivileged_port_start.
    hint = "low ports are root's: give a higher one, or have systemd pass the socket" if error.errno == errno.EACCES else None
    return LocalError("cannot-listen", f"cannot listen on {where}: {reason.lower()}", hint)
