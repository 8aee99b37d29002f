"""`bench local` as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

from tlstool.figures import CPU_RATES, RATES, SIZES, LocalScenario
from tlstool.output.bench.sections import Cell, Clock, Section, libraries, sections, skipped
from tlstool.output.bench.text import full_name, number, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.figures import LocalBenchReport

_SCENARIO = tuple(field.name for field in fields(LocalScenario))
_CSV_COLUMNS = (
    *("library", "library_version", *_SCENARIO, "skipped", "rounds", "figure", "median", "min", "max"),
    *("ratio", "ratio_low", "ratio_high", "verdict"),
)


def markdown(report: LocalBenchReport, clock: Clock = "wall") -> str:
    """A table a kind of figure, and what goes with the figures."""
    columns = libraries(report)
    blocks = [_table(section, columns) for section in sections(report, clock)]
    if left := skipped(report):
        blocks.append("\n".join(f"- {_plain(library)}: {_plain(why)}" for library, why in left))
    blocks.append("\n".join(f"- {_plain(fact)}" for fact in facts(report, clock)))
    return "\n\n".join(blocks) + "\n"


def comma_separated(report: LocalBenchReport) -> str:
    """A line a figure, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_CSV_COLUMNS)
    for row in report.results:
        head = [row.library, row.library_version, *(getattr(row, name) for name in _SCENARIO), row.skipped, row.rounds]
        if row.skipped:
            writer.writerow([*head, *[None] * 8])
        for name in (*RATES, *CPU_RATES, *SIZES):
            if (value := getattr(row, name)) is not None:
                taken = (row.samples or {}).get(name, (value,))
                ratio = next((one for one in row.ratios if one.figure == name), None)
                compared = [ratio.ratio, ratio.low, ratio.high, ratio.verdict] if ratio else [None] * 4
                writer.writerow([*head, name, value, min(taken), max(taken), *compared])
    return out.getvalue()


def facts(report: LocalBenchReport, clock: Clock) -> list[str]:
    """What a reader has to know of the figures, a sentence each."""
    measured = [result for result in report.results if not result.skipped]
    rounds = max((result.rounds for result in measured), default=0)
    by = "the thread's clock" if clock == "cpu" else "the wall's clock"
    found = [f"Median of {rounds} rounds by {by}, ± half the range."]
    if report.reference:
        found.append(
            f"Ratios are to {report.reference}; those in bold differ from 1 by more than the noise (95% bootstrap interval)."
        )
    for name, build in dict.fromkeys((full_name(result), result.library_build) for result in measured):
        found.append(f"{name}{f' ({build})' if build else ''}")
    if machine := report.environment:
        states = [
            ("SMT", machine.smt),
            ("virtual machine", machine.virtual_machine),
        ]
        known = "".join(f", {words}: {'yes' if state else 'no'}" for words, state in states if state is not None)
        features = f" ({' '.join(machine.cpu_features)})" if machine.cpu_features else ""
        governor = f", governor {machine.governor}" if machine.governor else ""
        found.append(f"{machine.cpu}{features}, {machine.cores} cores{governor}{known}, {machine.kernel}")
        found.append(f"tlstool {machine.tlstool}, Python {machine.python}")
    if method := report.method:
        bound = f"on core {method.cpu}" if method.cpu is not None else "on no core of its own"
        found.append(f"Measured {method.started}, {method.duration_s:g} s a figure, {bound}, seed {method.seed}.")
        found += [f"{rule[0].upper()}{rule[1:]}." for rule in method.rules]
    found += [f"Warning: {warning.message}." for warning in report.warnings]
    return found


def _table(section: Section, columns: Sequence[str]) -> str:
    lines = [
        f"### {section.title}, {section.unit}",
        "",
        f"{section.common}",
        "",
        "| | |" + "".join(f" {_plain(name)} |" for name in columns),
    ]
    lines.append("| --- | --- |" + " ---: |" * len(columns))
    for row in section.rows:
        lines.append(f"| {row.title} | {row.side} |" + "".join(f" {_cell(cell)} |" for cell in row.cells))
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return _plain((cell.skipped or "-").split(":")[0])
    spread = f" ±{cell.error:.0%}" if cell.error is not None else ""
    compared = cell.since or cell.ratio
    if compared is None:
        return number(cell.value) + spread
    words = verdict(compared)
    return f"{number(cell.value)}{spread} ({f'**{words}**' if compared.verdict in ('better', 'worse') else words})"


def _plain(text: str) -> str:
    """Text that came from a library, so that it is nothing else in a table."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_|<>[]" else c for c in shown)
