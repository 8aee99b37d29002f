"""A connection to a peer, as far as it came: what the use cases have in common.

From the options of a request to a session, in phases that are limited and traced; and the verdict that its handshake comes to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tlstool import backends, caveats, endpoint, files, names, trust
from tlstool.backends.base import NOTHING, Offer
from tlstool.errors import ClientCertificateError, Interrupted, NotTlsError, TlsToolError, Unsupported, UsageError, make
from tlstool.events import OnEvent
from tlstool.model import ClientConfig, Endpoint, Finding, Handshake, Identity, Tlsa, TlsVersion, Trust
from tlstool.phases import Deadline, Trace
from tlstool.reach import Route
from tlstool.reports import Phases, Starttls
from tlstool.requests import TlsOptions

if TYPE_CHECKING:
    import socket

    from tlstool.backends.base import Client, Session
    from tlstool.resolve import Address
    from tlstool.starttls import Protocol


_NO_ISSUER_IN_CA = "none of the --ca certificates issued it: is it the right authority, and was no intermediate left out?"


Adjust = Callable[[ClientConfig, Endpoint, Trace], ClientConfig]
"""Makes the configuration for a peer out of the usual one."""


def as_it_is(config: ClientConfig, _peer: Endpoint, _trace: Trace) -> ClientConfig:
    """The usual one."""
    return config


class Attempt:
    """One try to reach a peer. What is known of it stays known when it fails.

    Attributes:
        deadline: of the whole run.
        route: the way to the peer; None before a target was read.
        backend: the name of the backend that speaks, None before there was one.
        backend_reason: why that is not Rustls, where `auto` would have taken it.
        starttls: what came before the handshake, None for nothing.
        handshake: what was seen of it, None for nothing.
        warnings: what the reader of a report should know of how it came about.
        config: what it is configured with; None before a target was read.
        client: the configuration that was made, for more connections to the same peer.
    """

    def __init__(self, options: TlsOptions, on_event: OnEvent, adjust: Adjust = as_it_is) -> None:
        """`adjust` has the last word on the configuration that is made of the options."""
        self.deadline = Deadline.of_run(options.timeout, options.limits)
        self.route: Route | None = None
        self.backend: str | None = None
        self.backend_reason: str | None = None
        self.starttls: Starttls | None = None
        self.handshake: Handshake | None = None
        self.warnings: tuple[Finding, ...] = ()
        self.config: ClientConfig | None = None
        self.client: Client | None = None
        self._options = options
        self._protocol: Protocol | None = None
        self._on_event = on_event
        self._adjust = adjust
        self._trace = Trace(on_event, self.deadline)

    def open(self, target: str) -> Session:
        """A session with `target`, its handshake done, whatever the verdict.

        Raises:
            TlsToolError: what went wrong; `handshake` and `address` keep what was seen until then.
        """
        self.find(target)
        return self.enter()

    def find(self, target: str, *, locally: bool = False) -> Route:
        """The way to `target`, its addresses found, and a backend ready to go it; `locally` also where a proxy could find them.

        Raises:
            TlsToolError: what went wrong.
        """
        self._protocol, peer = self._read(target)
        self.route = Route(peer, self._options, self._trace, self.deadline)
        self.client = self._prepare(peer)
        self.route.find(locally=locally)
        return self.route

    def enter(self, offer: Offer = NOTHING) -> Session:
        """A session with the peer that was found; see `open`."""
        assert self.route is not None, "a peer that was found has a way to it"
        assert self.client is not None, "a peer that was found has a backend that goes there"
        sock = self._reach(self.route)
        with self._trace.phase("handshake", f"by {self.backend}") as found:
            try:
                session = self.client.connect(sock, found.deadline, partial(self._reach, self.route), self._heard(offer))
            except TlsToolError as error:
                self.handshake = error.handshake
                self._explain(error)
                raise
            self.handshake = session.handshake
            observed = caveats.of_handshake(self.handshake, _offered(self.config) if self.config else ())
            self.warnings = (*self._unchecked(), *observed, *session.warnings)
            found.detail = f"TLS {self.handshake.tls}, {self.handshake.suite}"
        return session

    def reconfigure(self, config: ClientConfig) -> None:
        """Go on with another configuration, on the same backend.

        Raises:
            Unsupported: the backend cannot do what is in it.
            LocalError: a file in it is no good.
        """
        assert self.backend is not None, "a peer that was found has a backend that goes there"
        self.client = backends.get(self.backend).client(config)
        self.config = config

    def to(self, address: Address | None, on_event: OnEvent) -> Attempt:
        """An attempt of its own, with the same backend, to reach just one of the addresses that were found, or all once more."""
        assert self.route is not None, "addresses that were found have a way to them"
        other = Attempt(self._options, on_event, self._adjust)
        other.deadline, other.backend, other.backend_reason = self.deadline, self.backend, self.backend_reason
        other.config, other.client, other._protocol = self.config, self.client, self._protocol
        other._trace = Trace(on_event, self.deadline)
        other.route = self.route.to(address, other._trace)
        return other

    def _heard(self, offer: Offer) -> Offer:
        """What a connection brings along, with whoever listens to the wire."""
        return replace(offer, on_wire=self._on_event) if self._options.wire else offer

    @property
    def address(self) -> str | None:
        """The peer's address and port as one reads them."""
        return None if self.route is None else self.route.address

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy on the way, without user and password."""
        return None if self.route is None or self.route.proxy is None else str(self.route.proxy)

    @property
    def tries(self) -> int | None:
        """How often it was tried to connect; None before the first try."""
        return (self.route.tries or None) if self.route else None

    @property
    def trust(self) -> Trust | None:
        """The verdict on the peer's chain, None if none was seen."""
        return None if self.handshake is None else self.handshake.trust

    def interruption(self) -> Interrupted:
        """The error that Ctrl-C amounts to, with the phase that it ended."""
        return Interrupted("interrupted", "interrupted", phase=self._trace.current)

    def phases(self) -> Phases:
        """How long each took, until now."""
        return Phases(**self._trace.elapsed_ms, total=self._trace.total_ms())

    def _read(self, target: str) -> tuple[Protocol | None, Endpoint]:
        """What is spoken before TLS, if anything, and the peer, on the port of that where the target tells none."""
        peer = endpoint.parse(target)
        protocol = self._before_tls(peer)
        if protocol and self._options.starttls == protocol.name and "://" not in target:
            peer = endpoint.parse(target, protocol.ports[0])
        if self._options.xmpp_to and not (protocol and protocol.name.startswith("xmpp")):
            raise UsageError("usage", "--xmpp-to is for XMPP alone", "add --starttls xmpp or xmpp-server")
        return protocol, peer

    def _before_tls(self, peer: Endpoint) -> Protocol | None:
        wanted = self._options.starttls
        if not (wanted or peer.starttls):
            return None
        from tlstool import starttls

        if wanted and wanted != starttls.AUTO:
            return starttls.named(wanted)
        if peer.starttls:
            return starttls.named(peer.starttls)
        protocol = starttls.at_port(peer.port)
        if protocol is None:
            self._trace.skip("starttls", f"no protocol that begins in plain text lives on port {peer.port}")
        return protocol

    def _reach(self, route: Route) -> socket.socket:
        """A socket on which the peer expects a ClientHello."""
        sock = route.dial()
        protocol = self._protocol
        if protocol is None:
            return sock
        self.starttls = Starttls(protocol.name, newest_tls=protocol.newest)
        if protocol.function is None:
            return sock
        from tlstool import sniff, starttls

        name = self._options.xmpp_to or self._options.verify_name or self._options.sni or route.peer.host
        try:
            with self._trace.phase("starttls", protocol.title) as found:
                server = starttls.upgrade(protocol, sock, name, found.deadline)
                found.detail = f"{protocol.title}: {server}" if server else protocol.title
        except BaseException as error:
            sock.close()
            if isinstance(error, NotTlsError):
                sniff.advise(error, route.peer)
            raise
        self.starttls = Starttls(protocol.name, server, protocol.newest)
        return sock

    def _explain(self, error: TlsToolError) -> None:
        """Say what is to be known of a failed handshake beyond how it failed."""
        from tlstool import diagnosis, sniff

        assert self.route is not None, "a handshake has had its peer"
        if self._protocol is None:
            sniff.advise(error, self.route.peer)
        if self.config is None or self.config.ech is not None or self.config.framing is not None:
            return  # the first hides the name that a second hello would show, the other what carries it
        again = partial(self._reach, self.route)
        found = diagnosis.diagnose(error, self._options, self.config.sni, again, self.deadline.phase("handshake"))
        if found:
            self.warnings = (*self.warnings, found)

    def _unchecked(self) -> tuple[Finding, ...]:
        """A warning where the verdict says nothing of the name."""
        if self.handshake is None or self.handshake.trust.name is not None:
            return ()
        return (Finding("name-not-checked", "the certificate's name was not checked: none was given"),)

    def _prepare(self, peer: Endpoint) -> Client:
        config = self.config = self._adjust(client_config(self._options, peer, self._protocol), peer, self._trace)
        self.backend, self.backend_reason = backends.choose(
            self._options.backend, tls=config.versions, ciphers=config.ciphers, groups=config.groups
        )
        try:
            if config.pcap is not None:
                self._begin_capture(config, config.pcap)
            return backends.get(self.backend).client(config)
        except Unsupported as error:
            if self.backend_reason:
                error.hint = f"it fell to the {self.backend} backend because {self.backend_reason}"
            raise

    def _begin_capture(self, config: ClientConfig, path: str) -> None:
        """An empty file for this run; a configuration that is refused leaves the capture of the last one as it is."""
        assert self.backend is not None, "it was chosen"
        backends.get(self.backend).client(replace(config, pcap=os.devnull))
        files.begin_private(path)


def client_config(options: TlsOptions, peer: Endpoint, protocol: Protocol | None = None) -> ClientConfig:
    """What a backend has to know to connect to `peer`, behind `protocol`, in the way that was asked for.

    `--sni X` sends X and verifies X, unless another name to verify was given; addresses are never sent (RFC 6066 section 3).
    The certificate's name is left unchecked only where there is none to check, and a bad certificate is no failure.

    Raises:
        UsageError: a key without its certificate, a name that is none, or a TLS version that the protocol does not allow.
        LocalError: a file is missing or no good.
    """
    given = endpoint.server_name(options.sni, "--sni") if options.sni else options.sni
    sent = given if given is not None else None if peer.is_address else peer.host
    wanted = None if options.verify_name is None else endpoint.server_name(options.verify_name, "--verify-name")
    name = wanted or sent or peer.host.partition("%")[0]
    if not name and not options.insecure:
        hint = "name it with --verify-name NAME or --sni NAME, or see what it shows with -k"
        raise UsageError("usage", f"{peer} has no host whose name the certificate could have", hint)
    return ClientConfig(
        verify_name=name or None,
        sni=sent or None,
        roots=trust.roots(options),
        crls=trust.crls(options.crl),
        purpose=options.purpose,
        pins=_pins(options),
        tlsa=_tlsa(options),
        insecure=options.insecure,
        identity=_identity(options),
        versions=protocol.versions(options.tls) if protocol else options.tls,
        ciphers=tuple(names.suite(name) for name in options.ciphers),
        groups=tuple(names.group(name) for name in options.groups),
        alpn=options.alpn or (protocol.alpn if protocol else ()),
        keylog=options.keylog,
        pcap=options.pcap,
        at=options.at,
        framing=protocol.framing if protocol else None,
        signature_schemes=tuple(names.signature_scheme(name) for name in options.sigalgs),
    )


def _offered(config: ClientConfig) -> tuple[TlsVersion, ...]:
    """The versions that the hello has: 1.3 only with a suite of its own (RFC 8446 section 4.1.2)."""
    allowed = config.versions or ("1.2", "1.3")
    if config.ciphers and not any(map(names.is_tls13, config.ciphers)):
        return tuple(version for version in allowed if version != "1.3") or allowed
    return allowed


def _pins(options: TlsOptions) -> tuple[str, ...]:
    if not options.pin:
        return ()
    from tlstool import pins

    return tuple(map(pins.pin, options.pin))


def _tlsa(options: TlsOptions) -> tuple[Tlsa, ...]:
    if not options.tlsa:
        return ()
    from tlstool import pins

    return tuple(map(pins.tlsa, options.tlsa))


def _identity(options: TlsOptions) -> Identity | None:
    if options.cert is None and options.key is None:
        return None
    from tlstool import identities

    return identities.given(options.cert, options.key, options.pass_file)


def verdict(trusted: Trust | None, options: TlsOptions) -> TlsToolError | None:
    """The error that a chain's faults amount to; None if it is good, was not seen, or its faults are waived."""
    if trusted is None or options.insecure or not trusted.findings:
        return None
    worst = trusted.findings[0]
    return make(worst.code, worst.message, _hint(worst, options), phase="certificate")


def _hint(fault: Finding, options: TlsOptions) -> str | None:
    """What to do about a fault, where the standing hint is not for somebody who gave these options."""
    match fault.code:
        case "unknown-issuer" if options.ca:
            return _NO_ISSUER_IN_CA
        case "expired" | "not-yet-valid" if options.at is not None:
            return "that is as of the time of --at: leave it out to judge as of now"
        case "wrong-purpose" if options.purpose == "client":
            return "--purpose client wants clientAuth in it: leave that out for the certificate of a server"
    return fault.hint


def deciding(raised: TlsToolError, trusted: Trust | None, options: TlsOptions) -> TlsToolError:
    """Which error decides: the server's own bad certificate goes before its wish for one of ours, and before a rejection of our
    Encrypted Client Hello, whose word it is not (RFC 9849 section 6.1.7)."""
    if isinstance(raised, ClientCertificateError) or raised.code == "ech-rejected":
        return verdict(trusted, options) or raised
    return raised
