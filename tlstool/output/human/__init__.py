"""The reports for people: one fact a line, labels aligned, the verdict last. May change in any release; programs read the JSON.

Every function makes text and writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.human.facts import milliseconds

if TYPE_CHECKING:
    from tlstool.events import PhaseEvent
    from tlstool.reports import Report


def phase(event: PhaseEvent) -> str:
    """A step of a connection, for `-v`."""
    took = "" if event.elapsed_ms is None else f" ({milliseconds(event.elapsed_ms)})"
    return f"{event.phase:<9} {event.state:<7} {event.detail}{took}"


def tells_why(report: Report) -> bool:
    """Whether the text above says itself why the status is not 0, so that no error line has to."""
    if report.error is None:
        return True
    if getattr(report, "result", None):
        return False
    handshake = getattr(report, "handshake", None)
    trust = handshake.trust if handshake else getattr(report, "trust", None)
    return trust is not None and any(finding.code == report.error.code for finding in trust.findings)
