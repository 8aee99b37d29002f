"""What `tlstool --version` says: everything that a bug report needs."""

from __future__ import annotations

import sys

import tlstool


def describe() -> tuple[str, ...]:
    """The lines: the first is `tlstool X.Y.Z` alone, for scripts."""
    from tlstool import backends

    absent = backends.why_no_fast_path()
    return (
        f"tlstool {tlstool.__version__}",
        f"Python         {sys.version.split()[0]} on {_platform()}",
        *(_rustls() if absent is None else (f"Rustls         none: {absent}",)),
        f"OpenSSL        {backends.get('openssl').info().library}",
        f"cryptography   {_distribution('cryptography')}",
        f"truststore     {_distribution('truststore')}",
        f"certifi        {_distribution('certifi')}",
        f"auto backend   {backends.available()[0]}",
    )


def _rustls() -> tuple[str, str]:
    from tlstool import backends
    from tlstool.backends.rustls import cpu_features

    info = backends.get("rustls").info()
    fips = "in FIPS mode" if info.fips else "not FIPS"
    return (
        f"Rustls         {info.library.removeprefix('rustls ')}, {info.provider} ({fips})",
        f"CPU            {', '.join(cpu_features()) or 'no accelerated paths'}",
    )


def _platform() -> str:
    import platform

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _distribution(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
