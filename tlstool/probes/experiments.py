"""All that `connect` can be asked to find out besides a handshake, in the order in which it has to happen, for one report.

Each experiment is imported once it is asked for: most runs ask for none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tlstool import files
from tlstool.errors import TlsToolError, UsageError
from tlstool.model import Finding
from tlstool.sessions import EarlyDataUse, Exported, HybridCheck, Reconnect

if TYPE_CHECKING:
    from tlstool.backends.base import Session
    from tlstool.events import OnEvent
    from tlstool.model import ClientConfig, Endpoint, Use
    from tlstool.peer import Attempt
    from tlstool.phases import Trace
    from tlstool.probes.ech import EncryptedHello
    from tlstool.requests import ConnectRequest


class Experiments:
    """Those of one run. What is known of them stays known when something fails."""

    def __init__(self, request: ConnectRequest, on_event: OnEvent) -> None:
        """Read what is to be sent.

        Raises:
            UsageError: two wishes contradict each other.
            LocalError: a file is missing or no good.
        """
        _check(request)
        self._request = request
        self._on_event = on_event
        self._data = None if request.early_data is None else files.read(request.early_data)
        self._hello = None if request.ech is None else _encrypted_hello(request)
        self._attempt: Attempt | None = None
        self._exported: tuple[Exported, ...] | None = None
        self._keys_updated: bool | None = None
        self._early_data: EarlyDataUse | None = None
        self._hybrid: HybridCheck | None = None
        self._reconnects: tuple[Reconnect, ...] | None = None

    def adjust(self, config: ClientConfig, peer: Endpoint, trace: Trace) -> ClientConfig:
        """The configuration with all in it that has to be announced."""
        wishes: dict[Use, bool] = {
            "export": bool(self._request.export_keying),
            "early_data": self._data is not None,
            "key_update": self._request.key_update,
        }
        config = replace(config, uses=tuple(use for use, is_wished in wishes.items() if is_wished))
        return config if self._hello is None else self._hello.adjust(config, peer, trace)

    def open(self, attempt: Attempt) -> Session:
        """The session; see `Attempt.open`."""
        self._attempt = attempt
        if self._hello is None:
            attempt.find(self._request.target)
        else:
            self._hello.find(attempt, self._request.target)
        if self._request.pq_check:
            from tlstool.probes import pq

            pq.require(self._request, attempt)
        return attempt.enter() if self._hello is None else self._hello.enter(attempt)

    def proceed(self, attempt: Attempt, session: Session) -> Session:
        """What is done in the session; the one to go on with, which is another one after early data."""
        if self._request.export_keying:
            self._exported = tuple(
                Exported(
                    wish.label,
                    wish.length,
                    None if wish.context is None else wish.context.hex(),
                    session.export(wish.label, wish.context, wish.length).hex(),
                )
                for wish in self._request.export_keying
            )
        if self._data is not None:
            from tlstool.probes import early_data

            if session.handshake.trust.verdict == "good":
                session, self._early_data = early_data.send(attempt, session, self._data, self._request, self._on_event)
            else:
                self._early_data = early_data.withheld(self._data, session)
        if self._request.key_update:
            self._keys_updated = session.handshake.tls == "1.3"
            if self._keys_updated:
                session.update_keys(attempt.deadline.phase("handshake"))
        return session

    def close(self, attempt: Attempt, session: Session) -> None:
        """End the session: with time for tickets, if they are for something."""
        (session.finish if self._request.reconnect else session.close)(attempt.deadline.phase("close"))
        if self._early_data is None or self._early_data.kind is None:
            attempt.handshake = session.handshake

    def conclude(self, attempt: Attempt, session: Session | None, error: TlsToolError | None) -> None:
        """What takes further connections; `session` has ended, and `error` is why there was none."""
        if session is not None and self._request.reconnect:
            from tlstool.probes import reconnect

            for one in reconnect.reconnect(attempt, session, self._request.reconnect, self._on_event):
                self._reconnects = (*(self._reconnects or ()), one)
        if self._request.pq_check:
            from tlstool.probes import pq

            self._hybrid = pq.check(attempt, error if session is None else None, self._on_event)

    def report(self) -> dict[str, Any]:
        """The fields of `ConnectReport` that they fill."""
        return {
            "ech": self._hello and self._hello.report(self._attempt.handshake if self._attempt else None),
            "early_data": self._early_data,
            "exported": self._exported,
            "keys_updated": self._keys_updated,
            "pq_check": self._hybrid,
            "reconnects": self._reconnects,
            "shared_ticket_keys": self._share_keys(),
        }

    def _share_keys(self) -> bool | None:
        if not self._reconnects:
            return None
        from tlstool.probes import reconnect

        return reconnect.share_keys(self._reconnects)

    def warnings(self) -> tuple[Finding, ...]:
        """What the report's reader should know of them."""
        handshake = self._attempt.handshake if self._attempt else None
        found = []
        if self._request.cert and handshake and handshake.client_certificate == "not_requested":
            found.append(Finding("client-certificate-unused", "the peer did not ask for a certificate, so --cert was not used"))
        if why := self._hello and self._hello.unavailable:
            found.append(Finding("ech-unavailable", f"the hello was not encrypted: {why}"))
        if self._early_data and self._early_data.reason == "rejected":
            words = (
                f"the peer rejected the early data; {self._early_data.sent_later:,} bytes were sent after the handshake instead"
            )
            found.append(Finding("early-data-rejected", words))
        if self._keys_updated is False:
            found.append(Finding("no-key-update", "TLS 1.2 has no key update"))
        if self._reconnects and not any(one.kind == "resumed" for one in self._reconnects):
            found.append(Finding("not-resumed", f"none of {len(self._reconnects)} further connections was resumed"))
        return tuple(found)


def _encrypted_hello(request: ConnectRequest) -> EncryptedHello:
    from tlstool.probes.ech import EncryptedHello

    return EncryptedHello(request)


def _check(request: ConnectRequest) -> None:
    wishes = {
        "--ech": request.ech,
        "--early-data": request.early_data,
        "--reconnect": request.reconnect,
        "--pq-check": request.pq_check,
        "--export-keying": request.export_keying,
        "--key-update": request.key_update,
    }
    given = [option for option, wish in wishes.items() if wish]
    if given and request.all_addresses:
        raise UsageError("usage", f"{given[0]} is for one peer, and --all-addresses for many", "leave one of them out")
    of_1_3 = {"--ech": request.ech, "--early-data": request.early_data is not None, "--key-update": request.key_update}
    for option, wish in of_1_3.items():
        if wish and request.tls and "1.3" not in request.tls:
            raise UsageError("usage", f"{option} needs TLS 1.3", "allow it with --tls")
