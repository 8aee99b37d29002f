"""What the reports for people are made of: facts with a label, aligned, one a line. What came from a peer goes through `safe`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tlstool.output.console import Style, safe

_LABEL_WIDTH = 14
_LONGEST_VALUE = 200
_LEAST_WIDTH = 20
_SGR = "\x1b\\[[0-9;]*m"

Fact = tuple[str, str]
"""A label and what it labels; an empty label goes on with the fact above."""


def aligned(facts: Iterable[Fact], style: Style) -> str:
    """One fact a line; on a terminal, what is too long for one goes on below its beginning."""
    room = max(style.columns - _LABEL_WIDTH, _LEAST_WIDTH) if style.columns else None
    lines = []
    for label, value in facts:
        first, *rest = _wrapped(value, room) if room else [value]
        lines.append(f"{style.label(f'{label:<{_LABEL_WIDTH}}')}{first}".rstrip())
        lines += [f"{'':<{_LABEL_WIDTH}}{line}" for line in rest]
    return "\n".join(lines)


def milliseconds(value: float) -> str:
    """A duration with three digits or so: `0.31 ms`, `4.5 ms`, `128 ms`, `2.35 s`."""
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def short(text: str) -> str:
    """A peer's text without control characters, and not without end."""
    shown = safe(text)
    return shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + "…"


def count(number: int, noun: str) -> str:
    """`1 certificate`, `2 certificates`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _wrapped(value: str, room: int) -> list[str]:
    """The value in lines of that many columns, broken at blanks alone; colours take no column."""
    lines, taken = [""], 0
    for piece in re.split(r"( +)", value):
        width = len(re.sub(_SGR, "", piece))
        if taken + width > room and taken:
            lines, taken = [*lines, ""], 0
            if not piece.strip():
                continue
        lines[-1] += piece
        taken += width
    return [line.rstrip() for line in lines]
