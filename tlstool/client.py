"""Connect: reach a peer, judge it, relay bytes if that was asked for, and one report of it all, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tlstool import endpoint, peer
from tlstool.errors import TlsToolError, UsageError
from tlstool.events import Established, OnEvent, ignore
from tlstool.hints import HINTS_OF_SESSIONS
from tlstool.phases import Deadline
from tlstool.probes.experiments import Experiments
from tlstool.reports import ConnectReport, problem
from tlstool.requests import ConnectRequest

if TYPE_CHECKING:
    from tlstool.backends.base import Session
    from tlstool.exchange import Exchange


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
    if not request.assertions:
        return _connect(request, on_event)
    from tlstool import assertions

    demands = assertions.understand(request.assertions, ConnectReport)
    if not request.all_addresses and any(demand.path == assertions.CONSISTENT for demand in demands):
        raise UsageError("usage", "--assert: consistent compares nothing", "--all-addresses gives it something to compare")
    return assertions.judged(_connect(request, on_event), demands)


def _connect(request: ConnectRequest, on_event: OnEvent) -> ConnectReport:
    """As `connect`, whatever else is demanded of the report."""
    if request.http is not None and not request.alpn:
        request = replace(request, alpn=("http/1.1",))
    exchange = _exchange(request, on_event)
    experiments = Experiments(request, on_event)
    if request.all_addresses:
        from tlstool.survey import survey

        return survey(request, on_event)
    attempt = peer.Attempt(request, on_event, experiments.adjust)
    error: TlsToolError | None
    try:
        session = _open(attempt, experiments)
        try:
            error = peer.verdict(session.handshake.trust, request)
            # Not just no fault: a chain that nobody judged is no reason to trust it with a byte.
            is_trusted = request.insecure or session.handshake.trust.verdict == "good"
            with _after_handshake():
                session = experiments.proceed(attempt, session)
                if exchange and is_trusted:
                    on_event(Established(_report(request, attempt, exchange, experiments, None)))
                    exchange.run(session, attempt.deadline)
        except KeyboardInterrupt:
            session.close(Deadline.after(0.0))
            raise
        finally:
            experiments.close(attempt, session)
        experiments.conclude(attempt, session, None)
    except UsageError:
        raise
    except KeyboardInterrupt:
        error = attempt.interruption()
    except TlsToolError as raised:
        error = peer.deciding(raised, attempt.trust, request)
    return _report(request, attempt, exchange, experiments, error)


def _open(attempt: peer.Attempt, experiments: Experiments) -> Session:
    """The session, or what there is to find out in spite of its failure, and the failure."""
    try:
        return experiments.open(attempt)
    except TlsToolError as error:
        experiments.conclude(attempt, None, error)
        raise


@contextmanager
def _after_handshake() -> Iterator[None]:
    """Stamp the errors inside with their phase, and do not let them blame a TLS that came about."""
    try:
        yield
    except UsageError:
        raise
    except TlsToolError as error:
        error.phase = error.phase or "run"
        if error.phase == "run":
            error.hint = HINTS_OF_SESSIONS.get(error.code, error.hint)
        raise


def _exchange(request: ConnectRequest, on_event: OnEvent) -> Exchange | None:
    """What is to be moved, understood before there is a connection; None for nothing, which loads none of it."""
    if request.relay is None and not request.steps and request.http is None:
        return None
    from tlstool.exchange import Exchange

    return Exchange(request, on_event)


def _report(
    request: ConnectRequest,
    attempt: peer.Attempt,
    exchange: Exchange | None,
    experiments: Experiments,
    error: TlsToolError | None,
) -> ConnectReport:
    """What is known by now."""
    return ConnectReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=(*attempt.warnings, *experiments.warnings(), *(exchange.warnings if exchange else ())),
        target=endpoint.without_user(request.target),
        address=attempt.address,
        proxy=attempt.proxy,
        tries=attempt.tries,
        backend=attempt.backend,
        backend_reason=attempt.backend_reason,
        phases_ms=attempt.phases(),
        starttls=attempt.starttls,
        handshake=attempt.handshake,
        **experiments.report(),
        **(exchange.report() if exchange else {}),
    )
