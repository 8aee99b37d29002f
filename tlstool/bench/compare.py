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
    version_number,
)

_SCHEMA = "tlstool.bench-local/"
_FIGURES = (*RATES, *CPU_RATES, *SIZES)
_SCENARIO = tuple(field.name for field in fields(LocalScenario))

Key = tuple[Any, ...]
"""What rows of two reports have to have in common to be compared: the library, and all of the scenario.

A library goes by its name, so that its versions can be compared; where one report has several of a name (OpenSSL 3.0 and 3.5),
those of that name go by their version too.
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A report that was read back.

    Attributes:
        run: which one.
        rows: its rows that have figures.
    """

    run: ComparedRun
    rows: Sequence[Mapping[str, Any]]


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
        # A row without what it is told from others by is none.
        libraries = tuple(dict.fromkeys((_key(row, frozenset())[0], row["library_version"]) for row in measured))
        method, machine = document.get("method") or {}, document.get("environment") or {}
        run = ComparedRun(
            file=path,
            started=method.get("started"),
            cpu=machine.get("cpu"),
            tlstool=document.get("version"),
            cores=machine.get("cores"),
            kernel=machine.get("kernel"),
            libraries=tuple(_titled(*library) for library in libraries),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LocalError("bad-baseline", f"{path} is no report of bench local as JSON") from None
    if not measured:
        raise LocalError("bad-baseline", f"{path} has no figures: nothing was measured in that run")
    return Earlier(run, measured)


def need_common(earlier: Earlier, scenarios: Sequence[LocalScenario]) -> None:
    """Refuse, before a run, an earlier one that could not be compared with any row of it.

    Raises:
        LocalError: `bad-baseline`.
    """
    known = {_key(row, frozenset())[2:] for row in earlier.rows}
    if not any(tuple(getattr(scenario, name) for name in _SCENARIO) in known for scenario in scenarios):
        raise LocalError(
            "bad-baseline",
            f"{earlier.run.file} has none of the scenarios that are to be measured",
            "measure what it has (the same profile or choices), or leave out --baseline",
        )


def since(results: Sequence[LocalResult], earlier: Earlier) -> tuple[tuple[Ratio, ...] | None, ...]:
    """Each row beside the same one of an earlier run; None for one that it has not."""
    present = [{name: getattr(result, name) for name in ("library", "library_version", *_SCENARIO)} for result in results]
    shared = _shared([present, earlier.rows])
    before = {_key(row, shared): row for row in earlier.rows}
    return tuple(_since(result, before.get(_key(row, shared))) for result, row in zip(results, present, strict=True))


def _since(result: LocalResult, before: Mapping[str, Any] | None) -> tuple[Ratio, ...] | None:
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
    earlier = [load(path) for path in paths]
    shared = _shared([report.rows for report in earlier])
    reports = [{_key(row, shared): row for row in report.rows} for report in earlier]
    keys = dict.fromkeys(key for rows in reports for key in rows)
    return CompareReport(
        runs=tuple(report.run for report in earlier),
        figures=tuple(figure for key in keys for name in _FIGURES if (figure := _compared(key, name, reports))),
    )


def _compared(key: Key, name: str, reports: Sequence[Mapping[Key, Mapping[str, Any]]]) -> ComparedFigure | None:
    rows = [report.get(key) for report in reports]
    values = tuple(None if row is None else row.get(name) for row in rows)
    if all(value is None for value in values):
        return None
    taken = [() if row is None else _samples(row, name) for row in rows]
    library, version, *scenario = key
    return ComparedFigure(
        **dict(zip(_SCENARIO, scenario, strict=True)),
        library=_titled(library, version) if version else library,
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


def _shared(reports: Sequence[Sequence[Mapping[str, Any]]]) -> frozenset[str]:
    """The names under which a report has libraries of several versions."""
    found = set()
    for rows in reports:
        pairs = {(row["library"], row["library_version"]) for row in rows if row["library_version"]}
        names = [name for name, _ in pairs]
        found |= {name for name in names if names.count(name) > 1}
    return frozenset(found)


def _titled(library: str, version: str) -> str:
    number = version_number(version)
    return library if not number or library.endswith(number) else f"{library} {number}"


def _key(row: Mapping[str, Any], shared: frozenset[str]) -> Key:
    # What came in later has the value that it had before there was another.
    usual = {"threads": 1, "client_auth": False, "write_size": (1 << 20) if row["scenario"] == "bulk" else None}
    scenario = (row.get(name, usual[name]) if name in usual else row[name] for name in _SCENARIO)
    version = row["library_version"] if row["library"] in shared else None
    return (row["library"], version, *scenario)
