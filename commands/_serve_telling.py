"""What `serve` tells, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import option
from ._options import FILE, all_of
from ._types import Whole

if TYPE_CHECKING:
    from tlstool.events import Event, OnEvent
    from tlstool.output.console import Console

COUNTS_EVERY = 0.5
"""Seconds between live figures: often enough to be watched."""

telling_options = all_of(
    option(
        "--port-file",
        panel="Ready",
        type=FILE,
        metavar="FILE",
        help="Write the port here once it is listened on; with --fault all a list of all, as JSON. Removed at the end.",
    ),
    option(
        "--ready-fd",
        panel="Ready",
        type=Whole(min=1),
        metavar="N",
        help="Write the port and a newline to this descriptor then, and close it.",
    ),
    option("--metrics", panel="Service", is_flag=True, help="Figures for Prometheus under /metrics, in modes that speak HTTP."),
    option("--json", is_flag=True, help="Print JSON Lines: ready, connection, totals, error."),
    option("--jsonl", is_flag=True, help="The same as --json."),
    option("-q", "--quiet", is_flag=True, help="Print errors only; --port-file and --ready-fd tell the port then."),
    option("-v", "--verbose", count=True, help="Show live figures on a terminal, and a table at the end."),
)


def request_fields(console: Console, *, as_json: bool) -> dict[str, object]:
    """What the server is to tell, of the fields of `ServeRequest`: nothing that will not be printed."""
    if as_json:
        return {"tells": "hellos"}
    return {
        "tells": "nothing" if console.quiet else "connections",
        "counts_every": COUNTS_EVERY if console.verbose and console.shows_progress() else None,
    }


def listener(console: Console, /, *, as_json: bool) -> OnEvent:
    """What prints a line an event: as JSON all of them, for people the totals on stderr."""
    from tlstool.events import Caution, FaultShown, Ready, Renewed
    from tlstool.output import jsonout
    from tlstool.output.human import faults, serving
    from tlstool.sites import Connection, Counts, ServeTotals

    live = serving.Live()

    def on_json(event: Event) -> None:
        if isinstance(event, (Ready, FaultShown, Connection, ServeTotals, Caution, Renewed)):
            console.result(jsonout.line(jsonout.event(event)))

    def on_event(event: Event) -> None:
        match event:
            case Renewed():
                for problem in event.problems:
                    console.error(problem.message, problem.hint)
                console.note(serving.renewed(event))
            case Caution():
                console.warn(event.message)
            case _ if console.quiet:
                pass
            case Ready():
                console.result(serving.ready(event, console.out))
            case FaultShown():
                console.result(faults.shown(event))
            case Connection():
                console.result(serving.connection(event, console.out))
            case Counts():
                console.progress(live.line(event.totals))
            case ServeTotals() if console.verbose:
                console.aside(serving.table(event, console.err))
            case ServeTotals():
                console.note(serving.totals(event))

    return on_json if as_json else on_event
