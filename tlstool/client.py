"""Connect: reach a peer, judge it, relay bytes if that was asked for, and one report of it all, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool import peer
from tlstool.errors import TlsToolError, TruncatedError, UsageError
from tlstool.events import OnEvent, ignore
from tlstool.model import Finding, Relayed
from tlstool.reports import ConnectReport, problem
from tlstool.requests import ConnectRequest

if TYPE_CHECKING:
    from tlstool.backends.base import Session


def connect(request: ConnectRequest, on_event: OnEvent = ignore) -> ConnectReport:
    """Handshake with a peer, judge its certificate and, if asked to, relay bytes.

    Bytes are relayed only if the verdict is good, or `request.insecure` waives it. With `request.all_addresses` every address is
    judged by itself.

    Returns:
        The report, also when something failed or Ctrl-C came: `exit_status` and `error` say what decided.

    Raises:
        UsageError: the request makes no sense, or no backend can do it; nothing was sent.
        BrokenPipeError: nobody reads the output of the relay any more.
    """
    if request.all_addresses:
        from tlstool.survey import survey

        return survey(request, on_event)
    attempt = peer.Attempt(request, on_event)
    error: TlsToolError | None
    relayed: Relayed | None = None
    try:
        session = attempt.open(request.target)
        try:
            error = peer.verdict(session.handshake.trust, request)
            # Not just no fault: a chain that nobody judged is no reason to trust it with a byte.
            is_trusted = request.insecure or session.handshake.trust.verdict == "good"
            if request.relay and is_trusted:
                relayed = _relay(session, *request.relay)
                error = _truncation(relayed, request)
        finally:
            session.close(attempt.deadline.phase("close"))
    except UsageError:
        raise
    except KeyboardInterrupt:
        error = attempt.interruption()
    except TlsToolError as raised:
        error = peer.deciding(raised, attempt.trust, request)
    return ConnectReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=(*attempt.warnings, *_incomplete(relayed, request)),
        target=request.target,
        address=attempt.address,
        proxy=attempt.proxy,
        tries=attempt.tries,
        backend=attempt.backend,
        backend_reason=attempt.backend_reason,
        phases_ms=attempt.phases(),
        starttls=attempt.starttls,
        handshake=attempt.handshake,
        relayed=relayed,
    )


def _relay(session: Session, in_fd: int, out_fd: int) -> Relayed:
    try:
        return session.relay(in_fd, out_fd)
    except TlsToolError as error:
        error.phase = error.phase or "run"
        raise


def _incomplete(relayed: Relayed | None, request: ConnectRequest) -> tuple[Finding, ...]:
    """A warning where the end of what was received may be missing (RFC 8446 section 6.1), and that is no error already."""
    if relayed is None or relayed.close_notify or not relayed.received or request.strict_close:
        return ()
    words = "the peer ended without close_notify: what was received may be incomplete (--strict-close makes that an error)"
    return (Finding("incomplete", words),)


def _truncation(relayed: Relayed, request: ConnectRequest) -> TlsToolError | None:
    if relayed.close_notify or not request.strict_close:
        return None
    return TruncatedError("truncated", "the peer ended the connection without close_notify", phase="close")
