"""Questions that the system's resolver cannot be asked: to one name server in particular, or for other records (dnspython)."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlstool.aside import Aside
from tlstool.endpoint import is_address, printable
from tlstool.errors import ResolveError, TimeLimitError, cause
from tlstool.phases import Deadline

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage
    from dns.nameserver import Nameserver
    from dns.resolver import NoNameservers, Resolver
    from dns.rrset import RRset

Server = tuple[str, int]
"""Address and port."""

# Aliases of aliases: a name server that recurses follows them by itself, and no sane zone has more (RFC 1034 section 3.6.2).
_LONGEST_CHAIN = 8

_USUAL_PORT = 53

_OTHER_SERVER = "is a name server there, and does it answer for this name? without --dns the system's resolver is asked"

# Without a limit of the caller's, as the system's resolver has one of its own.
_PATIENCE = 30.0


def addresses(name: str, kinds: Sequence[str], server: Server, deadline: Deadline) -> list[str]:
    """The addresses of a name, of the record types `A`, `AAAA` or both, which are asked for at the same time.

    Returns:
        In the order of `kinds`; empty where the name is there, but has no such record.

    Raises:
        ResolveError: there is no such name, or the server does not say; not where one of the types has an answer.
        TimeLimitError: there was no answer in time.
    """
    asked = [Aside(lambda kind=kind: ask(name, kind, deadline, server)) for kind in kinds]  # type: ignore[misc]
    found: list[str] = []
    failures: list[ResolveError | TimeLimitError] = []
    for one in asked:
        try:
            records: RRset | None = one.result(deadline, _too_late(name, server))
        except (ResolveError, TimeLimitError) as error:
            failures.append(error)
        else:
            found += [record.address for record in records or ()]
    if failures and not found:
        raise failures[0]
    return found


def ask(name: str, kind: str, deadline: Deadline, server: Server | None = None) -> RRset | None:
    """The records of a type (`HTTPS`, `TLSA` ...) that a name has, behind its aliases (CNAME); None if it has none.

    Asks `server`, or those that the system is configured with. A truncated answer is asked for again over TCP.

    Raises:
        ResolveError: `unknown-host`: there is no such name; `resolver-failed`: no server says.
        TimeLimitError: there was no answer in time.
    """
    import dns.exception
    import dns.name
    import dns.resolver

    resolver = _resolver(server)
    wanted = dns.name.from_text(name)
    for _ in range(_LONGEST_CHAIN):
        left = deadline.left()
        try:
            answer = resolver.resolve(
                wanted, kind, raise_on_no_answer=False, search=False, lifetime=_PATIENCE if left is None else left
            )
        except dns.resolver.NXDOMAIN:
            raise ResolveError("unknown-host", f"{name} does not exist, says {_asked(server)}") from None
        except dns.resolver.NoNameservers as error:
            hint = None if server is None else _OTHER_SERVER
            raise ResolveError("resolver-failed", f"cannot resolve {name}: {_asked(server)} {_why(error)}", hint) from None
        except dns.exception.Timeout:
            raise TimeLimitError("time-limit", _too_late(name, server)) from None
        except dns.exception.DNSException as error:
            raise ResolveError("resolver-failed", f"cannot resolve {name}: {_asked(server)}: {error}") from None
        if answer.rrset is not None or answer.canonical_name == wanted:
            return answer.rrset
        wanted = answer.canonical_name
    raise ResolveError("resolver-failed", f"cannot resolve {name}: it is an alias of an alias without end")


def _resolver(server: Server | None) -> Resolver:
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=server is None)
    except dns.exception.DNSException as error:
        raise ResolveError("resolver-failed", f"this system names no name server: {error}") from None
    if server is not None:
        address, resolver.port = server
        resolver.nameservers = [address]
    named = [one for one in resolver.nameservers if isinstance(one, str) and is_address(one)]
    resolver.nameservers = [_connected(address, resolver.port) for address in named] or resolver.nameservers
    return resolver


def _connected(address: str, port: int) -> Nameserver:
    """A name server that is asked over a connected socket.

    On one without a peer, which is what dnspython takes, an ICMP message that the port is closed reaches nobody (RFC 1122 section
    4.1.3.3), and the question would wait out its limit.
    """
    import dns.nameserver
    import dns.query

    class Connected(dns.nameserver.Do53Nameserver):
        def query(  # noqa: PLR0917 - as dnspython has it
            self,
            request: QueryMessage,
            timeout: float,
            source: str | None,
            source_port: int,
            max_size: bool,
            one_rr_per_rrset: bool = False,
            ignore_trailing: bool = False,
        ) -> Message:
            if max_size:  # by TCP
                return super().query(request, timeout, source, source_port, max_size, one_rr_per_rrset, ignore_trailing)
            until = time.time() + timeout  # the clock that dnspython goes by
            family, *_, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect(place)
                _, sent = dns.query.send_udp(sock, request.to_wire(), None, until)
                answer: Message
                answer, came, _ = dns.query.receive_udp(
                    sock, expiration=until, raise_on_truncation=True, ignore_errors=True, query=request
                )
                answer.time = came - sent
                return answer

    return Connected(address, port)


def _asked(server: Server | None) -> str:
    return "the system's name server" if server is None else f"the name server {_place(*server)}"


def _place(address: str, port: int) -> str:
    return address if port == _USUAL_PORT else printable(address, port)


def _too_late(name: str, server: Server | None) -> str:
    return f"{_asked(server)} did not answer for {name} in time"


def _why(error: NoNameservers) -> str:
    """What the last server that was asked did instead of answering."""
    import dns.rcode

    _, _, _, exception, response = error.kwargs["errors"][-1] if error.kwargs.get("errors") else (None,) * 5
    if response is not None:
        return f"answered {dns.rcode.to_text(response.rcode())}"
    if isinstance(exception, OSError):
        return f"cannot be asked: {cause(exception)}"
    return "gave no answer that makes sense"
