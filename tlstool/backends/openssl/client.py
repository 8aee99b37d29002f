"""A client's handshake and session on the interpreter's ssl."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tlstool import certs, findings
from tlstool.backends.base import Offer
from tlstool.backends.openssl.channel import Channel
from tlstool.backends.openssl.context import client_context
from tlstool.backends.openssl.facts import negotiated, peer_chain, tickets
from tlstool.backends.openssl.failure import Seen
from tlstool.backends.openssl.observed import Observed
from tlstool.backends.openssl.verdict import NAME_CODES, fault, trust
from tlstool.errors import TlsToolError, Unsupported, make
from tlstool.model import ClientConfig, Finding, Handshake
from tlstool.phases import Deadline
from tlstool.traffic import Relayed, RelayPlan

if TYPE_CHECKING:
    import ssl


_REFUSAL_SECONDS = 0.25


class OpenSslSession:
    """`tlstool.backends.base.Session` on the interpreter's ssl."""

    early_data = None

    def __init__(self, channel: Channel, handshake: Handshake, warnings: tuple[Finding, ...], *, resumable: bool) -> None:
        self.handshake = handshake
        self.warnings = warnings
        self._channel = channel
        self._resumable = resumable
        self._has_sent = False
        channel.phase = "run"
        self._closed = False

    def read(self, limit: int, deadline: Deadline) -> bytes:
        """Up to `limit` bytes of application data, b"" at the peer's end."""
        return self._channel.read(limit, deadline)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        self._has_sent = True
        self._channel.write(data, deadline)

    def relay(self, plan: RelayPlan, deadline: Deadline) -> Relayed:
        """Move bytes both ways."""
        from tlstool.backends.openssl.relay import Relay

        self._has_sent = True
        return Relay(self._channel, plan, deadline).run()

    @property
    def resumption(self) -> ssl.SSLSession | None:
        """The session itself; None where it was made with another context than the one that verifies, which OpenSSL minds."""
        return self._channel.tls.session if self._resumable else None

    def export(self, label: str, context: bytes | None, length: int) -> bytes:
        """Python has no exporter."""
        raise Unsupported("unsupported", "the interpreter's ssl cannot export keying material")

    def update_keys(self, deadline: Deadline) -> None:
        """Python has no way to ask for it."""
        raise Unsupported("unsupported", "the interpreter's ssl cannot update keys")

    def close(self, deadline: Deadline) -> None:
        """Send close_notify and let go of the socket."""
        self._end(deadline if self._has_sent else deadline.within(_REFUSAL_SECONDS), patience=0.0)

    def finish(self, deadline: Deadline) -> None:
        """Close, with all that time for what the peer still sends."""
        self._end(deadline, patience=_REFUSAL_SECONDS)

    def _end(self, deadline: Deadline, *, patience: float) -> None:
        if self._closed:
            return
        self._closed = True
        with self._channel.sock, suppress(OSError):
            self._channel.hear_out(deadline, patience)
        self.handshake = replace(self.handshake, tickets=tickets(self._channel))


class Handshaker:
    """One try to get a session, in as many connections as it takes to see the chain."""

    def __init__(self, config: ClientConfig, context: ssl.SSLContext, checks_name: bool, offer: Offer) -> None:
        import ssl

        self._config = config
        self._on_wire = offer.on_wire
        self._offered = offer.resume if isinstance(offer.resume, ssl.SSLSession) else None
        self._context = context
        self._checks_name = checks_name

    def run(self, sock: socket.socket, deadline: Deadline, redial: Callable[[], socket.socket]) -> OpenSslSession:
        """See `tlstool.backends.base.Client.connect`."""
        import ssl

        config, refusals = self._config, list[ssl.SSLCertVerificationError]()
        try:
            channel = self._shake(sock, self._context, deadline, self._offered)
        except ssl.SSLCertVerificationError as refusal:
            refusals.append(refusal)
        else:
            return self._session(channel, refusals)
        try:
            if refusals[0].verify_code in NAME_CODES:
                # The verifier stops at its first fault; behind a wrong name there may be one that goes before it.
                try:
                    context = client_context(config, verify_name=False, identity=config.insecure)
                    return self._session(self._shake(redial(), context, deadline), refusals)
                except ssl.SSLCertVerificationError as refusal:
                    refusals.append(refusal)
            context = client_context(config, verify=False, identity=config.insecure)
            return self._session(self._shake(redial(), context, deadline), refusals)
        except TlsToolError as error:
            if config.insecure or error.handshake is not None:
                raise
            # The verdict is known; only the chain is not, as the peer does not show it twice.
            worst = findings.ordered(fault(refusal, (), time.time()) for refusal in refusals)[0]
            raise make(worst.code, worst.message, phase="certificate") from error

    def _shake(
        self, sock: socket.socket, context: ssl.SSLContext, deadline: Deadline, session: ssl.SSLSession | None = None
    ) -> Channel:
        try:
            name = self._config.verify_name if context.check_hostname else self._config.sni
            channel = Channel(sock, context, server_hostname=name, session=session, framing=self._config.framing)
            if channel.seen.requested is not None:
                channel.seen.observed = Observed(sock, self._on_wire)
            channel.handshake(deadline)
        except BaseException:
            sock.close()
            raise
        return channel

    def _session(self, channel: Channel, refusals: list[ssl.SSLCertVerificationError]) -> OpenSslSession:
        try:
            handshake = self._handshake(channel, refusals)
            trusted = not handshake.trust.findings or self._config.insecure
            if trusted and handshake.tls == "1.3" and (channel.seen.requested or self._config.identity):
                try:
                    has_answered = channel.settle(_REFUSAL_SECONDS)
                except TlsToolError as error:
                    error.handshake = handshake
                    raise
                if has_answered and handshake.client_certificate == "sent":
                    handshake = replace(handshake, client_certificate="accepted")
        except BaseException:
            channel.sock.close()
            raise
        return OpenSslSession(channel, handshake, self._warnings(refusals), resumable=not refusals)

    def _warnings(self, refusals: list[ssl.SSLCertVerificationError]) -> tuple[Finding, ...]:
        """What the report's reader has to know: that it is not of the connection that was verified."""
        if not refusals:
            return ()
        which = "second" if len(refusals) == 1 else "third"
        name_alone = len(refusals) == 1 and refusals[0].verify_code in NAME_CODES
        what = " of the name" if name_alone else ""
        return (Finding("second-connection", f"the chain was fetched over a {which} connection without verification{what}"),)

    def _handshake(self, channel: Channel, refusals: list[ssl.SSLCertVerificationError]) -> Handshake:
        agreed = negotiated(channel)
        certificates = tuple(certs.summary(der) for der in peer_chain(channel.tls))
        observed = channel.seen.observed
        return Handshake(
            tls=agreed.tls,
            suite=agreed.suite,
            group=None,
            signature_scheme=None,
            alpn=agreed.alpn,
            sni=self._config.sni,
            kind=agreed.kind,
            certificates=certificates,
            staple=None,
            client_certificate=_client_certificate(channel.seen, agreed.tls),
            client_request=None,
            tickets=tickets(channel),
            early_data_limit=None,
            ech=None,
            trust=trust(self._config, channel.tls, certificates, refusals, self._checks_name),
            hello_retry=observed.hello_retry if observed else None,
            certificate_compression=observed.certificate_compression if observed else None,
            cost=observed.cost() if observed else None,
        )


def _client_certificate(seen: Seen, tls: str | None) -> Literal["not_requested", "requested", "sent", "accepted"] | None:
    if seen.requested is None:
        return None
    if seen.sent:
        # Before TLS 1.3, the server has seen all before it is done.
        return "sent" if tls == "1.3" else "accepted"
    return "requested" if seen.requested else "not_requested"
