"""Contexts of the interpreter's ssl, made of our configurations; what it cannot do is refused here, before a connection."""

from __future__ import annotations

import functools
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlstool import pem, trust
from tlstool.backends.openssl.channel import watch
from tlstool.errors import LocalError, Unsupported, cause
from tlstool.misconduct import Misconduct
from tlstool.model import ClientConfig, Crl, Identity, TlsVersion
from tlstool.names import is_tls13
from tlstool.names import suite as iana_suite
from tlstool.sites import Site

if TYPE_CHECKING:
    import ssl

_VERSIONS: tuple[TlsVersion, ...] = ("1.0", "1.1", "1.2", "1.3")

# All that authenticates by a certificate, down to what OpenSSL calls security level 0.
_EVERY_SUITE = "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"


def client_context(
    config: ClientConfig, *, verify: bool = True, verify_name: bool = True, identity: bool = True
) -> ssl.SSLContext:
    """A context for a client.

    Args:
        config: what is wanted.
        verify: whether a bad chain stops the handshake.
        verify_name: whether a wrong name does too; `config.sni` has to be the name to verify then.
        identity: whether our certificate may go out.

    Raises:
        Unsupported: the interpreter's ssl has no way to do it.
        LocalError: a file is no good.
    """
    import ssl

    context = trust.ssl_context(config.roots)
    context.check_hostname = verify and verify_name
    # OpenSSL would take a name from the subject where there is no subjectAltName (RFC 9525 section 2 has done away with that).
    context.hostname_checks_common_name = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if config.crls:
        _load_crls(context, config.crls)
    if identity and config.identity:
        _load_identity(context, config.identity)
    _restrict(context, config)
    watch(context)
    return context


def server_context(site: Site) -> ssl.SSLContext:
    """A context for a server; raises as `client_context`."""
    import ssl

    if site.misconduct not in (None, Misconduct()):
        raise Unsupported("unsupported", "a server on the interpreter's ssl shows no faults but those of a certificate")
    if site.service.mode == "forward":
        raise Unsupported("unsupported", "a server on the interpreter's ssl forwards nothing")
    if site.key_update_every is not None:
        raise Unsupported("unsupported", "the interpreter's ssl cannot update keys")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for identity in site.identities:
        _load_identity(context, identity)
    _restrict(context, site)
    watch(context)
    return context


def _restrict(context: ssl.SSLContext, config: ClientConfig | Site) -> None:
    """Versions, suites, groups, ALPN and key log: what client and server have in common."""
    old = [name for name in config.ciphers if not is_tls13(name)]
    new = [name for name in config.ciphers if is_tls13(name)]
    versions = _range(config.versions or ("1.2", "1.3"), bool(old), bool(new))
    _set_versions(context, versions)
    if new:
        if not hasattr(context, "set_ciphersuites"):
            raise Unsupported("unsupported", "this Python's ssl cannot choose TLS 1.3 cipher suites")
        context.set_ciphersuites(":".join(new))
    _set_suites(context, old, versions[0])
    if config.groups:
        if not hasattr(context, "set_groups"):
            raise Unsupported("unsupported", "this Python's ssl cannot choose key exchange groups")
        _set_groups(context, config.groups)
    if config.alpn:
        context.set_alpn_protocols(list(config.alpn))
    if config.keylog:
        _set_keylog(context, config.keylog)


def _range(versions: Sequence[TlsVersion], old_suites: bool, new_suites: bool) -> list[TlsVersion]:
    """The versions in order, without those for which the suites that were asked for leave nothing."""
    wanted = sorted(versions)
    if old_suites != new_suites:
        wanted = [version for version in wanted if (version == "1.3") == new_suites]
        if not wanted:
            raise Unsupported("unsupported", f"none of the cipher suites is for TLS {' or '.join(versions)}")
    first, last = _VERSIONS.index(wanted[0]), _VERSIONS.index(wanted[-1])
    if last - first + 1 != len(set(wanted)):
        raise Unsupported("unsupported", "the interpreter's ssl takes a range of TLS versions without gaps")
    return wanted


def _set_versions(context: ssl.SSLContext, versions: Sequence[TlsVersion]) -> None:
    import ssl

    numbers = {
        "1.0": ssl.TLSVersion.TLSv1,
        "1.1": ssl.TLSVersion.TLSv1_1,
        "1.2": ssl.TLSVersion.TLSv1_2,
        "1.3": ssl.TLSVersion.TLSv1_3,
    }
    with warnings.catch_warnings():
        # That TLS 1.0 and 1.1 are deprecated is why they have to be asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = numbers[versions[0]]
        context.maximum_version = numbers[versions[-1]]


def _set_suites(context: ssl.SSLContext, names: Sequence[str], oldest: TlsVersion) -> None:
    if names:
        known = _suites()
        missing = [name for name in names if name not in known]
        if missing:
            raise Unsupported("unsupported", f"OpenSSL has no cipher suite {missing[0]}")
        # A suite that is named is wanted, whatever its security level.
        context.set_ciphers(":".join([*(known[name] for name in names), "@SECLEVEL=0"]))
    elif oldest in ("1.0", "1.1"):
        # Their signatures use SHA-1, which higher levels forbid (RFC 9155 deprecates it).
        context.set_ciphers("DEFAULT:@SECLEVEL=0")


@functools.cache
def _suites() -> dict[str, str]:
    """OpenSSL's suites up to TLS 1.2 under both their names."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(_EVERY_SUITE)
    names = [suite["name"] for suite in context.get_ciphers() if not is_tls13(suite["name"])]
    return {name: name for name in names} | {iana_suite(name): name for name in names}


def _set_groups(context: ssl.SSLContext, groups: Sequence[str]) -> None:
    import ssl

    try:
        context.set_groups(":".join(groups))  # type: ignore[attr-defined]
    except ssl.SSLError:
        raise Unsupported("unsupported", f"OpenSSL does not have all of the groups {', '.join(groups)}") from None


def _set_keylog(context: ssl.SSLContext, path: str) -> None:
    try:
        # OpenSSL would make the file readable for everybody, and says nothing of a disk that is full.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(descriptor).st_size == 0:
                os.write(descriptor, b"# TLS secrets log file\n")
        finally:
            os.close(descriptor)
        context.keylog_filename = path
    except OSError as error:
        words = cause(error)
        raise LocalError("file-not-written", f"{path} cannot be written: {words}") from None


def _load_crls(context: ssl.SSLContext, crls: Sequence[Crl]) -> None:
    import ssl

    # Lists are read from files alone; they are no secret.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        for crl in crls:
            file.write(pem.encode(crl.data, "X509 CRL").encode() if pem.is_der(crl.data) else crl.data + b"\n")
        file.flush()
        try:
            context.load_verify_locations(cafile=file.name)
        except ssl.SSLError:
            named = ", ".join(crl.file for crl in crls)
            raise LocalError("bad-crl", f"OpenSSL cannot read a revocation list in {named}") from None
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Our chain and key, which OpenSSL reads from files: from such as are in memory, for a key is not to be copied to a disk.

    Raises:
        LocalError: `bad-certificate-file`, `bad-key` or `key-mismatch`.
    """
    import ssl

    chain = "".join(pem.encode(der, "CERTIFICATE") for der in pem.certificates(identity.chain))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=chain)
    except ssl.SSLError:
        raise LocalError("bad-certificate-file", f"{identity.chain_file} has a certificate that OpenSSL cannot read") from None

    def refuse() -> str:
        # Asked only for an encrypted key; the default would be to prompt on the terminal.
        raise LocalError("key-encrypted", f"the private key in {identity.key_file} is encrypted")

    with _in_memory(chain.encode()) as chain_path, _in_memory(pem.key_text(identity.key).encode()) as key_path:
        try:
            context.load_cert_chain(chain_path, key_path, refuse)
        except ssl.SSLError as error:
            if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
                message = f"the private key in {identity.key_file} is not that of the certificate in {identity.chain_file}"
                raise LocalError("key-mismatch", message) from None
            if error.reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
                message = (
                    f"OpenSSL does not use the certificate in {identity.chain_file}: {error.reason.lower().replace('_', ' ')}"
                )
                raise LocalError("bad-certificate-file", message) from None
            raise LocalError("bad-key", f"OpenSSL cannot read the private key in {identity.key_file}") from None


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A path under which the data can be read once, and that is on no disk."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tlstool")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()
