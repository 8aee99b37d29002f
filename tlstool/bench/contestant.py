"""A contestant of `bench local` as its parent sees it: a worker process that is asked, and never waited for without end.

Knows nothing of rounds and reports.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any

from tlstool import errors
from tlstool.phases import Deadline

START_LIMIT = 30.0
"""Seconds that a worker has to start, load its library and make one handshake."""

ANSWER_LIMIT = 20.0
"""Seconds that a worker may take longer than what it was asked to measure for."""

_WORKER = ("-P", "-m", "tlstool.bench.worker")


class WorkerLost(Exception):  # noqa: N818 - an event in a worker's life
    """The worker did not answer: it crashed, or its time was over. The message says which, for the row."""


class Contestant:
    """A worker process, from its start to its end. Use it in a `with` statement: the process ends with the block."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed together with the process
        # The worker finds what this process found, and nothing in the current directory.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, *_WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=os.environ | {"PYTHONPATH": path},
            # Ctrl-C is ours to answer; the worker is killed then.
            process_group=0,
        )
        self._pending = b""
        self._spec = spec
        self.identity: dict[str, Any] = {}
        """Name, version and build of the library, as soon as it was loaded."""

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None:
                # What was not yet written is for nobody any more.
                with suppress(BrokenPipeError):
                    pipe.close()

    def introduce(self) -> dict[str, Any]:
        """Who the worker measures, and what both ends of its connections say: the engine's `info`.

        Raises:
            TlsToolError: the library cannot do it (`Unsupported`) or is none (`LocalError`).
            WorkerLost: no answer.
        """
        self.identity = dict(self._ask(self._spec, START_LIMIT))
        return dict(self._answer(START_LIMIT))

    def warm_up(self, seconds: float) -> None:
        """Run for so many seconds, for nothing. Raises as `introduce` does."""
        self._ask({"warm_up": seconds}, seconds + ANSWER_LIMIT)

    def measure(self, seconds: float) -> list[dict[str, Any]]:
        """Figures of each thread over so many seconds. Raises as `introduce` does."""
        return list(self._ask({"seconds": seconds}, seconds + ANSWER_LIMIT))

    def latency(self) -> list[dict[str, Any]] | None:
        """Of all handshakes that were measured, of client and server; None if there were none. Raises as `introduce` does."""
        answer: list[dict[str, Any]] | None = self._ask({"latency": True}, ANSWER_LIMIT)
        return answer

    def _ask(self, question: dict[str, Any], limit: float) -> Any:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(question).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise WorkerLost(self._last_words()) from None
        return self._answer(limit)

    def _answer(self, limit: float) -> Any:
        answer = json.loads(self._line(Deadline.after(limit)))
        if "error" in answer:
            error = answer["error"]
            raise errors.make(error["code"], error["message"], error["hint"])
        return answer["answer"]

    def _line(self, deadline: Deadline) -> bytes:
        pipe = self._process.stdout
        assert pipe is not None
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(deadline.left()):
                    raise WorkerLost("its worker did not answer in time")
                received = os.read(pipe.fileno(), 65536)
                if not received:
                    raise WorkerLost(self._last_words())
                self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _last_words(self) -> str:
        try:
            status = self._process.wait(timeout=ANSWER_LIMIT)
        except subprocess.TimeoutExpired:
            return "its worker stopped answering"
        if status < 0:
            return f"its worker was ended by {_signal_name(-status)}"
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return f"its worker ended with status {status}" + (f": {lines[-1]}" if lines else "")


def _signal_name(number: int) -> str:
    """Not all of them have one: those for real time do not, but for the first and the last."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
