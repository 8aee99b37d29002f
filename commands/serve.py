"""`tlstool serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import Command
from ._options import keylog_file, suite_options
from ._serve_faults import fault_options, list_faults
from ._serve_identity import identity_options
from ._serve_life import life_options
from ._serve_modes import mode_options
from ._serve_telling import listener, request_fields, telling_options

if TYPE_CHECKING:
    from tlstool.output.console import Console


@click.command(
    cls=Command,
    examples=(
        ("serve", "a status page on a free port of 127.0.0.1, with a throw-away certificate"),
        ("serve 0.0.0.0:4433 --echo --cert chain.pem --key key.pem", "send back every byte, to all the network"),
        ("serve --count 1 --json", "one connection, as JSON Lines, with all that its client offered"),
        ("serve --fault expired", "an expired certificate; all for every fault, a port each"),
    ),
    files=(
        ("ca.pem in a temporary folder", "the certificate of the throw-away authority, named in the ready line, gone at exit"),
    ),
)
@click.argument(
    "listen", metavar="[[ADDR:]PORT]", default="127.0.0.1:0", help="Where to listen; a free port of 127.0.0.1 by default."
)
@mode_options
@life_options
@identity_options
@fault_options
@suite_options
@telling_options
@click.pass_obj
def serve(console: Console, /, *, json: bool, jsonl: bool, quiet: bool, verbose: int, **options: Any) -> int:
    """Serve TLS until interrupted.

    Prints one line when it listens and one a connection; SIGINT and SIGTERM stop it in order, with status 0, and the second one
    at once. Without --cert it makes an authority and a certificate for localhost, 127.0.0.1 and ::1, and says where the
    authority's certificate is.

    Sockets that systemd passes (LISTEN_FDS) are served instead of the argument, and it is told when the server is ready and
    when it stops (NOTIFY_SOCKET).
    """
    from tlstool import ServeRequest, Stop, TlsToolError, serve

    console.quiet, console.verbose, as_json = quiet, verbose, json or jsonl
    if list_faults(console, options["faults"], as_json=as_json):
        return 0
    options["keylog"] = keylog_file(console, options["keylog"])
    options |= request_fields(console, as_json=as_json)
    show = listener(console, as_json=as_json)
    try:
        with Stop() as stop, stop.on_signals(options["grace"], console.abandon):
            show(serve(ServeRequest(**options), show, stop))
    except TlsToolError as error:
        if as_json:
            from tlstool.output import jsonout

            console.result(jsonout.line(jsonout.event_failure(error)))
        else:
            console.error(error.message, error.hint)
        return error.exit_status
    return 0
