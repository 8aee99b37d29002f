"""Stand-ins for the use cases, so that the command line can be tested without a network."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import factories
import pytest

import tlstool
from tlstool import cli
from tlstool.events import Event, OnEvent

ANSWERS = {
    "connect": factories.connect_report(),
    "verify": factories.verify_report(),
    "bench_handshake": factories.handshake_bench_report(),
    "bench_local": factories.local_bench_report(factories.local_result()),
}
COMMANDS = {
    "connect": "connect x",
    "verify": "cert-verify x",
    "bench_handshake": "bench handshake x",
    "bench_local": "bench local",
}


class UseCase:
    """Stands in for a use case: remembers its request, tells events, and answers or raises."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.events: Sequence[Event] = ()
        self.request: Any = None

    def __call__(self, request: object, on_event: OnEvent) -> object:
        self.request = request
        for event in self.events:
            on_event(event)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Stop:
    """Stands in for the wish to stop."""

    @contextlib.contextmanager
    def on_signals(self, grace: float = 0.0, give_up: Callable[[], None] | None = None) -> Iterator[None]:
        yield

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def install(monkeypatch: pytest.MonkeyPatch) -> dict[str, UseCase]:
    """All use cases by name, as stand-ins that give good answers, and an environment that says nothing."""
    for name in os.environ:
        if name.startswith(("TLSTOOL_", "_TLSTOOL")) or name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    fakes = {name: UseCase(answer) for name, answer in ANSWERS.items()}
    for name, fake in fakes.items():
        monkeypatch.setitem(vars(tlstool), name, fake)
    return fakes


def outcome(capsys: pytest.CaptureFixture[str], line: str | Sequence[str]) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command line."""
    status = cli.run(shlex.split(line) if isinstance(line, str) else line)
    captured = capsys.readouterr()
    return status, captured.out, captured.err
