"""Connect: reach a peer, judge it, relay bytes if that was asked for, and one report of it all, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tlstool import peer
from tlstool.errors import TlsToolError, UsageError
from tlstool.events import Established, OnEvent, ignore
from tlstool.exchange import Exchange
from tlstool.probes.experiments import Experiments
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
    if request.http is not None and not request.alpn:
        request = replace(request, alpn=("http/1.1",))
    exchange = Exchange(request, on_event)
    experiments = Experiments(request, on_event)
    attempt = peer.Attempt(request, on_event, experiments.adjust)
    error: TlsToolError | None
    session: Session | None = None
    try:
        session = experiments.open(attempt)
        try:
            error = peer.verdict(session.handshake.trust, request)
            # Not just no fault: a chain that nobody judged is no reason to trust it with a byte.
            is_trusted = request.insecure or session.handshake.trust.verdict == "good"
            session = experiments.proceed(attempt, session)
            if request.relay and is_trusted:
                on_event(Established(_report(request, attempt, exchange, experiments, None)))
                exchange.run(session, attempt.deadline)
        finally:
            experiments.close(attempt, session)
        experiments.conclude(attempt, session, None)
    except UsageError:
        raise
    except KeyboardInterrupt:
        error = attempt.interruption()
    except TlsToolError as raised:
        error = peer.deciding(raised, attempt.trust, request)
        if session is None:
            experiments.conclude(attempt, None, raised)
    return _report(request, attempt, exchange, experiments, error)


def _report(
    request: ConnectRequest, attempt: peer.Attempt, exchange: Exchange, experiments: Experiments, error: TlsToolError | None
) -> ConnectReport:
    """What is known by now."""
    return ConnectReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=(*attempt.warnings, *experiments.warnings(), *exchange.warnings),
        target=request.target,
        address=attempt.address,
        proxy=attempt.proxy,
        tries=attempt.tries,
        backend=attempt.backend,
        backend_reason=attempt.backend_reason,
        phases_ms=attempt.phases(),
        starttls=attempt.starttls,
        handshake=attempt.handshake,
        **experiments.report(),
        exchanged=exchange.steps,
        http=exchange.http,
        relayed=exchange.relayed,
    )
