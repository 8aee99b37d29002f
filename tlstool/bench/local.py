"""TLS libraries measured in memory: Rustls beside any libssl, in worker processes that take turns.

Says who is measured when, and makes the report. What is measured stands in `plan`, how a library is measured in the engine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from tlstool import backends, machine
from tlstool.bench import compare, limits
from tlstool.bench import plan as plans
from tlstool.bench.chain import Chain
from tlstool.bench.chain import load as load_chain
from tlstool.bench.chain import make as make_chain
from tlstool.bench.libraries import RUSTLS, Library, contestants
from tlstool.bench.turn import Turn, ratios
from tlstool.errors import TlsToolError, Unsupported, UsageError
from tlstool.events import OnEvent, Progress, ignore
from tlstool.figures import (
    CPU_RATES,
    RATES,
    Environment,
    LocalBenchReport,
    LocalMethod,
    LocalPlan,
    LocalResult,
    LocalScenario,
    version_number,
)
from tlstool.model import Finding
from tlstool.reports import problem
from tlstool.requests import LocalBenchRequest

LEAST_ROUND = 0.02
"""Seconds that a round takes at least: some ten handshakes of the slowest library."""

LONGEST = 1e6
"""Seconds that a figure may take at most: some eleven days."""

LARGEST_WRITE = 16 << 20
"""Bytes of a write at most, as the engine has it."""

ENOUGH_ROUNDS = 5
"""Rounds below which a reader is warned."""

_START = 0.4
"""Seconds that a worker takes to start, about; for the estimate."""

_CLOCKS_APART = 0.1
"""The part by which the wall's clock may go faster than the worker's before the reader is warned."""

_RULES = (
    "client and server work in one thread, each on clocks of its own; freeing is on no clock",
    "making the connection objects counts for each side",
    "moving bytes to the other end is charged to the sender",
    "the client verifies chain and name; certificates are not compressed",
    "a TLS 1.3 server makes two tickets in a full handshake, and one in a resumed one",
    "a resumed handshake counts if both ends say that it is one",
    "all use the allocator of the C library, and buffers that live as long as the benchmark",
)
_PUBLISHED_RULES = (
    "as in the published comparisons: making a libssl's connection objects is on no clock, Rustls' is",
    "as in the published comparisons: with Rustls, moving bytes to the other end is charged to the receiver",
    "as in the published comparisons: a libssl's client verifies no name, and resumes one session again and again",
    "as in the published comparisons: a TLS 1.3 server makes two tickets, also in a resumed handshake where the library obeys",
    "not as in the published comparisons: all use the allocator of the C library (there, Rustls has jemalloc)",
)


def bench_local(request: LocalBenchRequest, on_event: OnEvent = ignore) -> LocalBenchReport:
    """Measure Rustls, and the libraries in `request.against`, in memory and under the same rules.

    Bulk and memory are taken with the first group and key type that fit their suite: they have no part in it.

    Returns:
        The report, an entry a library and scenario. What a library cannot do, or did not survive, has `skipped` with the reason.
        `error` is not None if a limit of `request.fail_if` was missed, or if no library could do anything of it.

    Raises:
        UsageError: the request makes no sense (`usage`), names what nobody knows (`unknown-name`), or the engine is not built
            (`no-fast-path`).
        LocalError: a file of the chain, or a library, is missing or not what it should be.
        KeyboardInterrupt: on Ctrl-C; no worker outlives it.
    """
    _check(request)
    failing = tuple(limits.parse(text) for text in request.fail_if)
    earlier = compare.load(request.baseline) if request.baseline else None
    own = _own_chain(request)
    choice = plans.choose(request, own.key_type if own else None)
    _need_fast_path()
    _need_fips(request)
    libraries, warnings = contestants(request.against)
    plan = _plan(request, choice, libraries)
    if earlier:
        compare.need_common(earlier, plan.scenarios)
    if request.plan_only:
        return LocalBenchReport(plan=plan, environment=machine.environment(), warnings=warnings)
    reference = _reference(request, libraries)
    here = machine.environment()
    cpu = machine.emptiest_core() if request.pin else None
    clock = machine.frequency(cpu) if cpu is not None else None
    method = _method(request, cpu)
    results = _Run(request, plan, libraries=libraries, reference=reference, cpu=cpu, own=own, on_event=on_event).results()
    warnings += machine.doubts(here) + _doubts(results, plan)
    warnings += tuple(filter(None, [machine.drift(clock, machine.frequency(cpu))] if cpu is not None else []))
    if earlier:
        beside = compare.since(results, earlier)
        results = tuple(replace(result, since=since) for result, since in zip(results, beside, strict=True))
        warnings += _apart(results, earlier, here)
    error = _nothing_measured(results) or limits.missed(failing, results, since=earlier is not None)
    return LocalBenchReport(
        exit_status=error.exit_status if error else 0,
        error=problem(error),
        warnings=warnings,
        results=results,
        reference=_named_as(reference, results, libraries, plan) if reference else None,
        plan=plan,
        method=method,
        environment=here,
        since=request.baseline,
    )


class _Run:
    """All scenarios, one after the other; in each, the libraries take turns round by round."""

    def __init__(
        self,
        request: LocalBenchRequest,
        plan: LocalPlan,
        *,
        libraries: Sequence[Library],
        reference: Library | None,
        cpu: int | None,
        own: Chain | None,
        on_event: OnEvent,
    ) -> None:
        self._request, self._plan, self._libraries, self._reference = request, plan, libraries, reference
        self._cpu, self._own, self._on_event = cpu, own, on_event
        self._chains: dict[str, Chain] = {}
        # The order of turns, no secret.
        self._draw = random.Random(request.seed)
        self._done = 0
        self._began = time.monotonic()

    def results(self) -> tuple[LocalResult, ...]:
        """A row a scenario and library; Rustls comes first in each scenario."""
        measured = [self._scenario(scenario) for scenario in self._plan.scenarios]
        known: dict[Library, LocalResult] = {}
        for turn in (turn for turns in measured for turn in turns if turn.row.library_version):
            known.setdefault(turn.library, turn.row)
        for place, (library, row) in enumerate(known.items()):
            same = [other for other in list(known.values())[:place] if other.library_version == row.library_version]
            if same and not library.name:
                # Two builds of one version, say.
                known[library] = replace(row, library=f"{row.library} #{len(same) + 1}")
        return tuple(row for turns in measured for row in self._rows(turns, known))

    def _scenario(self, scenario: LocalScenario) -> list[Turn]:
        request, plan = self._request, self._plan
        with ExitStack() as stack:
            turns = []
            for library in self._libraries:
                turns.append(Turn(scenario, library, self._spec(scenario, library), stack))
                turns[-1].start(request.warm_up)
            for _ in range(plan.rounds):
                for turn in self._draw.sample(turns, len(turns)):
                    self._tell(turn, scenario)
                    turn.take(plan.round_s)
                    self._done += 1
            for turn in turns:
                turn.finish()
        return turns

    def _spec(self, scenario: LocalScenario, library: Library) -> dict[str, Any]:
        """For the worker, PEM as text."""
        chain = self._chain(scenario.key_type)
        return {
            "cpu": self._cpu if scenario.threads == 1 else None,
            "library": library.source,
            "scenario": scenario.scenario,
            "suite": scenario.suite,
            "group": scenario.group,
            "signature": scenario.signature,
            "chain_pem": chain.chain,
            "key_pem": chain.key,
            "root_pem": chain.root,
            "client_chain_pem": chain.client_chain,
            "client_key_pem": chain.client_key,
            "server_name": chain.name,
            "write_size": self._request.write_size,
            "threads": scenario.threads,
            "fips": self._request.fips,
            "published_method": self._request.published_method,
        }

    def _chain(self, key_type: str) -> Chain:
        if self._own:
            return self._own
        if key_type not in self._chains:
            self._chains[key_type] = make_chain(key_type, client_auth=self._request.client_auth)
        return self._chains[key_type]

    def _tell(self, turn: Turn, scenario: LocalScenario) -> None:
        plan = self._plan
        each = len(plan.libraries) * plan.rounds
        total = len(plan.scenarios) * each
        # By its own pace, as soon as a whole scenario has shown it.
        whole = (time.monotonic() - self._began) / self._done * total if self._done >= each else plan.estimated_s
        what = f"{turn.title}: {scenario.scenario}, {scenario.suite}, {scenario.group}, {scenario.key_type}"
        threads = f", {scenario.threads} threads" if scenario.threads > 1 else ""
        self._on_event(Progress(self._done, total, what + threads, whole * (total - self._done) / total))

    def _rows(self, turns: Sequence[Turn], known: dict[Library, LocalResult]) -> list[LocalResult]:
        """Also of libraries that could not introduce themselves here: named as they were elsewhere, else by their file's name."""
        reference = next((turn for turn in turns if turn.library == self._reference), None)
        rows = []
        for turn in turns:
            row = turn.result(self._request.sides)
            if turn.library in known:
                one = known[turn.library]
                row = replace(row, library=one.library, library_version=one.library_version, library_build=one.library_build)
            rows.append(replace(row, library=row.library or turn.title, ratios=ratios(turn, row, reference)))
        return rows


def _check(request: LocalBenchRequest) -> None:
    for name, value in (("duration", request.duration), ("warm-up", request.warm_up)):
        if not 0 <= value < float("inf") or (name == "duration" and not value):
            raise UsageError("usage", f"the {name} has to be positive")
        if value > LONGEST:
            raise UsageError("usage", f"a {name} of {value:.0f} s is too long", f"it takes {LONGEST:.0f} s at most")
    if not 1 <= request.write_size <= LARGEST_WRITE:
        raise UsageError("usage", f"a write of {request.write_size} bytes", f"give 1 B to {LARGEST_WRITE >> 20} MiB")
    if request.rounds < 1:
        raise UsageError("usage", "there has to be at least one round")
    if None in (given := (request.cert, request.key, request.ca)) and any(given):
        raise UsageError("usage", "an own chain takes all three: certificates, key and root")
    for what in ("what", "modes", "suites", "key_types", "sides", "threads"):
        if not getattr(request, what):
            raise UsageError("usage", f"{what.replace('_', ' ')}: there has to be at least one")
    if min(request.threads) < 1:
        raise UsageError("usage", "there has to be at least one thread")


def _own_chain(request: LocalBenchRequest) -> Chain | None:
    if not (request.cert and request.key and request.ca):
        return None
    return load_chain(request.cert, request.key, request.ca, client_auth=request.client_auth)


def _plan(request: LocalBenchRequest, choice: plans.Choice, libraries: Sequence[Library]) -> LocalPlan:
    seconds = max(request.duration / request.rounds, LEAST_ROUND)
    each = request.rounds * seconds + request.warm_up + _START
    return LocalPlan(
        libraries=tuple(library.given for library in libraries),
        scenarios=choice.scenarios,
        profile=request.profile,
        left_out=choice.left_out,
        rounds=request.rounds,
        round_s=seconds,
        estimated_s=round(each * len(choice.scenarios) * len(libraries), 1),
    )


def _method(request: LocalBenchRequest, cpu: int | None) -> LocalMethod:
    from datetime import UTC, datetime

    return LocalMethod(
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seed=request.seed,
        duration_s=request.duration,
        warm_up_s=request.warm_up,
        cpu=cpu,
        published=request.published_method,
        rules=_PUBLISHED_RULES if request.published_method else _RULES,
    )


def _reference(request: LocalBenchRequest, libraries: Sequence[Library]) -> Library | None:
    if request.relative_to is None:
        return libraries[1] if len(libraries) > 1 else None
    wanted = request.relative_to
    for library in libraries:
        if wanted in (library.name, library.given) or (wanted == RUSTLS.source and library is RUSTLS):
            return library
    raise UsageError(
        "usage", f"{wanted} is none of the libraries", f"name one of {', '.join(one.name or one.given for one in libraries)}"
    )


def _named_as(reference: Library, results: Sequence[LocalResult], libraries: Sequence[Library], plan: LocalPlan) -> str:
    """What the rows call a library: they stand in its order in each scenario."""
    row = results[list(libraries).index(reference) % len(plan.libraries)]
    namesakes = {other.library_version for other in results if other.library == row.library}
    return row.library if len(namesakes) == 1 else f"{row.library} {version_number(row.library_version)}".rstrip()


def _doubts(results: Sequence[LocalResult], plan: LocalPlan) -> tuple[Finding, ...]:
    found = []
    if plan.rounds < ENOUGH_ROUNDS:
        found.append(Finding("few-rounds", f"{plan.rounds} rounds tell little of the noise: take {ENOUGH_ROUNDS} or more"))
    apart = [
        result
        for result in results
        for wall, cpu in zip(RATES, CPU_RATES, strict=True)
        if (own := getattr(result, cpu)) and (getattr(result, wall) or own) < (1 - _CLOCKS_APART) * own
    ]
    if apart:
        found.append(
            Finding(
                "machine-busy",
                "the workers had to wait for their core: figures by the wall's clock are too low, take the CPU clock's",
            )
        )
    return tuple(found)


def _apart(results: Sequence[LocalResult], earlier: compare.Earlier, here: Environment) -> tuple[Finding, ...]:
    """What keeps a run from being compared with an earlier one as it should."""
    found = []
    there = earlier.run
    if there.cpu and (there.cpu, there.cores) != (here.cpu, here.cores):
        was = f"{there.cpu}, {there.cores} cores" if there.cores else there.cpu
        found.append(Finding("other-machine", f"{there.file} was measured on another machine: {was}"))
    new = dict.fromkeys(result.library for result in results if result.skipped is None and result.since is None)
    if new:
        found.append(
            Finding(
                "no-baseline", f"{there.file} lacks rows of {', '.join(new)}: they are compared with nothing, and meet no limit"
            )
        )
    return tuple(found)


def _nothing_measured(results: Sequence[LocalResult]) -> TlsToolError | None:
    if any(result.skipped is None for result in results):
        return None
    reason = next((result.skipped for result in results if result.skipped), "there is no scenario")
    return Unsupported("unsupported", f"nothing was measured: {reason}", "each row says why")


def _need_fips(request: LocalBenchRequest) -> None:
    from tlstool.backends.rustls import is_fips

    if not request.fips:
        return
    if unapproved := [suite for suite in request.suites if "CHACHA20" in suite.upper()]:
        raise UsageError(
            "usage", f"{unapproved[0]} is not approved by FIPS 140-3", "leave out --fips, or take a suite with AES-GCM"
        )
    if not is_fips():
        hint = "build it with one: TLSTOOL_NATIVE_FEATURES=fips pip install --force-reinstall --no-binary tlstool tlstool"
        raise Unsupported("unsupported", "this build of tlstool has no FIPS module", hint)


def _need_fast_path() -> None:
    if absent := backends.why_no_fast_path():
        raise UsageError(
            "no-fast-path",
            f"{absent}, and bench local measures inside it",
            "install Rust (https://rustup.rs), then tlstool again: TLSTOOL_NATIVE=require pip install --force-reinstall tlstool",
        )
