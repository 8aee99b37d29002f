"""What `bench local` shows: text, Markdown, CSV, charts, pages; and `bench compare`."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import factories
import pytest

from tlstool.bench import compare
from tlstool.errors import LocalError, UsageError
from tlstool.figures import LocalBenchReport, LocalMethod, LocalPlan, LocalResult, Ratio
from tlstool.model import Finding
from tlstool.output import jsonout
from tlstool.output.bench import changes, compared, markdown, sections, text
from tlstool.output.console import Style

PLAIN = Style(color=False)
SIDES = ("client", "server")
ODD = "<script>alert(1)</script> \x1b[31m | *"


def ratio(value: float, verdict: Any = "better", figure: str = "client_handshakes_per_s") -> Ratio:
    return Ratio(figure, value, value * 0.98, value * 1.02, verdict)


def report(**fields: Any) -> LocalBenchReport:
    """Two libraries in five scenarios; a third one can do but one of them."""
    handshakes: dict[str, Any] = {"ratios": (ratio(2.41), ratio(1.01, "same", "server_handshakes_per_s"))}
    skipped: dict[str, Any] = dict.fromkeys(f"{side}_handshakes_per_s{end}" for side in SIDES for end in ("", "_min", "_max"))
    skipped |= {"skipped": "not selectable: it has no such suite", "rounds": 0, "library_version": "BoringSSL"}
    results: list[LocalResult] = []
    for extra in ({}, {"key_type": "rsa-2048"}, {"scenario": "handshake-ticket"}, {"threads": 2}):
        results += [
            factories.local_result(**handshakes | extra),
            factories.local_result("OpenSSL", **extra),
            factories.local_result("BoringSSL", **skipped | extra),
        ]
    results += [factories.bulk_result(), factories.bulk_result("OpenSSL", 3000.0)]
    return factories.local_bench_report(*results, **{"reference": "OpenSSL"} | fields)


def odd_report() -> LocalBenchReport:
    """A library with a name that is made to do harm."""
    return factories.local_bench_report(
        factories.local_result(ODD, library_version=f"{ODD} 1.0", library_build=ODD),
        factories.local_result("other", skipped=ODD),
    )


def test_libraries_stand_side_by_side_a_table_a_kind_of_figure() -> None:
    shown = text.bench_local(report(), PLAIN)
    titles = [
        line.partition(":")[0] for line in shown.splitlines() if (line[:1].isupper() and "per second" in line) or "MiB/s" in line
    ]
    assert titles == ["Transfer, MiB/s", "Full handshakes, per second", "Resumed handshakes, per second"]
    assert re.search(r"ecdsa-p256 +client +3,490 ±3% +2\.41x █+ +1,447 ±3% +[█▍]+ +not selectable", shown)
    assert re.search(r"server +8,725 ±4% +same", shown)
    assert "BoringSSL: not selectable: it has no such suite" in shown


def test_a_table_of_two_libraries_fits_80_columns() -> None:
    results = [one for one in report().results if one.library != "BoringSSL" and one.threads == 1]
    shown = text.bench_local(factories.local_bench_report(*results, reference="OpenSSL"), PLAIN)
    rows = [line for line in shown.splitlines() if line.startswith(" ")]
    assert len(rows) == 2 * 4 + 3
    assert max(map(len, rows)) <= 80


def test_rustls_alone_has_no_ratio() -> None:
    shown = text.bench_local(factories.local_bench_report(factories.local_result()), PLAIN)
    assert not re.search(r"\dx", shown)


def test_only_what_differs_is_bold() -> None:
    shown = text.bench_local(report(), Style(color=True))
    assert re.search(r"\x1b\[1m[^\x1b]*2\.41x", shown)
    assert not re.search(r"\x1b\[1m[^\x1b]*same", shown)


def test_a_benchmark_in_which_all_was_skipped_quotes_no_figures() -> None:
    lost = factories.local_bench_report(factories.local_result(library_version="", skipped="its worker was ended", rounds=0))
    shown = text.bench_local(lost, PLAIN)
    assert "its worker was ended" in shown
    assert "lost" in shown
    assert "Libraries" not in shown
    assert "Figures" not in shown


def test_a_plan_alone_is_shown_as_one() -> None:
    scenario = report().results[0]
    planned = LocalPlan(
        libraries=("rustls", "openssl"),
        scenarios=(scenario,),
        profile="quick",
        left_out=("TLS 1.2",),
        rounds=5,
        round_s=0.2,
        estimated_s=15.0,
    )
    shown = text.bench_local(LocalBenchReport(plan=planned), PLAIN)
    assert "handshake-full    TLS 1.3, TLS_AES_256_GCM_SHA384, x25519, ecdsa-p256" in shown
    assert "about 15 s" in shown
    assert "TLS 1.2" in shown


def test_what_all_scenarios_have_in_common_stands_in_the_title_alone() -> None:
    full = next(section for section in sections.sections(report()) if section.title == "Full handshakes")
    assert full.common == "TLS 1.3, AES-256-GCM, x25519"
    assert {row.title for row in full.rows} == {"ecdsa-p256", "rsa-2048", "ecdsa-p256, 2 threads"}


def test_the_clock_of_the_thread_has_its_own_figures() -> None:
    results = [factories.local_result(client_handshakes_per_cpu_s=5000.0, server_handshakes_per_cpu_s=6000.0)]
    shown = sections.sections(factories.local_bench_report(*results), "cpu")
    assert [row.cells[0].value for row in shown[0].rows] == [5000.0, 6000.0]
    assert shown[0].unit == "per second of CPU time"


def test_markdown_has_a_row_a_figure_and_the_method() -> None:
    method = LocalMethod(
        started="2026-01-27T10:00:00Z", seed=7, duration_s=1.0, warm_up_s=0.1, cpu=1, published=False, rules=("all alike",)
    )
    shown = markdown.markdown(report(method=method, warnings=(Finding("machine-busy", "look out"),)))
    assert "| ecdsa-p256 | client | 3,490 ±3% (**2.41x**) | 1,447 ±3% | not selectable |" in shown
    assert "- Measured: 2026-01-27T10:00:00Z, 1 s a figure, on core 1, seed 7" in shown
    assert "- Method: all alike" in shown
    assert "- Governor: the system does not tell" in shown
    assert "- Warning: look out" in shown


def test_text_of_a_library_is_nothing_but_text() -> None:
    shown = markdown.markdown(odd_report())
    assert "<script>" not in shown.replace("\\<script", "")
    assert "\x1b" not in shown + text.bench_local(odd_report(), PLAIN)


def test_csv_has_a_line_a_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(markdown.comma_separated(report()))))
    first = rows[0]
    assert (first["library"], first["figure"], first["median"], first["ratio"]) == (
        "rustls",
        "client_handshakes_per_s",
        "3490.0",
        "2.41",
    )
    assert [row["skipped"] for row in rows if row["library"] == "BoringSSL"] == ["not selectable: it has no such suite"] * 4


# ---- charts --------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_picture() -> None:
    charts = pytest.importorskip("tlstool.output.bench.charts")
    pytest.importorskip("matplotlib")
    first, second = (charts.image(report(), "svg") for _ in range(2))
    assert first == second
    assert ET.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"
    assert charts.image(report(), "png").startswith(b"\x89PNG")


def test_there_is_a_chart_a_kind_of_figure_and_one_of_threads() -> None:
    pytest.importorskip("matplotlib")
    from tlstool.output.bench import charts

    assert [title for title, _ in charts.pictures(report())] == [
        "Transfer",
        "Full handshakes",
        "Resumed handshakes",
        "Full handshakes by threads",
    ]


def test_a_page_needs_nothing_else_and_runs_nothing() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    from tlstool.output.bench import page

    for shown in (page.html(report()), page.html(odd_report())):
        assert "<script" not in shown
        links = re.findall(r"""(?:src|href)=["']?([^"' >]+)""", shown)
        assert [link for link in links if not link.startswith("#")] == []
        assert "url(http" not in shown
    assert "<strong>2.41x</strong>" in page.html(report())


# ---- comparison ----------------------------------------------------------------------------------


def written(path: Path, *results: LocalResult) -> str:
    path.write_text(jsonout.text(jsonout.document("bench local", factories.local_bench_report(*results))))
    return str(path)


def with_rounds(rate: float, **fields: Any) -> LocalResult:
    rounds = {"client_handshakes_per_s": tuple(rate * part for part in (0.99, 1.0, 1.01, 1.0, 1.0))}
    return factories.local_result(client_handshakes_per_s=rate, samples=rounds, **fields)


def test_reports_are_compared_row_by_row_with_the_first(tmp_path: Path) -> None:
    old = written(tmp_path / "old", with_rounds(3000.0), with_rounds(1000.0, group="secp256r1"))
    new = written(tmp_path / "new", with_rounds(3300.0))
    found = compare.compare((old, new, old))
    figure = found.figures[0]
    assert (figure.figure, figure.values) == ("client_handshakes_per_s", (3000.0, 3300.0, 3000.0))
    assert [one.verdict for one in figure.ratios if one] == ["better", "same"]
    alone = next(one for one in found.figures if one.group == "secp256r1")
    assert (alone.values, alone.ratios[0]) == ((1000.0, None, 1000.0), None)
    shown = compared.bench_compare(found, PLAIN)
    assert re.search(
        r"rustls, client, handshakes/s\n +\[1\] +3,000\n +\[2\] +3,300  faster by 10\.\d% .*\n +\[3\] +3,000  same ", shown
    )


def test_a_row_is_compared_with_the_same_one_of_an_earlier_run(tmp_path: Path) -> None:
    earlier = compare.load(written(tmp_path / "old", with_rounds(3000.0)))
    (found,) = compare.since([with_rounds(2000.0)], earlier)
    assert found is not None
    assert [(one.figure, one.verdict) for one in found] == [("client_handshakes_per_s", "worse")]
    assert compare.since([with_rounds(2000.0, key_type="rsa-2048")], earlier) == (None,)


def test_versions_of_one_library_in_one_report_are_compared_each_with_itself(tmp_path: Path) -> None:
    both = [with_rounds(rate, library="OpenSSL", library_version=f"OpenSSL {rate:.0f}.0.1 day") for rate in (3.0, 5.0)]
    path = written(tmp_path / "both", *both)
    figures = compare.compare((path, path)).figures
    assert [(one.library, one.values) for one in figures if one.figure == "client_handshakes_per_s"] == [
        ("OpenSSL 3.0.1", (3.0, 3.0)),
        ("OpenSSL 5.0.1", (5.0, 5.0)),
    ]
    found = compare.since(both, compare.load(path))
    assert [ratios[0].ratio for ratios in found if ratios] == [1.0, 1.0]


def test_a_baseline_with_nothing_in_common_is_refused_before_the_run(tmp_path: Path) -> None:
    earlier = compare.load(written(tmp_path / "old", with_rounds(3000.0)))
    compare.need_common(earlier, [with_rounds(1.0, library="other")])
    with pytest.raises(LocalError, match="none of the scenarios"):
        compare.need_common(earlier, [with_rounds(1.0, group="secp256r1")])


def test_a_change_is_told_in_words_with_its_interval() -> None:
    def words(low: float, value: float, high: float, verdict: Any, *, size: bool = False) -> str:
        return changes.change(Ratio("figure", value, low, high, verdict), less_is_better=size)

    assert words(1.04, 1.05, 1.07, "better") == "faster by 5.0% (4.0 to 7.0%)"
    assert words(0.7, 0.8, 0.9, "worse") == "slower by 20.0% (10.0 to 30.0%)"
    assert words(0.99, 1.0, 1.02, "same") == "same (-1.0% to +2.0%)"
    assert words(1.25, 2.0, 2.5, "better", size=True) == "smaller by 50.0% (20.0 to 60.0%)"
    assert words(0.4, 0.5, 0.8, "worse", size=True) == "larger by 100% (25.0 to 150%)"
    assert words(1.0, 1.1, 1.2, "unknown") == "+10.0%, too few rounds to tell"


@pytest.mark.parametrize("columns", [40, 79, 130])
def test_no_table_is_wider_than_the_terminal(columns: int) -> None:
    since = (ratio(0.9, "worse"),)
    results = [factories.local_result(name, since=since, ratios=since) for name in ("rustls", "OpenSSL", "another")]
    shown = text.bench_local(factories.local_bench_report(*results, since="old.json"), Style(color=False, columns=columns))
    assert max(map(len, shown.splitlines())) <= columns
    assert shown.count("slower by 10.0%") == 3


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", "{}", '{"schema": "tlstool.connect/1"}', '{"schema": "tlstool.bench-local/1", "results": 3}', "\x00"],
)
def test_what_is_no_report_is_a_bad_baseline(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(LocalError) as raised:
        compare.load(str(tmp_path / "file"))
    assert raised.value.code == "bad-baseline"


def test_a_report_without_figures_is_a_bad_baseline(tmp_path: Path) -> None:
    with pytest.raises(LocalError) as raised:
        compare.load(written(tmp_path / "file", factories.local_result(skipped="lost")))
    assert raised.value.code == "bad-baseline"


def test_one_report_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        compare.compare((written(tmp_path / "old", with_rounds(1.0)),))


def test_a_report_of_before_there_were_threads_is_understood(tmp_path: Path) -> None:
    document = json.loads(Path(written(tmp_path / "old", with_rounds(3000.0))).read_text())
    for name in ("threads", "client_auth", "write_size", "samples"):
        del document["results"][0][name]
    (tmp_path / "older").write_text(json.dumps(document))
    (found,) = compare.since([with_rounds(3000.0)], compare.load(str(tmp_path / "older")))
    assert found is not None
    assert found[0].ratio == 1.0
