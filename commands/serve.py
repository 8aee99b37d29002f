"""`tlstool serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import Command
from ._options import keylog_file, suite_options
from ._serve_clients import client_options
from ._serve_clients import for_request as clients_for_request
from ._serve_faults import fault_options, list_faults
from ._serve_forward import forward_options, take_forward
from ._serve_identity import for_request, identity_options, make_certificates
from ._serve_life import life_options
from ._serve_limits import limit_options
from ._serve_modes import mode_options, take_mode
from ._serve_protocol import protocol_options
from ._serve_sessions import session_options
from ._serve_telling import listener, request_fields, telling_options
from ._session import version_range_options, with_range

if TYPE_CHECKING:
    from tlstool.output.console import Console


@click.command(
    cls=Command,
    examples=(
        ("serve", "a status page on a free port of 127.0.0.1, with a throw-away certificate"),
        ("serve 4433 --cert chain.pem --key key.pem", "the same with an own certificate, on port 4433"),
        ("serve --files public", "the files of a folder"),
        ("serve --fault all --json", "a faulty server on each of many ports, for the tests of a client"),
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
@client_options
@session_options
@fault_options
@suite_options
@version_range_options
@protocol_options
@telling_options
@click.pass_obj
def serve(console: Console, /, *, json: bool, jsonl: bool, quiet: bool, verbose: int, **options: Any) -> int:
    """Serve TLS until interrupted.

    Prints one line when it listens and one a connection; SIGINT and SIGTERM stop it in order, with status 0, and the second one
    at once. Without --cert it makes an authority and a certificate for localhost, 127.0.0.1 and ::1, and says where the
    authority's certificate is. SIGHUP has it read all files with certificates and keys again.

    Sockets that systemd passes (LISTEN_FDS) are served instead of the argument, and it is told when the server is ready and
    when it stops (NOTIFY_SOCKET).
    """
    from tlstool import ServeRequest, Stop, TlsToolError, serve

    console.quiet, console.verbose, as_json = quiet, verbose, json or jsonl
    if list_faults(console, options["faults"], as_json=as_json):
        return 0
    options["limits"] = options.pop("limit")
    options["keylog"] = keylog_file(console, options["keylog"])
    options |= request_fields(console, as_json=as_json)
    show = listener(console, as_json=as_json)
    try:
        if options["make_certs"]:
            make_certificates(console, options, as_json=as_json)
            return 0
        forward = take_forward(options)
        options |= take_mode(options)
        with Stop() as stop, stop.on_signals(options["grace"], console.abandon):
            show(serve(ServeRequest(forward=forward, **for_request(clients_for_request(with_range(options)))), show, stop))
    except TlsToolError as error:
        if as_json:
            from tlstool.output import jsonout

            console.result(jsonout.line(jsonout.event_failure(error)))
        else:
            console.error(error.message, error.hint)
        return error.exit_status
    return 0
