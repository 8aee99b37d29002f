"""What was demanded of a report besides a good certificate, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import Fact, short

if TYPE_CHECKING:
    from tlstool.reports import Assertion


def assertions(outcomes: Sequence[Assertion], style: Style) -> list[Fact]:
    """One line each: whether it holds, what was demanded, what there was."""
    if not outcomes:
        return []
    width = max(len(safe(outcome.expression)) for outcome in outcomes)
    lines = [
        f"{style.good('holds ') if outcome.met else style.bad('MISSED')}  {safe(outcome.expression):<{width}}  {_actual(outcome)}"
        for outcome in outcomes
    ]
    return [("Demands" if number == 0 else "", line) for number, line in enumerate(lines)]


def _actual(outcome: Assertion) -> str:
    if outcome.actual is None:
        return "not known"
    several = outcome.actual if isinstance(outcome.actual, tuple) else (outcome.actual,)
    return short(", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in several))
