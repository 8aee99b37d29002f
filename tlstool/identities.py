"""Our own certificate and key, as users have them: PEM, DER, PKCS#12, behind a pass phrase or not.

What needs `cryptography` imports it here and now: a plain PEM file needs nothing. A key that is decrypted stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tlstool import files, passphrase, pem
from tlstool.certs import named
from tlstool.errors import LocalError, UsageError
from tlstool.model import Identity

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

Secret = Callable[[str], bytes]
"""Gives the pass phrase of the thing that it is told; asked only once it is needed."""


def given(cert: str | None, key: str | None, pass_file: str | None = None) -> Identity | None:
    """The chain and key of a request's `cert` and `key`, None where there are none.

    Raises:
        UsageError: a key without its certificate, or two files that are standard input.
        LocalError: as `read`.
    """
    if cert is not None:
        return read(cert, key, pass_file)
    if key is not None:
        raise UsageError("usage", "--key needs --cert", "name the key's certificate with --cert FILE")
    return None


def read(cert: str, key: str | None, pass_file: str | None = None) -> Identity:
    """Our own chain and key; without a file for the key, it is in the chain's.

    Whether they are sound, and belong together, is for the backend to say. The pass phrase of what is encrypted is the first line
    of `pass_file`; without one, whoever sits at the terminal is asked.

    Raises:
        UsageError: two of the files are standard input.
        LocalError: `file-missing`, `file-unreadable`, `no-certificate`, `bad-certificate-file`, `no-key`, `bad-key`,
            `key-encrypted` if there is nobody to ask, or `wrong-password`.
    """
    if [cert, key, pass_file].count("-") > 1:
        raise UsageError(
            "usage", "certificate, key and pass phrase cannot all come from standard input", "name files for the rest"
        )

    return read_by(cert, key, asking(pass_file))


def asking(pass_file: str | None) -> Secret:
    """Pass phrases out of a file, or of whoever sits at the terminal.

    What it returns raises LocalError: as `passphrase.read`, or `key-encrypted` if there is nobody to ask.
    """

    def secret(what: str) -> bytes:
        if pass_file is not None:
            return passphrase.read(pass_file)
        nobody = LocalError("key-encrypted", f"{what} is encrypted, and there is no terminal to ask at")
        return passphrase.ask(f"Pass phrase of {what}: ", nobody).encode()

    return secret


def read_by(cert: str, key: str | None, secret: Secret) -> Identity:
    """As `read`, with pass phrases from elsewhere."""
    data = files.read(cert)
    held = data if key is None else files.read(key)
    key_file = cert if key is None else key
    chain = _unpacked(data, named(cert), secret) if pem.is_pkcs12(data) else None
    if chain is None:
        pem.require_certificate(data, named(cert))
    if pem.is_pkcs12(held):
        own = chain if chain is not None and key is None else _unpacked(held, named(key_file), secret)
        plain = _key_of(own, named(key_file))
    else:
        plain = _decrypted(held, named(key_file), secret) if pem.is_encrypted(held) else held
        pem.require_key(plain, named(key_file))
    return Identity(
        chain=data if chain is None else _chain_of(chain, named(cert)),
        key=plain,
        chain_file=named(cert),
        key_file=named(key_file),
    )


def _unpacked(data: bytes, name: str, secret: Secret) -> PKCS12KeyAndCertificates:
    """The contents of a PKCS#12 file (RFC 7292). Many have no pass phrase, or an empty one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        for guess in (None, b""):
            try:
                return pkcs12.load_pkcs12(data, guess)
            except ValueError:
                continue
        try:
            return pkcs12.load_pkcs12(data, secret(name))
        except ValueError:
            raise LocalError("wrong-password", f"the pass phrase does not open {name}") from None
    except UnsupportedAlgorithm:
        hint = "pack it anew: openssl pkcs12 -legacy -in FILE -nodes -out PEM"
        raise LocalError("bad-key", f"{name} is encrypted in a way that is no longer supported", hint) from None


def _chain_of(contents: PKCS12KeyAndCertificates, name: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    if contents.cert is None:
        raise LocalError("no-certificate", f"{name} has no certificate that belongs to its key")
    found = [contents.cert, *contents.additional_certs]
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in found)


def _key_of(contents: PKCS12KeyAndCertificates, name: str) -> bytes:
    if contents.key is None:
        raise LocalError("no-key", f"{name} has no private key in it")
    return _plain(contents.key)


def _decrypted(data: bytes, name: str, secret: Secret) -> bytes:
    """An encrypted key (PKCS#8, or OpenSSL's older form) as a plain one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    phrase = secret(f"the private key in {name}")
    try:
        if pem.is_der(data):
            return _plain(load_der_private_key(data, phrase))
        return _plain(load_pem_private_key(pem.key_block(data), phrase))
    except UnsupportedAlgorithm:
        raise LocalError("bad-key", f"the private key in {name} is encrypted in a way that is not supported") from None
    except (ValueError, TypeError):
        # Of a wrong pass phrase and of damaged data, the same is seen: nonsense comes out.
        raise LocalError("wrong-password", f"the pass phrase does not open the private key in {name}") from None


def _plain(key: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
