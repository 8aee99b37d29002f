"""TLS libraries measured in memory: Rustls beside any libssl, in worker processes that take turns.

Says who takes part, in which scenarios, when, and what the figures come to. How a library is measured stands in the engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from tlstool import backends, names
from tlstool.bench.chain import MADE_KEY_TYPES, Chain
from tlstool.bench.chain import load as load_chain
from tlstool.bench.chain import make as make_chain
from tlstool.bench.contestant import Contestant, WorkerLost, interpreter_libssl
from tlstool.errors import HandshakeError, InternalError, LocalError, Unsupported, UsageError
from tlstool.events import OnEvent, Progress, ignore
from tlstool.machine import environment
from tlstool.model import Finding
from tlstool.reports import LocalBenchReport, LocalResult
from tlstool.requests import LocalBenchRequest

CHUNK = 1 << 20
"""Bytes that the server writes at a time in bulk: as in the published comparisons."""

LEAST_ROUND = 0.02
"""Seconds that a round takes at least: some ten handshakes of the slowest library."""

WARM_UP = 0.1
"""Seconds that a worker runs, at most, before its figures count."""

MIB = 1 << 20

_LABELS = {"handshake": "handshake-full", "bulk": "bulk"}


def bench_local(request: LocalBenchRequest, on_event: OnEvent = ignore) -> LocalBenchReport:
    """Measure Rustls, and the libraries in `request.against`, in memory and under the same rules.

    Bulk is taken with the first group and key type that fit its suite: they have no part in it.

    Returns:
        The report, an entry a library and scenario. What a library cannot do, or did not survive, has `skipped` with the reason.

    Raises:
        UsageError: the request makes no sense (`usage`), names what nobody knows (`unknown-name`), or the engine is not built
            (`no-fast-path`).
        LocalError: a file of the chain, or a library, is missing or not what it should be.
        KeyboardInterrupt: on Ctrl-C; no worker outlives it.
    """
    _check(request)
    chains = _chains(request)
    scenarios = _scenarios(request, chains)
    _need_fast_path()
    libraries, warnings = _libraries(request.against)
    total = len(scenarios) * len(libraries) * request.rounds
    done = 0
    turns: list[_Turn] = []
    for scenario in scenarios:

        def tell(library: str, scenario: _Scenario = scenario) -> None:
            nonlocal done
            on_event(Progress(done, total, f"{library}: {scenario}"))
            done += 1

        turns += _measure(scenario, libraries, request, tell)
    return LocalBenchReport(results=_named(turns), environment=environment(), warnings=warnings)


def rates(figures: dict[str, Any]) -> dict[str, float]:
    """The rates of one round, by the names that they have in the report."""
    if "count" in figures:
        return {
            "client_handshakes_per_s": figures["count"] / figures["client_s"],
            "server_handshakes_per_s": figures["count"] / figures["server_s"],
        }
    return {
        "receive_mib_per_s": figures["bytes"] / MIB / figures["receive_s"],
        "send_mib_per_s": figures["bytes"] / MIB / figures["send_s"],
    }


def spread(rounds: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median, least and greatest of each rate over the rounds."""
    from statistics import median

    result: dict[str, Any] = {}
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        result |= {name: median(values), f"{name}_min": min(values), f"{name}_max": max(values)}
    return result


@dataclass(frozen=True, slots=True)
class _Scenario:
    what: str
    suite: str
    group: str
    chain: Chain

    def __str__(self) -> str:
        return f"{self.what}, {self.suite}, {self.group}, {self.chain.key_type}"

    def spec(self, library: str) -> dict[str, Any]:
        """For the engine, but for the PEM, which is text here."""
        return {
            "library": library,
            "scenario": self.what,
            "suite": self.suite,
            "group": self.group,
            "chain_pem": self.chain.chain,
            "key_pem": self.chain.key,
            "root_pem": self.chain.root,
            "server_name": self.chain.name,
            "chunk": CHUNK,
        }

    def row(self, library: str) -> LocalResult:
        """What there is to say before the library has said anything."""
        return LocalResult(
            library=library,
            library_version="",
            scenario=self.what,
            tls="1.3" if names.is_tls13(self.suite) else "1.2",
            suite=self.suite,
            group=self.group,
            key_type=self.chain.key_type,
        )


class _Turn:
    """A library in a scenario: its worker, while it has one, and what came of it so far."""

    def __init__(self, scenario: _Scenario, library: str, stack: ExitStack) -> None:
        self.library = library
        self.row = scenario.row(library)
        self.worker: Contestant | None = stack.enter_context(Contestant(scenario.spec(library)))
        self.rounds: list[dict[str, float]] = []

    def start(self, seconds: float) -> None:
        """Let the worker introduce itself, and warm up."""
        self._attempt(self._introduce)
        self._attempt(lambda worker: worker.measure(min(seconds, WARM_UP)))

    def take(self, seconds: float) -> None:
        """One round."""
        self._attempt(lambda worker: self.rounds.append(rates(worker.measure(seconds))))

    def result(self) -> LocalResult:
        """The row of the report."""
        if self.row.skipped is not None:
            return self.row
        return replace(self.row, rounds=len(self.rounds), **spread(self.rounds))

    def _introduce(self, worker: Contestant) -> None:
        self.row = replace(self.row, **worker.introduce())

    def _attempt(self, step: Callable[[Contestant], object]) -> None:
        # What the caller named wrong (a file, a library that is none) fails the run; what the library does costs its own row.
        if self.worker is None:
            return
        try:
            step(self.worker)
        except (Unsupported, HandshakeError, InternalError, WorkerLost) as why:
            self.worker = None
            self.row = replace(self.row, skipped=str(why))


def _measure(
    scenario: _Scenario, libraries: Sequence[str], request: LocalBenchRequest, tell: Callable[[str], None]
) -> list[_Turn]:
    seconds = max(request.duration / request.rounds, LEAST_ROUND)
    with ExitStack() as stack:
        turns = []
        for library in libraries:
            turns.append(_Turn(scenario, library, stack))
            turns[-1].start(seconds)
        for _ in range(request.rounds):
            for turn in turns:
                tell(turn.row.library)
                turn.take(seconds)
    return turns


def _check(request: LocalBenchRequest) -> None:
    if not request.duration > 0 or request.duration == float("inf"):
        raise UsageError("usage", "the duration has to be positive")
    if request.rounds < 1:
        raise UsageError("usage", "there has to be at least one round")
    if None in (given := (request.cert, request.key, request.ca)) and any(given):
        raise UsageError("usage", "an own chain takes all three: certificates, key and root")
    for what, values in (("what", request.what), ("suites", request.suites), ("groups", request.groups)):
        if not values:
            raise UsageError("usage", f"{what}: there has to be at least one")


def _chains(request: LocalBenchRequest) -> list[Chain]:
    if request.cert and request.key and request.ca:
        return [load_chain(request.cert, request.key, request.ca)]
    key_types = dict.fromkeys(_known(name, name, MADE_KEY_TYPES, "key type") for name in request.key_types)
    if not key_types:
        raise UsageError("usage", "key types: there has to be at least one")
    return [make_chain(key_type) for key_type in key_types]


def _scenarios(request: LocalBenchRequest, chains: Sequence[Chain]) -> list[_Scenario]:
    suites = dict.fromkeys(_known(name, names.suite(name), names.SUITES, "cipher suite") for name in request.suites)
    groups = dict.fromkeys(_known(name, names.group(name), names.RUSTLS_GROUPS, "key exchange group") for name in request.groups)
    scenarios: list[_Scenario] = []
    for suite in suites:
        fitting = [
            (chain, group) for group, chain in product(groups, chains) if _fits_key(suite, chain) and _fits_group(suite, group)
        ]
        if not fitting:
            raise UsageError("usage", f"{suite} goes with none of the key types and groups that were asked for")
        for what in dict.fromkeys(_LABELS[what] for what in request.what):
            taken = fitting[:1] if what == "bulk" else fitting
            scenarios += [_Scenario(what, suite, group, chain) for chain, group in taken]
    return scenarios


def _fits_key(suite: str, chain: Chain) -> bool:
    """A suite of TLS 1.2 names the signature (RFC 8422 section 2); one of TLS 1.3 does not care."""
    if names.is_tls13(suite):
        return True
    return ("_RSA_" in suite) == chain.key_type.startswith("rsa")


def _fits_group(suite: str, group: str) -> bool:
    """Key exchange with ML-KEM is defined for TLS 1.3 alone."""
    return names.is_tls13(suite) or "MLKEM" not in group


def _known(given: str, name: str, known: Iterable[str], kind: str) -> str:
    if name in (known := sorted(known)):
        return name
    from difflib import get_close_matches

    folded = {candidate.lower(): candidate for candidate in known}
    near = [folded[match] for match in get_close_matches(given.lower(), folded, n=3, cutoff=0.4)]
    raise UsageError("unknown-name", f"there is no {kind} {given!r}", f"known are: {', '.join(near or known)}")


def _need_fast_path() -> None:
    if absent := backends.why_no_fast_path():
        raise UsageError(
            "no-fast-path",
            f"{absent}, and bench local measures inside it",
            "install Rust (https://rustup.rs), then tlstool again: TLSTOOL_NATIVE=require pip install --force-reinstall tlstool",
        )


def _libraries(against: Iterable[str]) -> tuple[list[str], tuple[Finding, ...]]:
    """Rustls and the others as the engine takes them, each once, and what the reader should know."""
    libraries: list[str] = ["rustls"]
    warnings: list[Finding] = []
    for given in against:
        if given == "openssl":
            library, warning = interpreter_libssl()
            warnings += [Finding("other-library", warning)] if warning else []
        else:
            paths = given.split(",")
            for path in paths:
                if not os.path.exists(path):
                    raise LocalError("file-missing", f"there is no file {path}")
            # A name without a folder would be searched for in the system's places.
            library = ",".join(map(os.path.abspath, paths))
        if library not in libraries:
            libraries.append(library)
    return libraries, tuple(warnings)


def _named(turns: Sequence[_Turn]) -> tuple[LocalResult, ...]:
    """The rows, also of libraries that could not introduce themselves there: as they did elsewhere, else by their file's name."""
    known = {turn.library: (turn.row.library, turn.row.library_version) for turn in turns if turn.row.library_version}
    rows = []
    for turn in turns:
        name, version = known.get(turn.library, (os.path.basename(turn.library.split(",")[0]), ""))
        rows.append(replace(turn.result(), library=name, library_version=version))
    return tuple(rows)
