"""Which certificates are trusted as anchors, and which revocation lists count.

Reads files and the environment, judges nothing. `ssl`, truststore and certifi are imported by the functions that need them, since
the fast path needs none of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tlstool import files, pem
from tlstool.errors import LocalError, cause
from tlstool.model import Crl, Roots
from tlstool.requests import TlsOptions

if TYPE_CHECKING:
    import ssl

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def roots(options: TlsOptions) -> Roots:
    """The anchors that a request asks for.

    The system's store is left to the backend that verifies (`Roots.pem` is None). `SSL_CERT_FILE` and `SSL_CERT_DIR` take its
    place, as they do for OpenSSL, and are named in `Roots.store`, so that no report hides them. `extra_ca` comes on top of all.

    Raises:
        LocalError: `file-missing`, `file-unreadable`, `no-certificate` or `bad-certificate-file`, naming the file.
    """
    store = _store(options)
    if not options.extra_ca:
        return store
    extra = tuple(anchor for path in options.extra_ca for anchor in _anchors(path))
    named = ", ".join([store.store, *options.extra_ca])
    return Roots(named, None, extra) if store.pem is None else Roots(named, store.pem + extra)


def only(paths: tuple[str, ...]) -> Roots:
    """The anchors in these files and folders, and no others; raises as `roots`."""
    return Roots(", ".join(paths) or "none", tuple(anchor for path in paths for anchor in _anchors(path)))


def _store(options: TlsOptions) -> Roots:
    if options.ca:
        return only(options.ca)
    if options.roots == "certifi":
        import certifi

        return Roots("certifi", (files.read(certifi.where()),))
    if options.roots == "none":
        return Roots("none", ())
    overrides = _overrides()
    for variable, paths in overrides.items():
        for path in paths:
            # A store that is not there would be an empty one in silence.
            if not os.path.exists(path):
                raise LocalError("file-missing", f"there is no {path}, which {variable} names")
    named = [f"{variable}={os.environ[variable]}" for variable in overrides]
    return Roots(" ".join(named) or "system", None)


def crls(paths: tuple[str, ...]) -> tuple[Crl, ...]:
    """Files with revocation lists, PEM or DER each.

    Raises:
        LocalError: `file-missing`, `file-unreadable`, or `bad-crl` if a file has no list in it.
    """
    return tuple(_crl(path) for path in paths)


def ssl_context(anchors: Roots) -> ssl.SSLContext:
    """A context of the interpreter's ssl for a client that verifies chain and name, and trusts these anchors.

    For the system's store it is truststore's, which asks the platform where that has a verifier of its own.

    Raises:
        LocalError: `bad-certificate-file`, if OpenSSL cannot read an anchor.
    """
    import ssl

    overrides = _overrides() if anchors.pem is None else {}
    if anchors.pem is None and not overrides:
        import truststore

        system = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(system, anchors.extra, anchors.store)
        return system
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # An anchor is trusted as it is, also one that another authority has signed (RFC 5280 section 6.1.1 d).
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        for file in overrides.get("SSL_CERT_FILE", ()):
            context.load_verify_locations(cafile=file)
        for directory in overrides.get("SSL_CERT_DIR", ()):
            context.load_verify_locations(capath=directory)
    except ssl.SSLError as error:
        raise _unreadable(anchors.store, error) from None
    _load(context, (*(anchors.pem or ()), *anchors.extra), anchors.store)
    return context


def listed(anchors: Roots) -> tuple[bytes, ...]:
    """The anchors' files themselves, PEM or one DER certificate each; for the system's store, those that OpenSSL would read.

    Raises:
        LocalError: `no-roots`, if the system's store is not made of files; else as `roots`.
    """
    if anchors.pem is not None:
        return anchors.pem + anchors.extra
    if overrides := _overrides():
        return tuple(anchor for paths in overrides.values() for path in paths for anchor in _anchors(path)) + anchors.extra

    import ssl

    paths = ssl.get_default_verify_paths()
    for path in (paths.cafile, paths.capath):
        if path and os.path.exists(path):
            return _anchors(path) + anchors.extra
    raise LocalError("no-roots", "the certificates of the system's store cannot be listed here; name them with --ca FILE")


def _overrides() -> dict[str, tuple[str, ...]]:
    """The paths in the variables that are set; SSL_CERT_DIR may hold several."""
    values = {variable: os.environ.get(variable, "") for variable in _VARIABLES}
    return {
        variable: tuple(value.split(os.pathsep)) if variable == "SSL_CERT_DIR" else (value,)
        for variable, value in values.items()
        if value
    }


def _anchors(path: str) -> tuple[bytes, ...]:
    if not os.path.isdir(path):
        data = files.read(path)
        pem.require_certificate(data, path)
        return (data,)
    # Directories made by `openssl rehash` hold each file a second time, under the hash of its subject.
    originals = {os.path.realpath(entry.path): entry.name for entry in _entries(path) if entry.is_file()}
    found = tuple(dict.fromkeys(data for original in sorted(originals) if pem.has_certificate(data := _sound(original))))
    if not found:
        raise LocalError("no-certificate", f"no file of the directory {path} has a certificate in it")
    return found


def _sound(path: str) -> bytes:
    """A file of a directory, where there may be others than certificates, but no broken ones."""
    data = files.read(path)
    if pem.has_certificate(data):
        pem.require_certificate(data, path)
    return data


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError as error:
        words = cause(error)
        raise LocalError("file-unreadable", f"cannot read the directory {path}: {words}") from None


def _load(context: ssl.SSLContext, files: tuple[bytes, ...], store: str) -> None:
    import ssl

    try:
        for data in files:
            context.load_verify_locations(cadata=b"".join(pem.certificates(data)))
    except (ssl.SSLError, ValueError) as error:
        raise _unreadable(store, error) from None


def _unreadable(store: str, error: Exception) -> LocalError:
    words = getattr(error, "reason", None) or error
    return LocalError("bad-certificate-file", f"OpenSSL cannot read a certificate of {store}: {words}")


def _crl(path: str) -> Crl:
    data = files.read(path)
    try:
        if pem.is_der(data) or pem.blocks(data, "X509 CRL"):
            return Crl(path, data)
    except ValueError as error:
        raise LocalError("bad-crl", f"{path} {error}") from None
    raise LocalError("bad-crl", f"{path} has no certificate revocation list in it")
