"""Steps of a conversation with a peer: send this, wait for that, in order. What the peer says goes to the output as it comes."""

from __future__ import annotations

import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tlstool import files
from tlstool.errors import LocalError, ThresholdError, TimeLimitError, UsageError
from tlstool.escapes import escape
from tlstool.newlines import Newlines
from tlstool.phases import Deadline
from tlstool.reports import Exchanged
from tlstool.requests import Expect, Send

if TYPE_CHECKING:
    from tlstool.backends.base import Session

PIECE = 256 * 1024
"""Bytes that are read or written at a time."""

_WINDOW = 1024 * 1024
"""Bytes of what was received last in which a pattern can match."""

_SHOWN_MATCH = 1000
_SHOWN_MISS = 100

_BACKTRACKS = "repeat nothing that repeats itself: a+ for (a+)+, and [^\\n]* for (.*)*"

# For a search that is begun when the time is over already: it has to be long enough for an honest one.
_LEAST_SEARCH = 0.5


class _TooLongError(Exception):
    """A search did not end in time."""


class Dialogue:
    """The steps of one session. What was done stays known when it fails.

    Attributes:
        taken: the steps until now, the one that failed last.
        sent, received: bytes of application data.
    """

    def __init__(self, steps: Sequence[Send | Expect], *, crlf: bool) -> None:
        """Understand the steps, before there is a connection.

        Raises:
            UsageError: a pattern is malformed.
            LocalError: a file to send cannot be read.
        """
        self.taken: tuple[Exchanged, ...] = ()
        self.sent = self.received = 0
        self._todo = [(step, _compiled(step.pattern)) if isinstance(step, Expect) else (step, _opened(step)) for step in steps]
        self._newlines = Newlines() if crlf else None
        self._unmatched = b""

    def run(self, session: Session, out_fd: int, deadline: Deadline) -> None:
        """Take all steps.

        Raises:
            ThresholdError: `expectation-missed`: a pattern did not come.
            TlsToolError: the session broke, or a limit ran out.
        """
        for step, means in self._todo:
            start = time.perf_counter()
            sent, match = self.sent, None
            try:
                if isinstance(means, re.Pattern):
                    match = self._expect(session, means, out_fd, deadline)
                else:
                    self._send(session, means, out_fd, deadline)
            finally:
                self.taken += (_exchanged(step, self.sent - sent, match, start),)

    def _send(self, session: Session, pieces: Iterator[bytes], out_fd: int, deadline: Deadline) -> None:
        for number, piece in enumerate(pieces):
            if number:
                # A peer that answers before it has all must get rid of its answer, or it would stop reading.
                with suppress(TimeLimitError):
                    self._hear(session.read(_WINDOW, Deadline.after(0.0)), out_fd)
            data = self._newlines.convert(piece) if self._newlines else piece
            session.write(data, deadline.phase("answer"))
            self.sent += len(data)

    def _expect(self, session: Session, pattern: re.Pattern[bytes], out_fd: int, deadline: Deadline) -> bytes:
        within = deadline.phase("expect")
        patience = within.left()
        while (found := self._search(pattern, within)) is None:
            try:
                data = session.read(PIECE, within)
            except TimeLimitError:
                if deadline.left() == 0.0:
                    raise
                raise self._missed(pattern, f"did not come within {patience:.3g} s") from None
            if not data:
                raise self._missed(pattern, "did not come before the peer ended")
            self._hear(data, out_fd)
        self._unmatched = self._unmatched[found.end() :]
        return found[0]

    def _search(self, pattern: re.Pattern[bytes], within: Deadline) -> re.Match[bytes] | None:
        """The next match; a pattern that backtracks without end is a miss at the limit, and not for ever."""
        try:
            with _interrupted_at(within):
                return pattern.search(self._unmatched)
        except _TooLongError:
            raise self._missed(pattern, "took too long to look for: it backtracks", _BACKTRACKS) from None

    def _hear(self, data: bytes, out_fd: int) -> None:
        self.received += len(data)
        self._unmatched = (self._unmatched + data)[-_WINDOW:]
        write(out_fd, data)

    def _missed(self, pattern: re.Pattern[bytes], how: str, hint: str | None = None) -> ThresholdError:
        came = self._unmatched[-_SHOWN_MISS:]
        cut = "..." if len(came) < len(self._unmatched) else ""
        instead = f"instead came '{cut}{escape(came)}'" if came else "and nothing came instead"
        return ThresholdError("expectation-missed", f"'{_text(pattern.pattern)}' {how}, {instead}", hint)


@contextmanager
def _interrupted_at(deadline: Deadline) -> Iterator[None]:
    """End what is computed inside by `_TooLongError` when the time is over.

    `re` looks for signals now and then, and for nothing else. They reach the main thread alone: in others there is no limit, nor
    where somebody has that timer already.
    """
    left = deadline.left()
    is_ours = threading.current_thread() is threading.main_thread() and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
    if left is None or not is_ours:
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(left, _LEAST_SEARCH))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def write(fd: int, data: bytes) -> None:
    """All of `data` to a descriptor, whether or not it blocks.

    Raises:
        BrokenPipeError: nobody reads it any more.
        LocalError: `file-not-written`.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise LocalError("file-not-written", f"the output cannot be written: {(error.strerror or '').lower()}") from None


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError("usage", f"{_text(pattern)} is no regular expression: {error}", "see the module re of Python") from None


def _opened(step: Send) -> Iterator[bytes]:
    """The bytes of a step, piece by piece; a file is opened now, and closed when nobody wants more of it."""
    if step.file is None:
        return iter((step.data,))
    pieces = files.pieces(step.file, PIECE)
    # Only what has begun closes the file, too, if the session ends before its turn comes.
    next(pieces)
    return pieces


def _text(pattern: bytes) -> str:
    """As it was typed."""
    return pattern.decode(errors="backslashreplace")


def _exchanged(step: Send | Expect, sent: int, match: bytes | None, start: float) -> Exchanged:
    elapsed = (time.perf_counter() - start) * 1e3
    if isinstance(step, Send):
        return Exchanged(sent=sent, expected=None, matched=None, elapsed_ms=elapsed)
    matched = None if match is None else escape(match[:_SHOWN_MATCH])[:_SHOWN_MATCH]
    return Exchanged(sent=None, expected=_text(step.pattern), matched=matched, elapsed_ms=elapsed)
