"""Work that cannot be told to stop, in a thread that is left behind if it takes too long: what a resolver does, first of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tlstool.errors import LocalError, TimeLimitError
from tlstool.phases import Deadline

T = TypeVar("T")


class Aside(Generic[T]):
    """A function at work in a thread of its own, from now on. The thread keeps no process alive.

    Raises:
        LocalError: `out-of-threads`.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        import threading  # a millisecond that an address instead of a name saves

        self._work = work
        self._done: list[T] = []
        self._raised: list[Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise LocalError("out-of-threads", f"a thread cannot be started: {error}") from None

    def result(self, deadline: Deadline, too_late: str) -> T:
        """What the function returned, or raised; waited for.

        Raises:
            TimeLimitError: it did not end in time; `too_late` is the message.
        """
        self._thread.join(deadline.left())
        if self._raised:
            raise self._raised[0]
        if not self._done:
            raise TimeLimitError("time-limit", too_late)
        return self._done[0]

    def _run(self) -> None:
        try:
            self._done.append(self._work())
        except Exception as error:  # for the thread that waits, whatever it is
            self._raised.append(error)
