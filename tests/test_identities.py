"""Our own certificate and key, read from every kind of file."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Pki
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tlstool import identities, pem
from tlstool.errors import LocalError, UsageError


def read(tmp_path: Path, chain: bytes, key: bytes | None) -> str | None:
    """The code of the error that reading an identity ends with; None for none."""
    cert_file, key_file = tmp_path / "cert", tmp_path / "key"
    cert_file.write_bytes(chain)
    if key is not None:
        key_file.write_bytes(key)
    try:
        identity = identities.read(str(cert_file), None if key is None else str(key_file))
    except LocalError as error:
        return error.code if str(tmp_path) in error.message else f"{error.code}, without the file's name"
    assert (identity.chain, identity.key) == (chain, chain if key is None else key)
    return None


def test_an_identity_is_read_in_every_form(tmp_path: Path, certificates: Pki) -> None:
    leaf = certificates.leaf
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        der = leaf.key.private_bytes(Encoding.DER, form, NoEncryption())
        assert read(tmp_path, leaf.pem, leaf.key_pem(form)) is None
        assert read(tmp_path, leaf.der, der) is None
        assert pem.key_text(der).encode() == leaf.key_pem(form)
    assert read(tmp_path, b"subject=leaf\r\n" + leaf.pem.replace(b"\n", b"\r\n") + leaf.key_pem(), None) is None


def test_an_encrypted_key_is_told_whatever_its_form(tmp_path: Path, certificates: Pki) -> None:
    leaf = certificates.leaf
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert read(tmp_path, leaf.pem, leaf.key_pem(form, b"secret")) == "key-encrypted"
    text = leaf.key_pem(PrivateFormat.PKCS8, b"secret")
    assert read(tmp_path, leaf.pem, pem.blocks(text, "ENCRYPTED PRIVATE KEY")[0]) == "key-encrypted"


def test_a_key_without_its_certificate_is_no_identity() -> None:
    assert identities.given(None, None) is None
    with pytest.raises(UsageError, match="--key needs --cert"):
        identities.given(None, "key.pem")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (b"", "no-key"),
        (b"garbage", "bad-key"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n", "bad-key"),
        (b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", "bad-key"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "no-key"),
    ],
)
def test_a_key_that_is_no_good_is_told(tmp_path: Path, certificates: Pki, key: bytes, code: str) -> None:
    assert read(tmp_path, certificates.leaf.pem, key) == code


def test_a_certificate_is_no_key(tmp_path: Path, certificates: Pki) -> None:
    assert read(tmp_path, certificates.leaf.pem, None) == "no-key"
    assert read(tmp_path, certificates.leaf.pem, certificates.leaf.der) == "no-key"


@pytest.mark.parametrize(("chain", "code"), [(b"", "no-certificate"), (b"garbage", "bad-certificate-file")])
def test_a_chain_that_is_no_good_is_told(tmp_path: Path, certificates: Pki, chain: bytes, code: str) -> None:
    assert read(tmp_path, chain, certificates.leaf.key_pem()) == code


def test_files_that_are_not_there_are_told(tmp_path: Path, certificates: Pki) -> None:
    (tmp_path / "cert").write_bytes(certificates.leaf.pem)
    for cert, key in (("absent", None), ("cert", "absent")):
        with pytest.raises(LocalError, match="absent") as raised:
            identities.read(str(tmp_path / cert), key and str(tmp_path / key))
        assert raised.value.code == "file-missing"
