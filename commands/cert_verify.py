"""`tlstool cert-verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import Command, option
from ._options import FILE, for_request, peer_options, report_options, starttls_options
from ._reach import address_options, way_options
from ._reach import for_request as way_for_request
from ._session import range_options, with_range
from ._types import Whole

if TYPE_CHECKING:
    from tlstool.output.console import Console
    from tlstool.reports import VerifyReport


@click.command(
    cls=Command,
    examples=(
        ("cert-verify chain.pem --verify-name example.com", "a file: leaf first, intermediates after it"),
        ("cert-verify leaf.pem --ca root.pem --untrusted intermediate.pem", "against an own root"),
        ("cert-verify example.com --min-days 21", "a server; fails if it has less than three weeks left"),
        ("cert-verify - --json < chain.pem", "from stdin, as JSON"),
    ),
)
@click.argument("source", help="A file (PEM or DER), - for stdin, or a target such as example.com:443.")
@option("--untrusted", panel="Trust", type=FILE, multiple=True, metavar="FILE", help="Further intermediates. Repeatable.")
@option("--min-days", panel="Trust", type=Whole(min=0), metavar="N", help="Fail if the leaf is valid for less.")
@starttls_options
@peer_options
@range_options
@address_options
@way_options
@report_options()
@click.pass_obj
def cert_verify(
    console: Console,
    /,
    source: str,
    *,
    untrusted: tuple[str, ...],
    min_days: int | None,
    json: bool,
    jsonl: bool,
    quiet: bool,
    verbose: int,
    no_fail: bool,
    exit_map: str | None,
    **options: Any,
) -> int:
    """Judge a certificate chain.

    Says whether it would be trusted, by which verifier and roots, why not, and for how long. The options about protocols are for
    a SOURCE that is a server.
    """
    from tlstool import VerifyReport, VerifyRequest, verify
    from tlstool.endpoint import without_user
    from tlstool.output.human import verifying
    from tlstool.verifier import source_kind

    from ._report import Shape, attempt, listener, present

    console.quiet, console.verbose = quiet, verbose
    options = way_for_request(with_range(options), source if source_kind(source) == "target" else None)
    request = VerifyRequest(source=source, untrusted=untrusted, min_days=min_days, **for_request(options))

    def run() -> VerifyReport:
        return verify(request, listener(console))

    report = attempt(VerifyReport, run, source=without_user(source), kind=source_kind(source))
    shape = Shape(json=json, lines=jsonl, no_fail=no_fail, exit_map=exit_map)
    return present(console, "cert-verify", report, verifying.verify, shape)
