"""Application data with a peer that may have it: a dialogue, an HTTP request, a relay; and whether its end was one.

What is in bulk the backend moves by itself; here it is read only as far as something has to be found in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlstool import __version__, endpoint, http1
from tlstool.dialogue import PIECE, Dialogue
from tlstool.errors import TimeLimitError, TlsToolError, TruncatedError, UsageError
from tlstool.events import Answered, OnEvent
from tlstool.hints import HINT_AFTER_HANDSHAKE, HINTS_OF_PHASES
from tlstool.model import Finding
from tlstool.phases import Deadline
from tlstool.reports import HttpResponse
from tlstool.requests import ConnectRequest, Send
from tlstool.traffic import Relayed, RelayPlan

if TYPE_CHECKING:
    from tlstool.backends.base import Session

_REQUEST = 16 * 1024
"""Bytes of something that wants an answer, at most; more is an upload."""

_WAITS_FOR_STDIN = "a peer that waits for the end of stdin is not told of it with --half-close none: try notify"

_INTERIM_RESPONSES = 16
"""More of them before the one that counts are no answer (RFC 9110 section 15.2)."""


class Exchange:
    """All that one session moves. What was done stays known when it fails.

    Attributes:
        warnings: what the reader of the report should know.
    """

    def __init__(self, request: ConnectRequest, on_event: OnEvent) -> None:
        """Understand what is to be done, before there is a connection.

        Raises:
            UsageError: it makes no sense.
            LocalError: a file to send cannot be read.
        """
        _check(request)
        self._http: HttpResponse | None = None
        self._relayed: Relayed | None = None
        self.warnings: tuple[Finding, ...] = ()
        self._dialogue = Dialogue(request.steps, crlf=request.crlf)
        self._request = request
        self._on_event = on_event

    def report(self) -> dict[str, Any]:
        """The fields of `ConnectReport` that it fills."""
        return {"exchanged": self._dialogue.taken, "http": self._http, "relayed": self._relayed}

    def run(self, session: Session, deadline: Deadline) -> None:
        """Do it, within `deadline` and the limits of each part.

        Raises:
            BrokenPipeError: nobody reads the output any more.
            ThresholdError: `expectation-missed`, or `not-http`.
            TruncatedError: the peer ended without close_notify, and that was forbidden; or in the middle of a response.
            TlsToolError: the session broke, or a limit ran out.
        """
        assert self._request.relay is not None
        try:
            self._move(session, *self._request.relay, deadline)
            self._judge_end()
        except TlsToolError as error:
            if isinstance(error, TimeLimitError):
                self._explain(error, deadline)
            error.phase = error.phase or "run"
            raise

    def _explain(self, error: TimeLimitError, deadline: Deadline) -> None:
        """Which limit it was, and what may help."""
        limit = deadline.limit if deadline.left() == 0.0 else deadline.phase("answer").limit
        error.message = f"the peer did not end in time: {limit}" if limit else error.message
        reads = self._request.relay is not None and self._request.relay[0] is not None
        waits = reads and self._request.half_close == "none"
        error.hint = error.hint or (_WAITS_FOR_STDIN if waits else HINTS_OF_PHASES["run"])

    def _move(self, session: Session, in_fd: int | None, out_fd: int, deadline: Deadline) -> None:
        request, dialogue = self._request, self._dialogue
        dialogue.run(session, out_fd, deadline)
        if request.http is not None:
            self._get(session, out_fd, deadline)
        elif in_fd is not None:
            plan = RelayPlan(in_fd, out_fd, half_close=request.half_close, crlf=request.crlf)
            self._relay(session, plan, deadline)
            self._look_for_an_answer()
        elif request.steps and isinstance(request.steps[-1], Send):
            self._answer(session, out_fd, deadline)
        else:
            self._relayed = Relayed(dialogue.sent, dialogue.received, None)

    def _answer(self, session: Session, out_fd: int, deadline: Deadline) -> None:
        """What comes after the last of the steps, until the peer is quiet."""
        dialogue = self._dialogue
        try:
            first = session.read(PIECE, deadline.phase("expect"))
        except TimeLimitError:
            if deadline.left() == 0.0:
                raise
            self.warnings = (Finding("no-answer", "the peer did not answer what was sent"),)
            self._relayed = Relayed(dialogue.sent, dialogue.received, None)
            return
        dialogue.received += len(first)
        self._relay(session, RelayPlan(None, out_fd, early=first, quiet=deadline.seconds("quiet")), deadline.phase("answer"))

    def _get(self, session: Session, out_fd: int, deadline: Deadline) -> None:
        if session.handshake.alpn not in (None, "http/1.1", "http/1.0"):
            raise http1.not_http(f"the peer chose {session.handshake.alpn}, and the request is in HTTP/1.1")
        request = _http_request(self._request)
        session.write(request, deadline.phase("answer"))
        self._dialogue.sent += len(request)
        head, rest = self._head(session, deadline.phase("answer"))
        self._http, body = http1.response(head)
        self._on_event(Answered(self._http))
        self._relay(session, RelayPlan(None, out_fd, early=rest, body=body, quiet=deadline.seconds("answer")), deadline)
        if self._relayed and (body.chunked or body.length is not None):
            # The body says itself that it is whole.
            relayed = self._relayed
            self._relayed = Relayed(relayed.sent, relayed.received, relayed.close_notify or None)

    def _head(self, session: Session, deadline: Deadline) -> tuple[bytes, bytes]:
        """The head of the response that counts, and what came with it."""
        data, interim = b"", 0
        while (length := http1.head_length(data)) is None or http1.is_interim(data):
            if length is not None:
                interim += 1
                if interim > _INTERIM_RESPONSES:
                    raise http1.not_http("the peer sends one interim response after the other")
                data = data[length:]
                continue
            more = session.read(PIECE, deadline)
            if not more:
                if not data:
                    raise TruncatedError("truncated", "the peer ended without a response", HINT_AFTER_HANDSHAKE)
                raise TruncatedError("truncated", "the peer ended in the middle of the response's head")
            self._dialogue.received += len(more)
            data += more
        return data[:length], data[length:]

    def _relay(self, session: Session, plan: RelayPlan, deadline: Deadline) -> None:
        moved = session.relay(plan, deadline)
        sent, received = self._dialogue.sent + moved.sent, self._dialogue.received + moved.received
        self._relayed = Relayed(sent, received, moved.close_notify, moved.half_close)

    def _look_for_an_answer(self) -> None:
        """Some servers drop what they are about to say when they hear that the client has no more to say."""
        moved = self._relayed
        if moved and moved.half_close and not moved.received and 0 < moved.sent <= _REQUEST:
            hint = "servers that take the end of stdin for the end of everything answer with --half-close none"
            self.warnings = (Finding("no-answer", f"the peer did not answer what was sent: {hint}"),)

    def _judge_end(self) -> None:
        """Without close_notify, the end of what was received may be missing (RFC 8446 section 6.1)."""
        if self._relayed is None or self._relayed.close_notify is not False:
            return
        if self._request.strict_close:
            raise TruncatedError("truncated", "the peer ended the connection without close_notify", phase="close")
        if self._relayed.received:
            words = (
                "the peer ended without close_notify: what was received may be incomplete (--strict-close makes that an error)"
            )
            self.warnings = (*self.warnings, Finding("incomplete", words))


def _check(request: ConnectRequest) -> None:
    if (request.steps or request.http is not None) and request.relay is None:
        raise UsageError("usage", "steps and http need a relay, whose output gets what the peer sends")
    if request.http is None:
        return
    if request.steps or (request.relay and request.relay[0] is not None):
        raise UsageError("usage", "an HTTP request cannot be mixed with other data", "give --http alone")
    if request.http and not request.http.startswith("/"):
        raise UsageError("usage", f"{request.http!r} is no path", "a path begins with a slash: --http /index.html")
    if request.alpn and "http/1.1" not in request.alpn:
        raise UsageError("usage", "the HTTP request is in HTTP/1.1, which --alpn does not offer", "add http/1.1 to --alpn")


def _http_request(request: ConnectRequest) -> bytes:
    peer = endpoint.parse(request.target)
    host = request.sni or (f"[{peer.host.partition('%')[0]}]" if ":" in peer.host else peer.host) or "localhost"
    path = request.http or (request.target if "://" in request.target else "/")
    return http1.request(path, host if peer.port in (0, endpoint.HTTPS) else f"{host}:{peer.port}", f"tlstool/{__version__}")
