"""The one line that monitoring systems show: what a Nagios plugin prints first, performance data behind the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlstool.output.console import safe
from tlstool.output.exitcodes import MONITORING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tlstool.model import Certificate
    from tlstool.reports import Report


def line(report: Report, status: int) -> str:
    """`TLS OK - example.com:443: TLS 1.3, 36 days left | days=36 handshake=4.560ms`.

    `status` is that of a plugin, before anything was waived: who exits with 0 in spite of it does not make a chain good.
    """
    what = report.error.message if report.error else ", ".join(_well(report))
    subject = getattr(report, "target", None) or getattr(report, "source", None) or ""
    data = " ".join(_data(report))
    words = safe(f"{subject}: {what}").replace("|", "/")  # which begins the performance data
    return f"TLS {MONITORING[status]} - {words}" + (f" | {data}" if data else "")


def failure(message: str) -> str:
    """The line of a run that came to no report."""
    return f"TLS {MONITORING[3]} - {safe(message)}".replace("|", "/")


def _well(report: Report) -> Iterator[str]:
    handshake: Any = getattr(report, "handshake", None)
    if handshake and handshake.tls:
        yield f"TLS {handshake.tls}"
    if chain := _chain(report):
        yield f"{chain[0].days_left} days left"
    if handshake and handshake.trust.findings:
        yield f"waived: {', '.join(fault.code for fault in handshake.trust.findings)}"
    if not chain and not handshake:
        yield "done"


def _data(report: Report) -> Iterator[str]:
    """Label and value with its unit, as the plugins' guidelines have it; no thresholds, since those are the assertions'."""
    if chain := _chain(report):
        yield f"days={chain[0].days_left}"
    phases = getattr(report, "phases_ms", None)
    for name in ("handshake", "total"):
        value = phases and getattr(phases, name)
        if value is not None:
            yield f"{name}={value:.3f}ms"


def _chain(report: Report) -> tuple[Certificate, ...]:
    found: tuple[Certificate, ...] = getattr(getattr(report, "handshake", None) or report, "certificates", ())
    return found
