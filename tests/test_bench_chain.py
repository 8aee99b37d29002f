"""The chain of `bench local`: what is made, and what is read from files of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tlstool import authority, certs, pem
from tlstool.bench import chain as chains
from tlstool.bench.chain import Chain
from tlstool.bench.plan import KEY_TYPES
from tlstool.errors import LocalError
from tlstool.judge import judge
from tlstool.model import Criteria, Roots

OPEN = NoEncryption()


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chains.make("ecdsa-p256")


def der_key(chain: Chain, form: PrivateFormat = PrivateFormat.PKCS8, encryption: KeySerializationEncryption = OPEN) -> bytes:
    return load_pem_private_key(chain.key.encode(), None).private_bytes(Encoding.DER, form, encryption)


def load(folder: Path, chain: Chain, **changes: bytes) -> Chain:
    """The chain, read from files of which some say something else."""
    texts = {"cert": chain.chain.encode(), "key": chain.key.encode(), "ca": chain.root.encode(), **changes}
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    return chains.load(**{name: str(folder / name) for name in texts})


# cryptography's verifier takes no Ed25519.
@pytest.mark.parametrize("key_type", [name for name in KEY_TYPES if name != "ed25519"])
def test_a_made_chain_is_good_for_its_name(key_type: str) -> None:
    made = chains.make(key_type)
    roots = Roots("test", (made.root.encode(),))
    shown, trust = judge(made.chain.encode(), (), Criteria(roots, verify_name=made.name))
    assert (trust.verdict, trust.findings) == ("good", ())
    assert [(one.key_type, one.is_ca) for one in shown] == [(key_type, False), (key_type, True)]


def test_a_chain_is_the_same_from_files(tmp_path: Path, chain: Chain) -> None:
    assert load(tmp_path, chain) == chain
    # What else is in a file (a key in the chain's, words between the blocks) is not sent.
    assert load(tmp_path, chain, cert=chain.key.encode() + b"words\n" + chain.chain.encode()) == chain


def test_the_files_may_be_der(tmp_path: Path, chain: Chain) -> None:
    leaf, intermediate = pem.certificates(chain.chain.encode())
    loaded = load(tmp_path, chain, cert=leaf, key=der_key(chain), ca=intermediate)
    assert (loaded.key_type, loaded.name, loaded.key) == (chain.key_type, chain.name, chain.key)
    summed_up = certs.summaries((loaded.chain + loaded.root).encode())
    assert [one.sha256 for one in summed_up] == [certs.sha256(one) for one in (leaf, intermediate)]
    sec1 = load(tmp_path, chain, key=der_key(chain, PrivateFormat.TraditionalOpenSSL)).key
    assert sec1.startswith("-----BEGIN EC PRIVATE KEY-----")


def test_a_chain_has_to_be_for_a_dns_name(tmp_path: Path) -> None:
    identity, _ = authority.throwaway(("192.0.2.7", "::1", "*.example.com"))
    (tmp_path / "own").write_bytes(identity.chain + identity.key)
    with pytest.raises(LocalError, match="for no DNS name") as raised:
        chains.load(*[str(tmp_path / "own")] * 3)
    assert raised.value.code == "bad-certificate-file"


@pytest.mark.parametrize("named", [("a.example", "b.example"), ("*.example", "::1", "a.example")])
def test_the_first_name_that_is_no_pattern_is_verified(tmp_path: Path, named: tuple[str, ...]) -> None:
    identity, _ = authority.throwaway(named)
    (tmp_path / "own").write_bytes(identity.chain + identity.key)
    assert chains.load(*[str(tmp_path / "own")] * 3).name == "a.example"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("key", b"", "no-key"),
        ("key", b"garbage", "bad-key"),
        ("ca", b"", "no-certificate"),
        ("ca", b"\xff\xfe", "bad-certificate-file"),
        ("cert", b"", "no-certificate"),
        ("cert", b"\x30\x00", "bad-certificate-file"),
    ],
)
def test_a_file_that_is_no_good_fails_by_its_own_code(tmp_path: Path, chain: Chain, name: str, data: bytes, code: str) -> None:
    with pytest.raises(LocalError) as raised:
        load(tmp_path, chain, **{name: data})
    assert raised.value.code == code


def test_keys_that_are_none_or_encrypted_are_told_apart(tmp_path: Path, chain: Chain) -> None:
    locked = der_key(chain, encryption=BestAvailableEncryption(b"secret"))
    for data, code in ((locked, "key-encrypted"), (chain.root.encode(), "no-key")):
        with pytest.raises(LocalError) as raised:
            load(tmp_path, chain, key=data)
        assert raised.value.code == code
