"""Requests of `bench local` that make no sense, and what its figures come to."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tlstool.bench.contestant import Contestant
from tlstool.bench.local import bench_local
from tlstool.bench.turn import rates, spread
from tlstool.errors import Unsupported, UsageError
from tlstool.figures import LocalBenchReport
from tlstool.requests import LocalBenchRequest

pytest.importorskip("tlstool._native", reason="the engine is not built")


def brief(**changes: Any) -> LocalBenchRequest:
    """A request that is over soon."""
    defaults: dict[str, Any] = {"duration": 0.04, "rounds": 2, "warm_up": 0.0, "key_types": ("ecdsa-p256",), "pin": False}
    return LocalBenchRequest(**defaults | changes)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"duration": 0.0}, "usage"),
        ({"duration": -1.0}, "usage"),
        ({"duration": float("nan")}, "usage"),
        ({"rounds": 0}, "usage"),
        ({"what": ()}, "usage"),
        ({"suites": ()}, "usage"),
        ({"key_types": ()}, "usage"),
        ({"sides": ()}, "usage"),
        ({"modes": ()}, "usage"),
        ({"threads": ()}, "usage"),
        ({"threads": (0,)}, "usage"),
        ({"warm_up": -1.0}, "usage"),
        ({"relative_to": "nobody"}, "usage"),
        ({"against": ("rustls=openssl",)}, "usage"),
        ({"fail_if": ("ratio is bad",)}, "usage"),
        ({"fail_if": ("speed<1",)}, "unknown-name"),
        ({"cert": "chain.pem"}, "usage"),
        ({"suites": ("ECDHE-RSA-AES128-GCM-SHA256",)}, "usage"),
        ({"suites": ("ECDHE-ECDSA-AES128-GCM-SHA256",), "groups": ("X25519MLKEM768",)}, "usage"),
        ({"key_types": ("rsa-1024",)}, "unknown-name"),
        ({"groups": ("x25518",)}, "unknown-name"),
    ],
)
def test_requests_that_make_no_sense_are_usage_errors(change: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as raised:
        bench_local(brief(**change))
    assert raised.value.code == code


def test_an_unknown_suite_brings_the_nearest_right_ones() -> None:
    with pytest.raises(UsageError) as raised:
        bench_local(brief(suites=("TLS_AES_256_GCM_SHA383",)))
    assert raised.value.code == "unknown-name"
    assert raised.value.hint is not None
    assert "TLS_AES_256_GCM_SHA384" in raised.value.hint


def test_without_the_engine_there_is_no_bench_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlstool.backends.why_no_fast_path", lambda: "this build has no Rustls extension")
    with pytest.raises(UsageError) as raised:
        bench_local(brief())
    assert raised.value.code == "no-fast-path"
    assert raised.value.hint is not None
    assert "TLSTOOL_NATIVE=require" in raised.value.hint


def test_a_run_in_which_nothing_could_be_measured_is_an_error_with_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Contestant) -> dict[str, Any]:
        raise Unsupported("unsupported", "not selectable: it is Sunday")

    monkeypatch.setattr(Contestant, "introduce", refuse)
    report = bench_local(brief(what=("handshake",)))
    assert report.exit_status == 2
    assert report.error is not None
    assert report.error.message == "nothing was measured: not selectable: it is Sunday"
    assert [row.skipped for row in report.results] == ["not selectable: it is Sunday"] * 2


def test_fips_is_demanded_of_this_build_and_of_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="not approved"):
        bench_local(brief(fips=True, suites=("TLS_CHACHA20_POLY1305_SHA256",)))
    monkeypatch.setattr("tlstool.backends.rustls.is_fips", lambda: False)
    with pytest.raises(Unsupported, match="no FIPS module"):
        bench_local(brief(fips=True))


# ---- figures -------------------------------------------------------------------------------------


def test_rates_are_work_over_the_time_of_the_side_that_did_it() -> None:
    assert rates([{"count": 10, "client_s": 2.0, "server_s": 0.5, "client_cpu_s": 1.0, "server_cpu_s": 0.4}]) == {
        "client_handshakes_per_s": 5.0,
        "server_handshakes_per_s": 20.0,
        "client_handshakes_per_cpu_s": 10.0,
        "server_handshakes_per_cpu_s": 25.0,
    }
    assert rates([{"bytes": 3 << 20, "receive_s": 1.5, "send_s": 3.0, "receive_cpu_s": 1.0, "send_cpu_s": 3.0}]) == {
        "receive_mib_per_s": 2.0,
        "send_mib_per_s": 1.0,
        "receive_mib_per_cpu_s": 3.0,
        "send_mib_per_cpu_s": 1.0,
    }


def test_threads_add_up() -> None:
    one = {"count": 10, "client_s": 2.0, "server_s": 0.5, "client_cpu_s": 1.0, "server_cpu_s": 0.4}
    assert rates([one, one])["client_handshakes_per_s"] == 10.0


def test_the_spread_is_median_least_and_greatest() -> None:
    name = "send_mib_per_s"
    rounds = [{name: value} for value in (3.0, 1.0, 9.0, 5.0)]
    assert spread(rounds) == {name: 4.0, f"{name}_min": 1.0, f"{name}_max": 9.0}


def test_the_environment_names_the_machine() -> None:
    report: LocalBenchReport = bench_local(brief(what=("handshake",), against=()))
    assert report.environment is not None
    assert report.environment.cpu
    assert report.environment.cores >= 1
    assert report.environment.python == ".".join(map(str, sys.version_info[:3]))
