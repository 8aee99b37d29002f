"""What shows of a handshake only on the wire: its cost, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import safe
from tlstool.output.human.facts import Fact, count, milliseconds

if TYPE_CHECKING:
    from tlstool.model import Handshake


def course(handshake: Handshake) -> str:
    """How the handshake went, where that is worth a word: resumed, or asked to come again."""
    resumed = ", resumed" if handshake.kind == "resumed" else ""
    retried = handshake.hello_retry or handshake.kind == "full_with_retry"
    return resumed + (", after a HelloRetryRequest" if retried else "")


def key_exchange(handshake: Handshake) -> list[Fact]:
    """The group, and whether it is a hybrid."""
    if handshake.group is None:
        return []
    return [("Key exchange", handshake.group + (" (post-quantum hybrid)" if handshake.hybrid else ""))]


def cost(handshake: Handshake) -> list[Fact]:
    """Round trips, time and bytes."""
    spent = handshake.cost
    if spent is None:
        return []
    parts = [] if spent.round_trips is None else [count(spent.round_trips, "round trip")]
    if spent.hello_to_hello_ms is not None:
        parts.append(f"{milliseconds(spent.hello_to_hello_ms)} from hello to hello")
    parts.append(f"{spent.bytes_sent:,} B sent, {spent.bytes_received:,} B received")
    if spent.client_hello_segments is not None and spent.client_hello_segments > 1:
        parts.append(f"hello in {spent.client_hello_segments} segments")
    if (compression := handshake.certificate_compression) is not None:
        parts.append(f"chain compressed by {safe(compression.algorithm)} (-{compression.saved_bytes:,} B)")
    return [("Cost", ", ".join(parts))]
