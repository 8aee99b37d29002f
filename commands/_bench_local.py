"""`tlstool bench local` and `tlstool bench compare`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ._command import Command, option
from ._exports import Export, Exports
from ._options import FILE, all_of, flat, json_option, quiet_option
from ._types import Ciphers, Duration, Groups, Numbers, OneOf, OneWord, Size, Whole

if TYPE_CHECKING:
    from tlstool.figures import CompareReport, LocalBenchReport
    from tlstool.output.bench.sections import Clock
    from tlstool.output.console import Console

_KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")
_AXES = ("what", "modes", "suites", "groups", "key_types")
"""What a profile chooses by itself."""


def _listed(name: str, *decls: str, **attrs: Any) -> Any:
    """A list that may be given in parts, as a field of another name than the option."""
    return option(*decls, name, panel="Scenario", multiple=True, callback=flat, **attrs)


scenario_options = all_of(
    option(
        "--profile",
        panel="Scenario",
        type=OneWord(["quick", "seed-2024", "today"]),
        help="Ready-made scenarios: quick (the default), those of the published report, or the same with hybrid key exchange.",
    ),
    _listed(
        "what",
        "--what",
        type=OneOf("handshake", "resume", "bulk", "memory", what="scenario"),
        help="What to measure; handshake and bulk by default.",
    ),
    _listed(
        "modes",
        "--mode",
        type=OneOf("full", "ticket", "session", what="kind of handshake", aliases={"resume": "ticket"}),
        metavar="LIST",
        help="Kinds of handshakes: full (the default), ticket (or resume), session.",
    ),
    _listed(
        "suites",
        "--suite",
        type=Ciphers(also=("all",)),
        metavar="LIST",
        help="Suites by IANA or OpenSSL name, one scenario each, or all; by default TLS_AES_256_GCM_SHA384.",
    ),
    _listed(
        "groups",
        "--groups",
        type=Groups(),
        metavar="LIST",
        help="Key exchange groups, a scenario each; by default x25519, or secp256r1 with --fips.",
    ),
    _listed(
        "key_types",
        "--key-type",
        type=OneOf(*_KEY_TYPES, what="key type", aliases={"ecdsa": "ecdsa-p256", "rsa": "rsa-2048"}),
        metavar="LIST",
        help="Keys of the certificate, one scenario each; by default ecdsa-p256 and rsa-2048.",
    ),
    _listed("sides", "--side", type=OneOf("client", "server", what="side"), help="Whose figures to report; both by default."),
    _listed("threads", "--threads", type=Numbers(1, 1024), metavar="N,M", help="Threads at work, a scenario each; by default 1."),
    option("--write-size", panel="Scenario", type=Size(), metavar="SIZE", help="Bytes of a write in bulk; by default 1MiB."),
    option("--client-auth", panel="Scenario", is_flag=True, help="The client shows a certificate, too."),
)

measurement_options = all_of(
    option(
        "--against",
        panel="Measurement",
        multiple=True,
        metavar="[NAME=]PATH",
        help="A libssl beside Rustls, its libcrypto behind a comma if need be; openssl is that of Python (default). Repeatable.",
    ),
    option("--relative-to", panel="Measurement", metavar="NAME", help="Library that ratios are to; by default the first."),
    option(
        "--duration",
        panel="Measurement",
        type=Duration(),
        default="1s",
        show_default=True,
        metavar="TIME",
        help="For each figure, all rounds together.",
    ),
    option(
        "--rounds",
        panel="Measurement",
        type=Whole(1, 1000),
        metavar="N",
        help="How often each figure is taken; by default 5.",
    ),
    option("--warmup", "warm_up", panel="Measurement", type=Duration(zero=True), metavar="TIME", help="By default 100ms."),
    option("--seed", panel="Measurement", type=Whole(min=0), metavar="N", help="Of the order of turns; by default 0."),
    option("--no-pin", panel="Measurement", is_flag=True, help="Leave it to the system on which core the libraries run."),
    option("--fips", panel="Measurement", is_flag=True, help="Measure validated FIPS modules only."),
    option("--published-method", panel="Measurement", is_flag=True, help="Be as uneven as the published comparisons."),
    option("--plan", "plan_only", panel="Measurement", is_flag=True, help="Print what would be measured, and stop."),
)

result_options = all_of(
    option("--baseline", panel="Result", type=FILE, metavar="FILE", help="Compare each row with this earlier report (JSON)."),
    option(
        "--fail-if",
        panel="Result",
        multiple=True,
        metavar="EXPR",
        help="Exit with 15 if a row is so: ratio<0.95, client_handshakes_per_s<3000. Repeatable.",
    ),
    option(
        "--clock",
        panel="Result",
        type=OneWord(["wall", "cpu"]),
        default="wall",
        show_default=True,
        help="By which clock to show rates: the wall's, or that of the thread at work.",
    ),
    option(
        "--export",
        "exports",
        panel="Result",
        type=Exports(),
        multiple=True,
        help="Write the report to a file, or to stdout for -: json, md, csv, html, svg, png. Repeatable.",
    ),
)


@click.command(
    cls=Command,
    examples=(
        ("bench local", "in less than a minute: Rustls and the OpenSSL of Python"),
        ("bench local --profile seed-2024 --against /opt/lib/libssl.so", "the published figures, here"),
        ("bench local --what handshake --key-type rsa --export html:report.html", "charts on a page"),
        ("bench local --baseline last.json --fail-if 'ratio<0.95'", "has anything become slower?"),
    ),
)
@scenario_options
@option("--cert", panel="Identity", type=FILE, metavar="FILE", help="Own chain, instead of one made on the spot.")
@option("--key", panel="Identity", type=FILE, metavar="FILE", help="Its private key.")
@option("--ca", panel="Identity", type=FILE, metavar="FILE", help="Its root.")
@measurement_options
@result_options
@json_option
@quiet_option
@option("-v", "--verbose", is_flag=True, help="Show latencies, too.")
@click.pass_obj
def local(
    console: Console,
    /,
    *,
    exports: tuple[Export, ...],
    clock: Clock,
    no_pin: bool,
    json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Measure TLS libraries in memory.

    Rustls and others handshake with themselves through buffers; client and server are timed apart, the libraries take turns,
    and what is printed is the median of the rounds, with its spread and the ratio to another library.
    """
    from dataclasses import replace

    from tlstool import LocalBenchReport, LocalBenchRequest, bench_local
    from tlstool.errors import TlsToolError, UsageError
    from tlstool.output.bench import text
    from tlstool.reports import problem

    from . import _exports
    from ._report import Shape, attempt, listener, present

    console.quiet = quiet
    _check_choices(options)
    if json and any(path == _exports.STDOUT for _, path in exports):
        raise UsageError("usage", "--json and an export to - cannot both have standard output", "leave out one of them")
    given = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    if not any(name in given for name in ("profile", *_AXES)):
        given["profile"] = "quick"
    request = LocalBenchRequest(pin=not no_pin, **given)

    def run() -> LocalBenchReport:
        _exports.check(exports)
        report = _with_command(bench_local(request, listener(console)))
        try:
            _exports.write(exports if report.results else (), report, clock)
        except TlsToolError as error:
            # What was measured is still shown.
            report = replace(report, exit_status=error.exit_status, error=problem(error))
        return report

    report = attempt(LocalBenchReport, run)
    if report.results and (document := _exports.for_stdout(exports, report, clock)) is not None:
        console.result(document)
        return present(console, "bench local", report, lambda *_: "", Shape())
    return present(console, "bench local", report, partial(text.bench_local, clock=clock, verbose=verbose), Shape(json=json))


@click.command(
    cls=Command,
    examples=(
        ("bench compare old.json new.json", "what has changed since"),
        ("bench compare 2024.json 2025.json 2026.json --json", "an archive, side by side"),
    ),
)
@click.argument("reports", nargs=-1, type=FILE, metavar="FILE...", help="Reports that --export json:FILE wrote.")
@json_option
@quiet_option
@click.pass_obj
def compare(console: Console, /, reports: tuple[str, ...], *, json: bool, quiet: bool) -> int:
    """Set reports of bench local side by side, each beside the first.

    A ratio above 1 is better. What the noise of the rounds does not let one tell from 1 is `same`.
    """
    from tlstool import CompareReport
    from tlstool import compare as compare_reports
    from tlstool.output.bench import compared

    from ._report import Shape, attempt, present

    console.quiet = quiet

    def run() -> CompareReport:
        return compare_reports(reports)

    return present(console, "bench compare", attempt(CompareReport, run), compared.bench_compare, Shape(json=json))


def _check_choices(options: dict[str, Any]) -> None:
    from tlstool.errors import UsageError

    own = [options[name] for name in ("cert", "key", "ca")]
    if any(own) and not all(own):
        raise UsageError("usage", "an own chain needs --cert, --key and --ca", "give all three, or none of them")
    chosen = [name for name in _AXES if options[name]]
    if options["profile"] and chosen:
        raise UsageError("usage", f"--profile {options['profile']} has its own scenarios", "leave it out to choose them yourself")
    if chosen and options["key_types"] and any(own):
        raise UsageError("usage", "an own chain has its own key type", "leave out --key-type, or --cert, --key and --ca")


def _with_command(report: LocalBenchReport) -> LocalBenchReport:
    import sys
    from dataclasses import replace

    if report.method is None:
        return report
    return replace(report, method=replace(report.method, command=("tlstool", *sys.argv[1:])))
