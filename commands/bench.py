"""`tlstool bench` and its `handshake`; `local` and `compare` stand in `_bench_local`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._bench_local import compare, local
from ._command import Command, Group, option
from ._options import for_request, json_option, no_fail_option, peer_options, quiet_option, verbose_option
from ._reach import address_options
from ._reach import for_request as way_for_request
from ._session import range_options, with_range
from ._types import Duration, Whole

if TYPE_CHECKING:
    from tlstool.output.console import Console
    from tlstool.reports import HandshakeBenchReport


@click.group(
    cls=Group,
    examples=(
        ("bench local", "Rustls and the machine's OpenSSL in memory, one beside the other"),
        ("bench handshake localhost:4433 --ca ca.pem", "handshakes a second of a server"),
    ),
)
def bench() -> None:
    """Measure handshakes and throughput, in memory or of a server."""


bench.add_command(local)
bench.add_command(compare)


@bench.command(
    cls=Command,
    examples=(
        ("bench handshake localhost:4433 --ca ca.pem", "16 connections on one thread for 5 seconds"),
        ("bench handshake 10.0.0.7 -k --connections 64 --duration 10s", "more load, for longer"),
        ("bench handshake localhost:4433 -k --resume --count 10000 --json", "10,000 resumed handshakes, as JSON"),
    ),
)
@click.argument("target", help="host, host:port, [v6]:port or a URL such as https:// or imaps://; the port is 443 by default.")
@option(
    "--connections",
    panel="Load",
    type=Whole(1, 65535),
    default=16,
    show_default=True,
    metavar="N",
    help="Handshakes under way at any time.",
)
@option(
    "--threads",
    panel="Load",
    type=Whole(1, 1024),
    default=1,
    show_default=True,
    metavar="N",
    help="Worker threads that share them.",
)
@option("--duration", panel="Load", type=Duration(), default="5s", show_default=True, metavar="TIME", help="How long to run.")
@option("--count", panel="Load", type=Whole(min=1), metavar="N", help="Stop after so many handshakes, if that is earlier.")
@option("--resume", panel="Load", is_flag=True, help="Resume sessions; what was resumed is counted apart.")
@option(
    "--i-am-authorized",
    panel="Load",
    is_flag=True,
    help="I may put load on a target that is neither loopback nor private.",
)
@peer_options
@range_options
@address_options
@json_option
@quiet_option
@verbose_option
@no_fail_option
@click.pass_obj
def handshake(
    console: Console,
    /,
    target: str,
    *,
    connections: int,
    threads: int,
    duration: float,
    count: int | None,
    resume: bool,
    i_am_authorized: bool,
    json: bool,
    quiet: bool,
    verbose: int,
    no_fail: bool,
    **options: Any,
) -> int:
    """Measure how many handshakes a second a server does.

    A closed loop: each connection handshakes, closes and begins anew. One connection before shows the verdict; a bad certificate
    ends the run, unless -k waives it. Ctrl-C ends it early and prints what was measured.
    """
    from tlstool import HandshakeBenchReport, HandshakeBenchRequest, bench_handshake
    from tlstool.endpoint import without_user
    from tlstool.output.human import benching

    from ._report import Shape, attempt, listener, present

    console.quiet, console.verbose = quiet, verbose
    request = HandshakeBenchRequest(
        target=target,
        connections=connections,
        threads=threads,
        duration=duration,
        count=count,
        resume=resume,
        authorized=i_am_authorized,
        **for_request(way_for_request(with_range(options), None)),
    )
    console.note(benching.plan(request))

    def run() -> HandshakeBenchReport:
        return bench_handshake(request, listener(console))

    report = attempt(HandshakeBenchReport, run, target=without_user(target))
    return present(console, "bench handshake", report, benching.bench_handshake, Shape(json=json, no_fail=no_fail))
