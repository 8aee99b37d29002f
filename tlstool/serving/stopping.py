"""How a server is asked to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tlstool import passphrase

if TYPE_CHECKING:
    import signal
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None] | int | signal.Handlers | None


class Stop:
    """A wish that a server end, from another thread or from a signal. The second one does not wait for open connections.

    Attributes:
        fd: has a byte to read for each wish.
        renewals: has True for each SIGHUP: the wish that certificates be read again. Whoever waits for these puts False to end.
    """

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe()
        self.renewals: SimpleQueue[bool] = SimpleQueue()  # the one queue that the handler of a signal may put into
        os.set_blocking(self._write_fd, False)

    def request(self) -> None:
        """Wish it."""
        os.write(self._write_fd, b"\0")

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """While inside, SIGINT and SIGTERM wish it, and SIGHUP a renewal. For the main thread only.

        SIGHUP because the terminal is gone wishes the end, too; one that is ignored, as by nohup, stays so.
        """
        import signal

        had_terminal = passphrase.has_terminal()

        def end(_number: int, _frame: FrameType | None) -> None:
            self.request()

        def hang_up(_number: int, _frame: FrameType | None) -> None:
            if had_terminal and not passphrase.has_terminal():
                self.request()
            else:
                self.renewals.put(True)

        handlers: dict[int, Handler] = {signal.SIGINT: end, signal.SIGTERM: end}
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            handlers[signal.SIGHUP] = hang_up
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self.fd)
        os.close(self._write_fd)

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
