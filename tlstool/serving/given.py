"""The certificates that a server is given one by one, each with its key and maybe a staple."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tlstool import files, identities
from tlstool.certs import named
from tlstool.errors import LocalError, TlsToolError, UsageError
from tlstool.identities import Secret
from tlstool.model import Identity
from tlstool.record import Record
from tlstool.requests import ServeRequest
from tlstool.serving.changes import Changes


class Paths(Record):
    """The files of one identity; no `key` means that it is in `cert`."""

    cert: str
    key: str | None
    staple: str | None

    @property
    def is_stream(self) -> bool:
        """Whether it can be read only once."""
        return any(files.is_stream(path) for path in (self.cert, self.key, self.staple) if path)


def paired(request: ServeRequest) -> tuple[Paths, ...]:
    """Certificates, keys and staples of a request, the first with the first and so on.

    Raises:
        UsageError: their numbers do not fit, or more than one is standard input.
    """
    certs, keys, staples = request.cert, request.key, request.staple
    if keys and len(keys) != len(certs):
        hint = "give a --key for each --cert, in the same order; or none, where each file of --cert holds its key"
        raise UsageError("usage", f"there are {len(certs)} of --cert and {len(keys)} of --key", hint)
    if staples and len(staples) != len(certs):
        hint = "give a --staple for each --cert, in the same order"
        raise UsageError("usage", f"there are {len(certs)} of --cert and {len(staples)} of --staple", hint)
    if [*certs, *keys, *staples, request.pass_file].count("-") > 1:
        hint = "name files for the rest"
        raise UsageError("usage", "certificates, keys and pass phrase cannot all come from standard input", hint)
    none = (None,) * len(certs)
    return tuple(Paths(*one) for one in zip(certs, keys or none, staples or none, strict=True))


class Given:
    """What the files held when they were last read."""

    def __init__(self, paths: tuple[Paths, ...], secret: Secret) -> None:
        self._paths = paths
        self._secret = secret
        self.identities: tuple[Identity, ...] = ()

    def load(self) -> None:
        """Read all of them for the first time.

        Raises:
            LocalError: as `identities.read`.
        """
        self.identities = tuple(self._read(paths) for paths in self._paths)

    def reread(self, check: Callable[[Identity], None]) -> Changes:
        """What has changed since, taken in; what `check` raises LocalError for does not count."""
        held, replaced, problems = [], [], []
        for paths, before in zip(self._paths, self.identities, strict=True):
            now = before
            try:
                if not paths.is_stream:
                    now = self._read(paths)
                    check(now)
            except TlsToolError as error:
                now = before
                problems.append(error)
            if now != before:
                replaced.append(named(paths.cert))
            held.append(now)
        self.identities = tuple(held)
        return Changes(replaced=tuple(replaced), problems=tuple(problems))

    def _read(self, paths: Paths) -> Identity:
        identity = identities.read_by(paths.cert, paths.key, self._secret)
        if paths.staple is None:
            return identity
        return replace(identity, staple=_response(paths.staple))


def _response(path: str) -> bytes:
    data = files.read(path)
    if not data:
        raise LocalError("bad-staple", f"{named(path)} is empty")
    return data
