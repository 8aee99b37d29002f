"""What clients of `serve` may not exceed."""

from __future__ import annotations

from collections.abc import Iterable

from ._command import option
from ._options import all_of
from ._types import PhaseLimit, Whole


def _phases() -> Iterable[str]:
    from tlstool.sites import SERVER_PHASES

    return SERVER_PHASES


limit_options = all_of(
    option(
        "--limit",
        panel="Limits",
        type=PhaseLimit(_phases),
        multiple=True,
        metavar="PHASE=TIME",
        help="What a client has for the handshake (10s), for the head of a request (30s), to take some of what it is sent "
        "(send, 30s), idle (5m), to close after the server (close, 2s), or for the whole connection (no limit). Repeatable.",
    ),
    option(
        "--max-connections",
        panel="Limits",
        type=Whole(min=1),
        metavar="N",
        help="Open at once; further clients are turned away, but for those that replace one that is slow in its handshake.",
    ),
    option(
        "--max-per-address",
        panel="Limits",
        type=Whole(min=1),
        metavar="N",
        help="Open at once from one address; further ones are turned away.",
    ),
)
