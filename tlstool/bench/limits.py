"""Limits that figures have to keep: `ratio<0.95` and the like, for CI."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlstool.errors import ThresholdError, UsageError
from tlstool.figures import CPU_RATES, RATES, SIZES, LocalResult, Ratio

FIGURES = ("ratio", *RATES, *CPU_RATES, *SIZES)
"""What a limit can be about."""

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_EXPRESSION = re.compile(r"\s*([a-z_]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that must not be so.

    Attributes:
        figure: one of `FIGURES`. `ratio` stands for every ratio to the earlier run if there is one, else for those of Rustls to
            the reference, never for both; a ratio that may as well be 1 meets no limit.
        compare: one of `<`, `<=`, `>`, `>=`.
        value: what the figure is compared with.
    """

    figure: str
    compare: str
    value: float

    def __str__(self) -> str:
        return f"{self.figure}{self.compare}{self.value:g}"

    def met(self, value: float) -> bool:
        """Whether a figure is as it must not be."""
        return bool(_OPERATORS[self.compare](value, self.value))


def parse(text: str) -> Limit:
    """A limit as it is written.

    Raises:
        UsageError: it is none (`usage`), or about a figure that there is not (`unknown-name`).
    """
    found = _EXPRESSION.fullmatch(text)
    if not found:
        raise UsageError("usage", f"{text!r} is no limit", "write a figure, a comparison and a number: ratio<0.95")
    figure, compare, value = found.groups()
    if figure not in FIGURES:
        raise UsageError("unknown-name", f"there is no figure {figure!r}", f"known are: {', '.join(FIGURES)}")
    return Limit(figure, compare, float(value))


def missed(limits: Iterable[Limit], results: Sequence[LocalResult], *, since: bool = False) -> ThresholdError | None:
    """The error of the rows that meet a limit, or of a limit that no row has a figure for; None if all is well.

    `since`: ratios are to an earlier run.
    """
    limits = tuple(limits)
    words = [
        f"{limit}: {row.library}, {row.scenario}, {row.suite}, {name} {value:.4g}"
        for limit in limits
        for row in results
        for name, value in _values(limit, row, since=since)
        if limit.met(value)
    ]
    # A library that was lost, say, must not let a limit on it pass.
    words += [
        f"{limit}: no row has such a figure" for limit in limits if not any(_has(limit, row, since=since) for row in results)
    ]
    if not words:
        return None
    more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
    return ThresholdError("limit-missed", words[0] + more)


def _values(limit: Limit, row: LocalResult, *, since: bool) -> list[tuple[str, float]]:
    if limit.figure != "ratio":
        value = getattr(row, limit.figure)
        return [] if value is None else [(limit.figure, value)]
    return [(f"{one.figure}, ratio", one.ratio) for one in _ratios(row, since=since) if one.verdict in ("better", "worse")]


def _has(limit: Limit, row: LocalResult, *, since: bool) -> bool:
    """Whether a limit says anything of a row: of a ratio inside the noise, too."""
    if limit.figure != "ratio":
        return getattr(row, limit.figure) is not None
    return bool(_ratios(row, since=since))


def _ratios(row: LocalResult, *, since: bool) -> Sequence[Ratio]:
    # A row that the earlier run has not is compared with nothing, and not with another library instead.
    if since:
        return row.since or ()
    return row.ratios if row.library == "rustls" else ()
