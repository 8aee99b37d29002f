"""The way to a peer: which addresses, through which proxy, from where, and how often to try; gone as often as it takes.

Ends at a connected socket on which the peer speaks next. Knows nothing of TLS.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from tlstool import dial, proxy, resolve
from tlstool.endpoint import is_address, parse_port, printable, split_port
from tlstool.errors import ConnectError, ProxyError, ResolveError, TimeLimitError, UsageError
from tlstool.model import Endpoint
from tlstool.phases import Deadline, Trace, duration
from tlstool.requests import TlsOptions
from tlstool.resolve import Address, Lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

# Between one try and the next: twice as long each time, up to a limit, and by chance down to half of it, lest many clients come
# back in step.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0


class Route:
    """The way to one peer.

    Attributes:
        peer: where it is.
        proxy: what leads there; None for a direct connection.
        addresses: of the peer, in the order in which they are tried; empty where the proxy knows better, and for a Unix socket.
        reached: address and port of the peer that is connected, None before that, behind a proxy and for a Unix socket.
        tries: how often it was tried to connect, the last time that was wanted.
    """

    def __init__(self, peer: Endpoint, options: TlsOptions, trace: Trace, deadline: Deadline) -> None:
        self.peer = peer
        self.proxy = proxy.choose(peer, options.proxy, options.no_proxy, os.environ)
        self.addresses: list[Address] = []
        self.reached: tuple[str, int] | None = None
        self.tries = 0
        self._options = options
        self._trace = trace
        self._deadline = deadline
        self._source = None if options.bind is None else _source(options.bind)
        self._pins = tuple(resolve.parse_pin(text) for text in options.resolve)
        # Addresses of the proxy, where there is one; else the peer's own.
        self._next: list[Address] = []
        if self.proxy:
            from tlstool import tunnel

            tunnel.prepare(self.proxy)
        if self.proxy and options.proxy_password is not None and self.proxy.password is None:
            self.proxy = proxy.with_password(self.proxy, options.proxy_password)

    @property
    def address(self) -> str | None:
        """The peer's address and port as one reads them; None where it is not known."""
        return str(self.peer) if self.peer.path and self.tries else self.reached and printable(*self.reached)

    def find(self, *, locally: bool = False) -> None:
        """Find the addresses; `locally` also where a proxy could find the peer's.

        Raises:
            ResolveError: there are none, or nobody knows.
            TimeLimitError: the resolver did not answer in time.
        """
        if self.peer.path is not None:
            return
        with self._trace.phase("dns", self.peer.host) as found:
            how = Lookup(self._pins, self._server(found.deadline), self._options.family)
            if self.proxy is None:
                self.addresses = self._next = self._from_here(resolve.resolve(self.peer, found.deadline, how))
                found.detail = _listed(self.addresses)
                return
            self._next = self._from_here(_addresses_of(self.proxy, found.deadline, how))
            found.detail = f"proxy {_listed(self._next)}"
            pinned = resolve.pinned(self.peer, self._pins)
            if locally or not self.proxy.resolves or pinned or self.peer.is_address:
                # It is the proxy's way that -4, -6 and --bind are about, unless it is for us to find the address.
                self.addresses = resolve.resolve(self.peer, found.deadline, how)
                found.detail += f", peer {_listed(self.addresses)}"

    def to(self, address: Address | None, trace: Trace) -> Route:
        """The same way, to one of the addresses alone, or once more to all; nothing is resolved again."""
        route = Route(self.peer, self._options, trace, self._deadline)
        route.addresses, route._next = self.addresses, self._next
        if address is not None:
            route.addresses = [address]
            route._next = [address] if self.proxy is None else self._next
        return route

    def dial(self) -> socket.socket:
        """A connected socket at whose other end is the peer.

        Raises:
            ConnectError, LocalError, ProxyError, TimeLimitError: it did not come about.
        """
        most = 1 + self._options.retries
        for self.tries in range(1, most + 1):
            try:
                return self._try(f", try {self.tries} of {most}" if self.tries > 1 else "")
            except (ConnectError, TimeLimitError) as error:
                if error.phase != "tcp" or self.tries == most or not self._pause(most):
                    raise
        raise AssertionError("the last try returns or raises")

    def _try(self, which: str) -> socket.socket:
        if self.proxy is None:
            return self._connect(which)
        # A proxy that takes only addresses is offered one after the other.
        wanted = [address[1][:2] for address in self.addresses] or [(self.peer.host, self.peer.port)]
        for place, (host, port) in enumerate(wanted, start=1):
            sock = self._connect(which)
            try:
                self._pass(self.proxy, sock, host, port)
            except ProxyError as error:
                sock.close()
                if error.code != "proxy-refused" or place == len(wanted):
                    raise
            except BaseException:
                sock.close()
                raise
            else:
                self.reached = (host, port) if is_address(host) else None
                return sock
        raise AssertionError("the last address returns or raises")

    def _connect(self, which: str) -> socket.socket:
        if self.peer.path is not None:
            with self._trace.phase("tcp", str(self.peer) + which) as found:
                return dial.connect_unix(self.peer.path, found.deadline)
        shown = printable(*self._next[0][1][:2])
        others = f" and {len(self._next) - 1} more" if len(self._next) > 1 else ""
        with self._trace.phase("tcp", f"{shown}{others}{which}") as found:
            try:
                sock = dial.connect(self._next, found.deadline, self._source)
            except (ConnectError, TimeLimitError) as error:
                if self.proxy is not None:
                    error.message = f"the proxy {self.proxy} ({self.proxy.origin}) cannot be reached: {error.message}"
                    error.hint = "is that the right proxy? --no-proxy '*' goes around it"
                raise
            host, port = sock.getpeername()[:2]
            found.detail = printable(host, port)
        if self.proxy is None:
            self.reached = host, port
        return sock

    def _pass(self, through: proxy.Proxy, sock: socket.socket, host: str, port: int) -> None:
        from tlstool.tunnel import open_tunnel

        shown = f"{printable(host, port)} through {through} ({through.origin})"
        with self._trace.phase("proxy", shown) as found:
            open_tunnel(sock, through, host, port, found.deadline)

    def _pause(self, most: int) -> bool:
        """Wait until the next try; False if the whole run would be over before that."""
        from random import uniform

        longest = min(_FIRST_PAUSE * 2 ** (self.tries - 1), _LONGEST_PAUSE)
        seconds = round(uniform(longest / 2, longest), 3)
        left = self._deadline.left()
        if left is not None and left <= seconds:
            return False
        self._trace.wait("tcp", f"try {self.tries + 1} of {most} in {duration(seconds)}")
        time.sleep(seconds)
        return True

    def _server(self, deadline: Deadline) -> tuple[str, int] | None:
        return None if self._options.dns is None else resolve.parse_server(self._options.dns, deadline)

    def _from_here(self, addresses: list[Address]) -> list[Address]:
        """Those that can be reached from the address that the connection is to come from."""
        source = self._source
        if source is None:
            return addresses
        fitting = [address for address in addresses if address[0] == source[0]]
        if not fitting:
            words = f"{_listed(addresses)} cannot be reached from {source[1][0]}, which is of the other family"
            raise resolve.wrong_family(words, "give --bind an address of the peer's family")
        return fitting


def _source(text: str) -> Address:
    """The address to connect from: ADDRESS, ADDRESS:PORT or [v6]:PORT; the port is 0 for any."""
    try:
        host, port = split_port(text)
        number = 0 if port is None else parse_port(port)
        if is_address(host):
            return resolve.numeric(host, number)[0]
    except UsageError as error:
        raise UsageError("usage", f"--bind: {error.message}", error.hint) from None
    raise UsageError(
        "usage", f"--bind takes an address of this machine, and {text!r} is none", "write 192.0.2.7 or [2001:db8::7]:5000"
    )


def _addresses_of(through: proxy.Proxy, deadline: Deadline, how: Lookup) -> list[Address]:
    try:
        return resolve.resolve(through.endpoint, deadline, how)
    except ResolveError as error:
        error.message = f"the proxy of {through.origin}: {error.message}"
        error.hint = "is that the right proxy? --no-proxy '*' goes around it"
        raise


def _listed(addresses: Sequence[Address]) -> str:
    return ", ".join(printable(*address[:2]) for _, address in addresses)
