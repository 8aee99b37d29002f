"""What `bench local` measures: profiles and axes."""

from __future__ import annotations

from typing import Any

import pytest

from tlstool import names
from tlstool.bench.plan import KEY_TYPES, choose
from tlstool.errors import UsageError
from tlstool.requests import LocalBenchRequest


def rows(**choices: Any) -> list[tuple[str, ...]]:
    chosen = choose(LocalBenchRequest(**choices)).scenarios
    return [(one.scenario, one.suite, one.group, one.key_type) for one in chosen]


def test_the_published_report_has_sixteen_figures_with_the_groups_and_suites_of_then() -> None:
    chosen = choose(LocalBenchRequest(profile="seed-2024"))
    assert len(chosen.scenarios) * 2 == 16
    assert {one.group for one in chosen.scenarios} == {"x25519"}
    assert [(one.scenario, one.tls, one.key_type) for one in chosen.scenarios] == [
        ("bulk", "1.2", "rsa-2048"),
        ("bulk", "1.3", "rsa-2048"),
        ("handshake-full", "1.2", "rsa-2048"),
        ("handshake-full", "1.2", "ecdsa-p256"),
        ("handshake-full", "1.3", "rsa-2048"),
        ("handshake-full", "1.3", "ecdsa-p256"),
        ("handshake-ticket", "1.2", "rsa-2048"),
        ("handshake-ticket", "1.3", "rsa-2048"),
    ]
    ciphers = [one.suite.partition("AES_")[2][:3] for one in chosen.scenarios]
    assert ciphers == ["128", *["256"] * 7]


def test_today_is_the_same_with_hybrid_key_exchange_where_there_is_such_a_thing() -> None:
    then, today = (choose(LocalBenchRequest(profile=name)).scenarios for name in ("seed-2024", "today"))
    assert [one.suite for one in then] == [one.suite for one in today]
    assert {(one.tls, one.group) for one in today} == {("1.2", "x25519"), ("1.3", "X25519MLKEM768")}


@pytest.mark.parametrize("choices", [{"profile": "seed-2024"}, {"profile": "quick"}, {}])
def test_fips_has_key_exchange_that_is_approved(choices: dict[str, Any]) -> None:
    assert {group for _, _, group, _ in rows(fips=True, **choices)} == {"secp256r1"}
    assert {group for _, _, group, _ in rows(**choices)} == {"x25519"}


def test_the_quick_profile_says_what_it_leaves_out() -> None:
    assert "TLS 1.2" in choose(LocalBenchRequest(profile="quick")).left_out


def test_all_suites_go_with_the_keys_that_fit() -> None:
    chosen = choose(LocalBenchRequest(suites=("all",), what=("handshake",)))
    assert {one.suite for one in chosen.scenarios} == set(names.SUITES)
    assert len(chosen.scenarios) == 3 * 2 + 6
    assert all(("_RSA_" in one.suite) == one.key_type.startswith("rsa") for one in chosen.scenarios if one.tls == "1.2")


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_every_key_type_has_a_suite_of_both_versions(key_type: str) -> None:
    suites = ("TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256")
    chosen = choose(LocalBenchRequest(suites=suites, key_types=(key_type,), what=("handshake",)))
    assert sorted(one.tls for one in chosen.scenarios) == ["1.2", "1.3"]
    assert len(chosen.left_out) == 1


def test_kinds_of_handshakes_and_threads_multiply_and_bulk_does_not_ask_for_keys() -> None:
    assert rows(what=("handshake", "bulk", "memory"), modes=("full", "session"), threads=(1, 2)) == [
        (name, "TLS_AES_256_GCM_SHA384", "x25519", key_type)
        for name, key_types, times in (
            ("handshake-full", ("ecdsa-p256", "rsa-2048"), 2),
            ("handshake-session", ("ecdsa-p256", "rsa-2048"), 2),
            ("bulk", ("ecdsa-p256",), 2),
            ("memory", ("ecdsa-p256",), 1),
        )
        for key_type in key_types
        for _ in range(times)
    ]


def test_resumption_by_itself_is_of_both_kinds() -> None:
    assert [name for name, *_ in rows(what=("resume",), key_types=("rsa-2048",))] == ["handshake-ticket", "handshake-session"]


def test_the_size_of_writes_is_a_matter_of_bulk() -> None:
    chosen = choose(LocalBenchRequest(write_size=16384, key_types=("rsa-2048",))).scenarios
    assert [one.write_size for one in chosen] == [None, 16384]


def test_an_own_chain_takes_the_place_of_key_types() -> None:
    chosen = choose(LocalBenchRequest(profile="seed-2024"), own_key_type="ed25519")
    assert {one.key_type for one in chosen.scenarios} == {"ed25519"}
    assert "handshake-full with TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in chosen.left_out


def test_nothing_that_fits_together_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="goes with none"):
        choose(LocalBenchRequest(suites=("ECDHE-RSA-AES128-GCM-SHA256",), key_types=("ed25519",)))
