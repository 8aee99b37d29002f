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
        f"{style.good('holds ') if outcome.met else style.bad('MISSED')}  {safe(outcome.expression):<{width}}  "
        + short(outcome.shown())
        for outcome in outcomes
    ]
    return [("Demands" if number == 0 else "", line) for number, line in enumerate(lines)]
