"""Judge a chain: from a file, from standard input, or as a peer shows it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tlstool import backends, certs, files, peer, trust
from tlstool.dial import Deadline
from tlstool.errors import ThresholdError, TlsToolError, UsageError, make
from tlstool.model import Certificate, OnEvent, Trust, ignore
from tlstool.reports import VerifyReport, problem
from tlstool.requests import VerifyRequest

_FILE_SUFFIXES = (".pem", ".crt", ".cer", ".der")


def verify(request: VerifyRequest, on_event: OnEvent = ignore) -> VerifyReport:
    """Judge the chain at `request.source`.

    Returns:
        The report, also when something failed: `exit_status` and `error` say what decided.

    Raises:
        UsageError: the request makes no sense, or no backend can do it; nothing was sent.
        KeyboardInterrupt: as it comes.
    """
    from_file = is_file(request.source)
    found = _Found()
    error: TlsToolError | None
    try:
        if from_file:
            found = _read(request)
            error = _verdict(found.trust, request)
        else:
            found, error = _fetch(request, on_event)
        error = error or _expiry(found.certificates, request)
    except UsageError:
        raise
    except TlsToolError as raised:
        error = raised
    return VerifyReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        source=request.source,
        kind="file" if from_file else "target",
        certificates=found.certificates,
        trust=found.trust,
    )


def is_file(source: str) -> bool:
    """Whether a source names a file, or standard input, rather than a peer."""
    named_like_one = os.sep in source.partition("://")[0] or source.lower().endswith(_FILE_SUFFIXES)
    return source == "-" or named_like_one or os.path.isfile(source)


@dataclass(frozen=True, slots=True)
class _Found:
    certificates: tuple[Certificate, ...] = ()
    trust: Trust | None = None


def _read(request: VerifyRequest) -> _Found:
    if backends.why_no_fast_path() is None:
        from tlstool.backends.rustls import judge
    else:
        from tlstool.certs import judge
    return _Found(
        *judge(
            certs.read_chain(request.source),
            untrusted=[certs.read_chain(path) for path in request.untrusted],
            roots=trust.roots(request),
            crls=trust.crls(request.crl),
            verify_name=request.verify_name,
            at=request.at,
        )
    )


def _fetch(request: VerifyRequest, on_event: OnEvent) -> tuple[_Found, TlsToolError | None]:
    """The chain that a peer shows, and what decides besides its expiry.

    The handshake has judged it already, with `untrusted` certificates only if they are needed.
    """
    attempt = peer.Attempt(request, on_event)
    error = None
    try:
        attempt.open(request.source).close(Deadline.after(0.0))
    except TlsToolError as raised:
        if attempt.handshake is None or not attempt.handshake.certificates:
            raise
        error = peer.deciding(raised, attempt.handshake, request)
    handshake = attempt.handshake
    assert handshake is not None
    return _Found(handshake.certificates, handshake.trust), error or peer.verdict(handshake, request)


def _verdict(trusted: Trust | None, request: VerifyRequest) -> TlsToolError | None:
    if trusted is None or request.insecure or not trusted.findings:
        return None
    worst = trusted.findings[0]
    return make(worst.code, worst.message, phase="certificate")


def _expiry(certificates: tuple[Certificate, ...], request: VerifyRequest) -> TlsToolError | None:
    if request.min_days is None or not certificates or certificates[0].days_left >= request.min_days:
        return None
    days = certificates[0].days_left
    return ThresholdError(
        "expires-soon",
        f"the certificate is valid for {days} days more, and {request.min_days} were asked for",
        phase="certificate",
    )
