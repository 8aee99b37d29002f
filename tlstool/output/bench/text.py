"""`bench local` for people at a terminal: a table a kind of figure, libraries side by side, with ratios, spread and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.bench.changes import changes
from tlstool.output.bench.sections import Cell, Clock, Section, heading, libraries, number, sections, skipped, verdict
from tlstool.output.console import Style, safe
from tlstool.output.human.facts import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.figures import Environment, LocalBenchReport, LocalPlan, LocalResult

_BAR = 8
_FIGURE_WIDTH = 20
"""Of a cell without its bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_FOOT_WIDTH = 11


def bench_local(report: LocalBenchReport, style: Style, clock: Clock = "wall", *, verbose: bool = False) -> str:
    """What `bench local` measured, or with a plan alone what it would; empty if there is neither. `verbose` adds latencies."""
    if not report.results:
        return plan(report.plan, style) if report.plan else ""
    columns = [safe(library) for library in libraries(report)]
    blocks = [_table(section, columns, style) for section in sections(report, clock)]
    blocks += [_since(report, section, style) for section in sections(report, clock)]
    blocks += _latencies(report.results, style) if verbose else []
    if left := skipped(report):
        lines = [line for library, why in left for line in _wrapped(f"{safe(library)}: {safe(why)}", style, "  ")]
        blocks.append("\n".join(map(style.warn, lines)))
    blocks.append(_footer(report, style, clock))
    return "\n\n".join(block for block in blocks if block)


def plan(planned: LocalPlan, style: Style) -> str:
    """What is about to be measured."""
    size = (count(len(planned.scenarios), "scenario"), f"{len(planned.libraries)} libraries", count(planned.rounds, "round"))
    lines = [style.strong(f"{', '.join(size)} each")]
    for one in planned.scenarios:
        threads = f", {one.threads} threads" if one.threads > 1 else ""
        lines.append(f"  {one.scenario:<18}TLS {one.tls}, {one.suite}, {one.group}, {one.key_type}{threads}")
    facts = [("Libraries", "; ".join(map(safe, planned.libraries)))]
    facts.append(("Time", f"about {planned.estimated_s:.0f} s, {planned.round_s:g} s a round"))
    if planned.left_out:
        facts.append(("Left out", "; ".join(planned.left_out)))
    return "\n".join([*lines, *_aligned(facts, style)])


def _table(section: Section, columns: Sequence[str], style: Style) -> str:
    """Libraries side by side, or one below the other where the terminal is too narrow for that."""
    label = max(len(row.title) for row in section.rows)
    side = max(len(row.side) for row in section.rows)
    cells = [[_cell(cell, row.most) for cell in row.cells] for row in section.rows]
    widths = [max(len(columns[i]), *(len(row[i]) for row in cells)) for i in range(len(columns))]
    if style.columns and sum(widths) + 2 * len(widths) + 4 + label + side > style.columns:
        return _stacked(section, columns, style)
    head = "  ".join(f"{name:<{width}}" for name, width in zip(columns, widths, strict=True))
    lines = [*_title(section, style), style.label(f"  {'':<{label}}  {'':<{side}}  {head}".rstrip())]
    above = ""
    for row, texts in zip(section.rows, cells, strict=True):
        shown = "" if row.title == above else row.title
        above = row.title
        body = "  ".join(
            _emphasised(f"{text:<{width}}", cell, style) for text, width, cell in zip(texts, widths, row.cells, strict=True)
        )
        lines.append(f"  {shown:<{label}}  {row.side:<{side}}  {body}".rstrip())
    return "\n".join(lines)


def _stacked(section: Section, columns: Sequence[str], style: Style) -> str:
    lines = _title(section, style)
    name = max(map(len, columns))
    for row in section.rows:
        lines.append("  " + ", ".join(filter(None, (row.title, row.side))))
        for column, cell in zip(columns, row.cells, strict=True):
            text = _cell(cell, row.most)
            if style.columns and 4 + name + 1 + _FIGURE_WIDTH + _BAR > style.columns:
                text = text[:_FIGURE_WIDTH]
            lines.append(f"    {column:<{name}} {_emphasised(text, cell, style)}".rstrip())
    return "\n".join(lines)


def _title(section: Section, style: Style) -> list[str]:
    title = f"{section.title}, {section.unit}"
    first, *rest = _wrapped(title + (f": {section.common}" if section.common else ""), style, "  ")
    return [style.strong(first[: len(title)]) + first[len(title) :], *rest]


def _cell(cell: Cell, most: float) -> str:
    """`  3,490 ±2%  2.41x ██████████`."""
    if cell.value is None:
        return cell.missing
    ratio = verdict(cell.ratio) if cell.ratio else ""
    return f"{number(cell.value):>7} {cell.spread:<5}{ratio:>6} {_bar(cell.value / most)}"


def _emphasised(text: str, cell: Cell, style: Style) -> str:
    if cell.skipped:
        return style.warn(text)
    if cell.ratio and cell.significant:
        words = verdict(cell.ratio)
        return text.replace(words, style.strong(words), 1)
    return text


def _since(report: LocalBenchReport, section: Section, style: Style) -> str:
    """Each row beside that of the earlier run, in words."""
    rows = changes(report, section)
    if not rows:
        return ""
    title = _wrapped(f"{section.title}, {section.unit}: now, and in {safe(report.since or '')}", style, "  ")
    library = max(len(row.library) for row in rows)
    lines, above = list(map(style.strong, title)), ""
    for row in rows:
        if row.scenario != above:
            above = row.scenario
            lines.append(f"  {above}")
        words = style.strong(row.words) if row.significant else row.words
        before = number(row.before) if row.before is not None else "-"
        wide = f"    {row.library:<{library}}  {number(row.now):>7} {before:>7}"
        narrow = style.columns and len(wide) + 2 + len(row.words) > style.columns
        lines += [wide, f"      {words}"] if narrow else [f"{wide}  {words}"]
    return "\n".join(lines)


def _bar(part: float) -> str:
    eighths = round(part * _BAR * 8)
    return _EIGHTHS[-1] * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _latencies(results: Sequence[LocalResult], style: Style) -> list[str]:
    """A table a scenario."""
    tables: dict[str, list[list[str]]] = {}
    for row in results:
        threads = f", {row.threads} threads" if row.threads > 1 else ""
        title = f"Latency of {row.scenario}, TLS {row.tls}, {row.suite}, {row.key_type}, {row.group}{threads}, µs of work"
        for side, latency in (("client", row.client_latency), ("server", row.server_latency)):
            if latency:
                quantiles = (latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us)
                tables.setdefault(title, []).append([safe(heading(row)), side, *map(number, quantiles)])
    return [_aligned_table(title, rows, style) for title, rows in tables.items()]


def _aligned_table(title: str, rows: Sequence[Sequence[str]], style: Style) -> str:
    table = [["", "", *_QUANTILES], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [
        "  "
        + "  ".join(f"{cell:{'<' if i < 2 else '>'}{width}}" for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in table
    ]
    return "\n".join([style.strong(title), style.label(lines[0]), *lines[1:]])


_QUANTILES = ("p50", "p90", "p99", "p99.9", "max")


def _footer(report: LocalBenchReport, style: Style, clock: Clock) -> str:
    measured = [result for result in report.results if not result.skipped]
    facts = [("Libraries", "; ".join(dict.fromkeys(full_name(result) for result in measured)))] if measured else []
    if report.environment:
        facts += _machine(report.environment)
    if measured:
        rounds = max(result.rounds for result in measured)
        by = "the thread's clock" if clock == "cpu" else "the wall's clock"
        facts.append(("Figures", f"median of {count(rounds, 'round')} by {by}, ± half the range"))
    if report.reference:
        facts.append(("Ratios", f"to {safe(report.reference)}, round by round; bold or `same`: 95% bootstrap interval"))
    if report.since:
        facts.append(("Changes", f"since {safe(report.since)}, of medians, with their 95% bootstrap interval"))
    if report.plan and report.plan.left_out:
        facts.append(("Left out", "; ".join(report.plan.left_out)))
    return "\n".join(_aligned(facts, style))


def full_name(result: LocalResult) -> str:
    """Name and version in the library's own words."""
    version = result.library_version
    return safe(version if version.lower().startswith(result.library.lower()) else f"{result.library} {version}")


def _machine(machine: Environment) -> list[tuple[str, str]]:
    features = f" ({' '.join(machine.cpu_features)})" if machine.cpu_features else ""
    governor = f", governor {machine.governor}" if machine.governor else ""
    return [
        ("CPU", f"{safe(machine.cpu)}{features}"),
        ("Machine", f"{machine.cores} cores{governor}, {machine.kernel}, Python {machine.python}"),
    ]


def _aligned(facts: Sequence[tuple[str, str]], style: Style) -> list[str]:
    lines = []
    for label, value in facts:
        first, *rest = _wrapped(" " * _FOOT_WIDTH + value, style, " " * _FOOT_WIDTH)
        lines += [style.label(f"{label:<{_FOOT_WIDTH}}") + first[_FOOT_WIDTH:], *rest]
    return lines


def _wrapped(text: str, style: Style, indent: str) -> list[str]:
    """As wide as the terminal; a file has lines as long as they are."""
    if not style.columns or len(text) <= style.columns:
        return [text]
    from textwrap import wrap

    return wrap(text, style.columns, subsequent_indent=indent, break_on_hyphens=False)
