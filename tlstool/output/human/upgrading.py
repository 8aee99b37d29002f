"""What came before TLS, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.human.facts import Fact, short

if TYPE_CHECKING:
    from tlstool.reports import Starttls


def starttls(found: Starttls | None) -> list[Fact]:
    """The protocol, what the server said of itself, and what that means for TLS."""
    if found is None:
        return []
    said = f", {short(found.server)}" if found.server else ""
    limit = f", TLS {found.newest_tls} at most" if found.newest_tls else ""
    return [("STARTTLS", found.protocol + said + limit)]
