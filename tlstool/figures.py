"""What `bench local` plans, measures and answers, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tlstool.record import Record
from tlstool.reports import Report

ScenarioName = Literal["handshake-full", "handshake-ticket", "handshake-session", "bulk", "memory"]

RATES = ("client_handshakes_per_s", "server_handshakes_per_s", "receive_mib_per_s", "send_mib_per_s")
"""The rates of a result, on the wall's clock; more is better."""

CPU_RATES = tuple(name.replace("_per_s", "_per_cpu_s") for name in RATES)
"""The same on the clock of the thread that does the work."""

SIZES = (
    "client_bytes_after_handshake",
    "server_bytes_after_handshake",
    "client_bytes_at_rest",
    "server_bytes_at_rest",
)
"""Bytes a connection; less is better."""


def version_number(version: str) -> str:
    """The number in what a library says of its version: `3.0.22` of `OpenSSL 3.0.22 25 Aug 2026`; empty if it says none."""
    return next((word for word in version.split() if word[:1].isdigit()), "").rstrip(",;")


class LocalScenario(Record, kw_only=True):
    """What is measured in one go, of every library alike.

    Attributes:
        scenario: `handshake-full`; `handshake-ticket` resumes by ticket, `handshake-session` by what the server has kept; `bulk`
            is application data from server to client, `memory` the heap of connections.
        tls, suite, group: the one version, suite and key exchange group that are allowed.
        key_type: of the leaf.
        signature: the scheme that the server signs the handshake with, and so does a client that shows a certificate.
        threads: that work at the same time, each with connections of its own.
        client_auth: whether the client shows a certificate, too.
        write_size: bytes of a write; None but for bulk.
    """

    scenario: ScenarioName
    tls: str
    suite: str
    group: str
    key_type: str
    signature: str
    threads: int = 1
    client_auth: bool = False
    write_size: int | None = None


class LocalPlan(Record, kw_only=True):
    """What is about to be measured.

    Attributes:
        libraries: by the paths or names they are loaded by; Rustls first.
        scenarios: each library goes through all of them.
        profile: the name of a ready-made choice of scenarios; None for one of the caller's own.
        left_out: what the profile does not measure, and what the caller asked for that makes no sense together, in words.
        rounds: how often each figure is taken.
        round_s: seconds of a round of one library.
        estimated_s: seconds that all of it takes, about.
    """

    libraries: tuple[str, ...]
    scenarios: tuple[LocalScenario, ...]
    profile: str | None
    left_out: tuple[str, ...]
    rounds: int
    round_s: float
    estimated_s: float


class Ratio(Record):
    """One library's figure beside that of another, or of another run.

    Attributes:
        figure: its name in a result: `client_handshakes_per_s` and the like.
        ratio: of the medians; above 1 is better, for sizes too.
        low, high: the interval that holds 95 of 100 bootstrap samples; taken from rounds in pairs where both stem from one run.
        verdict: `same` if the interval holds 1, else `better` or `worse`; `unknown` with fewer than 3 rounds.
    """

    figure: str
    ratio: float
    low: float
    high: float
    verdict: Literal["better", "same", "worse", "unknown"]


class LatencySummary(Record):
    """How long one side of a handshake works, over all handshakes of all rounds, in microseconds.

    Attributes:
        p50_us, p90_us, p99_us, p999_us: so many in a hundred (or a thousand) are at most as long.
        max_us: the longest.
        histogram: all of it, in nanoseconds, in the compressed V2 format of HdrHistogram as base64.
    """

    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    max_us: float
    histogram: str


class LocalResult(LocalScenario, kw_only=True):
    """One library in one scenario: medians over the rounds, with their range. None where a figure does not apply.

    Attributes:
        library: its name: `rustls`, `OpenSSL`, `BoringSSL` ..., or what the caller called it.
        library_version: in its own words.
        library_build: compiler and options, as far as the library tells.
        tls, suite, group, signature: as read back from both ends.
        skipped: why the library cannot do this, or did not survive it; None if it was measured.
        rounds: how many were taken.
        client_handshakes_per_s, server_handshakes_per_s: handshakes by the seconds that the side worked for them, added up over
            threads.
        receive_mib_per_s, send_mib_per_s: the same of data; MiB are 2^20 bytes.
        client_handshakes_per_cpu_s, server_handshakes_per_cpu_s, receive_mib_per_cpu_s, send_mib_per_cpu_s: the same by the clock
            of the thread, which stands still while others have the core.
        client_bytes_after_handshake, server_bytes_after_handshake: heap of a connection when its handshake is done.
        client_bytes_at_rest, server_bytes_at_rest: the same when it has its tickets, and has moved a record each way.
        client_latency, server_latency: of single handshakes.
        harness_ns: nanoseconds that timing itself adds to one side's handshake or write.
        samples: every figure, round by round.
        ratios: to the library that the report calls its reference.
        since: ratios to the same row of an earlier run; None without one.
    """

    library: str
    library_version: str
    library_build: str | None = None
    skipped: str | None = None
    rounds: int = 0
    client_handshakes_per_s: float | None = None
    client_handshakes_per_s_min: float | None = None
    client_handshakes_per_s_max: float | None = None
    server_handshakes_per_s: float | None = None
    server_handshakes_per_s_min: float | None = None
    server_handshakes_per_s_max: float | None = None
    receive_mib_per_s: float | None = None
    receive_mib_per_s_min: float | None = None
    receive_mib_per_s_max: float | None = None
    send_mib_per_s: float | None = None
    send_mib_per_s_min: float | None = None
    send_mib_per_s_max: float | None = None
    client_handshakes_per_cpu_s: float | None = None
    server_handshakes_per_cpu_s: float | None = None
    receive_mib_per_cpu_s: float | None = None
    send_mib_per_cpu_s: float | None = None
    client_bytes_after_handshake: float | None = None
    server_bytes_after_handshake: float | None = None
    client_bytes_at_rest: float | None = None
    server_bytes_at_rest: float | None = None
    client_latency: LatencySummary | None = None
    server_latency: LatencySummary | None = None
    harness_ns: float | None = None
    samples: Mapping[str, tuple[float, ...]] | None = None
    ratios: tuple[Ratio, ...] = ()
    since: tuple[Ratio, ...] | None = None


class LocalMethod(Record, kw_only=True):
    """How it was measured.

    Attributes:
        started: when, in UTC (RFC 3339).
        seed: of the order in which the libraries take turns.
        duration_s: for each figure, over all rounds.
        warm_up_s: that each library runs before its figures count.
        cpu: the core that the workers stay on; None if they were not bound to one.
        published: whether the published comparisons were followed where they treat libraries differently.
        rules: what holds for all libraries, in words.
        command: the command line; None for a run that had none.
    """

    started: str
    seed: int
    duration_s: float
    warm_up_s: float
    cpu: int | None
    published: bool
    rules: tuple[str, ...]
    command: tuple[str, ...] | None = None


class Environment(Record):
    """The machine that a figure was taken on.

    Attributes:
        cpu: model name.
        cpu_features: of AVX2, AVX-512, IFMA, VAES and SHA, those it has.
        cores: that this process may use.
        kernel: name and release.
        governor: frequency governor of the first core; None where the system does not tell.
        python, tlstool: versions.
        smt: whether a core runs several threads at once; None where the system does not tell.
        virtual_machine: whether a hypervisor shares the machine out; None where that cannot be told.
        load: runnable processes over the last minute, before the run; None where the system does not tell.
    """

    cpu: str
    cpu_features: tuple[str, ...]
    cores: int
    kernel: str
    governor: str | None
    python: str
    tlstool: str
    smt: bool | None = None
    virtual_machine: bool | None = None
    load: float | None = None


class LocalBenchReport(Report, kw_only=True):
    """What `bench local` measured.

    Attributes:
        results: one entry a library and scenario, both sides in it.
        reference: the library that ratios are to: its name in `results`, and its version number where several have that name;
            None if there is but one library.
        plan: what was to be measured; with `--plan`, all there is.
        since: the earlier report that `since` of the results is about; None without one.
    """

    results: tuple[LocalResult, ...] = ()
    reference: str | None = None
    plan: LocalPlan | None = None
    method: LocalMethod | None = None
    environment: Environment | None = None
    since: str | None = None


class ComparedRun(Record):
    """One of the reports that are set side by side.

    Attributes:
        file: its path.
        started: when it was measured; None if it does not say.
        cpu: the model of the machine; None if it does not say.
        tlstool: version; None if it does not say.
        cores: that the run could use; None if it does not say.
        kernel: name and release; None if it does not say.
        libraries: name and version number of each that was measured.
    """

    file: str
    started: str | None
    cpu: str | None
    tlstool: str | None
    cores: int | None = None
    kernel: str | None = None
    libraries: tuple[str, ...] = ()


class ComparedFigure(LocalScenario, kw_only=True):
    """One figure of one library in one scenario, in every report.

    Attributes:
        library: as the reports call it, with its version number where one of them has several of that name.
        figure: its name in a result.
        values: the medians, report by report; null where a report has none.
        ratios: to the first report, for each of the others; null where either has none.
    """

    library: str
    figure: str
    values: tuple[float | None, ...]
    ratios: tuple[Ratio | None, ...]


class CompareReport(Report, kw_only=True):
    """Several runs of `bench local`, side by side.

    Attributes:
        runs: the reports, in the order given.
        figures: what at least one of them measured.
    """

    runs: tuple[ComparedRun, ...] = ()
    figures: tuple[ComparedFigure, ...] = ()
