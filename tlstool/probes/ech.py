"""Encrypted Client Hello (RFC 9849) in one run: where its configuration comes from, and what to do about a rejection."""

from __future__ import annotations

import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tlstool import echconfig, resolve
from tlstool.errors import HandshakeError, LocalError, ResolveError, TimeLimitError, TlsToolError
from tlstool.sessions import Ech, EchUse

if TYPE_CHECKING:
    from tlstool.backends.base import Session
    from tlstool.model import ClientConfig, Endpoint, Handshake
    from tlstool.peer import Attempt
    from tlstool.phases import Trace
    from tlstool.requests import ConnectRequest

_NO_NAME = "an address has no HTTPS records"
_NO_RECORD = "the name has no HTTPS record with an ECH configuration"


class EncryptedHello:
    """What `--ech` asks for, and what came of it."""

    def __init__(self, request: ConnectRequest) -> None:
        self._wish = request.ech
        self._name_server = request.dns
        self._reason: str | None = None
        self._retried = False
        self._seen: list[Ech] = []

    @property
    def unavailable(self) -> str | None:
        """Why a hello that was to be encrypted was not; None if it was, or was not to be."""
        return self._reason if self._wish == "auto" and not self._seen else None

    def adjust(self, config: ClientConfig, peer: Endpoint, trace: Trace) -> ClientConfig:
        """The configuration with the offer in it.

        Raises:
            LocalError: the file has no configuration in it.
        """
        match self._wish:
            case None:
                return config
            case "grease":
                return replace(config, ech=())
            case "auto":
                found = self._find(peer, trace) if self._reason is None else ()
                return replace(config, ech=found or None)
            case path:
                return replace(config, ech=(echconfig.from_file(path),))

    def enter(self, attempt: Attempt) -> Session:
        """A session with the peer that was found, in a second try where a server that rejects the first says how.

        Raises:
            TlsToolError: what went wrong; `ech-rejected` if it does not say, may not be believed, or rejects the second, too.
        """
        try:
            return attempt.enter()
        except HandshakeError as error:
            if error.code != "ech-rejected":
                raise
            self._note(attempt.handshake)
            configs = self._retry_configs(error)
            if configs is None:
                raise
        assert attempt.config is not None, "who was rejected was configured"
        try:
            attempt.reconfigure(replace(attempt.config, ech=(configs,)))
        except LocalError as problem:
            raise HandshakeError("ech-rejected", f"the peer wants another configuration, but {problem.message}") from problem
        self._retried = True
        return attempt.enter()

    def find(self, attempt: Attempt, target: str) -> None:
        """Find the way to the peer, with no encrypted hello where what the DNS has of it cannot be used."""
        try:
            attempt.find(target)
        except LocalError as error:
            if error.code != "bad-ech-config" or self._wish != "auto":
                raise
            self._reason = error.message
            attempt.find(target)

    def report(self, handshake: Handshake | None) -> EchUse | None:
        """What it all came to; `handshake` is the last one."""
        if self._wish is None:
            return None
        self._note(handshake)
        last = self._seen[-1] if self._seen else None
        sources: dict[str, Literal["dns", "grease"]] = {"auto": "dns", "grease": "grease"}
        return EchUse(
            status=last.status if last else "unavailable" if self.unavailable else None,
            source=sources.get(self._wish, "file"),
            outer_name=last.outer_name if last else None,
            inner_name=last.inner_name if last else None,
            config_ids=tuple(one.config_id for one in self._seen if one.config_id is not None),
            retried=self._retried,
            reason=self._reason,
        )

    def _find(self, peer: Endpoint, trace: Trace) -> tuple[bytes, ...]:
        if peer.is_address or peer.path is not None:
            self._reason = _NO_NAME
            return ()
        try:
            with trace.phase("dns", f"HTTPS record of {peer.host}") as found:
                server = None if self._name_server is None else resolve.parse_server(self._name_server, found.deadline)
                lists = echconfig.from_dns(peer, server, found.deadline)
                found.detail = f"{len(lists)} ECH configuration lists"
        except (ResolveError, TimeLimitError) as error:
            # With a port in it, the name exists for the sake of that record alone.
            self._reason = _NO_RECORD if error.code == "unknown-host" else error.message
            return ()
        self._reason = None if lists else _NO_RECORD
        return lists

    def _retry_configs(self, error: TlsToolError) -> bytes | None:
        """What the server wants us to use; None where it wants nothing, or its certificate is not good for the public name."""
        ech, trust = self._seen[-1], error.handshake.trust if error.handshake else None
        if trust is None or trust.verdict != "good":
            # Not even if the user waives the verdict: whoever is in between could take our name off us so.
            self._reason = "the server's certificate is not good for the public name, so that its rejection is not believed"
            return None
        if ech.retry_configs is None:
            error.hint = "the server has switched ECH off, as its certificate confirms: leave --ech out"
            return None
        return binascii.a2b_base64(ech.retry_configs)

    def _note(self, handshake: Handshake | None) -> None:
        if handshake is not None and handshake.ech is not None and handshake.ech not in self._seen:
            self._seen.append(handshake.ech)
