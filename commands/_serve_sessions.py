"""What `serve` lets clients come back with."""

from __future__ import annotations

import click

from ._command import option
from ._options import FILE, all_of
from ._types import Size, Whole

_MOST_TICKETS = 255  # what a client can ask for (RFC 9149 section 3)
_MOST_EARLY_DATA = 2**32 - 1  # max_early_data_size (RFC 8446 section 4.6.1)


class Tickets(Whole):
    """A number of tickets, or `off`."""

    def __init__(self) -> None:
        super().__init__(0, _MOST_TICKETS)

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; 0 for off."""
        return super().convert(0 if value == "off" else value, param, ctx)


class EarlyDataSize(Size):
    """A size that fits the field in which a ticket tells it."""

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        size = super().convert(value, param, ctx)
        if size > _MOST_EARLY_DATA:
            self.fail(f"{value} is more than a ticket can say: 4 GiB less a byte", param, ctx)
        return size


session_options = all_of(
    option(
        "--tickets",
        panel="Sessions",
        type=Tickets(),
        default="2",
        show_default=True,
        metavar="N|off",
        help="Tickets for each handshake of TLS 1.3; off resumes no session, in TLS 1.2 neither.",
    ),
    option(
        "--ticket-key",
        panel="Sessions",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Seal tickets with this key of 48 or 80 random bytes, so that other servers which have it, or this one once it is "
        "started anew, resume the sessions (openssl rand 80 > FILE). Repeatable: the first one seals, all open. Whoever has the "
        "file can read recorded TLS 1.2 sessions.",
    ),
    option(
        "--max-early-data",
        panel="Sessions",
        type=EarlyDataSize(),
        default="0",
        metavar="SIZE",
        help="Take so much data in a client's first flight (0-RTT). An attacker can send such data again: here each ticket is "
        "taken once, and the data heard when the handshake is complete. Sessions are kept in memory then; not with --ticket-key.",
    ),
)
