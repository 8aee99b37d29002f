"""`bench local`: libraries in memory, in workers that take turns."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tlstool.bench import chain as chains
from tlstool.bench import contestant as contestants
from tlstool.bench import libraries
from tlstool.bench.chain import Chain
from tlstool.bench.contestant import Contestant, WorkerLost
from tlstool.bench.libraries import interpreter_libssl
from tlstool.bench.local import bench_local
from tlstool.bench.plan import signature
from tlstool.errors import LocalError, TlsToolError, Unsupported
from tlstool.events import Event, Progress
from tlstool.figures import RATES, LocalResult
from tlstool.requests import LocalBenchRequest

pytest.importorskip("tlstool._native", reason="the engine is not built")

LIMIT = 60.0
"""Seconds after which a process of the tests has failed."""


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chains.make("ecdsa-p256")


@pytest.fixture(params=["rustls", "openssl"])
def library(request: pytest.FixtureRequest) -> str:
    """Each kind of driver: the engine's own, and that of a foreign libssl."""
    return "rustls" if request.param == "rustls" else interpreter_libssl()[0]


def spec(library: str, chain: Chain, **changes: Any) -> dict[str, Any]:
    return {
        "library": library,
        "scenario": "handshake-full",
        "suite": "TLS_AES_128_GCM_SHA256",
        "group": "x25519",
        "signature": signature(chain.key_type),
        "chain_pem": chain.chain,
        "key_pem": chain.key,
        "root_pem": chain.root,
        "server_name": chain.name,
        "client_chain_pem": "",
        "client_key_pem": "",
        "write_size": 1 << 20,
        "threads": 1,
        "fips": False,
        "published_method": False,
        "cpu": None,
    } | changes


def brief(**changes: Any) -> LocalBenchRequest:
    """A request that is over soon."""
    defaults: dict[str, Any] = {"duration": 0.04, "rounds": 2, "warm_up": 0.0, "key_types": ("ecdsa-p256",), "pin": False}
    return LocalBenchRequest(**defaults | changes)


def refusal(library: str, chain: Chain, **changes: Any) -> TlsToolError:
    with Contestant(spec(library, chain, **changes)) as worker, pytest.raises(TlsToolError) as raised:
        worker.introduce()
    return raised.value


def figures(row: LocalResult) -> dict[str, float]:
    return {name: value for name in RATES if (value := getattr(row, name)) is not None}


def test_both_libraries_are_measured_in_both_scenarios_with_what_was_asked() -> None:
    report = bench_local(brief())
    assert [(row.library, row.scenario) for row in report.results] == [
        ("rustls", "handshake-full"),
        (report.results[1].library, "handshake-full"),
        ("rustls", "bulk"),
        (report.results[1].library, "bulk"),
    ]
    assert report.results[1].library_version == ssl.OPENSSL_VERSION
    for row in report.results:
        assert (row.tls, row.suite, row.group, row.key_type) == ("1.3", "TLS_AES_256_GCM_SHA384", "x25519", "ecdsa-p256")
        assert (row.skipped, row.rounds) == (None, 2)
    handshake, bulk = figures(report.results[0]), figures(report.results[2])
    assert set(handshake) == {"client_handshakes_per_s", "server_handshakes_per_s"}
    assert set(bulk) == {"receive_mib_per_s", "send_mib_per_s"}
    assert all(value > 0 for value in (handshake | bulk).values())


def test_tls_1_2_suites_go_by_either_name_and_with_the_keys_that_fit() -> None:
    wanted = {"suites": ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), "what": ("handshake",)}
    report = bench_local(brief(**wanted, key_types=("ecdsa-p256", "rsa-2048")))
    assert [(row.tls, row.suite, row.key_type, row.skipped) for row in report.results[::2]] == [
        ("1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "rsa-2048", None),
        ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ecdsa-p256", None),
    ]
    assert all(figures(row) for row in report.results)


@pytest.mark.parametrize("group", ["secp256r1", "secp384r1", "X25519MLKEM768", "SecP256r1MLKEM768"])
def test_a_group_is_read_back_or_not_selectable(library: str, chain: Chain, group: str) -> None:
    with Contestant(spec(library, chain, group=group)) as worker:
        try:
            said = worker.introduce()["group"]
        except Unsupported as why:
            said = why.message
    assert said == group or (library != "rustls" and said.startswith("not selectable: "))


@pytest.mark.parametrize("suite", ["TLS_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"])
def test_bulk_data_arrives_under_every_suite(library: str, chain: Chain, suite: str) -> None:
    with Contestant(spec(library, chain, scenario="bulk", suite=suite, write_size=100_000)) as worker:
        assert worker.introduce()["suite"] == suite
        (result,) = worker.measure(0.02)
    assert result["bytes"] > 0
    assert result["bytes"] % 100_000 == 0


def test_each_measurement_counts_its_own_handshakes(library: str, chain: Chain) -> None:
    with Contestant(spec(library, chain)) as worker:
        worker.introduce()
        first, second = worker.measure(0.02), worker.measure(0.02)
    for result in (*first, *second):
        assert result["count"] > 0
        assert 0 < result["client_s"] + result["server_s"] < LIMIT


def test_a_skipped_row_keeps_the_name_of_its_library_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Contestant.measure

    def dying(self: Contestant, seconds: float) -> list[dict[str, Any]]:
        if self._spec["library"] != "rustls":
            self._process.kill()
        return measure(self, seconds)

    monkeypatch.setattr(Contestant, "measure", dying)
    rustls, other = bench_local(brief(what=("handshake",))).results
    assert (rustls.skipped, rustls.rounds) == (None, 2)
    assert (other.library_version, other.rounds, figures(other)) == (ssl.OPENSSL_VERSION, 0, {})
    assert other.skipped == "its worker was ended by SIGKILL"


def test_a_worker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    monkeypatch.setattr(contestants, "_WORKER", ("-c", "import sys; sys.stdin.read()"))
    monkeypatch.setattr(contestants, "START_LIMIT", 0.05)
    with Contestant(spec("rustls", chain)) as worker, pytest.raises(WorkerLost, match="did not answer in time"):
        worker.introduce()
    assert worker._process.poll() is not None


def test_a_worker_that_fails_leaves_its_last_words(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    monkeypatch.setattr(contestants, "_WORKER", ("-c", "import sys; sys.stdin.readline(); sys.exit('no such luck')"))
    with Contestant(spec("rustls", chain)) as worker, pytest.raises(WorkerLost, match="status 1: no such luck"):
        worker.introduce()


def test_what_a_library_prints_is_no_answer(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    program = (
        "import os; from tlstool.bench import worker; from tlstool import _native; own = _native.LocalBench\n"
        "class Loud:\n"
        "    identify = staticmethod(lambda library: (os.write(1, b'hello'), own.identify(library))[1])\n"
        "    def __new__(cls, spec): return own(spec)\n"
        "_native.LocalBench = Loud; worker.main()"
    )
    monkeypatch.setattr(contestants, "_WORKER", ("-P", "-c", program))
    with Contestant(spec("rustls", chain)) as worker:
        assert worker.introduce()["library"] == "rustls"


def test_a_signal_without_a_name_ends_a_worker_like_any_other(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    number = signal.SIGRTMIN + 6
    monkeypatch.setattr(contestants, "_WORKER", ("-c", f"import os, sys; sys.stdin.readline(); os.kill(os.getpid(), {number})"))
    with Contestant(spec("rustls", chain)) as worker, pytest.raises(WorkerLost, match=f"ended by signal {number:d}"):
        worker.introduce()


def test_progress_tells_each_round_once() -> None:
    events: list[Event] = []
    bench_local(brief(what=("handshake",), rounds=3, against=()), events.append)
    assert [(e.done, e.total) for e in events if isinstance(e, Progress)] == [(0, 3), (1, 3), (2, 3)]


def test_ctrl_c_ends_the_run_and_its_workers() -> None:
    program = (
        "from tlstool.bench.local import bench_local\n"
        "from tlstool.requests import LocalBenchRequest as Request\n"
        "bench_local(Request(duration=3600, rounds=1, against=()), lambda event: print(event, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None
        assert "Progress" in process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = children.read_text().split() if children.exists() else []
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=LIMIT)
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def test_a_worker_has_no_ssl_of_its_own() -> None:
    program = "import sys, tlstool.bench.worker, tlstool._native; sys.exit('_ssl' in sys.modules or '_hashlib' in sys.modules)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=os.environ | {"PYTHONPATH": path}, timeout=LIMIT, check=False
    )
    assert done.returncode == 0


# ---- chains --------------------------------------------------------------------------------------


def written(folder: Path, chain: Chain) -> dict[str, str]:
    """The request's options for a chain of one's own."""
    for name, text in (("cert", chain.chain), ("key", chain.key), ("ca", chain.root)):
        (folder / name).write_text(text)
    return {name: str(folder / name) for name in ("cert", "key", "ca")}


def test_an_own_chain_is_measured_under_its_key_type(tmp_path: Path) -> None:
    files = written(tmp_path, chains.make("rsa-2048"))
    report = bench_local(brief(**files, what=("handshake",)))
    assert [(row.key_type, row.skipped) for row in report.results] == [("rsa-2048", None)] * 2


def test_a_chain_of_another_root_does_not_verify(library: str, chain: Chain) -> None:
    error = refusal(library, chain, root_pem=chains.make("ecdsa-p256").root)
    assert error.code == "bad-certificate-file"
    assert "does not verify for localhost" in error.message


def test_a_root_of_another_kind_of_key_does_not_verify_in_words(library: str) -> None:
    error = refusal(library, chains.make("ecdsa-p256"), root_pem=chains.make("rsa-2048").root)
    assert error.code == "bad-certificate-file"
    assert "Context" not in error.message


def test_the_name_is_verified(library: str, chain: Chain) -> None:
    error = refusal(library, chain, server_name="example.com")
    assert error.code == "bad-certificate-file"
    assert "does not verify for example.com" in error.message


def test_a_key_of_another_certificate_is_a_mismatch(library: str, chain: Chain) -> None:
    assert refusal(library, chain, key_pem=chains.make("ecdsa-p256").key).code == "key-mismatch"


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("chain_pem", "", "no-certificate"),
        ("root_pem", "", "no-certificate"),
        ("key_pem", "", "bad-key"),
        ("chain_pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "bad-certificate-file"),
    ],
)
def test_pem_without_what_it_should_hold_is_named(library: str, chain: Chain, field: str, text: str, code: str) -> None:
    assert refusal(library, chain, **{field: text}).code == code


def test_files_of_an_own_chain_fail_by_their_own_codes(tmp_path: Path, chain: Chain) -> None:
    files = written(tmp_path, chain)
    key = load_pem_private_key(chain.key.encode(), None)
    locked = tmp_path / "locked"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    (tmp_path / "garbage").write_bytes(b"\xff\xfe")
    for name, file, code in (
        ("cert", "missing", "file-missing"),
        ("cert", "key", "no-certificate"),
        ("cert", "garbage", "bad-certificate-file"),
        ("key", "locked", "key-encrypted"),
    ):
        with pytest.raises(LocalError) as raised:
            bench_local(brief(**files | {name: str(tmp_path / file)}))
        assert raised.value.code == code, file


# ---- libraries -----------------------------------------------------------------------------------


def test_the_interpreters_library_is_the_one_that_its_ssl_uses(chain: Chain) -> None:
    library, warning = interpreter_libssl()
    assert warning is None
    with Contestant(spec(library, chain)) as worker:
        assert worker.introduce()["library_version"] == ssl.OPENSSL_VERSION


def test_a_library_that_is_built_in_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_WHERE_IS_SSL", "print(); print()")
    with pytest.raises(LocalError, match="built in") as raised:
        interpreter_libssl()
    assert raised.value.code == "bad-library"


def test_a_guessed_library_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_WHERE_IS_SSL", "raise SystemExit(1)")
    monkeypatch.setattr("ctypes.util.find_library", lambda name: f"lib{name}.so.9")
    library, warning = interpreter_libssl()
    assert library == "libssl.so.9"
    assert warning is not None
    assert "libssl.so.9" in warning


def test_files_that_are_no_libssl_fail_the_run_before_anything_is_measured(tmp_path: Path) -> None:
    text = tmp_path / "libssl.so.3"
    text.write_text("neither a library nor short enough to be nothing")
    libcrypto = interpreter_libssl()[0].split(",")[1]
    for path, code in ((text, "bad-library"), (libcrypto, "bad-library"), (tmp_path / "missing", "file-missing")):
        events: list[Event] = []
        with pytest.raises(LocalError) as raised:
            bench_local(brief(against=(str(path),)), events.append)
        assert (raised.value.code, events) == (code, [])
        assert str(path) in raised.value.message


def test_a_libcrypto_that_is_given_has_to_be_the_one_in_use(chain: Chain) -> None:
    libssl = interpreter_libssl()[0].split(",")[0]
    error = refusal(f"{libssl},{libssl}", chain)
    assert error.code == "bad-library"
    assert f"does not use {libssl}, but " in error.message


def test_a_pipe_is_not_waited_for(tmp_path: Path, chain: Chain) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(str(tmp_path / "pipe"), chain).message.endswith("is no regular file")


def test_an_extension_that_uses_libssl_is_not_taken_for_it(chain: Chain) -> None:
    import _ssl

    error = refusal(_ssl.__file__, chain)
    assert error.code == "bad-library"
