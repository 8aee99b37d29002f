"""What came before TLS, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.human.facts import Fact, short

if TYPE_CHECKING:
    from tlstool.reports import Starttls


def starttls(found: Starttls | None) -> list[Fact]:
    """The protocol, and what the server said of itself."""
    if found is None:
        return []
    return [("STARTTLS", found.protocol + (f", {short(found.server)}" if found.server else ""))]
