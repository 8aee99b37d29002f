"""Early data (RFC 8446 section 2.3) in one run: one connection for the ticket, and a second one that begins with the data.

An attacker can send the first flight once more (RFC 8446 section 8), so it is for data that may arrive twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tlstool import peer
from tlstool.backends.base import Offer
from tlstool.endpoint import printable
from tlstool.sessions import EarlyDataUse

if TYPE_CHECKING:
    from tlstool.backends.base import Session
    from tlstool.events import OnEvent
    from tlstool.peer import Attempt
    from tlstool.requests import TlsOptions
    from tlstool.resolve import Address

# A first flight is held in memory as a whole, and servers that name a larger limit mean "no limit".
_LARGEST = 1024 * 1024

_SECONDS_TO_SEND = 30.0


def withheld(data: bytes, session: Session) -> EarlyDataUse:
    """What is to be said of a peer that gets no data, because the verdict on it is not good."""
    return EarlyDataUse(len(data), session.handshake.early_data_limit, None, 0, None, 0, "verdict")


def send(attempt: Attempt, first: Session, data: bytes, options: TlsOptions, on_event: OnEvent) -> tuple[Session, EarlyDataUse]:
    """End `first`, on which the verdict is good, and send the data over a second session, which is returned.

    What does not go in the first flight, or is not accepted there, goes after the handshake, once.

    Raises:
        TlsToolError: there is no second session, or the verdict on it is not good.
    """
    first.finish(attempt.deadline.phase("close"))
    attempt.handshake = first.handshake
    tickets, limit = first.handshake.tickets, first.handshake.early_data_limit
    own = attempt.to(_same_address(attempt), on_event)
    early = data[: min(limit, _LARGEST)] if limit else None
    second = own.enter(Offer(resume=first.resumption, early_data=early))
    try:
        # It is the first one's unless the peer did not resume.
        if (fault := peer.verdict(second.handshake.trust, options)) is not None:
            raise fault
        outcome = second.early_data
        sent = (outcome.sent or 0) if outcome else 0
        accepted = outcome.accepted if outcome else None
        later = data[sent:] if accepted else data
        if later:
            second.write(later, attempt.deadline.within(_SECONDS_TO_SEND, f"{_SECONDS_TO_SEND:g} s are for sending"))
    except BaseException:
        second.close(attempt.deadline.phase("close"))
        raise
    reason: Literal["no-ticket", "no-early-data", "over-limit", "rejected"] | None = None
    if not tickets or not tickets.count:
        reason = "no-ticket"
    elif accepted is None:
        reason = "no-early-data"
    elif not accepted:
        reason = "rejected"
    elif later:
        reason = "over-limit"
    return second, EarlyDataUse(len(data), limit, second.handshake.kind, sent, accepted, len(later), reason)


def _same_address(attempt: Attempt) -> Address | None:
    """The one that gave the ticket; others may have other keys for theirs."""
    assert attempt.route is not None, "a peer that was reached has a way to it"
    same = (address for address in attempt.route.addresses if printable(*address[1][:2]) == attempt.address)
    return next(same, None)
