"""From a name to addresses: given ones, the system's resolver, or a name server that was named; one family, or both.

Connects to nothing but name servers, and knows nothing of TLS.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Literal

from tlstool.aside import Aside
from tlstool.endpoint import host_name, is_address, parse_port, split_port
from tlstool.errors import ResolveError, UsageError
from tlstool.model import Endpoint
from tlstool.phases import Deadline
from tlstool.record import Record

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family and socket address."""

Family = Literal["ipv4", "ipv6"]

_NUMBERS = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}
_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NAME_SERVER_PORT = 53


class Pin(Record):
    """Addresses that were given for a host and port, so that nobody has to be asked.

    Attributes:
        host: its name in A-label form, or an address; "*" is any.
        port: which has to be the same.
        addresses: to take instead, in this order.
    """

    host: str
    port: int
    addresses: tuple[str, ...]


class Lookup(Record):
    """How names become addresses.

    Attributes:
        pins: looked at before anybody is asked; one for the very host goes before one for any.
        server: address and port of the name server to ask; None for the system's resolver, with its files and caches.
        family: the only one to take; None for both.
    """

    pins: tuple[Pin, ...] = ()
    server: tuple[str, int] | None = None
    family: Family | None = None


def parse_pin(text: str) -> Pin:
    """A pin as curl writes it: `HOST:PORT:ADDRESS[,ADDRESS...]`, IPv6 in brackets or, as an address, without; "*" is any host.

    Raises:
        UsageError: `bad-target`, with what is wrong with it.
    """
    rest = text.removeprefix("+")  # curl's sign for an entry that may go stale, which none does here
    cut = rest.find("]") if rest.startswith("[") else 0
    host, _, tail = rest[cut:].partition(":")
    host = rest[:cut] + host
    port, colon, listed = tail.partition(":")
    addresses = tuple(_bare(address.strip()) for address in listed.split(","))
    if not host or not colon or not all(is_address(address) for address in addresses):
        hint = "write HOST:PORT:ADDRESS, as in example.com:443:192.0.2.7"
        raise UsageError("bad-target", f"cannot read {text!r} as host, port and address", hint)
    return Pin(host if host == "*" else host_name(host), parse_port(port), addresses)


def parse_server(text: str, deadline: Deadline) -> tuple[str, int]:
    """A name server: an address, or a name that the system's resolver knows; the port is 53 by default.

    Raises:
        UsageError: `bad-target`.
        ResolveError: there is no such server.
    """
    host, port = split_port(text)
    number = _NAME_SERVER_PORT if port is None else parse_port(port)
    if not is_address(host):
        server = Endpoint(host_name(host), number, is_address=False)
        try:
            host = resolve(server, deadline)[0][1][0]
        except ResolveError as error:
            hint = "name it by its address, as in --dns 192.0.2.53"
            raise ResolveError(error.code, f"the name server of --dns: {error.message}", hint) from None
    return host, number


def resolve(endpoint: Endpoint, deadline: Deadline, how: Lookup = Lookup()) -> list[Address]:  # noqa: B008 - it cannot change
    """The endpoint's addresses, in the order in which to try them (RFC 8305 section 4): the families take turns.

    Raises:
        ResolveError: the name has none, none of the family that was asked for, or the resolver did not say.
        TimeLimitError: the resolver did not answer in time.
    """
    if pin := pinned(endpoint, how.pins):
        return _taking_turns([one for text in pin.addresses for one in numeric(text, endpoint.port)], endpoint, how.family)
    if endpoint.is_address:
        return _taking_turns(numeric(endpoint.host, endpoint.port), endpoint, how.family)
    if how.server is not None:
        from tlstool import nameserver

        kinds = {"ipv4": ("A",), "ipv6": ("AAAA",)}.get(how.family or "", ("AAAA", "A"))
        texts = nameserver.addresses(endpoint.host, kinds, how.server, deadline)
        return _taking_turns([one for text in texts for one in numeric(text, endpoint.port)], endpoint, how.family)
    number = _NUMBERS[how.family] if how.family else socket.AF_UNSPEC
    asking = Aside(lambda: _lookup(endpoint.host, endpoint.port, number))
    found = asking.result(deadline, f"the resolver did not answer for {endpoint.host} in time")
    return _taking_turns(found, endpoint, how.family)


def pinned(endpoint: Endpoint, pins: Sequence[Pin]) -> Pin | None:
    """The pin that counts for an endpoint; None if there is none."""
    fitting = {pin.host: pin for pin in pins if pin.port == endpoint.port}
    return fitting.get(endpoint.host) or fitting.get("*")


def numeric(address: str, port: int) -> list[Address]:
    """The socket address of an IP address as text."""
    return _lookup(address, port, socket.AF_UNSPEC, socket.AI_NUMERICHOST)


def wrong_family(message: str, hint: str) -> ResolveError:
    """The error of a peer that has addresses, but none of the family that is to be used."""
    return ResolveError("wrong-family", message, hint)


def _bare(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _lookup(host: str, port: int, family: int, flags: int = 0) -> list[Address]:
    try:
        # As bytes, since Python would load its own IDNA codec for a text, and a name is in A-labels already.
        found = socket.getaddrinfo(host.encode(), port, family, socket.SOCK_STREAM, flags=flags)
    except socket.gaierror as error:
        if error.errno in _NOT_FOUND or error.errno == getattr(socket, "EAI_ADDRFAMILY", None):
            return []
        raise ResolveError("resolver-failed", f"cannot resolve {host}: {error.strerror}") from None
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def _taking_turns(found: Sequence[Address], endpoint: Endpoint, family: Family | None) -> list[Address]:
    """Each address once, the families by turns in the order in which they were found, and only one if only that is wanted."""
    wanted = [one for one in dict.fromkeys(found) if family is None or one[0] == _NUMBERS[family]]
    if not wanted:
        raise _no_address(endpoint, family)
    first = [one for one in wanted if one[0] == wanted[0][0]]
    second = [one for one in wanted if one[0] != wanted[0][0]]
    return [one for one in chain.from_iterable(zip_longest(first, second)) if one is not None]


def _no_address(endpoint: Endpoint, family: Family | None) -> ResolveError:
    if family is None:
        return ResolveError("unknown-host", f"{endpoint.host} has no address")
    option, other = ("-4", "IPv6") if family == "ipv4" else ("-6", "IPv4")
    hint = f"leave {option} out to take {other} as well"
    return wrong_family(f"{endpoint.host} has no {_NAMES[family]} address, and no other was wanted", hint)
