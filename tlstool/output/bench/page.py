"""`bench local` as one page of HTML without scripts or network. Needs jinja2, and matplotlib for its charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.bench import charts
from tlstool.output.bench.markdown import facts
from tlstool.output.bench.sections import Cell, Clock, libraries, sections, skipped
from tlstool.output.bench.text import number, verdict

if TYPE_CHECKING:
    from tlstool.figures import LocalBenchReport

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
  body { color: #1a1a1a; background: #fff; }
  h1, h2 { line-height: 1.2; }
  figure { margin: 1.5rem 0; overflow-x: auto; }
  figure svg { max-width: 100%; height: auto; }
  .table { overflow-x: auto; }
  table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
  th, td { padding: .3rem .7rem; border-bottom: 1px solid #ccc; text-align: left; white-space: nowrap; }
  td.figure { text-align: right; }
  td.none { color: #666; text-align: right; }
  code { white-space: pre-wrap; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for name, svg in pictures %}<figure role="img" aria-label="{{ name }}">
{{ svg | safe }}
</figure>
{% endfor %}
{% for section in sections %}<h2>{{ section.title }}, {{ section.unit }}</h2>
<p>{{ section.common }}</p>
<div class="table"><table>
<thead><tr><th></th><th></th>{% for library in libraries %}<th>{{ library }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in section.rows %}<tr><th>{{ row.title }}</th><td>{{ row.side }}</td>{% for cell in row.cells %}\
{% if cell.value is none %}<td class="none" title="{{ cell.skipped or '' }}">{{ (cell.skipped or '-').split(':')[0] }}</td>\
{% else %}<td class="figure">{{ figure(cell) }} \
{% if significant(cell) %}<strong>{{ ratio(cell) }}</strong>{% else %}{{ ratio(cell) }}{% endif %}</td>{% endif %}{% endfor %}
</tr>
{% endfor %}</tbody>
</table></div>
{% endfor %}
{% if skipped %}<h2>Not measured</h2>
<ul>
{% for library, why in skipped %}<li>{{ library }}: {{ why }}</li>
{% endfor %}</ul>
{% endif %}<h2>How and where</h2>
<ul>
{% for fact in facts %}<li>{{ fact }}</li>
{% endfor %}{% if command %}<li>Command: <code>{{ command }}</code></li>
{% endif %}</ul>
</body>
</html>
"""


def html(report: LocalBenchReport, clock: Clock = "wall") -> str:
    """The page: charts, tables, and all that goes with the figures."""
    import shlex

    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE)
    return template.render(
        title="TLS libraries in memory: " + ", ".join(libraries(report)),
        pictures=charts.pictures(report, clock),
        sections=sections(report, clock),
        libraries=libraries(report),
        skipped=skipped(report),
        facts=facts(report, clock),
        command=shlex.join(report.method.command) if report.method and report.method.command else "",
        figure=_figure,
        ratio=_ratio,
        significant=_significant,
    )


def _figure(cell: Cell) -> str:
    spread = f" ±{cell.error:.0%}" if cell.error is not None else ""
    return f"{number(cell.value or 0)}{spread}"


def _ratio(cell: Cell) -> str:
    compared = cell.since or cell.ratio
    return verdict(compared) if compared else ""


def _significant(cell: Cell) -> bool:
    compared = cell.since or cell.ratio
    return compared is not None and compared.verdict in ("better", "worse")
