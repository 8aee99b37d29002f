"""What a server presents: the certificate that was given, or a throw-away one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tlstool import authority, identities
from tlstool.model import Identity
from tlstool.requests import ServeRequest
from tlstool.serving.listening import LOOPBACK


def identity(request: ServeRequest) -> AbstractContextManager[tuple[Identity, str | None]]:
    """The server's identity, and the file with the CA's certificate if it is a throw-away one."""
    from contextlib import nullcontext

    given = identities.given(request.cert, request.key)
    return _throwaway() if given is None else nullcontext((given, None))


@contextmanager
def _throwaway() -> Iterator[tuple[Identity, str]]:
    identity, ca = authority.throwaway(("localhost", LOOPBACK, "::1"))
    with published(ca) as ca_file:
        yield identity, ca_file


@contextmanager
def published(certificate: bytes) -> Iterator[str]:
    """A temporary file with an authority's certificate, there for as long as the server is."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(prefix="tlstool-ca-", suffix=".pem") as file:
        file.write(certificate)
        file.flush()
        yield file.name
