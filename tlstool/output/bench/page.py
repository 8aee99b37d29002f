"""`bench local` as one page of HTML without scripts or network. Needs jinja2, and matplotlib for its charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.bench import charts
from tlstool.output.bench.changes import changes
from tlstool.output.bench.facts import facts
from tlstool.output.bench.sections import Clock, libraries, number, sections, skipped, verdict
from tlstool.output.console import safe

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
  :root { color-scheme: light dark; --ink: #1a1a1a; --faint: #595959; --line: #ccc; --paper: #fff; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --faint: #a6a6a6; --line: #444; --paper: #161616; } }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
  body { color: var(--ink); background: var(--paper); }
  h1, h2 { line-height: 1.2; }
  figure { margin: 1.5rem 0; overflow-x: auto; background: #fff; border-radius: .3rem; }
  figure svg { width: 100%; min-width: 42rem; height: auto; display: block; }
  .table { overflow-x: auto; }
  table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
  th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
  th.figure, td.figure, td.none { text-align: right; }
  td.none { color: var(--faint); }
  .facts th { vertical-align: top; }
  .facts td { white-space: normal; overflow-wrap: anywhere; }
  @media print {
    :root { --ink: #000; --faint: #444; --line: #999; --paper: #fff; }
    body { font-size: 10px; max-width: none; margin: 0; }
    figure, tr { break-inside: avoid; }
    h2 { break-after: avoid; }
    figure svg { min-width: 0; }
    th, td { padding: .15rem .3rem; }
  }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for name, svg in pictures %}<figure role="img" aria-label="{{ name }}">
{{ svg | safe }}
</figure>
{% endfor %}
{% for section, rows in sections %}<h2>{{ section.title }}, {{ section.unit }}</h2>
{% if section.common %}<p>{{ section.common }}</p>
{% endif %}<div class="table"><table>
<thead><tr><th></th><th></th>{% for library in libraries %}<th class="figure">{{ library }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in section.rows %}<tr><th>{{ row.title }}</th><td>{{ row.side }}</td>{% for cell in row.cells %}\
{% if cell.value is none %}<td class="none" title="{{ cell.skipped or '' }}">{{ cell.missing }}</td>\
{% else %}<td class="figure">{{ number(cell.value) }} {{ cell.spread }}{% if cell.ratio %} \
{% if cell.significant %}<strong>{{ verdict(cell.ratio) }}</strong>{% else %}{{ verdict(cell.ratio) }}{% endif %}{% endif %}</td>\
{% endif %}{% endfor %}
</tr>
{% endfor %}</tbody>
</table></div>
{% if rows %}<h3>Now, and in {{ since }}</h3>
<div class="table"><table>
<thead><tr><th></th><th>library</th><th class="figure">now</th><th class="figure">then</th><th>change</th></tr></thead>
<tbody>
{% for row in rows %}<tr><th>{{ row.scenario }}</th><td>{{ row.library }}</td><td class="figure">{{ number(row.now) }}</td>\
<td class="figure">{% if row.before is none %}-{% else %}{{ number(row.before) }}{% endif %}</td>\
<td>{% if row.significant %}<strong>{{ row.words }}</strong>{% else %}{{ row.words }}{% endif %}</td></tr>
{% endfor %}</tbody>
</table></div>
{% endif %}{% endfor %}
{% if skipped %}<h2>Not measured</h2>
<ul>
{% for library, why in skipped %}<li>{{ library }}: {{ why }}</li>
{% endfor %}</ul>
{% endif %}<h2>How and where</h2>
<table class="facts"><tbody>
{% for label, fact in facts %}<tr><th>{{ label }}</th><td>{{ fact }}</td></tr>
{% endfor %}</tbody></table>
</body>
</html>
"""


def html(report: LocalBenchReport, clock: Clock = "wall") -> str:
    """The page: charts, tables, and all that goes with the figures."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE)
    return template.render(
        title="TLS libraries in memory: " + ", ".join(libraries(report)),
        pictures=charts.pictures(report, clock),
        sections=[(section, changes(report, section)) for section in sections(report, clock)],
        libraries=libraries(report),
        skipped=skipped(report),
        since=safe(report.since or ""),
        facts=[(label, safe(fact)) for label, fact in facts(report, clock)],
        number=number,
        verdict=verdict,
    )
