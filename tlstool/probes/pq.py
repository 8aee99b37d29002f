"""Whether a server does hybrid key exchange, which withstands quantum computers, and whether its large key breaks anything.

A hello with an ML-KEM key does not fit into one TCP segment, and there are servers, and boxes on the way to them, that take the
first segment for all of it. What proves that is a second try without the key, which works.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tlstool.errors import TlsToolError, Unsupported, UsageError
from tlstool.sessions import HybridCheck, HybridTry

if TYPE_CHECKING:
    from tlstool.events import OnEvent
    from tlstool.model import Handshake
    from tlstool.peer import Attempt
    from tlstool.requests import ConnectRequest

_HYBRID = ("X25519MLKEM768",)
_CLASSICAL = ("x25519", "secp256r1", "secp384r1")


def require(request: ConnectRequest, attempt: Attempt) -> None:
    """Refuse what the check would be meaningless with.

    Raises:
        UsageError: groups or versions are given.
        Unsupported: the backend does not tell the group.
    """
    if request.groups:
        raise UsageError("usage", "--pq-check chooses the groups itself", "leave --groups out")
    allowed = attempt.config.versions if attempt.config else request.tls
    if allowed and "1.3" not in allowed:
        hint = "allow it with --tls" if request.tls else "the protocol before TLS does not allow it"
        raise UsageError("usage", "--pq-check needs TLS 1.3, which has the only hybrid groups", hint)
    if attempt.backend == "openssl":
        raise Unsupported("unsupported", "the interpreter's ssl does not tell which key exchange group was chosen")


def check(attempt: Attempt, error: TlsToolError | None, on_event: OnEvent) -> HybridCheck | None:
    """The verdict on the peer of an attempt that offered the default groups, and ended with `error` if that is not None.

    None if it never came to a handshake.
    """
    if attempt.handshake is None and (error is None or error.phase != "handshake"):
        return None
    first = _tried((), attempt.handshake, error)
    if first.group is None:
        second = _try(attempt, _CLASSICAL, on_event)
        return HybridCheck("broken_by_large_hello" if second.group else "unknown", (first, second))
    if _is_hybrid(first.group):
        return HybridCheck("hybrid_after_retry" if first.kind == "full_with_retry" else "hybrid", (first,))
    if first.tls != "1.3":
        return HybridCheck("classical", (first,))
    second = _try(attempt, _HYBRID, on_event)
    return HybridCheck("classical_preferred" if second.group else "classical", (first, second))


def _try(attempt: Attempt, groups: tuple[str, ...], on_event: OnEvent) -> HybridTry:
    assert attempt.config is not None, "an attempt that was made was configured"
    own = attempt.to(None, on_event)
    # Our certificate has nothing to do with it, and whether the server wants it shows only after the key exchange.
    own.reconfigure(replace(attempt.config, groups=groups, identity=None, ech=None, uses=()))
    error = None
    try:
        own.enter().close(own.deadline.phase("close"))
    except TlsToolError as raised:
        error = raised
    return _tried(groups, own.handshake, error)


def _tried(offered: tuple[str, ...], handshake: Handshake | None, error: TlsToolError | None) -> HybridTry:
    if handshake is None:
        return HybridTry(offered, None, None, None, error.code if error else None)
    failed = error.code if error and handshake.kind is None else None
    return HybridTry(offered, handshake.tls, None if failed else handshake.group, handshake.kind, failed)


def _is_hybrid(group: str) -> bool:
    return "MLKEM" in group.upper()
