"""The fast path: Rustls and aws-lc-rs behind the contract. The only module that knows the extension.

It makes specs of configurations and dataclasses of answers; all work is the engine's. Importing it fails with ImportError where
the extension is missing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

import tlstool._native as _native  # noqa: PLR0402 - the other form hides that the module is not there
from tlstool import advice
from tlstool.backends.base import NOTHING, Offer, OnWire
from tlstool.cost import CertificateCompression, Cost
from tlstool.errors import TlsToolError
from tlstool.events import WireEvent
from tlstool.model import (
    BackendInfo,
    Certificate,
    ClientConfig,
    Criteria,
    Finding,
    Handshake,
    Identity,
    LoadPlan,
    LoadResult,
    PathCertificate,
    Sct,
    Staple,
    Trust,
    plain,
)
from tlstool.phases import Deadline
from tlstool.sessions import ClientRequest, EarlyData, Ech, Tickets
from tlstool.sites import (
    ClientCertificate,
    Connection,
    Counts,
    EarlyDataReceived,
    Hello,
    KeyShare,
    NamedIdentity,
    ServerConfig,
    ServeTotals,
)
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
        told = None if offer.on_wire is None else _told(offer.on_wire)
        with sock:
            try:
                left = deadline.left()
                return RustlsSession(_native.connect(self._config, sock.fileno(), left, resume, offer.early_data, told))
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
        self._checked: dict[Identity, _native.ServerIdentity] = {}

    def check(self, identity: Identity) -> None:
        """Whether the engine takes it; it is kept for `present`."""
        self._made(identity)

    def present(self, site: int, identities: Sequence[Identity], named: Sequence[NamedIdentity]) -> None:
        """Replace what the engine shows; what it has read before is not read again."""
        given = [self._made(identity) for identity in identities]
        self._config.present(site, given, [(one.name, self._made(one.identity)) for one in named])
        current = {*identities, *(one.identity for one in named)}
        self._checked = {identity: made for identity, made in self._checked.items() if identity in current}

    def _made(self, identity: Identity) -> _native.ServerIdentity:
        if identity not in self._checked:
            self._checked[identity] = _native.ServerIdentity(plain(identity))
        return self._checked[identity]

    def serve(
        self,
        listeners: Sequence[Sequence[socket.socket]],
        on_event: Callable[[Connection | Counts], None],
        stop_fd: int,
        on_turn: Callable[[], None] | None = None,
    ) -> ServeTotals:
        """Accept and serve until the count is reached or `stop_fd` has a byte."""

        def on_connection(raw: dict[str, Any]) -> None:
            on_event(_connection(raw))

        def on_counts(raw: dict[str, Any]) -> None:
            on_event(Counts(ServeTotals(**raw)))

        fds = [[listener.fileno() for listener in site] for site in listeners]
        return ServeTotals(**_native.serve(self._config, fds, on_connection, stop_fd, on_counts, on_turn))


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


def judge(certificates: bytes, untrusted: Sequence[bytes], criteria: Criteria) -> tuple[tuple[Certificate, ...], Trust]:
    """The chain in `certificates` (PEM, leaf first, or one DER) and the verdict on it, without a connection.

    `untrusted` are more files with certificates that may lead from the leaf to an anchor.
    """
    raw = _native.verify({"certificates": certificates, "untrusted": list(untrusted), **plain(criteria)})
    chain = tuple(map(_certificate, raw["certificates"]))
    return chain, advice.advised(_trust(raw["trust"]), chain)


def is_fips() -> bool:
    """Whether the cryptography is a validated module in its approved mode."""
    return bool(_native.info()["fips"])


def cpu_features() -> tuple[str, ...]:
    """The paths of this CPU that matter to cryptography."""
    return tuple(_native.info()["cpu"])


def _told(on_wire: OnWire) -> Callable[[dict[str, Any]], None]:
    return lambda raw: on_wire(WireEvent(**raw))


def _connection(raw: dict[str, Any]) -> Connection:
    hello, certificate, early = raw["hello"], raw["client_certificate"], raw["early_data"]
    records = {
        "hello": hello and _hello(hello),
        "client_certificate": certificate and _client_certificate(certificate),
        "early_data": early and EarlyDataReceived(**early),
    }
    return Connection(**{**raw, **records})


def _client_certificate(raw: dict[str, Any]) -> ClientCertificate:
    findings = tuple(Finding(**finding) for finding in raw["findings"])
    return ClientCertificate(**{**raw, "names": tuple(raw["names"]), "findings": findings})


def _handshake(raw: dict[str, Any]) -> Handshake:
    chain = tuple(map(_certificate, raw["certificates"]))
    request, tickets, ech = raw["client_request"], raw["tickets"], raw["ech"]
    compression, cost = raw["certificate_compression"], raw["cost"]
    records = {
        "certificates": chain,
        "staple": raw["staple"] and Staple(**raw["staple"]),
        "client_request": request and ClientRequest(tuple(request["authorities"]), tuple(request["signature_schemes"])),
        "tickets": tickets and Tickets(**tickets),
        "ech": ech and Ech(**ech),
        "trust": advice.advised(_trust(raw["trust"]), chain),
        "certificate_compression": compression and CertificateCompression(**compression),
        "cost": cost and Cost(**cost),
    }
    return Handshake(**{**raw, **records})


def _hello(raw: dict[str, Any]) -> Hello:
    lists = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
    return Hello(**{**raw, **lists, "key_shares": tuple(KeyShare(**share) for share in raw["key_shares"])})


def _certificate(raw: dict[str, Any]) -> Certificate:
    lists = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
    return Certificate(**{**raw, **lists, "scts": tuple(Sct(**sct) for sct in raw["scts"])})


def _trust(raw: dict[str, Any]) -> Trust:
    path = raw["path"] and tuple(PathCertificate(**one) for one in raw["path"])
    return Trust(**{**raw, "path": path, "findings": tuple(Finding(**finding) for finding in raw["findings"])})
