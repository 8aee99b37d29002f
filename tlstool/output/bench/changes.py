"""What has changed between two runs of `bench local`, in words: `faster by 5.1% (4.2 to 6.0%)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlstool.output.bench.sections import Section, libraries, number

if TYPE_CHECKING:
    from tlstool.figures import LocalBenchReport, Ratio


@dataclass(frozen=True, slots=True)
class Change:
    """One library's figure, and what it was in the earlier run.

    Attributes:
        scenario: what tells it from the others of its section, and the side.
        library: name and version number.
        now, before: the medians; None for what the earlier run has not.
        ratio: of the two; None where there is nothing to compare.
        words: what became of it.
    """

    scenario: str
    library: str
    now: float
    before: float | None
    ratio: Ratio | None
    words: str

    @property
    def significant(self) -> bool:
        """Whether it is more than noise."""
        return self.ratio is not None and self.ratio.verdict in ("better", "worse")


def changes(report: LocalBenchReport, section: Section) -> list[Change]:
    """Every figure of a section beside that of the earlier run; none if there was no such run."""
    if not report.since:
        return []
    found = []
    for row in section.rows:
        for library, cell in zip(libraries(report), row.cells, strict=True):
            if cell.value is None:
                continue
            before, words = None, "not in the earlier run"
            if cell.since:
                # The ratio is of the medians, and turned round for what should be small.
                before = cell.value * cell.since.ratio if section.less_is_better else cell.value / cell.since.ratio
                words = change(cell.since, less_is_better=section.less_is_better)
            found.append(Change(", ".join(filter(None, (row.title, row.side))), library, cell.value, before, cell.since, words))
    return found


def change(ratio: Ratio, *, less_is_better: bool = False) -> str:
    """`same`, `faster by` or `slower by` with its 95% interval; `smaller by` and `larger by` for sizes."""
    middle, *ends = (_percent(value, less_is_better=less_is_better) for value in (ratio.ratio, ratio.low, ratio.high))
    low, high = sorted(ends)
    if ratio.verdict == "same":
        return f"same ({_signed(low)} to {_signed(high)})"
    if ratio.verdict == "unknown":
        return f"{_signed(middle)}, too few rounds to tell"
    better, worse = ("smaller", "larger") if less_is_better else ("faster", "slower")
    low, high = sorted(map(abs, (low, high)))
    return f"{better if ratio.verdict == 'better' else worse} by {_digits(abs(middle))}% ({_digits(low)} to {_digits(high)}%)"


def _percent(ratio: float, *, less_is_better: bool) -> float:
    """By how much of what it was a figure has grown; sizes have their ratios turned round."""
    return ((1 / ratio if less_is_better else ratio) - 1) * 100


def _signed(percent: float) -> str:
    return f"{'+' if percent >= 0 else '-'}{_digits(abs(percent))}%"


def _digits(percent: float) -> str:
    return number(percent) if percent >= 10 else f"{percent:.1f}"
