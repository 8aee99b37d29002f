"""What a run has imported by its end: the fast path is fast because it leaves out what it does not need."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import zoo
from peers import on_ci
from runner import run

from tlstool.backends import why_no_fast_path

if TYPE_CHECKING:
    from credentials import Credentials

NATIVE = "tlstool._native"
SLOW = (
    *("ssl", "_ssl", "cryptography", "truststore", "certifi", "rich", "asyncio", "importlib.metadata", "hdrh", NATIVE),
    # Not slow, but each a part of a millisecond for what most runs do not ask for.
    *("tlstool.certs", "tlstool.identities", "tlstool.pins", "tlstool.nameserver", "tlstool.exchange", "tlstool.survey"),
    *("tlstool.probes.early_data", "tlstool.probes.ech", "tlstool.probes.pq", "tlstool.probes.reconnect"),
)

IMPORTED = f"""
import sys
from tlstool import cli
status = cli.run(sys.argv[1:])
print(status, *(name for name in {SLOW!r} if name in sys.modules))
"""

WITHOUT_EXTENSION = """
import sys
sys.modules["tlstool._native"] = None
from tlstool import cli
sys.exit(cli.run(sys.argv[1:]))
"""


@pytest.mark.skipif(bool(why_no_fast_path()) and not on_ci(), reason=str(why_no_fast_path()))
def test_a_good_connect_on_the_fast_path_imports_nothing_slow(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = run([sys.executable, "-P", "-c", IMPORTED, "connect", peer.target, "--ca", credentials.ca, "--backend", "rustls"])
    assert done.text.splitlines()[-1] == f"0 {NATIVE}", done


def test_help_imports_not_even_the_extension() -> None:
    done = run([sys.executable, "-P", "-c", IMPORTED, "connect", "--help"])
    assert done.text.splitlines()[-1] == "0", done


def test_a_build_without_the_extension_says_so_wherever_it_matters(credentials: Credentials) -> None:
    def without(*args: str) -> tuple[int, str, str]:
        done = run([sys.executable, "-P", "-c", WITHOUT_EXTENSION, *args])
        assert "Traceback" not in done.errors
        return done.status, done.text, done.errors

    absent = "this build has no Rustls extension"
    status, text, _ = without("--version")
    assert status == 0
    assert f"Rustls         none: {absent}" in text
    assert "auto backend   openssl" in text
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        status, text, _ = without("connect", peer.target, "--ca", str(credentials.ca))
        assert (status, f"openssl: {absent}" in text) == (0, True)
        status, _, errors = without("connect", peer.target, "--ca", str(credentials.ca), "--backend", "rustls")
        assert (status, f"error: {absent}" in errors) == (2, True)
        status, text, _ = without("cert-verify", str(credentials.good.cert), "--ca", str(credentials.ca))
        assert (status, "cryptography" in text) == (0, True)
    status, _, errors = without("bench", "local")
    assert (status, absent in errors, "TLSTOOL_NATIVE=require" in errors) == (2, True, True)
