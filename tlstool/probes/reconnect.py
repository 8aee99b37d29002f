"""Further connections to a peer, each with the newest ticket of the one before: what is resumed, and what that saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.backends.base import Offer
from tlstool.endpoint import printable
from tlstool.errors import TlsToolError
from tlstool.sessions import Reconnect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tlstool.backends.base import Session
    from tlstool.events import OnEvent
    from tlstool.peer import Attempt
    from tlstool.resolve import Address


def reconnect(attempt: Attempt, session: Session, count: int, on_event: OnEvent) -> Iterator[Reconnect]:
    """Connect `count` times more, to the address of `session` first and then to the others in turn. `session` has ended.

    A peer whose first verdict is good is also asked whether it would take early data; none is sent.
    """
    ring = _ring(attempt)
    giver, given_by = session, attempt.address
    for number in range(count):
        own = attempt.to(ring[number % len(ring)], on_event)
        has_ticket = giver.handshake.tickets is not None and giver.handshake.tickets.count > 0
        ticket_from = given_by if has_ticket else None
        may_ask = session.handshake.trust.verdict == "good" and bool(giver.handshake.early_data_limit)
        try:
            again = own.enter(Offer(resume=giver.resumption, early_data=b"" if may_ask else None))
            again.finish(own.deadline.phase("close"))
        except TlsToolError as error:
            where = own.address or attempt.address or ""
            yield Reconnect(where, ticket_from, error=error.code, message=error.message)
            continue
        yield _report(own, again, ticket_from)
        if again.handshake.tickets is not None and again.handshake.tickets.count > 0:
            giver, given_by = again, own.address


def share_keys(tries: Sequence[Reconnect]) -> bool | None:
    """Whether every address that was offered the ticket of another resumed by it.

    None if there was no such offer, or no address takes even its own tickets, which leaves nothing to compare.
    """
    own = [one for one in tries if one.ticket_from == one.address and not one.error]
    foreign = [one for one in tries if one.ticket_from not in (None, one.address) and not one.error]
    if not foreign:
        return None
    if all(one.kind == "resumed" for one in foreign):
        return True
    return False if any(one.kind == "resumed" for one in own) else None


def _report(own: Attempt, session: Session, ticket_from: str | None) -> Reconnect:
    early = session.early_data
    return Reconnect(
        address=own.address or "",
        ticket_from=ticket_from,
        kind=session.handshake.kind,
        tickets=session.handshake.tickets,
        early_data=early.accepted if early else None,
        handshake_ms=own.phases().handshake,
    )


def _ring(attempt: Attempt) -> list[Address | None]:
    """The addresses, beginning with the one that answered; None alone where there is none to choose."""
    assert attempt.route is not None, "a peer that was reached has a way to it"
    addresses = attempt.route.addresses
    if not addresses:
        return [None]
    names = [printable(*address[1][:2]) for address in addresses]
    first = names.index(attempt.address) if attempt.address in names else 0
    return [*addresses[first:], *addresses[:first]]
