"""Connect to every address of a target, some at a time, and compare what they show: servers behind one name should not differ."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from queue import SimpleQueue

from tlstool import peer
from tlstool.endpoint import printable, without_user
from tlstool.errors import TlsToolError, UsageError, precedence
from tlstool.events import Event, OnEvent, PhaseEvent
from tlstool.reports import AddressReport, ConnectReport, problem
from tlstool.requests import ConnectRequest
from tlstool.resolve import Address

_AT_A_TIME = 8

# How long tickets are waited for, which come behind the handshake.
_TICKETS_SECONDS = 0.25

COMPARED = ("serial", "chain", "tls", "suite", "group", "alpn", "tickets", "error")
"""The fields of `AddressReport` in which servers behind one name should be alike."""


def survey(request: ConnectRequest, on_event: OnEvent) -> ConnectReport:
    """Shake hands with every address that the target has, each with a verdict of its own.

    Returns:
        The report of the address that decides the exit status, the first one if all are good; with what each of them showed.

    Raises:
        UsageError: the request makes no sense, or no backend can do it; nothing was sent.
    """
    if request.relay:
        raise UsageError("usage", "data goes to one peer, and --all-addresses has many", "leave one of them out")
    attempt = peer.Attempt(request, on_event)
    seen: dict[int, _Seen] = {}
    error: TlsToolError | None = None
    try:
        addresses = attempt.find(request.target, locally=True).addresses
        if not addresses:
            raise UsageError("usage", f"{request.target} is one socket and has no addresses", "leave --all-addresses out")
        _see_each(attempt, addresses, request, seen, on_event)
    except UsageError:
        raise
    except KeyboardInterrupt:
        error = attempt.interruption()
    except TlsToolError as raised:
        error = raised
    return _report(attempt, [seen[place] for place in sorted(seen)], request, error)


def differences(addresses: Sequence[AddressReport]) -> tuple[str, ...]:
    """The names of what is not the same for all, of `COMPARED`: see `AddressReport.compared`."""
    found = {name: {compared[0] for one in addresses if (compared := one.compared(name))} for name in COMPARED}
    return tuple(name for name, different in found.items() if len(different) > 1)


class _Seen:
    """One address after its handshake, or after what came instead of it."""

    def __init__(self, address: Address, attempt: peer.Attempt, error: TlsToolError | None) -> None:
        self.attempt = attempt
        self.error = error
        self._address = address

    @property
    def exit_status(self) -> int:
        return self.error.exit_status if self.error else 0

    def report(self) -> AddressReport:
        handshake = self.attempt.handshake
        certificates = handshake.certificates if handshake else ()
        return AddressReport(
            address=printable(*self._address[1][:2]),
            exit_status=self.exit_status,
            error=problem(self.error),
            tries=self.attempt.tries,
            phases_ms=self.attempt.phases(),
            verdict=handshake.trust.verdict if handshake else None,
            serial=certificates[0].serial if certificates else None,
            chain=tuple(certificate.sha256 for certificate in certificates),
            tls=handshake.tls if handshake else None,
            suite=handshake.suite if handshake else None,
            group=handshake.group if handshake else None,
            alpn=handshake.alpn if handshake else None,
            tickets=handshake.tickets.count if handshake and handshake.tickets else None,
        )


def _see_each(
    attempt: peer.Attempt, addresses: Sequence[Address], request: ConnectRequest, seen: dict[int, _Seen], on_event: OnEvent
) -> None:
    """Try all of them in threads that are left behind at Ctrl-C, and tell of them in this one; `seen` fills by their places."""
    waiting: SimpleQueue[tuple[int, Address] | None] = SimpleQueue()
    news: SimpleQueue[Event | tuple[int, _Seen] | Exception] = SimpleQueue()
    for numbered in enumerate(addresses):
        waiting.put(numbered)

    def work() -> None:
        try:
            while (numbered := waiting.get()) is not None:
                place, address = numbered
                news.put((place, _see(attempt, address, request, news.put)))
        except Exception as error:  # for the thread that waits, whatever it is
            news.put(error)

    for _ in range(min(_AT_A_TIME, len(addresses))):
        waiting.put(None)
        threading.Thread(target=work, daemon=True).start()
    while len(seen) < len(addresses):
        told = news.get()
        if isinstance(told, Exception):
            raise told
        if isinstance(told, tuple):
            seen[told[0]] = told[1]
        else:
            on_event(told)


def _see(attempt: peer.Attempt, address: Address, request: ConnectRequest, on_event: OnEvent) -> _Seen:
    where = printable(*address[1][:2])

    def tell(event: Event) -> None:
        if isinstance(event, PhaseEvent) and not event.detail.startswith(where):
            event = replace(event, detail=f"{where}: {event.detail}")
        on_event(event)

    own = attempt.to(address, tell)
    error: TlsToolError | None
    try:
        session = own.enter()
        session.finish(own.deadline.phase("close").within(_TICKETS_SECONDS))
        own.handshake = session.handshake
        error = peer.verdict(own.trust, request)
    except UsageError:
        raise
    except TlsToolError as raised:
        error = peer.deciding(raised, own.trust, request)
    return _Seen(address, own, error)


def _report(attempt: peer.Attempt, seen: Sequence[_Seen], request: ConnectRequest, error: TlsToolError | None) -> ConnectReport:
    deciding = min(seen, key=lambda one: precedence(one.exit_status), default=None)
    shown = deciding.attempt if deciding else attempt
    error = error or (deciding.error if deciding else None)
    addresses = tuple(one.report() for one in seen)
    different = differences(addresses)
    return ConnectReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=shown.warnings,
        target=without_user(request.target),
        address=shown.address,
        proxy=attempt.proxy,
        tries=shown.tries,
        backend=attempt.backend,
        backend_reason=attempt.backend_reason,
        phases_ms=replace(shown.phases(), dns=attempt.phases().dns, total=attempt.phases().total),
        starttls=shown.starttls,
        handshake=shown.handshake,
        addresses=addresses or None,
        differences=different if addresses else None,
        consistent=not different if any(one.tls for one in addresses) else None,
    )
