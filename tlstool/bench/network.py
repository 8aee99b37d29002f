"""Handshakes against a server, in a closed loop inside the backend."""

from __future__ import annotations

from dataclasses import replace

from tlstool import endpoint, peer
from tlstool.errors import Interrupted, TlsToolError, UsageError, make
from tlstool.events import OnEvent, ignore
from tlstool.model import LoadPlan, LoadResult
from tlstool.phases import Deadline
from tlstool.reports import HandshakeBenchReport, problem
from tlstool.requests import HandshakeBenchRequest


def bench_handshake(request: HandshakeBenchRequest, on_event: OnEvent = ignore) -> HandshakeBenchReport:
    """Measure how many handshakes a second the target takes, and how long each lasts.

    One connection is made before the load: it shows what is negotiated, and a bad certificate ends the matter there.

    Returns:
        The report, also when something failed or Ctrl-C came: `exit_status` and `error` say what decided.

    Raises:
        UsageError: the request makes no sense, no backend can do it, or the target is not ours to load (`authorized`).
        KeyboardInterrupt: before the load began.
    """
    _check(request)
    # The load goes straight to the address that was found: a proxy in between would be what is measured.
    attempt = peer.Attempt(replace(request, proxy=""), on_event)
    plan: LoadPlan | None = None
    result: LoadResult | None = None
    error: TlsToolError | None
    try:
        attempt.open(request.target).close(Deadline.after(0.0))
        error = peer.verdict(attempt.trust, request)
        reached = attempt.route and attempt.route.reached
        if error is None and reached and attempt.client is not None:
            plan = _plan(request, *reached)
            result = attempt.client.load(plan)
            error = _outcome(result)
    except UsageError:
        raise
    except TlsToolError as raised:
        error = peer.deciding(raised, attempt.trust, request)
    return HandshakeBenchReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=attempt.warnings,
        target=endpoint.without_user(request.target),
        address=attempt.address,
        backend=attempt.backend,
        backend_reason=attempt.backend_reason,
        handshake=attempt.handshake,
        plan=plan,
        result=result,
    )


def _check(request: HandshakeBenchRequest) -> None:
    count = 1 if request.count is None else request.count
    if min(request.connections, request.threads, count) < 1 or request.duration <= 0:
        raise UsageError("usage", "connections, threads, count and duration have to be positive")
    if request.proxy or request.bind or endpoint.is_unix(request.target):
        raise UsageError("usage", "the load goes straight to an address and port: no proxy, no --bind, no Unix socket")
    if request.starttls or endpoint.parse(request.target).starttls:
        hint = "give the host and a port where TLS begins with the first byte"
        raise UsageError("usage", "the load begins with TLS: it cannot speak another protocol before every handshake", hint)


def _plan(request: HandshakeBenchRequest, address: str, port: int) -> LoadPlan:
    import ipaddress

    if not (request.authorized or ipaddress.ip_address(address.partition("%")[0]).is_private):
        raise UsageError(
            "usage",
            f"{address} is neither loopback nor private, and {request.connections} connections would load it",
            "if its owner agrees, add --i-am-authorized",
        )
    return LoadPlan(
        address=address,
        port=port,
        connections=request.connections,
        threads=min(request.threads, request.connections),
        duration=request.duration,
        count=request.count,
        resume=request.resume,
    )


def _outcome(result: LoadResult) -> TlsToolError | None:
    """What a load amounts to: Ctrl-C, or its most frequent error if no handshake came about at all."""
    if result.interrupted:
        return Interrupted("interrupted", "interrupted; the figures are of what was done until then")
    if result.handshakes == 0 and result.errors:
        code = max(result.errors, key=lambda code: result.errors[code])
        return make(code, f"none of the handshakes succeeded; {result.errors[code]} ended with {code}", phase="handshake")
    return None
