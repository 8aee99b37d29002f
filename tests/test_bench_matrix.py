"""Every contestant of `bench local` in every scenario: it does what was asked, by its own account, or says why it cannot.

The interpreter's OpenSSL is always there. BoringSSL is Debian's `android-libboringssl`, OpenSSL 3.5 that of the PyPI package
`psycopg-binary`; `TLSTOOL_LIBSSL` may name more, with colons between, which may refuse more.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tlstool import names
from tlstool.bench import chain as chains
from tlstool.bench.chain import Chain
from tlstool.bench.contestant import Contestant
from tlstool.bench.libraries import interpreter_libssl
from tlstool.bench.plan import GROUPS, KEY_TYPES, signature
from tlstool.errors import LocalError, Unsupported

pytest.importorskip("tlstool._native", reason="the engine is not built")

SECONDS = 0.01
SUITE = {"1.2": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "1.3": "TLS_AES_128_GCM_SHA256"}
HANDSHAKES = ("handshake-full", "handshake-ticket", "handshake-session")


def found() -> dict[str, str]:
    """The libraries that are here, by what they are called in the names of tests."""
    boring = glob.glob("/usr/lib/*/android/libssl.so.0")
    package = find_spec("psycopg_binary")
    place = Path(package.origin).parent.parent / "psycopg_binary.libs" if package and package.origin else Path("/nonexistent")
    newer = glob.glob(str(place / "libssl-*.so.3"))
    named = {"rustls": "rustls", "openssl": ""}
    named |= {"boringssl": boring[0]} if boring else {}
    named |= {"openssl-3.5": newer[0]} if newer else {}
    return named | {f"more-{place}": path for place, path in enumerate(GUESTS, start=1)}


GUESTS = [path for path in os.environ.get("TLSTOOL_LIBSSL", "").split(":") if path]
LIBRARIES = found()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return LIBRARIES[request.param] or interpreter_libssl()[0]


@pytest.fixture(scope="module")
def made() -> dict[str, Chain]:
    """A chain of each key type but the slow ones, the client's part with it."""
    return {name: chains.make(name, client_auth=True) for name in KEY_TYPES if name not in ("rsa-3072", "rsa-4096")}


def spec(library: str, chain: Chain, **changes: Any) -> dict[str, Any]:
    return {
        "cpu": None,
        "library": library,
        "scenario": "handshake-full",
        "suite": SUITE["1.3"],
        "group": "x25519",
        "signature": signature(chain.key_type),
        "chain_pem": chain.chain,
        "key_pem": chain.key,
        "root_pem": chain.root,
        "client_chain_pem": "",
        "client_key_pem": "",
        "server_name": chain.name,
        "write_size": 1 << 16,
        "threads": 1,
        "fips": False,
        "published_method": False,
    } | changes


def measured(library: str, chain: Chain, **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """What the library says it does, and its figures; None if it says that it cannot, as only a foreign one may."""
    asked = spec(library, chain, **changes)
    with Contestant(asked) as worker:
        said, refusal = introduced(worker)
        if refusal:
            assert library != "rustls"
            assert refusal.startswith("not selectable: ") or library in GUESTS
            return None
        # What comes after the first handshake has no signature in it.
        pinned = ("suite", "group", *(("signature",) if asked["scenario"] == "handshake-full" else ()))
        assert {name: said[name] for name in pinned} == {name: asked[name] for name in pinned}
        assert said["tls"] == ("1.3" if names.is_tls13(asked["suite"]) else "1.2")
        return said, worker.measure(SECONDS)


def introduced(worker: Contestant) -> tuple[dict[str, Any], str]:
    """What a worker says that it measures, or why it does not."""
    try:
        return worker.introduce(), ""
    except (Unsupported, LocalError) as why:
        return {}, why.message


@pytest.mark.parametrize(("scenario", "tls"), list(product(HANDSHAKES, ("1.2", "1.3"))))
def test_handshakes_are_done_and_resumed_as_asked(library: str, made: dict[str, Chain], scenario: str, tls: str) -> None:
    found = measured(library, made["ecdsa-p256"], scenario=scenario, suite=SUITE[tls])
    if found:
        ((figures,), said) = found[1], found[0]
        assert figures["count"] > 0
        assert min(figures[f"{side}_{clock}s"] for side in ("client", "server") for clock in ("", "cpu_")) > 0
        assert 0 < said["harness_ns"] < 10_000
    elif library not in GUESTS:
        # BoringSSL keeps no sessions of TLS 1.3 (and 2022's is here without anything else to refuse).
        assert (scenario, tls) == ("handshake-session", "1.3")


@pytest.mark.parametrize("suite", names.SUITES)
def test_every_suite_moves_data(library: str, made: dict[str, Chain], suite: str) -> None:
    key_type = "rsa-2048" if "_RSA_" in suite else "ecdsa-p256"
    if found := measured(library, made[key_type], scenario="bulk", suite=suite, write_size=50_000):
        assert found[1][0]["bytes"] % 50_000 == 0


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_the_one_that_is_used(library: str, made: dict[str, Chain], group: str) -> None:
    measured(library, made["ecdsa-p256"], group=group)
    if "MLKEM" not in group:
        assert measured(library, made["ecdsa-p256"], group=group, suite=SUITE["1.2"]) or library in GUESTS


@pytest.mark.parametrize(("key_type", "tls"), list(product(("ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"), ("1.2", "1.3"))))
def test_every_key_type_is_verified(library: str, made: dict[str, Chain], key_type: str, tls: str) -> None:
    suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" if key_type == "rsa-2048" and tls == "1.2" else SUITE[tls]
    assert measured(library, made[key_type], suite=suite) or library in GUESTS


@pytest.mark.parametrize("scenario", HANDSHAKES)
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_client_may_show_a_certificate(library: str, made: dict[str, Chain], scenario: str, tls: str) -> None:
    chain = made["ecdsa-p256"]
    identity = {"client_chain_pem": chain.client_chain, "client_key_pem": chain.client_key}
    assert (
        measured(library, chain, scenario=scenario, suite=SUITE[tls], **identity)
        or scenario == "handshake-session"
        or library in GUESTS
    )


def test_threads_share_the_configuration_and_each_has_its_figures(library: str, made: dict[str, Chain]) -> None:
    for scenario in ("handshake-full", "handshake-ticket", "bulk"):
        found = measured(library, made["ecdsa-p256"], scenario=scenario, threads=3)
        if library in GUESTS and not found:
            continue
        assert found
        amounts = [figures["bytes" if scenario == "bulk" else "count"] for figures in found[1]]
        assert len(amounts) == 3
        assert min(amounts) > 0


def test_memory_of_a_connection_is_that_of_one_connection(library: str, made: dict[str, Chain]) -> None:
    found = measured(library, made["ecdsa-p256"], scenario="memory")
    if found is None:
        pytest.skip("this C library does not tell")
    figures = found[1][0]
    assert figures["connections"] > 100
    for side, when in product(("client", "server"), ("after_handshake", "at_rest")):
        assert 500 < figures[f"{side}_bytes_{when}"] < 200_000


@pytest.mark.parametrize("scenario", ["handshake-full", "handshake-ticket", "bulk"])
def test_the_published_method_runs_too(library: str, made: dict[str, Chain], scenario: str) -> None:
    assert measured(library, made["ecdsa-p256"], scenario=scenario, published_method=True) or library in GUESTS


MOVE_AND_COUNT_FAULTS = """
import json, resource, sys
from tlstool import _native
spec = json.load(sys.stdin)
del spec["cpu"]
bench = _native.LocalBench({name: value.encode() if name.endswith("_pem") else value for name, value in spec.items()})
bench.warm_up(0.05)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bench.run(0.05)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize("scenario", ["bulk", "handshake-full", "handshake-ticket"])
def test_no_memory_is_fetched_from_the_system_while_the_clock_runs(library: str, made: dict[str, Chain], scenario: str) -> None:
    if library in GUESTS and not measured(library, made["ecdsa-p256"], scenario=scenario):
        pytest.skip("it cannot do this")
    # Buffers of a megabyte that come and go are what makes rates jump: malloc gives them back, and each page faults in anew.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-P", "-c", MOVE_AND_COUNT_FAULTS],
        input=json.dumps(spec(library, made["ecdsa-p256"], scenario=scenario, write_size=1 << 20)),
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(done.stdout) < 100  # one write of a megabyte would be 256


def test_latencies_are_those_of_the_handshakes_that_counted(library: str, made: dict[str, Chain]) -> None:
    from hdrh.histogram import HdrHistogram

    with Contestant(spec(library, made["ecdsa-p256"], scenario="handshake-ticket")) as worker:
        if introduced(worker)[1] and library in GUESTS:
            pytest.skip("it resumes nothing by tickets")
        worker.warm_up(SECONDS)
        counted = sum(worker.measure(SECONDS)[0]["count"] for _ in range(2))
        latency = worker.latency()
    assert latency is not None
    for side in latency:
        assert HdrHistogram.decode(side["histogram"]).get_total_count() == counted
        assert 0 < side["p50_us"] <= side["p90_us"] <= side["p99_us"] <= side["p999_us"] <= side["max_us"]


def test_a_client_of_another_root_is_refused(library: str, made: dict[str, Chain]) -> None:
    stranger = chains.make("ecdsa-p256", client_auth=True)
    identity = {"client_chain_pem": stranger.client_chain, "client_key_pem": stranger.client_key}
    with (
        Contestant(spec(library, made["ecdsa-p256"], **identity)) as worker,
        pytest.raises(Exception, match="for the client") as raised,
    ):
        worker.introduce()
    assert raised.value.code == "bad-certificate-file"  # type: ignore[attr-defined]


def test_what_is_no_fips_module_is_not_selectable(library: str, made: dict[str, Chain]) -> None:
    with Contestant(spec(library, made["ecdsa-p256"], fips=True)) as worker:
        said, refusal = introduced(worker)
    assert "FIPS" in (refusal or said["library_version"])
