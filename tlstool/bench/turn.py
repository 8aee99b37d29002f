"""One library in one scenario of `bench local`: its worker, its rounds, and the row of the report that they come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from statistics import median
from typing import Any

from tlstool.bench import samples
from tlstool.bench.contestant import Contestant, WorkerLost
from tlstool.bench.libraries import RUSTLS, Library
from tlstool.errors import HandshakeError, InternalError, LocalError, Unsupported
from tlstool.figures import RATES, SIZES, LatencySummary, LocalResult, LocalScenario, Ratio

MIB = 1 << 20


def rates(figures: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures of one round, added up over its threads, by the names that they have in the report."""
    first = figures[0]
    if "count" in first:
        return {
            f"{side}_handshakes_per_{clock}s": sum(part["count"] / part[f"{side}_{clock}s"] for part in figures)
            for side in ("client", "server")
            for clock in ("", "cpu_")
        }
    if "bytes" in first:
        return {
            f"{side}_mib_per_{clock}s": sum(part["bytes"] / MIB / part[f"{side}_{clock}s"] for part in figures)
            for side in ("receive", "send")
            for clock in ("", "cpu_")
        }
    return {name: first[name] for name in SIZES}


def spread(rounds: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median of each figure over the rounds, for the rates of the wall's clock also the least and the greatest."""
    result: dict[str, Any] = {}
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        result[name] = median(values)
        if name in RATES:
            result |= {f"{name}_min": min(values), f"{name}_max": max(values)}
    return result


class Turn:
    """A library in a scenario: its worker, while it has one, and what came of it so far."""

    def __init__(self, scenario: LocalScenario, library: Library, spec: dict[str, Any], stack: ExitStack) -> None:
        self.library = library
        same = {field.name: getattr(scenario, field.name) for field in fields(scenario)}
        self.row = LocalResult(library=library.name or "", library_version="", **same)
        self.worker: Contestant | None = stack.enter_context(Contestant(spec))
        self.rounds: list[dict[str, float]] = []

    @property
    def title(self) -> str:
        """What progress calls it."""
        return self.row.library or os.path.basename(self.library.source.split(",")[0])

    def start(self, seconds: float) -> None:
        """Let the worker introduce itself, and warm up."""
        self._attempt(self._introduce)
        self._attempt(lambda worker: worker.warm_up(seconds))

    def take(self, seconds: float) -> None:
        """One round."""
        self._attempt(lambda worker: self.rounds.append(rates(worker.measure(seconds))))

    def finish(self) -> None:
        """Ask for what is known only at the end."""
        self._attempt(self._summarize)

    def result(self, sides: Sequence[str]) -> LocalResult:
        """The row of the report."""
        if self.row.skipped is not None:
            return self.row
        hidden = {"client", "receive"} if "client" not in sides else {"server", "send"} if "server" not in sides else set()
        rounds = [{name: v for name, v in one.items() if name.split("_")[0] not in hidden} for one in self.rounds]
        client = None if "client" in hidden else self.row.client_latency
        server = None if "server" in hidden else self.row.server_latency
        row = replace(self.row, client_latency=client, server_latency=server)
        taken = {name: tuple(figures[name] for figures in rounds) for name in rounds[0]}
        return replace(row, rounds=len(rounds), samples=taken, **spread(rounds))

    def _introduce(self, worker: Contestant) -> None:
        try:
            self._known(worker.introduce())
        finally:
            # Also of one that cannot do this.
            self._known(worker.identity)

    def _known(self, said: dict[str, Any]) -> None:
        own = {"library": self.library.name} if self.library.name and said else {}
        self.row = replace(self.row, **said | own)

    def _summarize(self, worker: Contestant) -> None:
        latency = worker.latency()
        if latency is not None:
            client, server = (LatencySummary(**side) for side in latency)
            self.row = replace(self.row, client_latency=client, server_latency=server)

    def _attempt(self, step: Callable[[Contestant], object]) -> None:
        # What the caller named wrong (a file, a library that is none) fails the run; what the library does costs its own row.
        # Rustls judges a chain first: if it takes one that another library does not, that is the other one's affair.
        if self.worker is None:
            return
        try:
            step(self.worker)
        except (Unsupported, HandshakeError, InternalError, WorkerLost) as why:
            self._skip(str(why))
        except LocalError as why:
            if self.library is RUSTLS or why.code == "bad-library":
                raise
            self._skip(f"not selectable: {why}")

    def _skip(self, why: str) -> None:
        self.worker = None
        self.row = replace(self.row, skipped=why)


def ratios(turn: Turn, row: LocalResult, reference: Turn | None) -> tuple[Ratio, ...]:
    """A row's figures beside those of the reference, whose turns were taken between its own; empty for the reference itself."""
    if row.samples is None or reference is None or reference is turn or reference.row.skipped is not None:
        return ()
    theirs = {name: tuple(figures[name] for figures in reference.rounds) for name in row.samples}
    return tuple(
        # Of sizes, less is better.
        samples.paired(name, *((theirs[name], ours) if name in SIZES else (ours, theirs[name])))
        for name, ours in row.samples.items()
    )
