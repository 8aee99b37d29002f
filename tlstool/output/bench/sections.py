"""The report of `bench local` as rows and columns, grouped as in the published comparisons: what text, pages and charts share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tlstool.figures import SIZES, version_number
from tlstool.output.console import safe

if TYPE_CHECKING:
    from tlstool.figures import LocalBenchReport, LocalResult, Ratio

Clock = Literal["wall", "cpu"]
"""By which clock rates are shown."""

_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Transfer", "MiB/s", ("bulk",)),
    ("Full handshakes", "per second", ("handshake-full",)),
    ("Resumed handshakes", "per second", ("handshake-ticket", "handshake-session")),
    ("Memory of a connection", "KiB", ("memory",)),
)
_HANDSHAKE_FIGURES = (("client_handshakes", "client"), ("server_handshakes", "server"))
_BULK_FIGURES = (("send_mib", "sending"), ("receive_mib", "receiving"))
_SIZE_WORDS = ("client", "server", "client at rest", "server at rest")
_RESUMPTION = {"handshake-ticket": "by ticket", "handshake-session": "by session"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One library's figure.

    Attributes:
        value, low, high: median, least and greatest; None if there is none.
        ratio: to the reference; None for the reference itself, and where there is nothing to compare.
        since: the ratio to an earlier run; None without one.
        skipped: why there is no value; None if there is one, or if the library was not to be measured.
    """

    value: float | None
    low: float | None
    high: float | None
    ratio: Ratio | None
    since: Ratio | None
    skipped: str | None

    @property
    def significant(self) -> bool:
        """Whether its ratio to the reference is more than noise."""
        return self.ratio is not None and self.ratio.verdict in ("better", "worse")

    @property
    def missing(self) -> str:
        """In place of a value: `not selectable`, `lost` with its worker, or a dash."""
        if not self.skipped:
            return "-"
        return "not selectable" if self.skipped.startswith("not selectable") else "lost"

    @property
    def spread(self) -> str:
        """`±2%`; empty without a value."""
        return "" if self.error is None else f"±{self.error:.0%}"

    @property
    def error(self) -> float | None:
        """Half the range as a part of the median; None without a value."""
        if not self.value or self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of all libraries, in their order.

    Attributes:
        label: what tells the scenario from the others of its section, but for the threads; empty if nothing does.
        side: what of it: client, server, sending ...
        threads: on how many the figure was taken.
        cells: one a library.
    """

    label: str
    side: str
    threads: int
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """The whole scenario."""
        threads = f"{self.threads} threads" if self.threads > 1 else ""
        return ", ".join(filter(None, (self.label, threads)))

    @property
    def most(self) -> float:
        """The greatest value, at least 0."""
        return max((cell.value or 0.0 for cell in self.cells), default=0.0)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows with one unit.

    Attributes:
        title: what they are about.
        common: what all of their scenarios have in common.
        unit: of every value.
        rows: in the order in which they were measured.
        less_is_better: whether a small value is the good one.
    """

    title: str
    common: str
    unit: str
    rows: tuple[Row, ...]
    less_is_better: bool = False


def libraries(report: LocalBenchReport) -> tuple[str, ...]:
    """Name and version number of each library, in their order."""
    return tuple(dict.fromkeys(heading(result) for result in report.results))


def heading(result: LocalResult) -> str:
    """Name and version number, as short as a column wants it."""
    return safe(f"{result.library} {version_number(result.library_version)}".rstrip())


def number(value: float) -> str:
    """With three digits at least: `17.6`, `3,490`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def verdict(ratio: Ratio) -> str:
    """`2.41x`, or `same` where that is all that the noise lets one say."""
    return "same" if ratio.verdict == "same" else f"{ratio.ratio:.2f}x"


def sections(report: LocalBenchReport, clock: Clock = "wall") -> tuple[Section, ...]:
    """All figures of a report; sections without any are left out."""
    columns = libraries(report)
    found = []
    for title, unit, scenarios in _GROUPS:
        chosen = [result for result in report.results if result.scenario in scenarios]
        groups = _by_scenario(chosen)
        parts = [_parts(group[0]) for group in groups]
        common = [part for part in parts[0] if all(part in other for other in parts)] if parts else []
        labels = [", ".join(part for part in one if part not in common) for one in parts]
        rows = tuple(row for group, label in zip(groups, labels, strict=True) for row in _rows(group, label, columns, clock))
        if rows:
            words = f"{unit} of CPU time" if clock == "cpu" and unit != "KiB" else unit
            found.append(Section(title, ", ".join(common), words, rows, less_is_better=unit == "KiB"))
    return tuple(found)


def skipped(report: LocalBenchReport) -> tuple[tuple[str, str], ...]:
    """Library and reason of what was not measured, each once."""
    return tuple(dict.fromkeys((heading(result), result.skipped) for result in report.results if result.skipped))


def _by_scenario(results: Iterable[LocalResult]) -> list[list[LocalResult]]:
    found: dict[tuple[object, ...], list[LocalResult]] = {}
    for one in results:
        key = (one.scenario, one.suite, one.group, one.key_type, one.threads, one.client_auth, one.write_size)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _rows(group: Sequence[LocalResult], label: str, columns: Sequence[str], clock: Clock) -> list[Row]:
    first = group[0]
    by_library = {heading(result): result for result in group}
    rows = []
    for figure, side, scale in _figures(first.scenario, clock):
        cells = tuple(_cell(by_library.get(library), figure, scale) for library in columns)
        if any(cell.value is not None or cell.skipped for cell in cells):
            rows.append(Row(label, side, first.threads, cells))
    measured = [row for row in rows if row.most]
    # A scenario that no library could do is one row; a side that was not asked for is none.
    return measured or rows[:1]


def _figures(scenario: str, clock: Clock) -> list[tuple[str, str, float]]:
    if scenario == "memory":
        return [(name, words, 1 / 1024) for name, words in zip(SIZES, _SIZE_WORDS, strict=True)]
    per = "_per_s" if clock == "wall" else "_per_cpu_s"
    return [(name + per, side, 1.0) for name, side in (_BULK_FIGURES if scenario == "bulk" else _HANDSHAKE_FIGURES)]


def _cell(result: LocalResult | None, figure: str, scale: float) -> Cell:
    if result is None or result.skipped:
        return Cell(None, None, None, None, None, result.skipped if result else None)
    value = getattr(result, figure)
    if value is None:
        return Cell(None, None, None, None, None, None)
    taken = (result.samples or {}).get(figure, ())
    low = min(taken, default=getattr(result, f"{figure}_min", value) or value)
    high = max(taken, default=getattr(result, f"{figure}_max", value) or value)
    ratio = next((one for one in result.ratios if one.figure == figure), None)
    since = next((one for one in result.since or () if one.figure == figure), None)
    return Cell(value * scale, low * scale, high * scale, ratio, since, None)


def _parts(result: LocalResult) -> list[str]:
    """`TLS 1.3`, `AES-256-GCM`, `rsa-2048`, `x25519`, `by ticket`."""
    suite = result.suite.removeprefix("TLS_").split("_WITH_")[-1]
    cipher = suite.removesuffix("_SHA256").removesuffix("_SHA384").replace("_", "-")
    parts = [f"TLS {result.tls}", cipher]
    if result.scenario != "bulk":
        parts += [result.key_type, result.group]
    if result.scenario in _RESUMPTION:
        parts.append(_RESUMPTION[result.scenario])
    if result.client_auth:
        parts.append("client auth")
    if result.write_size not in (None, 1 << 20):
        parts.append(f"writes of {result.write_size}")
    return parts
