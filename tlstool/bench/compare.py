"""Reports of `bench local` beside each other: a run and an earlier one, or runs of several machines and years."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tlstool import files
from tlstool.bench import samples
from tlstool.errors import LocalError, UsageError
from tlstool.figures import (
    CPU_RATES,
    RATES,
    SIZES,
    ComparedFigure,
    ComparedRun,
    CompareReport,
    LocalResult,
    LocalScenario,
    Ratio,
)

_SCHEMA = "tlstool.bench-local/"
_FIGURES = (*RATES, *CPU_RATES, *SIZES)
_SCENARIO = tuple(field.name for field in fields(LocalScenario))

Key = tuple[Any, ...]
"""What rows of two reports have to have in common to be compared: the library, and all of the scenario."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A report that was read back.

    Attributes:
        run: which one.
        rows: its rows that have figures.
    """

    run: ComparedRun
    rows: Mapping[Key, Mapping[str, Any]]


def load(path: str) -> Earlier:
    """Read the JSON of a run.

    Raises:
        LocalError: there is no such file, or it is no report of `bench local` (`bad-baseline`).
    """
    try:
        document = json.loads(files.read(path))
        if not document["schema"].startswith(_SCHEMA):
            raise KeyError("schema")
        measured = [row for row in document["results"] if row["skipped"] is None]
        rows = {_key(row): row for row in measured}
        method, machine = document.get("method") or {}, document.get("environment") or {}
        run = ComparedRun(path, method.get("started"), machine.get("cpu"), document.get("version"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LocalError("bad-baseline", f"{path} is no report of bench local as JSON") from None
    if not rows:
        raise LocalError("bad-baseline", f"{path} has no figures: nothing was measured in that run")
    return Earlier(run, rows)


def since(result: LocalResult, earlier: Earlier) -> tuple[Ratio, ...] | None:
    """A row beside the same one of an earlier run; None if that has none."""
    before = earlier.rows.get((result.library, *(getattr(result, name) for name in _SCENARIO)))
    if before is None or result.samples is None:
        return None
    found = (_ratio(name, ours, _samples(before, name)) for name, ours in result.samples.items())
    return tuple(ratio for ratio in found if ratio)


def compare(paths: Sequence[str]) -> CompareReport:
    """Two or more reports, figure by figure, each beside the first.

    Raises:
        UsageError: there are fewer than two.
        LocalError: as `load` does.
    """
    if len(paths) < 2:
        raise UsageError("usage", "it takes two reports to compare", "tlstool bench compare OLD.json NEW.json")
    reports = [load(path) for path in paths]
    keys = dict.fromkeys(key for report in reports for key in report.rows)
    return CompareReport(
        runs=tuple(report.run for report in reports),
        figures=tuple(figure for key in keys for name in _FIGURES if (figure := _compared(key, name, reports))),
    )


def _compared(key: Key, name: str, reports: Sequence[Earlier]) -> ComparedFigure | None:
    rows = [report.rows.get(key) for report in reports]
    values = tuple(None if row is None else row.get(name) for row in rows)
    if all(value is None for value in values):
        return None
    taken = [() if row is None else _samples(row, name) for row in rows]
    library, *scenario = key
    return ComparedFigure(
        **dict(zip(_SCENARIO, scenario, strict=True)),
        library=library,
        figure=name,
        values=values,
        ratios=tuple(_ratio(name, ours, taken[0]) for ours in taken[1:]),
    )


def _ratio(name: str, ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    if not ours or not theirs:
        return None
    return samples.unpaired(name, *((theirs, ours) if name in SIZES else (ours, theirs)))


def _samples(row: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """Round by round, or the median alone if the report does not have them."""
    every = (row.get("samples") or {}).get(name)
    if every:
        return tuple(map(float, every))
    return () if row.get(name) is None else (float(row[name]),)


def _key(row: Mapping[str, Any]) -> Key:
    # What came in later has the value that it had before there was another.
    usual = {"threads": 1, "client_auth": False, "write_size": (1 << 20) if row["scenario"] == "bulk" else None}
    return (row["library"], *(row.get(name, usual[name]) if name in usual else row[name] for name in _SCENARIO))
