"""The statistics of rounds: medians, ratios and how sure they are. Knows nothing of TLS.

Two libraries that take turns in one run see the same state of the machine, so their rounds are compared in pairs. Rounds of two
runs have nothing to do with each other, and are resampled apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import median

from tlstool.figures import Ratio

RESAMPLES = 1000
"""Bootstrap samples of an interval."""

CONFIDENCE = 0.95
"""The part of them that the interval holds."""

LEAST_ROUNDS = 3
"""Fewer say nothing of their spread."""

# The same rounds give the same interval.
_SEED = 20241018


def paired(figure: str, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of rounds taken side by side, as many of one as of the other; more is better."""
    quotients = [a / b for a, b in zip(ours, theirs, strict=True)]

    def again(draw: random.Random) -> float:
        return median(draw.choices(quotients, k=len(quotients)))

    return _ratio(figure, median(quotients), again, len(quotients))


def unpaired(figure: str, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of rounds of two runs; more is better."""

    def again(draw: random.Random) -> float:
        return median(draw.choices(ours, k=len(ours))) / median(draw.choices(theirs, k=len(theirs)))

    return _ratio(figure, median(ours) / median(theirs), again, min(len(ours), len(theirs)))


def _ratio(figure: str, ratio: float, again: Callable[[random.Random], float], rounds: int) -> Ratio:
    draw = random.Random(_SEED)
    sampled = sorted(again(draw) for _ in range(RESAMPLES))
    outside = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    low, high = sampled[outside], sampled[-1 - outside]
    if rounds < LEAST_ROUNDS:
        return Ratio(figure, ratio, low, high, "unknown")
    return Ratio(figure, ratio, low, high, "better" if low > 1 else "worse" if high < 1 else "same")
