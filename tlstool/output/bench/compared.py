"""`bench compare` for people: which report is which, then every figure of all of them, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.figures import CPU_RATES, SIZES
from tlstool.output.bench.changes import change
from tlstool.output.bench.sections import number
from tlstool.output.console import Style, safe

if TYPE_CHECKING:
    from tlstool.figures import ComparedFigure, ComparedRun, CompareReport

_UNITS = {"handshakes": "handshakes/s", "mib": "MiB/s", "bytes": "KiB"}


def bench_compare(report: CompareReport, style: Style) -> str:
    """The reports, then every figure with what has changed since the first; empty if there are none.

    Figures by the thread's clock are left to the JSON.
    """
    if not report.runs:
        return ""
    blocks = ["\n".join(_run(place, run, style) for place, run in enumerate(report.runs, start=1))]
    shown = [figure for figure in report.figures if figure.figure not in CPU_RATES]
    for title in dict.fromkeys(map(_title, shown)):
        lines = [style.strong(title)]
        for figure in shown:
            if _title(figure) == title:
                lines += _figure(figure, style)
        blocks.append("\n".join(lines))
    blocks.append("Changes are since [1], with their 95% bootstrap interval; bold is more than noise.")
    if len({(run.cpu, run.cores) for run in report.runs}) > 1:
        blocks[-1] += "\nThe machines are not the same: a change may be theirs, and not the library's."
    return "\n\n".join(blocks)


def _run(place: int, run: ComparedRun, style: Style) -> str:
    facts = (run.started, run.cpu, run.cores and f"{run.cores} cores", run.kernel, run.tlstool and f"tlstool {run.tlstool}")
    known = ", ".join(safe(str(fact)) for fact in facts if fact)
    lines = [f"{style.label(f'[{place}]')} {style.strong(safe(run.file))}", f"    {known or 'says nothing of itself'}"]
    return "\n".join(lines + ([f"    {safe('; '.join(run.libraries))}"] if run.libraries else []))


def _title(figure: ComparedFigure) -> str:
    threads = f", {figure.threads} threads" if figure.threads > 1 else ""
    auth = ", client auth" if figure.client_auth else ""
    size = f", writes of {figure.write_size}" if figure.write_size not in (None, 1 << 20) else ""
    return safe(f"{figure.scenario}, TLS {figure.tls}, {figure.suite}, {figure.group}, {figure.key_type}{threads}{auth}{size}")


def _figure(figure: ComparedFigure, style: Style) -> list[str]:
    side, what, *rest = figure.figure.split("_")
    state = " after handshake" if rest[-1] == "handshake" else " at rest" if rest[-1] == "rest" else ""
    lines = [f"  {safe(figure.library)}, {side}{state}, {_UNITS[what]}"]
    size = figure.figure in SIZES
    for place, (value, ratio) in enumerate(zip(figure.values, (None, *figure.ratios), strict=True), start=1):
        shown = "-" if value is None else number(value / 1024 if size else value)
        words = change(ratio, less_is_better=size) if ratio else ""
        bold = ratio is not None and ratio.verdict in ("better", "worse")
        lines.append(f"    {style.label(f'[{place}]')} {shown:>8}  {style.strong(words) if bold else words}".rstrip())
    return lines
