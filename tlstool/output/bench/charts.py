"""`bench local` as charts: grouped bars as in the published comparisons, latency curves, scaling curves. Needs matplotlib.

The same report gives the same bytes, but for another version of matplotlib.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from tlstool.output.bench.sections import Cell, Clock, Row, Section, heading, libraries, number, sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tlstool.figures import LocalBenchReport, LocalResult

_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Told apart with any kind of colour vision (Okabe and Ito)."""

_WIDTH = 10.5
_HEIGHT = 4.4
_LABEL_WIDTH = 0.45
"""Inches that a value takes above its bar; above a narrower one it stands upright."""

_DOTS_PER_INCH = 120

_STYLE: Any = {
    "svg.hashsalt": "tlstool",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}


def image(report: LocalBenchReport, form: Literal["svg", "png"], clock: Clock = "wall") -> bytes:
    """The bars and the scaling curves of a report in one picture, one below the other."""
    with _drawing():
        drawn = _rates(report, clock)
        figure = _figure(_WIDTH, _HEIGHT * max(len(drawn), 1))
        for place, one in enumerate(drawn, start=1):
            one.draw(figure.add_subplot(len(drawn), 1, place))
        return _saved(figure, form)


def pictures(report: LocalBenchReport, clock: Clock = "wall") -> list[tuple[str, str]]:
    """Each chart by itself: its title, and an SVG element to stand in a page."""
    found = []
    with _drawing():
        for one in (*_rates(report, clock), *_latencies(report)):
            figure = _figure(_WIDTH, _HEIGHT)
            one.draw(figure.add_subplot())
            text = _saved(figure, "svg").decode()
            found.append((one.title, text[text.index("<svg") :]))
    return found


class _Bars:
    """A section as groups of bars, one bar a library."""

    def __init__(self, section: Section, names: Sequence[str]) -> None:
        fewest = min(row.threads for row in section.rows)
        self._rows = [row for row in section.rows if row.threads == fewest]
        self._names, self._unit = names, section.unit
        self.title = section.title
        self._common = section.common

    def draw(self, axes: Axes) -> None:
        """Bars with their values, and the range of the rounds as whiskers."""
        each = 0.8 / len(self._names)
        upright = 0.9 * _WIDTH * each / len(self._rows) < _LABEL_WIDTH
        for place, name in enumerate(self._names):
            cells = [row.cells[place] for row in self._rows]
            middles = [group + (place - (len(self._names) - 1) / 2) * each for group in range(len(cells))]
            color = _COLORS[place % len(_COLORS)]
            axes.bar(middles, [cell.value or 0 for cell in cells], each * 0.94, label=name, color=color, edgecolor="white")
            for middle, cell in zip(middles, cells, strict=True):
                _annotate(axes, middle, cell, upright=upright)
        axes.set_xticks(range(len(self._rows)), [_wrapped(row) for row in self._rows])
        better = "less is better" if self._unit == "KiB" else "more is better"
        _titled(axes, self.title, f"{self._unit}, {better}")
        axes.set_xlabel(self._common)
        axes.margins(x=0.02, y=0.22 if upright else 0.14)
        axes.grid(axis="y", alpha=0.3)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(frameon=False, ncols=min(len(self._names), 4), loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)


class _Latencies:
    """How many handshakes of one scenario take how long: the client's part as a line, the server's as dashes."""

    def __init__(self, results: Sequence[LocalResult]) -> None:
        self._results = results
        first = results[0]
        threads = f", {first.threads} threads" if first.threads > 1 else ""
        self.title = f"Latency of {first.scenario}, TLS {first.tls}, {first.key_type}, {first.group}{threads}"

    def draw(self, axes: Axes) -> None:
        """The tail is stretched: each step to the right is ten times rarer."""
        for place, result in enumerate(self._results):
            for side, latency, style in (("client", result.client_latency, "-"), ("server", result.server_latency, "--")):
                if latency:
                    color = _COLORS[place % len(_COLORS)]
                    axes.plot(*_tail(latency.histogram), style, label=f"{heading(result)}, {side}", color=color)
        from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([1, 10, 100, 1000, 10000], ["0%", "90%", "99%", "99.9%", "99.99%"])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("handshakes that are at most as long")
        _titled(axes, self.title, "µs of work, less is better")
        axes.grid(alpha=0.3)
        _legend_beside(axes)


class _Scaling:
    """A section's rates over the number of threads, one line a library, scenario and side."""

    def __init__(self, section: Section, names: Sequence[str]) -> None:
        self._section, self._names = section, names
        self.title = f"{section.title} by threads"

    def draw(self, axes: Axes) -> None:
        """A straight line through the origin would be perfect."""
        lines: dict[tuple[str, str], list[Row]] = {}
        for row in self._section.rows:
            lines.setdefault((row.label, row.side), []).append(row)
        styles = ("-", "--", ":", "-.")
        for which, ((label, side), rows) in enumerate(lines.items()):
            for place, name in enumerate(self._names):
                points = [(row.threads, row.cells[place].value) for row in rows if row.cells[place].value is not None]
                if points:
                    threads, values = zip(*sorted(points), strict=True)
                    color, style = _COLORS[place % len(_COLORS)], styles[which % len(styles)]
                    axes.plot(threads, values, style, marker="o", color=color, label=", ".join(filter(None, (name, label, side))))
        axes.set_xticks(sorted({row.threads for row in self._section.rows}))
        axes.set_xlabel("threads")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        _titled(axes, self.title, f"{self._section.unit}, more is better")
        axes.grid(alpha=0.3)
        _legend_beside(axes)


def _rates(report: LocalBenchReport, clock: Clock) -> list[_Bars | _Scaling]:
    names = libraries(report)
    found = sections(report, clock)
    bars: list[_Bars | _Scaling] = [_Bars(section, names) for section in found]
    return bars + [_Scaling(section, names) for section in found if len({row.threads for row in section.rows}) > 1]


def _latencies(report: LocalBenchReport) -> list[_Latencies]:
    groups: dict[tuple[object, ...], list[LocalResult]] = {}
    for one in report.results:
        if one.client_latency or one.server_latency:
            key = (one.scenario, one.suite, one.group, one.key_type, one.threads)
            groups.setdefault(key, []).append(one)
    return [_Latencies(results) for results in groups.values()]


def _tail(encoded: str) -> tuple[list[float], list[float]]:
    """One in how many handshakes is longer, and than how many microseconds."""
    from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

    histogram = HdrHistogram.decode(encoded)
    # As far as there are handshakes to tell from.
    rarity = [10 ** (step / 20) for step in range(81) if 10 ** (step / 20) <= max(histogram.get_total_count(), 1)]
    return rarity, [histogram.get_value_at_percentile(100 * (1 - 1 / rare)) / 1000 for rare in rarity]


def _titled(axes: Axes, title: str, unit: str) -> None:
    """The title, and below it the unit, so that both have a line of their own beside the legend."""
    axes.set_title(f"{title}\n", loc="left", fontweight="bold")
    axes.annotate(unit, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", color="0.3")


def _legend_beside(axes: Axes) -> None:
    """Where it hides no line."""
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)


def _annotate(axes: Axes, middle: float, cell: Cell, *, upright: bool) -> None:
    if cell.value is None:
        axes.text(middle, 0, f" {cell.missing}", rotation=90, ha="center", va="bottom", fontsize=7, color="0.4")
        return
    high = cell.value if cell.high is None else cell.high
    if cell.low is not None and cell.high is not None:
        axes.errorbar(middle, cell.value, [[cell.value - cell.low], [high - cell.value]], color="0.25", capsize=2, linewidth=0.8)
    axes.annotate(
        number(cell.value),
        (middle, high),
        (0, 2),
        textcoords="offset points",
        rotation=90 if upright else 0,
        ha="center",
        va="bottom",
        fontsize=7,
    )


def _wrapped(row: Row) -> str:
    return "\n".join(filter(None, (*row.label.split(", "), row.side)))


@contextmanager
def _drawing() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _saved(figure: Figure, form: Literal["svg", "png"]) -> bytes:
    out = io.BytesIO()
    nameless = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    figure.savefig(out, format=form, dpi=_DOTS_PER_INCH, metadata=nameless)
    return out.getvalue()
