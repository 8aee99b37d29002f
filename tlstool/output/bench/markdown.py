"""`bench local` as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

from tlstool.figures import CPU_RATES, RATES, SIZES, LocalScenario
from tlstool.output.bench.changes import changes
from tlstool.output.bench.facts import facts
from tlstool.output.bench.sections import Cell, Clock, Section, libraries, number, sections, skipped, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.figures import LocalBenchReport, Ratio

_SCENARIO = tuple(field.name for field in fields(LocalScenario))
_CSV_COLUMNS = (
    *("library", "library_version", *_SCENARIO, "skipped", "rounds", "figure", "median", "min", "max"),
    *("ratio", "ratio_low", "ratio_high", "verdict", "since_ratio", "since_low", "since_high", "since_verdict"),
)


def markdown(report: LocalBenchReport, clock: Clock = "wall") -> str:
    """A table a kind of figure, and what goes with the figures."""
    columns = libraries(report)
    blocks = [_table(section, columns) for section in sections(report, clock)]
    blocks += [block for section in sections(report, clock) if (block := _since(report, section))]
    if left := skipped(report):
        blocks.append("\n".join(f"- {_plain(library)}: {_plain(why)}" for library, why in left))
    blocks.append("\n".join(f"- {label}: {_plain(fact)}" for label, fact in facts(report, clock)))
    return "\n\n".join(blocks) + "\n"


def comma_separated(report: LocalBenchReport) -> str:
    """A line a figure, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_CSV_COLUMNS)
    for row in report.results:
        head = [row.library, row.library_version, *(getattr(row, name) for name in _SCENARIO), row.skipped, row.rounds]
        if row.skipped:
            writer.writerow([*head, *[None] * (len(_CSV_COLUMNS) - len(head))])
        for name in (*RATES, *CPU_RATES, *SIZES):
            if (value := getattr(row, name)) is not None:
                taken = (row.samples or {}).get(name, (value,))
                compared = (*_compared(row.ratios, name), *_compared(row.since or (), name))
                writer.writerow([*head, name, value, min(taken), max(taken), *compared])
    return out.getvalue()


def _compared(ratios: Sequence[Ratio], name: str) -> tuple[float | str | None, ...]:
    ratio = next((one for one in ratios if one.figure == name), None)
    return (ratio.ratio, ratio.low, ratio.high, ratio.verdict) if ratio else (None,) * 4


def _since(report: LocalBenchReport, section: Section) -> str:
    rows = changes(report, section)
    if not rows:
        return ""
    lines = [f"### {section.title}, {section.unit}: now, and in {_plain(report.since or '')}", ""]
    lines += ["| | library | now | then | change |", "| --- | --- | ---: | ---: | --- |"]
    for row in rows:
        before = number(row.before) if row.before is not None else "-"
        words = f"**{row.words}**" if row.significant else row.words
        lines.append(f"| {row.scenario} | {_plain(row.library)} | {number(row.now)} | {before} | {words} |")
    return "\n".join(lines)


def _table(section: Section, columns: Sequence[str]) -> str:
    lines = [f"### {section.title}, {section.unit}", ""]
    lines += [section.common, ""] if section.common else []
    lines.append("| | |" + "".join(f" {_plain(name)} |" for name in columns))
    lines.append("| --- | --- |" + " ---: |" * len(columns))
    for row in section.rows:
        lines.append(f"| {row.title} | {row.side} |" + "".join(f" {_cell(cell)} |" for cell in row.cells))
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return cell.missing
    figure = f"{number(cell.value)} {cell.spread}".rstrip()
    if cell.ratio is None:
        return figure
    words = verdict(cell.ratio)
    return f"{figure} ({f'**{words}**' if cell.significant else words})"


def _plain(text: str) -> str:
    """Text that came from a library, so that it is nothing else in a table."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_|<>[]" else c for c in shown)
