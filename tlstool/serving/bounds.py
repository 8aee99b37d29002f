"""What a server's clients may not exceed, as it was asked for."""

from __future__ import annotations

from tlstool.errors import UsageError
from tlstool.requests import ServeRequest
from tlstool.sites import SERVER_PHASES, ServerLimits


def limits(request: ServeRequest) -> ServerLimits:
    """The usual limits but for those of the request.

    Raises:
        UsageError: it names a phase that there is not.
    """
    unknown = [name for name, _ in request.limits if name not in SERVER_PHASES]
    if unknown:
        raise UsageError("usage", f"there is no phase {unknown[0]!r}", f"choose from {', '.join(SERVER_PHASES)}")
    times = dict(request.limits)
    return ServerLimits(**times, max_connections=request.max_connections, max_per_address=request.max_per_address)
