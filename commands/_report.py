"""From a use case to its report, and from the report to the streams and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tlstool.errors import TlsToolError
from tlstool.events import Event, OnEvent, PhaseEvent, Progress, WireEvent
from tlstool.output.console import Console, Style
from tlstool.record import Record
from tlstool.reports import Report, problem

R = TypeVar("R", bound=Report)


def attempt(cls: type[R], run: Callable[[], R], **known: Any) -> R:
    """The report of `run`, also where it raised: with the error, and with what was `known` before."""
    try:
        return run()
    except TlsToolError as error:
        return cls(exit_status=error.exit_status, error=problem(error), **known)


def listener(console: Console) -> OnEvent:
    """What shows the phases of a connection (-v) and the progress of a benchmark."""
    from tlstool.output import human

    def on_event(event: Event) -> None:
        if isinstance(event, PhaseEvent):
            console.trace(human.phase(event))
        elif isinstance(event, WireEvent):
            console.note(human.on_wire(event))
        elif isinstance(event, Progress):
            # What a narrow terminal cuts off is the end.
            left = "" if event.left_s is None else f", {event.left_s:.0f} s left"
            console.progress(f"{event.done}/{event.total}{left}  {event.what}")

    return on_event


class Shape(Record):
    """How a report is to be shown, and what is made of its exit status.

    Attributes:
        json: as a JSON document.
        lines: as a JSON document on one line.
        no_fail: the status is 0 whatever is wrong with the peer.
        exit_map: whose statuses to exit with instead of ours; see `tlstool.output.exitcodes`.
        aside: stdout belongs to the peer's bytes.
    """

    json: bool = False
    lines: bool = False
    no_fail: bool = False
    exit_map: str | None = None
    aside: bool = False


def present(console: Console, command: str, report: Report, render: Callable[[Any, Style], str], shape: Shape) -> int:
    """Print a report, as JSON or by `render`, and return the exit status."""
    before = report.exit_status
    if shape.no_fail:
        from tlstool.output import exitcodes

        report = exitcodes.waived(report)
    put = console.aside if shape.aside else console.result
    if shape.exit_map:
        from tlstool.output import exitcodes, monitoring

        report = exitcodes.mapped(report, shape.exit_map)
        if not (shape.json or shape.lines):
            put(monitoring.line(report, exitcodes.monitoring_status(before)))
    if shape.json or shape.lines:
        from tlstool.output import jsonout

        document = jsonout.document(command, report)
        put(jsonout.line(document) if shape.lines else jsonout.text(document))
        return report.exit_status
    if not console.quiet:
        shown = render(report, console.err if shape.aside else console.out)
        if shown:
            put(shown)
        for warning in report.warnings:
            console.warn(warning.message)
    _explain(console, report)
    return report.exit_status


def _explain(console: Console, report: Report) -> None:
    from tlstool.output.human import tells_why

    if report.error and (console.quiet or not tells_why(report)):
        console.error(report.error.message, report.error.hint)
