"""Judge a chain: from a file, from standard input, or as a peer shows it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Literal

from tlstool import backends, caveats, certs, peer, pins, trust
from tlstool.endpoint import is_unix, without_user
from tlstool.errors import ResolveError, ThresholdError, TlsToolError, UsageError
from tlstool.events import OnEvent, ignore
from tlstool.findings import ordered
from tlstool.model import Certificate, Criteria, Finding, Trust
from tlstool.phases import Deadline
from tlstool.reports import VerifyReport, problem
from tlstool.requests import VerifyRequest

_FILE_SUFFIXES = (".pem", ".crt", ".cer", ".der")


def verify(request: VerifyRequest, on_event: OnEvent = ignore) -> VerifyReport:
    """Judge the chain at `request.source`.

    Returns:
        The report, also when something failed or Ctrl-C came: `exit_status` and `error` say what decided.

    Raises:
        UsageError: the request makes no sense, or no backend can do it; nothing was sent.
    """
    if not request.assertions:
        return _verify(request, on_event)
    from tlstool import assertions

    demands = assertions.understand(request.assertions, VerifyReport)
    return assertions.judged(_verify(request, on_event), demands)


def _verify(request: VerifyRequest, on_event: OnEvent) -> VerifyReport:
    """As `verify`, whatever else is demanded of the report."""
    kind = source_kind(request.source)
    certificates: tuple[Certificate, ...] = ()
    trusted: Trust | None = None
    error: TlsToolError | None
    attempt = peer.Attempt(request, on_event)
    try:
        if kind == "file":
            certificates, trusted = _from_file(request)
        else:
            certificates, trusted = _from_peer(attempt, request)
        error = peer.verdict(trusted, request) or _expiry(certificates, request)
    except UsageError:
        raise
    except KeyboardInterrupt:
        error = attempt.interruption()
    except TlsToolError as raised:
        error = raised
        if isinstance(error, ResolveError):
            error.hint = f"there is no file {without_user(request.source)} either: check the spelling"
    return VerifyReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=(_out_of_order(certificates) or caveats.of_chain(certificates, trusted)) if kind == "file" else attempt.warnings,
        source=without_user(request.source),
        kind=kind,
        certificates=certificates,
        trust=trusted,
    )


def source_kind(source: str) -> Literal["file", "target"]:
    """Whether a source names a file, or standard input, or else a peer."""
    if is_unix(source):
        return "target"
    named_like_file = os.sep in source.partition("://")[0] or source.lower().endswith(_FILE_SUFFIXES)
    return "file" if source == "-" or named_like_file or os.path.exists(source) else "target"


Judged = tuple[tuple[Certificate, ...], Trust]


def _from_file(request: VerifyRequest) -> Judged:
    return _judge(certs.read_chain(request.source), request, request.verify_name)


def _from_peer(attempt: peer.Attempt, request: VerifyRequest) -> Judged:
    """The chain that a peer shows, with the handshake's verdict on it, unless there are more certificates to judge it by."""
    try:
        attempt.open(request.source).close(Deadline.after(0.0))
    except TlsToolError:
        if attempt.handshake is None or not attempt.handshake.certificates:
            raise
    handshake = attempt.handshake
    assert handshake is not None, "an open session has had its handshake"
    if request.untrusted:
        sent = "".join(certificate.pem for certificate in handshake.certificates)
        certificates, judged = _judge(sent.encode(), request, handshake.trust.name)
        return certificates, _with_staple(judged, handshake.trust)
    return handshake.certificates, handshake.trust


def _with_staple(judged: Trust, shown: Trust) -> Trust:
    """A verdict on certificates alone, with what only the handshake could show: what the server stapled, or did not."""
    known = {finding.code for finding in judged.findings}
    missed = [one for one in shown.findings if one.code in ("revoked", "must-staple-missing") and one.code not in known]
    if not missed:
        return judged
    return replace(judged, verdict="bad", revocation=shown.revocation, findings=ordered((*judged.findings, *missed)))


def _judge(chain: bytes, request: VerifyRequest, name: str | None) -> Judged:
    if request.backend != "openssl" and backends.why_no_fast_path() is None:
        from tlstool.backends.rustls import judge
    else:
        # OpenSSL cannot be asked about a chain without a connection, as far as Python's ssl goes; this verifier is named.
        from tlstool.judge import judge
    return judge(
        chain,
        [certs.read_chain(path) for path in request.untrusted],
        Criteria(
            roots=trust.roots(request),
            crls=trust.crls(request.crl),
            purpose=request.purpose,
            pins=tuple(map(pins.pin, request.pin)),
            tlsa=tuple(map(pins.tlsa, request.tlsa)),
            verify_name=name,
            at=request.at,
        ),
    )


def _out_of_order(certificates: tuple[Certificate, ...]) -> tuple[Finding, ...]:
    """A warning where the certificate that is judged is an authority's, and another one looks as if it had been meant."""
    leaf = next((number for number, one in enumerate(certificates) if not one.is_ca), 0)
    if not leaf:
        return ()
    subject = certificates[leaf].subject
    words = f"only the first certificate is judged, and that is an authority's; {subject} is number {leaf + 1}"
    return (Finding("chain-order", words),)


def _expiry(certificates: tuple[Certificate, ...], request: VerifyRequest) -> TlsToolError | None:
    if request.min_days is None or not certificates or certificates[0].days_left >= request.min_days:
        return None
    days = certificates[0].days_left
    return ThresholdError(
        "expires-soon",
        f"the certificate is valid for {days} days more, and {request.min_days} were asked for",
        phase="certificate",
    )
