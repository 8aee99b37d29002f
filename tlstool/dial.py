"""From a name to a connected socket: resolve and connect, each phase within its limit and traced.

Knows nothing of TLS.
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment (of the monotonic clock) at which something has to be over; None: never."""

    at: float | None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """In so many seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    def left(self) -> float | None:
        """Seconds left, 0.0 once it is over; None without a limit."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and `seconds` from now."""
        phase = time.monotonic() + seconds
        return Deadline(phase if self.at is None else min(self.at, phase))
