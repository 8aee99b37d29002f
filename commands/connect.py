"""`tlstool connect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import option
from ._data import DataCommand, data_of, data_options, shows_first
from ._options import FILE, all_of, for_request, keylog_file, peer_options, report_options, starttls_options
from ._reach import address_options, way_options
from ._reach import for_request as way_for_request
from ._session import range_options, session_options, with_range

if TYPE_CHECKING:
    from tlstool.output.console import Console
    from tlstool.reports import ConnectReport
    from tlstool.requests import ConnectRequest

_FROM_OTHERS = {
    "--cacert": "--ca FILE",
    "--capath": "--ca DIR",
    "--cafile": "--ca FILE",
    "--x509cafile": "--ca FILE",
    "--x509certfile": "--cert FILE",
    "--x509keyfile": "--key FILE",
    "--x509crlfile": "--crl FILE",
    "--crlfile": "--crl FILE",
    "--sni-hostname": "--sni NAME",
    "--server-name": "--sni NAME",
    "--verify-hostname": "--verify-name NAME",
    "--tlsv1.0": "--tls 1.0",
    "--tlsv1.1": "--tls 1.1",
    "--tlsv1.2": "--tls 1.2,1.3",
    "--tlsv1.3": "--tls 1.3",
    "--tls1.2": "--tls 1.2",
    "--tls1.3": "--tls 1.3",
    "--curves": "--groups LIST",
    "--tls13-ciphers": "--ciphers LIST",
    "--connect-timeout": "--limit tcp=TIME",
    "--interface": "--bind ADDR",
    "--source": "--bind ADDR",
    "--noproxy": "--no-proxy LIST",
    "--socks4a": "--proxy socks4a://HOST:PORT",
    "--socks5": "--proxy socks5://HOST:PORT",
    "--socks5-hostname": "--proxy socks5h://HOST:PORT",
    "--proxy-user": "--proxy http://USER@HOST:PORT with --proxy-pass-file FILE",
    "--proxy-auth": "--proxy http://USER@HOST:PORT with --proxy-pass-file FILE",
    "--retry": "--retries N",
    "--dns-servers": "--dns SERVER",
    "--max-time": "--timeout TIME",
    "--save-cert": "--chain FILE",
}
"""Of curl, gnutls-cli and ncat."""


peer_way_options = all_of(
    address_options,
    way_options,
    option("--all-addresses", panel="Target", is_flag=True, help="Shake hands with every address of the target, and compare."),
)

file_options = all_of(
    option("--chain", type=FILE, metavar="FILE", help="Write the peer's certificates as PEM; - prints them after the report."),
    option(
        "--pcap",
        type=FILE,
        metavar="FILE",
        help="Write what went over the wire as a capture that Wireshark and tshark open decrypted (pcapng, its secrets inside; "
        "mode 0600). Needs no privilege; addresses and times are real, the TCP around the bytes is made up.",
    ),
)

wire_option = option(
    "-v", "--verbose", count=True, help="Trace the phases on stderr; twice: every record and handshake message, too."
)


def _from_openssl() -> dict[str, str]:
    from ._openssl import FOR_HELP

    return FOR_HELP


@click.command(
    cls=DataCommand,
    examples=(
        ("connect example.com", "handshake, report; the exit status is the verdict"),
        ("connect localhost:4433 --ca ca.pem --tls 1.3", "trust only the certificates in ca.pem"),
        ("connect example.com --http /status", "GET a page: its head to stderr, its body to stdout"),
        ("connect mail.example.com:587 --starttls smtp", "plain text first, then TLS"),
    ),
    from_openssl=_from_openssl,
    from_others=_FROM_OTHERS,
)
@click.argument(
    "target", help="host, host:port, [v6]:port, unix:/path or a URL such as https:// or imap://; the port is 443 by default."
)
@starttls_options
@peer_options
@range_options
@peer_way_options
@session_options
@data_options
@file_options
@report_options(wire_option)
@click.pass_obj
def connect(
    console: Console,
    /,
    target: str,
    *,
    chain: str | None,
    json: bool,
    jsonl: bool,
    quiet: bool,
    verbose: int,
    no_fail: bool,
    exit_map: str | None,
    **options: Any,
) -> int:
    """Handshake with a TLS peer and report all about it.

    The exit status is the verdict: a bad certificate is reported in full, but never with status 0. --pipe, --interactive,
    --send, --expect and --http move data after that, but only with a peer whose verdict is good.
    """
    from tlstool import ConnectReport, ConnectRequest, connect
    from tlstool.endpoint import without_user
    from tlstool.output.human import connecting, moving

    from ._report import Shape, attempt, listener, present

    console.quiet, console.verbose = quiet, verbose
    options["keylog"] = keylog_file(console, options["keylog"])
    password = options["proxy_pass_file"]
    options = way_for_request(with_range(options), target)
    request = ConnectRequest(target=target, wire=verbose > 1, **data_of(options), **for_request(options))
    if exit_map:
        request = _for_monitoring(request)
    inputs = (*_files(request), password)
    if chain == "-":
        _check_stdout(json=json or jsonl, moves=request.relay is not None)
    elif chain:
        _check_destination("--chain", chain, (*inputs, request.pcap))
    if request.pcap:
        _check_destination("--pcap", request.pcap, inputs)
    listen, shown = shows_first(console, listener(console), wanted=not (json or jsonl or quiet or exit_map))

    def run() -> ConnectReport:
        return connect(request, listen)

    report = attempt(ConnectReport, run, target=without_user(target))
    if chain:
        report = _with_chain(report, chain)
    render = moving.rest if shown else connecting.connect
    shape = Shape(json=json, lines=jsonl, no_fail=no_fail, exit_map=exit_map, aside=request.relay is not None and not exit_map)
    status = present(console, "connect", report, render, shape)
    if chain == "-" and (text := _pem(report)):
        console.result(text)
    return status


def _for_monitoring(request: ConnectRequest) -> ConnectRequest:
    """The same without the peer's bytes: a plugin's line is the first of stdout, and comes last."""
    import os
    from dataclasses import replace

    from tlstool.errors import UsageError

    if request.relay is None:
        return request
    if request.relay[0] is not None:
        hint = "--send, --expect and --http go with it, and print nothing of what comes"
        raise UsageError("usage", "--exit-map has stdout for its line, where --pipe and --interactive write", hint)
    return replace(request, relay=(None, os.open(os.devnull, os.O_WRONLY)))


def _check_stdout(*, json: bool, moves: bool) -> None:
    """That the certificates do not go where something else is to be alone."""
    from tlstool.errors import UsageError

    if json:
        raise UsageError("usage", "--chain cannot print to stdout, where the document goes", "it has the certificates, too")
    if moves:
        raise UsageError("usage", "--chain cannot print to stdout, where the peer's bytes go", "give a file")


def _files(request: ConnectRequest) -> tuple[str | None, ...]:
    """What a run reads, and its key log."""
    from tlstool.requests import Send

    own = (request.cert, request.key, request.pass_file, request.keylog, request.early_data, request.ech)
    sent = (step.file for step in request.steps if isinstance(step, Send))
    return (*request.ca, *request.extra_ca, *request.crl, *own, *sent)


def _check_destination(name: str, path: str, inputs: tuple[str | None, ...]) -> None:
    from tlstool.errors import UsageError

    if path == "-":
        raise UsageError("usage", f"{name} cannot write to stdout, where the report goes", "give a file")
    for used in inputs:
        if used and _is_same(path, used):
            raise UsageError("usage", f"{name} would overwrite {used}, which this run uses", "give another file")


def _is_same(path: str, other: str) -> bool:
    import os

    if os.path.exists(path) and os.path.exists(other):
        return os.path.samefile(path, other)
    return os.path.realpath(path) == os.path.realpath(other)


def _pem(report: ConnectReport) -> str:
    """The certificates as they were sent."""
    return "\n".join(certificate.pem.strip() for certificate in (report.handshake.certificates if report.handshake else ()))


def _with_chain(report: ConnectReport, path: str) -> ConnectReport:
    """The report, after its certificates were written to a file, unless they are to be printed; it says so if that failed."""
    from dataclasses import replace

    from tlstool import files
    from tlstool.errors import LocalError
    from tlstool.model import Finding
    from tlstool.reports import problem

    text = _pem(report)
    if not text:
        words = f"no certificate was seen, so {'there is none to print' if path == '-' else f'{path} was not written'}"
        return replace(report, warnings=(*report.warnings, Finding("not-written", words)))
    if path == "-":
        return report
    try:
        files.write(path, f"{text}\n".encode())
    except LocalError as error:
        if report.error is None:
            return replace(report, exit_status=error.exit_status, error=problem(error))
        return replace(report, warnings=(*report.warnings, Finding("not-written", error.message)))
    return report
