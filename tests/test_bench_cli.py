"""`bench local` and `bench compare` from the command line: exports, baselines, limits."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import standins

from tlstool.output import schema

pytest.importorskip("tlstool._native", reason="the engine is not built")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Runs a command line; the answer is status, stdout and stderr."""
    return lambda line: standins.outcome(capsys, line)


BRIEF = "bench local --what handshake --key-type ecdsa --rounds 1 --duration 20ms --warmup 0s --no-pin"


def test_exports_are_written_whole_and_the_document_keeps_its_schema(run, tmp_path: Path) -> None:
    exports = " ".join(f"--export {form}:{tmp_path / form}" for form in ("json", "md", "csv"))
    status, out, _ = run(f"{BRIEF} {exports}")
    assert status == 0
    assert "Full handshakes, per second" in out
    document = json.loads((tmp_path / "json").read_text())
    jsonschema.validate(document, schema.schema("bench local"), cls=jsonschema.Draft202012Validator)
    assert document["results"][0]["library"] == "rustls"
    assert document["method"]["command"][0] == "tlstool"
    assert (tmp_path / "md").read_text().startswith("### Full handshakes")
    assert (tmp_path / "csv").read_text().startswith("library,")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csv", "json", "md"]


@pytest.mark.parametrize("path", ["missing/report.md", "."])
def test_an_export_that_cannot_be_written_is_found_before_the_run(run, tmp_path: Path, path: str) -> None:
    status, out, err = run(f"{BRIEF} --duration 1h --export md:{tmp_path / path}")
    assert (status, out) == (3, "")
    assert err.startswith(f"error: cannot write {tmp_path / path}: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_export_that_fails_after_the_run_does_not_take_the_figures_with_it(run) -> None:
    status, out, err = run(f"{BRIEF} --export json:/dev/full")
    assert status == 3
    assert "Full handshakes, per second" in out
    assert "error: cannot write /dev/full" in err


def test_two_exports_cannot_share_a_file(run, tmp_path: Path) -> None:
    status, _, err = run(f"{BRIEF} --export md:{tmp_path / 'x'} --export csv:{tmp_path / 'x'}")
    assert status == 2
    assert "two reports cannot go to one file" in err


def test_a_plan_measures_nothing_and_writes_nothing(run, tmp_path: Path) -> None:
    status, out, _ = run(f"bench local --profile seed-2024 --duration 1h --plan --export json:{tmp_path / 'x'}")
    assert status == 0
    assert out.startswith("8 scenarios, 2 libraries, 5 rounds each\n")
    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_is_missed_is_status_15_and_the_report_is_there(run, tmp_path: Path) -> None:
    status, out, err = run(f"{BRIEF} --fail-if client_handshakes_per_s>0 --export json:{tmp_path / 'x'} --side client")
    assert status == 15
    assert "Full handshakes" in out
    assert "error: client_handshakes_per_s>0: rustls, handshake-full" in err
    document = json.loads((tmp_path / "x").read_text())
    assert (document["exit_status"], document["error"]["code"]) == (15, "limit-missed")
    assert document["results"][0]["server_handshakes_per_s"] is None


def test_a_limit_that_nothing_can_be_held_to_does_not_pass(run) -> None:
    status, _, err = run(f"{BRIEF} --fail-if send_mib_per_s<1")
    assert status == 15
    assert "error: send_mib_per_s<1: no row has such a figure" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--write-size 0", "a write of 0 bytes"),
        ("--write-size 17MiB", "a write of 17825792 bytes"),
        ("--duration 999999999h", "is too long"),
        ("--against ,x", "names no file"),
        ("--groups secp521r1", "Rustls has no key exchange group"),
        ("--suite ECDHE-RSA-AES128-GCM-SHA256", "goes with none of the key types"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(run, options: str, words: str) -> None:
    status, out, err = run(f"{BRIEF} {options}")
    assert (status, out) == (2, "")
    assert words in err
    assert "hint: " in err


def test_a_run_is_compared_with_an_earlier_one(run, tmp_path: Path) -> None:
    last = tmp_path / "last.json"
    assert run(f"{BRIEF} --export json:{last}")[0] == 0
    status, out, _ = run(f"{BRIEF} --baseline {last} --json")
    assert status == 0
    since = json.loads(out)["results"][0]["since"]
    assert [one["figure"] for one in since][:2] == ["client_handshakes_per_s", "client_handshakes_per_cpu_s"]
    assert {one["verdict"] for one in since} == {"unknown"}
    status, out, _ = run(f"bench compare {last} {last}")
    assert status == 0
    assert "rustls" in out
    assert "+0.0%, too few rounds to tell" in out


def test_an_export_to_a_dash_takes_the_place_of_the_tables(run, tmp_path: Path) -> None:
    status, out, _ = run(f"{BRIEF} --export csv:-")
    assert status == 0
    assert out.startswith("library,")
    assert run(f"{BRIEF} --export png:-")[0] == 2
    assert run(f"{BRIEF} --export md:- --export csv:-")[0] == 2
    assert run(f"{BRIEF} --export md:- --json")[0] == 2


def test_a_page_takes_the_packages_that_make_it(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, out, err = run(f"{BRIEF} --export html:{tmp_path / 'x'}")
    assert (status, out) == (2, "")
    assert err == (
        "error: an export as html takes jinja2 and matplotlib, not installed here\nhint: pip install 'tlstool[report]'\n"
    )
