"""A folder with a certificate for each name that clients may ask for (SNI): `www.a.test.pem`, and `*.a.test.pem` for all names
right below a.test.

A file holds the chain, leaf first, and the key. The key may also stand beside it in NAME.key, and an OCSP response to be stapled
in NAME.ocsp.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from tlstool import endpoint, files, identities
from tlstool.errors import LocalError, TlsToolError, UsageError, cause
from tlstool.identities import Secret
from tlstool.model import Identity
from tlstool.serving.changes import Changes
from tlstool.sites import NamedIdentity

_CHAIN, _KEY, _STAPLE = ".pem", ".key", ".ocsp"

_HINTS = {
    "no-key": f"each file has to hold chain and key; or the key stands beside it in NAME{_KEY}",
    "key-mismatch": "the key has to be that of the first certificate in the file",
}

Stamp = tuple[int, int, int] | None
"""Inode, length and time of the last change; None for what is not there, or cannot be looked at."""

Stamps = Mapping[str, tuple[Stamp, ...]]
"""The files with chains, each with the stamps of itself and of those that may stand beside it."""


class Folder:
    """What a folder held when it was last looked at. A file that became unusable stands for what it was before."""

    def __init__(self, path: str, secret: Secret) -> None:
        self._path = path
        self._secret = secret
        self._held: dict[str, NamedIdentity] = {}
        self._taken: Stamps = {}
        self._last_look: Stamps = {}
        self._is_missing = False

    @property
    def named(self) -> tuple[NamedIdentity, ...]:
        """By the names of their files."""
        return tuple(self._held[file] for file in sorted(self._held))

    def files(self) -> tuple[tuple[str, NamedIdentity], ...]:
        """The path of each file that counts, and what it holds."""
        return tuple((os.path.join(self._path, file), self._held[file]) for file in sorted(self._held))

    def load(self) -> None:
        """Read all of it for the first time, when every file has to be good.

        Raises:
            LocalError: `no-certificate` if it has none; as `identities.read`, of the first file that is no good.
        """
        self._taken = self._last_look = self._stamps()
        if not self._taken:
            hint = "put a file there for each name, such as www.example.com.pem or *.example.com.pem"
            raise LocalError("no-certificate", f"{self._path} has no file that ends in {_CHAIN}", hint)
        try:
            self._held = {file: self._read(file) for file in sorted(self._taken)}
        except LocalError as error:
            error.hint = _HINTS.get(error.code, error.hint)
            raise

    def look(self, check: Callable[[Identity], None], *, anew: bool = False) -> Changes:
        """What has changed since, taken in; what `check` raises LocalError for does not count.

        A file that is being written is left alone until two looks in a row find it the same. `anew` does not wait for that, and
        reads files that have not changed, too.
        """
        try:
            stamps = self._stamps()
        except LocalError as error:
            was_missing, self._is_missing = self._is_missing, True
            return Changes() if was_missing and not anew else Changes(problems=(error,))
        self._is_missing = False
        before, self._last_look = self._last_look, stamps
        if not anew and (stamps == self._taken or stamps != before):
            return Changes()
        taken, self._taken = ({} if anew else self._taken), stamps
        return self._take_in([file for file in sorted(stamps) if taken.get(file) != stamps[file]], check)

    def _take_in(self, changed: list[str], check: Callable[[Identity], None]) -> Changes:
        removed = [self._held.pop(file).name for file in sorted(self._held) if file not in self._taken]
        added: list[str] = []
        replaced: list[str] = []
        problems: list[TlsToolError] = []
        for file in changed:
            try:
                found = self._read(file)
                check(found.identity)
            except TlsToolError as error:
                error.hint = _HINTS.get(error.code, error.hint)
                problems.append(error)
                continue
            if self._held.get(file) != found:
                (replaced if file in self._held else added).append(found.name)
            self._held[file] = found
        return Changes(tuple(added), tuple(replaced), tuple(removed), tuple(problems))

    def _read(self, file: str) -> NamedIdentity:
        path = os.path.join(self._path, file)
        name = _host(path, _stem(file))
        beside = os.path.join(self._path, _stem(file))
        key, staple = (found if os.path.lexists(found) else None for found in (beside + _KEY, beside + _STAPLE))
        for one in filter(None, (path, key, staple)):
            _require_no_pipe(one)
        identity = identities.read_by(path, key, self._secret)
        if staple:
            identity = replace(identity, staple=files.read(staple))
        return NamedIdentity(name, identity)

    def _stamps(self) -> Stamps:
        try:
            with os.scandir(self._path) as entries:
                found = {entry.name: _stamp(entry) for entry in entries if not entry.name.startswith(".")}
        except FileNotFoundError:
            raise LocalError("file-missing", f"there is no folder {self._path}") from None
        except OSError as error:
            raise LocalError("file-unreadable", f"cannot read the folder {self._path}: {cause(error)}") from None
        return {
            file: (stamp, found.get(_stem(file) + _KEY), found.get(_stem(file) + _STAPLE))
            for file, stamp in found.items()
            if _is_chain(file)
        }


def _require_no_pipe(path: str) -> None:
    """Nobody may keep a running server waiting for the end of a file. What is not there is for its reader to tell."""
    if files.is_stream(path):
        raise LocalError("file-unreadable", f"cannot read {path}: it is no regular file", "put the certificate itself there")


def _is_chain(file: str) -> bool:
    """`*.a.test` without an ending is a chain as well: nobody has such a file for anything else."""
    return file.endswith(_CHAIN) or (file.startswith("*.") and not file.endswith((_KEY, _STAPLE)))


def _stem(file: str) -> str:
    return file.removesuffix(_CHAIN)


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    try:
        found = entry.stat()
    except OSError:  # a link that leads nowhere, or round in circles: reading it will say so
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _host(path: str, name: str) -> str:
    """The name that a file is for, as clients send it.

    Raises:
        LocalError: `bad-certificate-file`: no client can ask for that.
    """
    star = "*." if name.startswith("*.") else ""
    hint = "call it after a host, such as www.example.com.pem or *.example.com.pem"
    try:
        host = endpoint.host_name(name.removeprefix("*."))
    except UsageError:
        raise LocalError("bad-certificate-file", f"{path}: {name!r} is no host name", hint) from None
    if endpoint.is_address(host):
        raise LocalError("bad-certificate-file", f"{path}: clients never ask for an address as a server's name", hint)
    return star + host
