"""A connection to a peer, as far as it came: what the use cases have in common.

From the options of a request to a session, in phases that are limited and traced; and the verdict that its handshake comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool import backends, certs, dial, endpoint, names, starttls, trust
from tlstool.dial import Deadline, Trace
from tlstool.errors import ClientCertificateError, TlsToolError, Unsupported, UsageError, make
from tlstool.events import OnEvent, PhaseEvent
from tlstool.model import ClientConfig, Endpoint, Finding, Handshake, Trust
from tlstool.reports import Phases, Starttls
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
        starttls: what came before the handshake, None for nothing.
        handshake: what was seen of it, None for nothing.
        warnings: what the reader of a report should know of how it came about.
        client: the configuration that was made, for more connections to the same peer.
    """

    def __init__(self, options: TlsOptions, on_event: OnEvent) -> None:
        self.deadline = Deadline.after(options.timeout)
        self.reached: tuple[str, int] | None = None
        self.backend: str | None = None
        self.backend_reason: str | None = None
        self.starttls: Starttls | None = None
        self.handshake: Handshake | None = None
        self.warnings: tuple[Finding, ...] = ()
        self.client: Client | None = None
        self._options = options
        self._on_event = on_event
        self._trace = Trace(on_event)

    def open(self, target: str) -> Session:
        """A session with `target`, its handshake done, whatever the verdict.

        Raises:
            TlsToolError: what went wrong; `handshake` and `reached` keep what was seen until then.
        """
        protocol, peer = self._protocol(target)
        config = client_config(self._options, peer, protocol)
        self.client = self._prepare(config)
        with self._trace.phase("dns", peer.host) as found:
            addresses = dial.resolve(peer, self.deadline.phase("dns"))
            found.detail = ", ".join(dial.printable(*address[:2]) for _, address in addresses)

        def reach() -> socket.socket:
            sock = self._dial(addresses)
            if protocol is not None:
                self._upgrade(sock, protocol, self._options.xmpp_to or config.verify_name)
            return sock

        sock = reach()
        with self._trace.phase("handshake", f"by {self.backend}") as found:
            try:
                session = self.client.connect(sock, self.deadline.phase("handshake"), reach)
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

    def _protocol(self, target: str) -> tuple[starttls.Protocol | None, Endpoint]:
        """What is spoken before TLS, if anything, and the peer, on the port of that unless the target has one."""
        wanted = self._options.starttls
        protocol = None if wanted in (None, starttls.AUTO) else starttls.named(wanted)
        peer = endpoint.parse(target, protocol.ports[0]) if protocol else endpoint.parse(target)
        if wanted == starttls.AUTO:
            protocol = starttls.at_port(peer.port)
            if protocol is None:
                why = f"none, since no protocol that begins in plain text lives on port {peer.port}"
                self._on_event(PhaseEvent("starttls", "done", why, None))
        if self._options.xmpp_to and not (protocol and protocol.name.startswith("xmpp")):
            raise UsageError("usage", "--xmpp-to is for XMPP alone", "add --starttls xmpp or xmpp-server")
        return protocol, peer

    def _upgrade(self, sock: socket.socket, protocol: starttls.Protocol, name: str) -> None:
        self.starttls = Starttls(protocol.name, None)
        if protocol.function is None:
            return
        try:
            with self._trace.phase("starttls", protocol.title) as found:
                server = starttls.upgrade(protocol, sock, name, self.deadline.phase("starttls"))
                found.detail = f"{protocol.title}: {server}" if server else protocol.title
        except BaseException:
            sock.close()
            raise
        self.starttls = Starttls(protocol.name, server)

    def _prepare(self, config: ClientConfig) -> Client:
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


def client_config(options: TlsOptions, peer: Endpoint, protocol: starttls.Protocol | None = None) -> ClientConfig:
    """What a backend has to know to connect to `peer`, behind `protocol`, in the way that was asked for.

    `--sni X` sends X and verifies X, unless another name to verify was given; addresses are never sent (RFC 6066 section 3).

    Raises:
        UsageError: a key without its certificate, or a TLS version that the protocol does not allow.
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
        versions=protocol.versions(options.tls) if protocol else options.tls,
        ciphers=tuple(names.suite(name) for name in options.ciphers),
        groups=tuple(names.group(name) for name in options.groups),
        alpn=options.alpn or (protocol.alpn if protocol else ()),
        keylog=options.keylog,
        at=options.at,
        framing=protocol.framing if protocol else None,
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
