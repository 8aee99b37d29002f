"""`bench local` for people: a table a scenario, Rustls beside the other libraries, medians with their range, and ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tlstool.figures import LocalBenchReport, LocalResult

_LIBRARY_WIDTH = 18

Scenario = tuple[str, str, str, str, str]
"""What results must have in common to stand in one table: scenario, TLS version, suite, group, key type."""


def bench_local(report: LocalBenchReport, style: Style) -> str:
    """What `bench local` measured: a table a scenario, then the libraries and the machine; empty if nothing was measured."""
    if not report.results:
        return ""
    blocks = [_table(scenario, results, style) for scenario, results in _by_scenario(report.results).items()]
    measured = [result for result in report.results if not result.skipped]
    footer = [("Libraries", "; ".join(dict.fromkeys(_full_name(result) for result in measured)))] if measured else []
    machine = report.environment
    if machine:
        features = f" ({' '.join(machine.cpu_features)})" if machine.cpu_features else ""
        governor = f", governor {machine.governor}" if machine.governor else ""
        footer.append(("CPU", f"{safe(machine.cpu)}{features}"))
        footer.append(("Machine", f"{machine.cores} cores{governor}, {machine.kernel}, Python {machine.python}"))
    if measured:
        rounds = max(result.rounds for result in measured)
        noun = "round" if rounds == 1 else "rounds"
        footer.append(("Figures", f"median (min-max) of {rounds} {noun}, one thread, client and server timed apart"))
    blocks.append("\n".join(f"{style.label(f'{label:<11}')}{value}" for label, value in footer))
    return "\n\n".join(blocks)


def _by_scenario(results: Iterable[LocalResult]) -> dict[Scenario, list[LocalResult]]:
    found: dict[Scenario, list[LocalResult]] = {}
    for result in results:
        key = (result.scenario, result.tls, result.suite, result.group, result.key_type)
        found.setdefault(key, []).append(result)
    return found


def _table(scenario: Scenario, results: Sequence[LocalResult], style: Style) -> str:
    name, tls, suite, group, key_type = scenario
    bulk = name == "bulk"
    columns = ("receive MiB/s", "send MiB/s") if bulk else ("client handshakes/s", "server handshakes/s")
    fields = ("receive_mib_per_s", "send_mib_per_s") if bulk else ("client_handshakes_per_s", "server_handshakes_per_s")
    base = next((result for result in results if result.library != "rustls" and not result.skipped), None)
    cells = [[_cell(result, field, base) for field in fields] for result in results]
    widths = [max(len(row[i]) for row in [*cells, columns]) for i in range(2)]
    lines = [style.strong(f"{name}, TLS {tls}, {suite}, {group}, {key_type}")]
    lines.append("  " + style.label(f"{'':{_LIBRARY_WIDTH}}  {columns[0]:>{widths[0]}}  {columns[1]:>{widths[1]}}"))
    for result, row in zip(results, cells, strict=True):
        title = f"  {_name(result):<{_LIBRARY_WIDTH}}  "
        if result.skipped:
            lines.append(title + style.warn(f"skipped: {safe(result.skipped)}"))
        else:
            lines.append(f"{title}{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}")
    return "\n".join(lines)


def _cell(result: LocalResult, field: str, base: LocalResult | None) -> str:
    """`3,490 (3,420-3,620) 2.41x`: median, range, and the ratio to the first library that is not Rustls."""
    if result.skipped:
        return ""
    median: float | None = getattr(result, field)
    if median is None:
        return "-"
    least, most = getattr(result, f"{field}_min"), getattr(result, f"{field}_max")
    span = f" ({least:,.0f}-{most:,.0f})" if least is not None and most is not None else ""
    reference = getattr(base, field) if base else None
    ratio = f" {median / reference:5.2f}x" if reference else ""
    return f"{median:,.0f}{span}{ratio}"


def _name(result: LocalResult) -> str:
    """Name and version number, as short as a column wants it."""
    version = next((word for word in result.library_version.split() if word[:1].isdigit()), "").rstrip(",;")
    return safe(f"{result.library} {version}".rstrip())[:_LIBRARY_WIDTH]


def _full_name(result: LocalResult) -> str:
    version = result.library_version
    return safe(version if version.lower().startswith(result.library.lower()) else f"{result.library} {version}")
