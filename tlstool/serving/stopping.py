"""How a server is asked to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MARGIN = 1.0
"""Seconds that a server may take to end after everything that it waits for has had its time."""


class Stop:
    """A wish that a server end, from another thread or from a signal. The second one does not wait for open connections.

    Attributes:
        fd: readable once it is wished.
        asked: how often it was.
    """

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self._write_fd, False)
        self.asked = 0
        self._when_asked: Callable[[], None] | None = None

    def request(self) -> None:
        """Wish it."""
        os.write(self._write_fd, b"\0")
        self._ask()

    @contextmanager
    def telling(self, when_asked: Callable[[], None]) -> Iterator[None]:
        """While inside, `when_asked` is called with the first wish, by whoever has it."""
        self._when_asked = when_asked
        try:
            yield
        finally:
            self._when_asked = None

    @contextmanager
    def on_signals(self, grace: float = 0.0, give_up: Callable[[], None] | None = None) -> Iterator[None]:
        """While inside, SIGINT and SIGTERM wish it. For the main thread only.

        A server that tells of its connections waits for whoever reads that. If it has not ended a second after the end of
        `grace`, or after the second signal, `give_up` is called, which has to see to it that nobody waits any more.
        """
        import signal

        def heard(_number: int, _frame: object) -> None:
            """The interpreter has written the signal's number to the pipe by now."""
            self._ask()
            signal.setitimer(signal.ITIMER_REAL, _MARGIN + (grace if self.asked == 1 else 0.0))

        def stuck(_number: int, _frame: object) -> None:
            if give_up is not None:
                give_up()

        handlers = {signal.SIGINT: heard, signal.SIGTERM: heard, signal.SIGALRM: stuck}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self) -> None:
        self.asked += 1
        if self.asked == 1 and self._when_asked is not None:
            self._when_asked()

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self.fd)
        os.close(self._write_fd)

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
