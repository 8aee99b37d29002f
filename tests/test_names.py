"""Suites under both their names, against OpenSSL's own list."""

from __future__ import annotations

import subprocess

from peers import require
from runner import LIMIT

from tlstool import names


def test_every_suite_with_a_certificate_is_known_by_both_its_names() -> None:
    command = [require("openssl"), "ciphers", "-stdname", "-s", "ALL:@SECLEVEL=0"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    pairs = {line.split()[2]: line.split()[0] for line in listed.splitlines()}
    certified = {ours: iana for ours, iana in pairs.items() if not any(word in iana for word in ("anon", "PSK", "SRP"))}
    assert len(certified) > 50
    assert {name: names.suite(name) for name in certified} == certified
    assert set(certified.values()) - set(names.ALL_SUITES) == set()


def test_a_name_is_known_in_any_case() -> None:
    assert names.suite("aes128-sha") == "TLS_RSA_WITH_AES_128_CBC_SHA"
    assert names.suite("tls_aes_128_gcm_sha256") == "TLS_AES_128_GCM_SHA256"
    assert names.suite("SOMETHING-ELSE") == "SOMETHING-ELSE"
