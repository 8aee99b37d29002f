"""`bench compare` for people: a line a figure, a column a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.figures import SIZES
from tlstool.output.bench.text import number, verdict
from tlstool.output.console import Style, safe

if TYPE_CHECKING:
    from tlstool.figures import ComparedFigure, ComparedRun, CompareReport


def bench_compare(report: CompareReport, style: Style) -> str:
    """The reports, then every figure with its ratio to the first; empty if there are none."""
    if not report.runs:
        return ""
    legend = [f"{style.label(f'[{place}]')} {_run(run)}" for place, run in enumerate(report.runs, start=1)]
    columns = [f"[{place}]" for place, _ in enumerate(report.runs, start=1)]
    blocks = ["\n".join(legend)]
    titles = dict.fromkeys(_title(figure) for figure in report.figures)
    for title in titles:
        rows = [[figure.library, figure.figure, *_values(figure)] for figure in report.figures if _title(figure) == title]
        table = [["", "", *columns], *rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        lines = ["  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
        blocks.append("\n".join([style.strong(title), style.label(lines[0]), *lines[1:]]))
    return "\n\n".join(blocks)


def _run(run: ComparedRun) -> str:
    known = ", ".join(safe(fact) for fact in (run.started, run.cpu, run.tlstool and f"tlstool {run.tlstool}") if fact)
    return f"{safe(run.file)}: {known or 'says nothing of itself'}"


def _title(figure: ComparedFigure) -> str:
    threads = f", {figure.threads} threads" if figure.threads > 1 else ""
    return f"{figure.scenario}, TLS {figure.tls}, {figure.suite}, {figure.group}, {figure.key_type}{threads}"


def _values(figure: ComparedFigure) -> list[str]:
    scale = 1 / 1024 if figure.figure in SIZES else 1.0
    shown = [number(value * scale) if value is not None else "-" for value in figure.values]
    ratios = ["", *(verdict(ratio) if ratio else "" for ratio in figure.ratios)]
    return [f"{value} {ratio}".rstrip() for value, ratio in zip(shown, ratios, strict=True)]
