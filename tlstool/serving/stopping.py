"""How a server is asked to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tlstool import descriptors, passphrase

if TYPE_CHECKING:
    import signal
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None] | int | signal.Handlers | None

_MARGIN = 1.0
"""Seconds that a server may take to end after everything that it waits for has had its time."""


class Stop:
    """A wish that a server end, from another thread or from a signal. The second one does not wait for open connections.

    Attributes:
        fd: has a byte to read for each wish.
        asked: how often it was wished.
        renewals: has True for each SIGHUP: the wish that certificates be read again. Whoever waits for these puts False to end.

    Raises:
        LocalError: `out-of-descriptors`.
    """

    def __init__(self) -> None:
        try:
            self.fd, self._write_fd = os.pipe()
        except OSError as error:
            raise descriptors.lack(error, "there is no pipe to stop the server by") or error from None
        self.renewals: SimpleQueue[bool] = SimpleQueue()  # the one queue that the handler of a signal may put into
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
        """While inside, SIGINT and SIGTERM wish it, and SIGHUP a renewal. For the main thread only.

        SIGHUP because the terminal is gone wishes the end, too; one that is ignored, as by nohup, stays so.

        A server that tells of its connections waits for whoever reads that. If it has not ended a second after the end of
        `grace`, or after the second signal, `give_up` is called, which has to see to it that nobody waits any more.
        """
        import signal

        had_terminal = passphrase.has_terminal()

        def end(_number: int, _frame: FrameType | None) -> None:
            self.request()
            signal.setitimer(signal.ITIMER_REAL, _MARGIN + (grace if self.asked == 1 else 0.0))

        def hang_up(number: int, frame: FrameType | None) -> None:
            if had_terminal and not passphrase.has_terminal():
                end(number, frame)
            else:
                self.renewals.put(True)

        def stuck(_number: int, _frame: FrameType | None) -> None:
            if give_up is not None:
                give_up()

        handlers: dict[int, Handler] = {signal.SIGINT: end, signal.SIGTERM: end, signal.SIGALRM: stuck}
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            handlers[signal.SIGHUP] = hang_up
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
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
