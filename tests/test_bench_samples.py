"""The statistics of `bench local`, on figures with known answers."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlstool.bench import limits, samples
from tlstool.errors import UsageError
from tlstool.figures import LocalResult, Ratio

RATES = st.floats(min_value=1.0, max_value=1e6)
few = settings(max_examples=30, deadline=None)  # an interval takes some milliseconds of a machine with nothing else to do
ROUNDS = st.lists(RATES, min_size=3, max_size=12)


def row(library: str = "rustls", **fields: object) -> LocalResult:
    usual = {
        "scenario": "handshake-full",
        "tls": "1.3",
        "suite": "TLS_AES_128_GCM_SHA256",
        "group": "x25519",
        "key_type": "ecdsa-p256",
        "signature": "ecdsa_secp256r1_sha256",
        "library_version": "1.0",
    }
    return LocalResult(library=library, **usual | fields)  # type: ignore[arg-type]


@few
@given(ROUNDS)
def test_what_is_compared_with_itself_is_the_same(rounds: list[float]) -> None:
    ratio = samples.paired("x", rounds, rounds)
    assert (ratio.ratio, ratio.low, ratio.high, ratio.verdict) == (1.0, 1.0, 1.0, "same")


@few
@given(ROUNDS, st.floats(min_value=1.01, max_value=50))
def test_a_constant_factor_is_found_however_the_machine_wavers(rounds: list[float], factor: float) -> None:
    ratio = samples.paired("x", [one * factor for one in rounds], rounds)
    assert ratio.ratio == pytest.approx(factor)
    assert ratio.verdict == "better"
    assert samples.paired("x", rounds, [one * factor for one in rounds]).verdict == "worse"


@few
@given(ROUNDS, ROUNDS)
def test_the_interval_holds_the_ratio_and_both_are_the_same_again(ours: list[float], theirs: list[float]) -> None:
    ratio = samples.unpaired("x", ours, theirs)
    assert ratio.ratio == median(ours) / median(theirs)
    assert min(ours) / max(theirs) <= ratio.low <= ratio.high <= max(ours) / min(theirs)
    assert (ratio.low <= 1 <= ratio.high) == (ratio.verdict == "same")
    assert samples.unpaired("x", ours, theirs) == ratio


def test_noise_that_is_wider_than_the_difference_is_called_the_same() -> None:
    quiet, loud = [100.0, 101, 99, 100, 100], [102.0, 80, 130, 95, 110]
    assert samples.paired("x", loud, quiet).verdict == "same"
    assert samples.unpaired("x", loud, quiet).verdict == "same"


def test_too_few_rounds_have_no_verdict() -> None:
    assert samples.paired("x", [2.0, 2.0], [1.0, 1.0]).verdict == "unknown"


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("ratio<0.95", 0.94, True),
        ("ratio<0.95", 0.95, False),
        ("ratio <= 0.95", 0.95, True),
        ("ratio>2", 2.5, True),
        ("ratio>=2", 2, True),
    ],
)
def test_limits_compare_as_they_are_written(text: str, value: float, met: bool) -> None:
    assert limits.parse(text).met(value) is met


@pytest.mark.parametrize("text", ["", "ratio", "ratio<", "<1", "ratio=1", "ratio<-1", "ratio<1;", "ratio<nan"])
def test_what_is_no_limit_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        limits.parse(text)


def test_a_ratio_within_the_noise_misses_no_limit() -> None:
    limit = limits.parse("ratio<0.95")
    slow = Ratio("client_handshakes_per_s", 0.9, 0.85, 0.93, "worse")
    noisy = Ratio("client_handshakes_per_s", 0.9, 0.85, 1.02, "same")
    assert limits.missed([limit], [row(ratios=(noisy,))]) is None
    missed = limits.missed([limit], [row(ratios=(slow, slow))])
    assert missed is not None
    assert (missed.code, missed.exit_status) == ("limit-missed", 15)
    assert missed.message.endswith("client_handshakes_per_s, ratio 0.9 (and 1 more)")


def test_ratios_to_an_earlier_run_go_before_those_to_another_library() -> None:
    slow, fast = Ratio("client_handshakes_per_s", 0.5, 0.5, 0.5, "worse"), Ratio("client_handshakes_per_s", 2.0, 2, 2, "better")
    limit = limits.parse("ratio<0.95")
    assert limits.missed([limit], [row(ratios=(slow,), since=(fast,))], since=True) is None
    assert limits.missed([limit], [row(ratios=(slow,), since=None), row(since=(fast,))], since=True) is None
    assert limits.missed([limit], [row("OpenSSL", since=(slow,))], since=True) is not None
    assert limits.missed([limit], [row(ratios=(fast,)), row("OpenSSL", ratios=(slow,))]) is None


def test_a_limit_needs_a_figure_and_may_be_kept_within_the_noise() -> None:
    noise = Ratio("client_handshakes_per_s", 0.9, 0.8, 1.1, "same")
    limit = limits.parse("ratio<0.95")
    assert limits.missed([limit], [row(ratios=(noise,))]) is None
    for rows in ([row()], [row(ratios=())], [row("OpenSSL", ratios=(noise,))]):
        missed = limits.missed([limit], rows)
        assert missed is not None
        assert "no row has such a figure" in missed.message


def test_a_figure_by_its_own_name_has_its_limit_in_every_row() -> None:
    limit = limits.parse("client_handshakes_per_s<3000")
    assert limits.missed([limit], [row(client_handshakes_per_s=3000.0), row("OpenSSL")]) is None
    assert limits.missed([limit], [row("OpenSSL", client_handshakes_per_s=2999.0)]) is not None
