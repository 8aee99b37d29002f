"""A connection to a peer, as far as it came: what the use cases have in common.

From the options of a request to a session, in phases that are limited and traced; and the verdict that its handshake comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool import backends, certs, dial, endpoint, names, trust
from tlstool.dial import Deadline, Trace
from tlstool.errors import ClientCertificateError, TlsToolError, Unsupported, make
from tlstool.events import OnEvent
from tlstool.model import ClientConfig, Endpoint, Finding, Handshake, Trust
from tlstool.reports import Phases
from tlstool.requests import TlsOptions

if TYPE_CHECKING:
    import socket

    from tlstool.backends.base import Client, Session


_NO_ISSUER_IN_CA = "none of the --ca certificates issued it: is it the right authority, and was no intermediate left out?"


class Attempt:
    """One try to reach a peer. What is known of it stays known when it fails.

    Attributes:
        deadline: of the whole run.
        reached: the peer's address and port, None before there was a connection.
        backend: the name of the backend that speaks, None before there was one.
        backend_reason: why that is not Rustls, where `auto` would have taken it.
        handshake: what was seen of it, None for nothing.
        warnings: what the reader of a report should know of how it came about.
        client: the configuration that was made, for more connections to the same peer.
    """

    def __init__(self, options: TlsOptions, on_event: OnEvent) -> None:
        self.deadline = Deadline.after(options.timeout)
        self.reached: tuple[str, int] | None = None
        self.backend: str | None = None
        self.backend_reason: str | None = None
        self.handshake: Handshake | None = None
        self.warnings: tuple[Finding, ...] = ()
        self.client: Client | None = None
        self._options = options
        self._trace = Trace(on_event)

    def open(self, target: str) -> Session:
        """A session with `target`, its handshake done, whatever the verdict.

        Raises:
            TlsToolError: what went wrong; `handshake` and `reached` keep what was seen until then.
        """
        peer = endpoint.parse(target)
        self.client = self._prepare(peer)
        with self._trace.phase("dns", peer.host) as found:
            addresses = dial.resolve(peer, self.deadline.phase("dns"))
            found.detail = ", ".join(dial.printable(*address[:2]) for _, address in addresses)
        sock = self._dial(addresses)
        with self._trace.phase("handshake", f"by {self.backend}") as found:
            try:
                session = self.client.connect(sock, self.deadline.phase("handshake"), lambda: self._dial(addresses))
            except TlsToolError as error:
                self.handshake = error.handshake
                raise
            self.handshake, self.warnings = session.handshake, session.warnings
            found.detail = f"TLS {self.handshake.tls}, {self.handshake.suite}"
        return session

    @property
    def address(self) -> str | None:
        """The peer's address and port as one reads them."""
        return self.reached and dial.printable(*self.reached)

    @property
    def trust(self) -> Trust | None:
        """The verdict on the peer's chain, None if none was seen."""
        return None if self.handshake is None else self.handshake.trust

    def phases(self) -> Phases:
        """How long each took, until now."""
        return Phases(**self._trace.elapsed_ms, total=self._trace.total_ms())

    def _prepare(self, peer: Endpoint) -> Client:
        config = client_config(self._options, peer)
        self.backend, self.backend_reason = backends.choose(
            self._options.backend, tls=config.versions, ciphers=config.ciphers, groups=config.groups
        )
        try:
            return backends.get(self.backend).client(config)
        except Unsupported as error:
            if self.backend_reason:
                error.hint = f"it fell to the {self.backend} backend because {self.backend_reason}"
            raise

    def _dial(self, addresses: list[dial.Address]) -> socket.socket:
        shown = dial.printable(*addresses[0][1][:2])
        with self._trace.phase("tcp", shown if len(addresses) == 1 else f"{shown} and {len(addresses) - 1} more") as found:
            sock = dial.connect(addresses, self.deadline.phase("tcp"))
            self.reached = sock.getpeername()[:2]
            found.detail = dial.printable(*self.reached)
        return sock


def client_config(options: TlsOptions, peer: Endpoint) -> ClientConfig:
    """What a backend has to know to connect to `peer` in the way that was asked for.

    `--sni X` sends X and verifies X, unless another name to verify was given; addresses are never sent (RFC 6066 section 3).

    Raises:
        UsageError: a key without its certificate.
        LocalError: a file is missing or no good.
    """
    sent = options.sni if options.sni is not None else None if peer.is_address else peer.host
    return ClientConfig(
        verify_name=options.verify_name or sent or peer.host.partition("%")[0],
        sni=sent or None,
        roots=trust.roots(options),
        crls=trust.crls(options.crl),
        insecure=options.insecure,
        identity=certs.identity(options.cert, options.key),
        versions=options.tls,
        ciphers=tuple(names.suite(name) for name in options.ciphers),
        groups=tuple(names.group(name) for name in options.groups),
        alpn=options.alpn,
        keylog=options.keylog,
        at=options.at,
    )


def verdict(trusted: Trust | None, options: TlsOptions) -> TlsToolError | None:
    """The error that a chain's faults amount to; None if it is good, was not seen, or its faults are waived."""
    if trusted is None or options.insecure or not trusted.findings:
        return None
    worst = trusted.findings[0]
    # The standing hint of this one is to give what was given.
    hint = _NO_ISSUER_IN_CA if worst.code == "unknown-issuer" and options.ca else None
    return make(worst.code, worst.message, hint, phase="certificate")


def deciding(raised: TlsToolError, trusted: Trust | None, options: TlsOptions) -> TlsToolError:
    """Which error decides: the server's own bad certificate goes before its wish for one of ours."""
    if isinstance(raised, ClientCertificateError):
        return verdict(trusted, options) or raised
    return raised
