"""The backends by name, and which one a request gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlstool import names
from tlstool.errors import UsageError
from tlstool.model import BackendName, TlsVersion

if TYPE_CHECKING:
    from tlstool.backends.base import Backend


def get(name: str) -> Backend:
    """The backend of that name, which `available` has.

    Raises:
        UsageError: `unknown-name`: there is no such backend.
    """
    match name:
        case "rustls":
            from tlstool.backends.rustls import Rustls

            return Rustls()
        case "openssl":
            from tlstool.backends.openssl import OpenSsl

            return OpenSsl()
    raise UsageError("unknown-name", f"there is no backend {name!r}")


def available() -> tuple[str, ...]:
    """The names of the backends that work here, the preferred one first."""
    return ("openssl",) if why_no_fast_path() else ("rustls", "openssl")


def why_no_fast_path() -> str | None:
    """Why the extension with Rustls cannot be used, None if it can."""
    try:
        import tlstool.backends.rustls  # noqa: F401 - whether that works is the question
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "tlstool._native"
        return "this build has no Rustls extension" if missing else f"the Rustls extension does not load: {error}"
    return None


def choose(
    wanted: BackendName,
    *,
    tls: Sequence[TlsVersion] = (),
    ciphers: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> tuple[str, str | None]:
    """The name of the backend for a request, and why it is not Rustls where `auto` would have taken that.

    `ciphers` and `groups` are IANA names.

    Raises:
        UsageError: `no-fast-path`: Rustls was asked for and this build has none.
    """
    absent = why_no_fast_path() if wanted != "openssl" else None
    if wanted == "rustls" and absent:
        raise UsageError("no-fast-path", absent)
    if wanted != "auto":
        return wanted, None
    foreign = (
        [f"TLS {version}" for version in tls if version not in ("1.2", "1.3")]
        + [name for name in ciphers if name not in names.SUITES]
        + [name for name in groups if name not in names.RUSTLS_GROUPS]
    )
    if foreign:
        return "openssl", f"Rustls does not speak {', '.join(foreign)}"
    return ("openssl", absent) if absent else ("rustls", None)
