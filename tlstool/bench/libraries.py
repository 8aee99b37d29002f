"""The libraries that `bench local` measures, as the caller names them and as the engine takes them.

Also where the interpreter's own libssl is. Says nothing of what a file holds: the engine looks into it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from tlstool.errors import LocalError, UsageError
from tlstool.model import Finding

LOOK_LIMIT = 30.0
"""Seconds that looking for the interpreter's libssl may take."""

_SYNTAX = "write [NAME=]PATH[,PATH]: a libssl, its libcrypto behind a comma if need be; or openssl for the one of Python's ssl"

_NAMED = re.compile(r"([\w.+ -]{1,40})=(.+)", re.DOTALL)

_WHERE_IS_SSL = """
import ctypes, _ssl
class Found(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("address", ctypes.c_void_p)]
dladdr = ctypes.CDLL(None).dladdr
own = getattr(_ssl, "__file__", "")
for name in ("SSL_CTX_new", "OpenSSL_version"):
    found = Found()
    function = getattr(ctypes.CDLL(own or None), name, None)
    if function is not None:
        dladdr(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(found))
    print("" if found.file is None or found.file.decode() == own else found.file.decode())
"""
"""Asks the loader which files a function of libssl and one of libcrypto come from; "" for the interpreter itself."""


@dataclass(frozen=True, slots=True)
class Library:
    """One contestant.

    Attributes:
        source: `rustls`, or paths as the engine takes them.
        name: what the caller calls it; None to go by its own name.
        given: as it stood on the command line.
    """

    source: str
    name: str | None
    given: str


RUSTLS = Library("rustls", None, "rustls")


def contestants(against: Iterable[str]) -> tuple[tuple[Library, ...], tuple[Finding, ...]]:
    """Rustls and the others, each once, and what the reader should know.

    Raises:
        UsageError: two have the same name, or one names no file.
        LocalError: there is no such file, or the interpreter has no libssl of its own.
    """
    libraries, warnings = [RUSTLS], []
    for given in against:
        named = _NAMED.fullmatch(given)
        name, paths = named.groups() if named else (None, given)
        if paths == "openssl":
            source, warning = interpreter_libssl()
            warnings += [Finding("other-library", warning)] if warning else []
        else:
            source = _files(paths)
        taken = {library.name for library in libraries if library.name} | {RUSTLS.source}
        if name and name in taken:
            raise UsageError("usage", f"two libraries cannot both be called {name}")
        if name or source not in {library.source for library in libraries}:
            libraries.append(Library(source, name, given))
    return tuple(libraries), tuple(warnings)


def _files(paths: str) -> str:
    found = paths.split(",")
    if not all(found):
        raise UsageError("usage", f"--against: {paths!r} names no file", _SYNTAX)
    for path in found:
        if not os.path.exists(path):
            raise LocalError("file-missing", f"there is no file {path}", _SYNTAX)
    # A name without a folder would be searched for in the system's places.
    return ",".join(map(os.path.abspath, found))


def interpreter_libssl() -> tuple[str, str | None]:
    """The libssl that the interpreter's `ssl` uses, as the engine takes it, and a warning if that had to be guessed.

    Raises:
        LocalError: the interpreter has none, or has it built in.
    """
    # In a process of its own: this one stays free of OpenSSL.
    asked = subprocess.run(
        [sys.executable, "-P", "-c", _WHERE_IS_SSL], capture_output=True, text=True, timeout=LOOK_LIMIT, check=False
    )
    found = asked.stdout.splitlines()
    if asked.returncode == 0 and len(found) == 2:
        if not all(found):
            raise LocalError(
                "bad-library",
                "this Python has its TLS library built in, where it cannot be loaded from",
                "name another one: --against /path/to/libssl.so.3",
            )
        return ",".join(found), None
    from ctypes.util import find_library

    guess = find_library("ssl")
    if guess is None:
        raise LocalError("bad-library", "this Python's ssl does not tell where its libssl is", "name it: --against PATH")
    return guess, f"this Python's ssl does not tell where its libssl is: {guess} was taken instead"
