"""The fast path: Rustls and aws-lc-rs behind the contract. The only module that knows the extension.

It makes specs of configurations and dataclasses of answers; all work is the engine's. Importing it fails with ImportError where
the extension is missing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

import tlstool._native as _native  # noqa: PLR0402 - the other form hides that the module is not there
from tlstool.backends.base import NOTHING, Offer
from tlstool.errors import TlsToolError
from tlstool.model import (
    BackendInfo,
    Certificate,
    ClientConfig,
    Connection,
    Finding,
    Handshake,
    LoadPlan,
    LoadResult,
    Roots,
    ServerConfig,
    ServeTotals,
    Trust,
    plain,
)
from tlstool.phases import Deadline
from tlstool.sessions import ClientRequest, EarlyData, Ech, Tickets
from tlstool.traffic import Relayed, RelayPlan


class Rustls:
    """`tlstool.backends.base.Backend` on the engine."""

    def info(self) -> BackendInfo:
        """What this is."""
        about = _native.info()
        return BackendInfo("rustls", f"rustls {about['rustls']}", about["provider"], about["fips"])

    def client(self, config: ClientConfig) -> RustlsClient:
        """The engine's configuration, roots and verifier included."""
        return RustlsClient(_native.ClientConfig(plain(config)))

    def server(self, config: ServerConfig) -> RustlsServer:
        """The engine's configuration, identity and ticket keys included."""
        return RustlsServer(_native.ServerConfig(plain(config)))


class RustlsClient:
    """`tlstool.backends.base.Client` on the engine."""

    def __init__(self, config: _native.ClientConfig) -> None:
        self._config = config

    def connect(
        self, sock: socket.socket, deadline: Deadline, redial: Callable[[], socket.socket], offer: Offer = NOTHING
    ) -> RustlsSession:
        """Handshake; the engine keeps a duplicate of the socket, and never needs a second connection."""
        resume = offer.resume if isinstance(offer.resume, _native.Resumption) else None
        with sock:
            try:
                return RustlsSession(_native.connect(self._config, sock.fileno(), deadline.left(), resume, offer.early_data))
            except TlsToolError as error:
                if isinstance(error.handshake, dict):
                    error.handshake = _handshake(error.handshake)
                raise

    def load(self, plan: LoadPlan) -> LoadResult:
        """Handshakes in a closed loop."""
        return LoadResult(**_native.load(plain(plan), self._config))


class RustlsServer:
    """`tlstool.backends.base.Server` on the engine."""

    def __init__(self, config: _native.ServerConfig) -> None:
        self._config = config

    def serve(self, listeners: Sequence[socket.socket], on_connection: Callable[[Connection], None], stop_fd: int) -> ServeTotals:
        """Accept and serve until the count is reached or `stop_fd` has a byte."""
        fds = [listener.fileno() for listener in listeners]
        return ServeTotals(**_native.serve(self._config, fds, lambda raw: on_connection(Connection(**raw)), stop_fd))


class RustlsSession:
    """`tlstool.backends.base.Session` on the engine."""

    def __init__(self, session: _native.Session) -> None:
        self.handshake = _handshake(session.handshake)
        self.resumption = session.resumption
        self.early_data = EarlyData(**early) if (early := session.early_data) else None
        self.warnings: tuple[Finding, ...] = ()
        self._session = session

    def read(self, limit: int, deadline: Deadline) -> bytes:
        """Up to `limit` bytes of application data, b"" at the peer's end."""
        return self._session.read(limit, deadline.left())

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        self._session.write(data, deadline.left())

    def relay(self, plan: RelayPlan, deadline: Deadline) -> Relayed:
        """Move bytes both ways, in one call of the engine."""
        return Relayed(**self._session.relay(plain(plan), deadline.left()))

    def export(self, label: str, context: bytes | None, length: int) -> bytes:
        """Keying material."""
        return self._session.export(label, context, length)

    def update_keys(self, deadline: Deadline) -> None:
        """Go on with new keys in both directions."""
        self._session.update_keys(deadline.left())

    def close(self, deadline: Deadline) -> None:
        """Send close_notify and let go of the socket."""
        self._session.close(deadline.left() or 0.0)
        self.handshake = _handshake(self._session.handshake)

    def finish(self, deadline: Deadline) -> None:
        """Close, with all that time for what the peer still sends."""
        self._session.finish(deadline.left() or 0.0)
        self.handshake = _handshake(self._session.handshake)


def judge(
    certificates: bytes,
    *,
    untrusted: Sequence[bytes],
    roots: Roots,
    crls: Sequence[bytes],
    verify_name: str | None,
    at: int | None,
) -> tuple[tuple[Certificate, ...], Trust]:
    """The chain in `certificates` (PEM, leaf first, or one DER) and the verdict on it, without a connection.

    `verify_name` None leaves the name unchecked; `at` None judges as of now.
    """
    raw = _native.verify(
        {
            "certificates": certificates,
            "untrusted": list(untrusted),
            "roots": plain(roots),
            "crls": list(crls),
            "verify_name": verify_name,
            "at": at,
        }
    )
    return _certificates(raw["certificates"]), _trust(raw["trust"])


def cpu_features() -> tuple[str, ...]:
    """The paths of this CPU that matter to cryptography."""
    return tuple(_native.info()["cpu"])


def _handshake(raw: dict[str, Any]) -> Handshake:
    request, tickets, ech = raw["client_request"], raw["tickets"], raw["ech"]
    records = {
        "certificates": _certificates(raw["certificates"]),
        "client_request": request and ClientRequest(tuple(request["authorities"]), tuple(request["signature_schemes"])),
        "tickets": tickets and Tickets(**tickets),
        "ech": ech and Ech(**ech),
        "trust": _trust(raw["trust"]),
    }
    return Handshake(**{**raw, **records})


def _certificates(raw: Sequence[dict[str, Any]]) -> tuple[Certificate, ...]:
    return tuple(Certificate(**{**one, "names": tuple(one["names"])}) for one in raw)


def _trust(raw: dict[str, Any]) -> Trust:
    return Trust(**{**raw, "findings": tuple(Finding(**finding) for finding in raw["findings"])})
