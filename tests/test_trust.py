"""Which anchors a request names, and what is wrong with the files that it names."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pki
import pytest
from conftest import Pki

from tlstool import trust
from tlstool.errors import LocalError
from tlstool.model import Crl, Roots
from tlstool.requests import TlsOptions


@pytest.fixture(autouse=True)
def no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


def roots(*paths: Path) -> Roots:
    return trust.roots(TlsOptions(ca=tuple(map(str, paths))))


def code_of(*paths: Path) -> str:
    with pytest.raises(LocalError) as raised:
        roots(*paths)
    assert paths[-1].name in raised.value.message
    return raised.value.code


def test_the_system_store_is_left_to_the_verifier() -> None:
    assert trust.roots(TlsOptions()) == Roots("system", None)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_that_replaces_the_system_store_is_announced(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    assert trust.roots(TlsOptions()) == Roots(f"{variable}={tmp_path}", None)


def test_a_variable_that_names_nothing_is_no_empty_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    with pytest.raises(LocalError, match=r"absent\.pem, which SSL_CERT_FILE names") as raised:
        trust.roots(TlsOptions())
    assert raised.value.code == "file-missing"


def test_the_variables_count_for_a_context_of_ssl_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificates: Pki) -> None:
    (tmp_path / "root.pem").write_bytes(certificates.root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    context = trust.ssl_context(trust.roots(TlsOptions()))
    assert context.get_ca_certs(binary_form=True) == [certificates.root.der]
    assert trust.listed(trust.roots(TlsOptions())) == (certificates.root.pem,)


def test_certifi_is_a_bundle() -> None:
    store = trust.roots(TlsOptions(roots="certifi"))
    assert store.store == "certifi"
    assert len(trust.ssl_context(store).get_ca_certs()) > 50


def test_none_trusts_nobody() -> None:
    store = trust.roots(TlsOptions(roots="none"))
    assert store == Roots("none", ())
    assert trust.ssl_context(store).get_ca_certs() == []


def test_files_replace_any_store(tmp_path: Path, certificates: Pki) -> None:
    first, second = tmp_path / "a.pem", tmp_path / "b.der"
    first.write_bytes(certificates.root.pem)
    second.write_bytes(certificates.intermediate.der)
    store = roots(first, second)
    assert store == Roots(f"{first}, {second}", (certificates.root.pem, certificates.intermediate.der))
    context = trust.ssl_context(store)
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert sorted(context.get_ca_certs(binary_form=True)) == sorted([certificates.root.der, certificates.intermediate.der])


def test_a_directory_is_its_certificates_sorted_and_each_once(tmp_path: Path, certificates: Pki) -> None:
    (tmp_path / "b.pem").write_bytes(certificates.root.pem)
    (tmp_path / "a.crt").write_bytes(certificates.intermediate.pem)
    (tmp_path / "README").write_text("not one of them")
    (tmp_path / "empty").touch()
    (tmp_path / "copy.pem").write_bytes(certificates.root.pem)
    (tmp_path / "0a1b2c3d.0").symlink_to("b.pem")
    (tmp_path / "below").mkdir()
    assert roots(tmp_path).pem == (certificates.intermediate.pem, certificates.root.pem)


def test_a_broken_file_of_a_directory_is_told_by_name(tmp_path: Path, certificates: Pki) -> None:
    (tmp_path / "a.pem").write_bytes(certificates.root.pem)
    (tmp_path / "b.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nM!A=\n-----END CERTIFICATE-----\n")
    with pytest.raises(LocalError, match=r"b\.pem") as raised:
        roots(tmp_path)
    assert raised.value.code == "bad-certificate-file"


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (b"", "no-certificate"),
        (b" \n", "no-certificate"),
        (b"garbage", "bad-certificate-file"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n", "bad-certificate-file"),
        (b"-----BEGIN CERTIFICATE-----\nM!A=\n-----END CERTIFICATE-----\n", "bad-certificate-file"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "no-certificate"),
    ],
)
def test_a_file_that_is_no_good_is_told_by_name(tmp_path: Path, contents: bytes, code: str) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(contents)
    assert code_of(file) == code


def test_a_file_or_directory_without_anything_is_told_by_name(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.pem") == "file-missing"
    (tmp_path / "hollow").mkdir()
    assert code_of(tmp_path / "hollow") == "no-certificate"


def test_a_file_that_claims_to_be_a_certificate_is_left_to_its_verifier(tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    store = roots(file)
    with pytest.raises(LocalError) as raised:
        trust.ssl_context(store)
    assert raised.value.code == "bad-certificate-file"


def test_reading_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "large.pem"
    with file.open("wb") as sparse:
        os.truncate(sparse.fileno(), 17 * 1024 * 1024)
    assert code_of(file) == "file-unreadable"


def test_revocation_lists_are_read_in_both_forms(tmp_path: Path, certificates: Pki) -> None:
    text = pki.crl(certificates.root)
    der = ssl.PEM_cert_to_DER_cert(text.decode().replace("X509 CRL", "CERTIFICATE"))
    (tmp_path / "a.pem").write_bytes(text)
    (tmp_path / "b.der").write_bytes(der)
    assert trust.crls((str(tmp_path / "a.pem"), str(tmp_path / "b.der"))) == (
        Crl(str(tmp_path / "a.pem"), text),
        Crl(str(tmp_path / "b.der"), der),
    )
    (tmp_path / "c.pem").write_bytes(certificates.root.pem)
    with pytest.raises(LocalError) as raised:
        trust.crls((str(tmp_path / "c.pem"),))
    assert raised.value.code == "bad-crl"


def test_reading_identities_and_roots_loads_no_library() -> None:
    probe = (
        "import sys, tlstool.trust, tlstool.certs, tlstool.requests as r; tlstool.trust.roots(r.TlsOptions());"
        "print([m for m in ('ssl', 'certifi', 'truststore', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
