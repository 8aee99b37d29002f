"""`tlstool serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import Command, option
from ._options import keylog_file, quiet_option, suite_options, verbose_option
from ._serve_faults import fault_options, list_faults
from ._serve_forward import forward_options, take_forward
from ._serve_identity import identity_options
from ._serve_life import life_options
from ._serve_limits import limit_options
from ._serve_modes import mode_options
from ._serve_protocol import protocol_options

if TYPE_CHECKING:
    from tlstool.events import Event, OnEvent
    from tlstool.output.console import Console


@click.command(
    cls=Command,
    examples=(
        ("serve", "a status page on a free port of 127.0.0.1, with a throw-away certificate"),
        ("serve 4433 --cert chain.pem --key key.pem", "the same with an own certificate, on port 4433"),
        ("serve 0.0.0.0:4433 --echo", "send back every byte, to all the network"),
        ("serve 6380 --forward localhost:6379", "TLS for a server that has none"),
        ("serve --count 1 --json", "one connection, as JSON Lines"),
        ("serve --fault expired", "an expired certificate, to see what a client makes of it"),
        ("serve --fault all", "every fault on a port of its own, beside a sound server"),
    ),
    files=(
        ("ca.pem in a temporary folder", "the certificate of the throw-away authority, named in the ready line, gone at exit"),
    ),
)
@click.argument(
    "listen", metavar="[[ADDR:]PORT]", default="127.0.0.1:0", help="Where to listen; a free port of 127.0.0.1 by default."
)
@mode_options
@forward_options
@life_options
@limit_options
@identity_options
@fault_options
@suite_options
@protocol_options
@option("--json", is_flag=True, help="Print JSON Lines: ready, connection, totals, error.")
@quiet_option
@verbose_option
@click.pass_obj
def serve(console: Console, /, *, json: bool, quiet: bool, verbose: int, **options: Any) -> int:
    """Serve TLS until interrupted.

    Prints one line when it listens and one a connection; SIGINT and SIGTERM stop it in order, with status 0. Without --cert it
    makes an authority and a certificate for localhost, 127.0.0.1 and ::1, and says where the authority's certificate is.
    """
    from tlstool import ServeRequest, Stop, TlsToolError, serve

    console.quiet, console.verbose = quiet, verbose
    if list_faults(console, options["faults"], as_json=json):
        return 0
    options["limits"] = options.pop("limit")
    options["keylog"] = keylog_file(console, options["keylog"])
    show = _listener(console, as_json=json)
    try:
        forward = take_forward(options)
        with Stop() as stop, stop.on_signals():
            show(serve(ServeRequest(forward=forward, **options), show, stop))
    except TlsToolError as error:
        if json:
            from tlstool.output import jsonout

            console.result(jsonout.line(jsonout.event_failure(error)))
        else:
            console.error(error.message, error.hint)
        return error.exit_status
    return 0


def _listener(console: Console, /, *, as_json: bool) -> OnEvent:
    """What prints a line an event: as JSON all of them, for people the totals on stderr."""
    from tlstool.events import FaultShown, Ready
    from tlstool.output import jsonout
    from tlstool.output.human import faults, serving
    from tlstool.sites import Connection, ServeTotals

    def on_event(event: Event) -> None:
        if not isinstance(event, (Ready, FaultShown, Connection, ServeTotals)):
            return
        if as_json:
            console.result(jsonout.line(jsonout.event(event)))
        elif console.quiet:
            return
        elif isinstance(event, Ready):
            console.result(serving.ready(event, console.out))
        elif isinstance(event, FaultShown):
            console.result(faults.shown(event))
        elif isinstance(event, Connection):
            console.result(serving.connection(event, console.out))
        else:
            console.note(serving.totals(event))

    return on_event
