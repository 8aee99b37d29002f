"""What a connection moved, for people: the steps of a dialogue, the head of a response, and the bytes in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.assertions import assertions
from tlstool.output.human.facts import Fact, aligned, count, milliseconds, short

if TYPE_CHECKING:
    from tlstool.reports import ConnectReport, Exchanged, HttpResponse
    from tlstool.traffic import Relayed


def facts(report: ConnectReport) -> list[Fact]:
    """The steps that were taken, and how much was moved."""
    found = [("Dialogue" if not place else "", _step(step)) for place, step in enumerate(report.exchanged)]
    return found + ([("Bytes", _bytes(report.relayed))] if report.relayed else [])


def rest(report: ConnectReport, style: Style) -> str:
    """What there is to say at the end if the report itself was shown before."""
    return aligned([*facts(report), *assertions(report.assertions, style)], style)


def response(head: HttpResponse, style: Style) -> str:
    """The head of a response as it came, but for what no terminal should see."""
    first = f"HTTP/{head.version} {head.status} {safe(head.reason)}".rstrip()
    status = style.good(first) if 200 <= head.status < 300 else style.warn(first)
    return "\n".join((status, *(f"{style.label(safe(field.name) + ':')} {safe(field.value)}" for field in head.fields), ""))


def _step(step: Exchanged) -> str:
    took = f" ({milliseconds(step.elapsed_ms)})"
    if step.expected is None:
        return f"sent {count(step.sent or 0, 'byte')}{took}"
    outcome = "did not come" if step.matched is None else f"came as '{short(step.matched)}'"
    return f"'{short(step.expected)}' {outcome}{took}"


def _bytes(moved: Relayed) -> str:
    end = {True: "", None: ", ended by us", False: ", ended without close_notify"}[moved.close_notify]
    return f"{moved.sent:,} sent, {moved.received:,} received{end}"
