"""Our own certificate and key, read from every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pki
import pytest
from conftest import Pki
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from runner import tlstool

from tlstool import identities, passphrase, pem
from tlstool.errors import LocalError, UsageError

if TYPE_CHECKING:
    from credentials import Credentials

pytest_plugins = ("credentials",)


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


# ---- pass phrases --------------------------------------------------------------------------------


PHRASE = b"a pass phrase"


@pytest.fixture
def phrase(tmp_path: Path) -> str:
    path = tmp_path / "phrase"
    path.write_bytes(PHRASE + b"\r\nand what follows\n")
    return str(path)


def same_key(made: bytes, leaf: pki.Issued) -> bool:
    found = load_pem_private_key(made, None)
    return found.public_key() == leaf.key.public_key()


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL", "DER", "bundle"])
def test_a_key_is_decrypted_whatever_its_form(tmp_path: Path, certificates: Pki, phrase: str, form: str) -> None:
    leaf = certificates.leaf
    text = leaf.key_pem(PrivateFormat.TraditionalOpenSSL if form == "TraditionalOpenSSL" else PrivateFormat.PKCS8, PHRASE)
    (tmp_path / "cert").write_bytes(leaf.pem + text if form == "bundle" else leaf.pem)
    (tmp_path / "key").write_bytes(pem.blocks(text, "ENCRYPTED PRIVATE KEY")[0] if form == "DER" else text)
    key = None if form == "bundle" else str(tmp_path / "key")
    assert same_key(identities.read(str(tmp_path / "cert"), key, phrase).key, leaf)


def pkcs12_file(path: Path, leaf: pki.Issued, encryption: KeySerializationEncryption) -> str:
    data = pkcs12.serialize_key_and_certificates(b"name", leaf.key, leaf.certificate, leaf.above, encryption)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("encryption", [NoEncryption(), BestAvailableEncryption(PHRASE)], ids=["open", "locked"])
def test_a_pkcs_12_file_is_key_and_chain(
    tmp_path: Path, certificates: Pki, phrase: str, encryption: KeySerializationEncryption
) -> None:
    leaf = certificates.deep_leaf
    identity = identities.read(pkcs12_file(tmp_path / "own.p12", leaf, encryption), None, phrase)
    assert identity.chain == leaf.chain_pem
    assert same_key(identity.key, leaf)


def test_a_wrong_pass_phrase_is_told(tmp_path: Path, certificates: Pki) -> None:
    leaf = certificates.leaf
    (tmp_path / "cert").write_bytes(leaf.pem)
    (tmp_path / "wrong").write_bytes(b"another\n")
    files = [pkcs12_file(tmp_path / "own.p12", leaf, BestAvailableEncryption(PHRASE))]
    for name, form in (("new.key", PrivateFormat.PKCS8), ("old.key", PrivateFormat.TraditionalOpenSSL)):
        (tmp_path / name).write_bytes(leaf.key_pem(form, PHRASE))
        files.append(str(tmp_path / name))
    for file in files:
        cert, key = (file, None) if file.endswith(".p12") else (str(tmp_path / "cert"), file)
        with pytest.raises(LocalError, match=Path(file).name) as raised:
            identities.read(cert, key, str(tmp_path / "wrong"))
        assert (raised.value.code, raised.value.exit_status) == ("wrong-password", 3)


def test_whoever_sits_at_the_terminal_is_asked(tmp_path: Path, certificates: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = certificates.leaf
    (tmp_path / "own.pem").write_bytes(leaf.pem + leaf.key_pem(PrivateFormat.PKCS8, PHRASE))
    questions = []

    def answer(question: str) -> str:
        questions.append(question)
        return PHRASE.decode()

    monkeypatch.setattr(passphrase, "TERMINAL", "/dev/null")
    monkeypatch.setattr("getpass.getpass", answer)
    assert same_key(identities.read(str(tmp_path / "own.pem"), None).key, leaf)
    assert questions == [f"Pass phrase of the private key in {tmp_path}/own.pem: "]


def test_standard_input_is_one_file_only() -> None:
    with pytest.raises(UsageError, match="standard input"):
        identities.read("-", "-")
    with pytest.raises(UsageError, match="standard input"):
        identities.read("cert.pem", "-", "-")


@pytest.mark.parametrize("option", ["--cert", "--key", "--pass-file"])
def test_a_relay_leaves_its_input_to_the_peer(credentials: Credentials, option: str) -> None:
    files = {"--cert": str(credentials.good.cert), "--key": str(credentials.good.key)} | {option: "-"}
    given = [word for pair in files.items() for word in pair]
    done = tlstool("connect", "127.0.0.1:1", "--pipe", *given)
    assert done.status == 2
    assert f"{option} - would take" in done.errors
