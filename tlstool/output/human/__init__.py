"""The reports for people: one fact a line, labels aligned, the verdict last. May change in any release; programs read the JSON.

Every function makes text and writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.human.facts import milliseconds

if TYPE_CHECKING:
    from tlstool.events import PhaseEvent, WireEvent
    from tlstool.reports import Report


def phase(event: PhaseEvent) -> str:
    """A step of a connection, for `-v`."""
    took = "" if event.elapsed_ms is None else f" ({milliseconds(event.elapsed_ms)})"
    return f"{event.phase:<9} {event.state:<7} {event.detail}{took}"


def on_wire(event: WireEvent) -> str:
    """A record, or a message that it completed, for `-vv`."""
    arrow, what = ">" if event.direction == "sent" else "<", "record " if event.layer == "record" else "  "
    detail = f", {event.detail}" if event.detail else ""
    return f"{arrow} {milliseconds(event.elapsed_ms):>8}  {what}{event.name}, {event.size:,} B{detail}"


def tells_why(report: Report) -> bool:
    """Whether the text above says itself why the status is not 0, so that no error line has to."""
    if report.error is None:
        return True
    if getattr(report, "result", None):
        return False
    handshake = getattr(report, "handshake", None)
    trust = handshake.trust if handshake else getattr(report, "trust", None)
    return trust is not None and any(finding.code == report.error.code for finding in trust.findings)
