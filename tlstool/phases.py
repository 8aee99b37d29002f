"""The phases of a connection: how long each may take, how long it took, and who hears of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tlstool.errors import TimeLimitError, TlsToolError
from tlstool.events import OnEvent, PhaseEvent, ignore
from tlstool.hints import HINTS_OF_PHASES
from tlstool.record import Record

LIMITS: dict[str, float] = {
    "dns": 5.0,
    "tcp": 10.0,
    "proxy": 10.0,
    "starttls": 10.0,
    "handshake": 10.0,
    "expect": 10.0,
    "quiet": 1.0,
    "answer": 60.0,
    "close": 2.0,
}
"""Seconds that each phase may take unless a run has limits of its own, or ends before.

Of the data: `expect` is how long each pattern, or the first byte of an answer, is waited for; `quiet` is the silence that ends an
answer, and `answer` all the time that it may take, or the silence that an HTTP response may have in it.
"""


class Deadline(Record):
    """The moment (of the monotonic clock) at which something has to be over.

    Attributes:
        at: the moment; None: never.
        limit: what runs out then, in words with its length; empty where nobody has said.
        own: the limits in seconds of those phases that do not have the usual ones.
    """

    at: float | None
    limit: str = ""
    own: tuple[tuple[str, float], ...] = ()

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """In so many seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @classmethod
    def of_run(cls, seconds: float | None, own: tuple[tuple[str, float], ...] = ()) -> Deadline:
        """Of a whole run that begins now, whose phases may have limits of their own."""
        at = None if seconds is None else time.monotonic() + seconds
        limit = "" if seconds is None else f"the limit of the whole run is {duration(seconds)}"
        return cls(at, limit, own)

    def left(self) -> float | None:
        """Seconds left, 0.0 once it is over; None without a limit."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    def within(self, seconds: float, limit: str = "") -> Deadline:
        """The earlier of this deadline and `seconds` from now."""
        at = time.monotonic() + seconds
        return self if self.at is not None and self.at <= at else Deadline(at, limit, self.own)

    def seconds(self, name: str) -> float:
        """How long a phase may take by itself."""
        return dict(self.own).get(name, LIMITS[name])

    def phase(self, name: str) -> Deadline:
        """This deadline or the phase's own limit, whichever is earlier."""
        seconds = self.seconds(name)
        return self.within(seconds, f"the limit of the {name} phase is {duration(seconds)}")


class Trace:
    """The one place where phases are timed; feeds the report and whoever listens.

    Attributes:
        elapsed_ms: by phase, for those that ended, well or badly.
        current: the phase under way, the inner one of two, or the last one that was left by anything but an error of ours;
            None between them.
    """

    def __init__(self, on_event: OnEvent = ignore, deadline: Deadline | None = None) -> None:
        self.elapsed_ms: dict[str, float] = {}
        self.current: str | None = None
        self._on_event = on_event
        self._deadline = deadline or Deadline(None)
        self._start = time.perf_counter()

    def total_ms(self) -> float:
        """Since the trace began."""
        return (time.perf_counter() - self._start) * 1e3

    @contextmanager
    def phase(self, name: str, detail: str) -> Iterator[Step]:
        """Time what happens inside, within the phase's limit, and stamp its errors with the phase's name."""
        self._on_event(PhaseEvent(name, "started", detail, None))
        outer, self.current, start = self.current, name, time.perf_counter()
        step = Step(detail, self._deadline.phase(name) if name in LIMITS else self._deadline)
        try:
            yield step
        except TlsToolError as error:
            if isinstance(error, TimeLimitError) and error.phase in (None, name):
                error.hint = error.hint or HINTS_OF_PHASES.get(name)
                if step.deadline.limit:
                    error.message = f"{error.message}: {step.deadline.limit}"
            error.phase = error.phase or name
            self._end(name, "failed", error.message, start)
            self.current = outer
            raise
        self._end(name, "done", step.detail, start)
        self.current = outer

    def wait(self, name: str, detail: str) -> None:
        """Tell that a phase will be tried again."""
        self._on_event(PhaseEvent(name, "waiting", detail, None))

    def skip(self, name: str, why: str) -> None:
        """Tell that a phase that was asked for does not take place."""
        self._on_event(PhaseEvent(name, "skipped", why, None))

    def _end(self, name: str, state: Literal["done", "failed"], detail: str, start: float) -> None:
        elapsed = (time.perf_counter() - start) * 1e3
        self.elapsed_ms[name] = elapsed
        self._on_event(PhaseEvent(name, state, detail, elapsed))


class Step:
    """A phase under way.

    Attributes:
        detail: what it came to, in a few words; what happens inside may say it before it ends.
        deadline: when it has to be over.
    """

    def __init__(self, detail: str, deadline: Deadline) -> None:
        self.detail = detail
        self.deadline = deadline


def duration(seconds: float) -> str:
    """A limit as people write it: `250 ms`, `10 s`, `2 min`."""
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds / 60:g} min" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} s"
