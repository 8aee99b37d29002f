"""How a server is asked to end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tlstool import descriptors


class Stop:
    """A wish that a server end, from another thread or from a signal. The second one does not wait for open connections.

    Raises:
        LocalError: `out-of-descriptors`.
    """

    def __init__(self) -> None:
        try:
            self.fd, self._write_fd = os.pipe()
        except OSError as error:
            raise descriptors.lack(error, "there is no pipe to stop the server by") or error from None
        os.set_blocking(self._write_fd, False)

    def request(self) -> None:
        """Wish it."""
        os.write(self._write_fd, b"\0")

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """While inside, SIGINT and SIGTERM wish it. For the main thread only."""
        import signal

        def heard(_number: int, _frame: object) -> None:
            """The interpreter has written the signal's number to the pipe by now."""

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
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
