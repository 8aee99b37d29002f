"""The second backend: the interpreter's ssl behind the contract, for what Rustls refuses to speak.

It verifies in the first handshake, and OpenSSL ends that at a bad chain before the chain can be read. So it comes again without
the check that failed, to fetch the report and nothing else: without our certificate, unless the caller waived the verdict.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tlstool.backends.base import NOTHING, Offer
from tlstool.endpoint import is_address
from tlstool.errors import Unsupported
from tlstool.model import BackendInfo, ClientConfig, Identity, LoadPlan, LoadResult
from tlstool.phases import Deadline
from tlstool.sites import Connection, Counts, NamedIdentity, ServerConfig, ServeTotals, Sessions, Site

if TYPE_CHECKING:
    from tlstool.backends.openssl.client import OpenSslSession


class OpenSsl:
    """`tlstool.backends.base.Backend` on the interpreter's ssl."""

    def info(self) -> BackendInfo:
        """What this is; Python does not tell whether it is in FIPS mode."""
        from tlstool.backends.openssl.facts import library

        return BackendInfo(name="openssl", library=library(), provider=None, fips=None)

    def client(self, config: ClientConfig) -> OpenSslClient:
        """The context that verifies, made once; groups and TLS 1.3 suites are refused where this Python cannot set them."""
        return OpenSslClient(config)

    def server(self, config: ServerConfig) -> OpenSslServer:
        """The contexts that serve, made once; `config.threads` means nothing here."""
        return OpenSslServer(config)


class OpenSslServer:
    """`tlstool.backends.base.Server` on the interpreter's ssl."""

    def __init__(self, config: ServerConfig) -> None:
        from tlstool.backends.openssl.context import server_context

        for site in config.sites:
            _refuse_site(site)
        self._config = config
        self._contexts = [server_context(site) for site in config.sites]

    def check(self, identity: Identity) -> None:
        """Whether OpenSSL takes it."""
        from tlstool.backends.openssl.context import server_context

        server_context(Site((identity,)))

    def present(self, site: int, identities: Sequence[Identity], named: Sequence[NamedIdentity]) -> None:
        """Not here: a context that is in use must not be changed, and another one could not resume its sessions."""
        raise Unsupported("unsupported", "the interpreter's ssl cannot change a server's certificate while it runs")

    def serve(
        self,
        listeners: Sequence[Sequence[socket.socket]],
        on_event: Callable[[Connection | Counts], None],
        stop_fd: int,
        on_turn: Callable[[], None] | None = None,
    ) -> ServeTotals:
        """Accept and serve, a thread for each connection."""
        from tlstool.backends.openssl.server import AcceptLoop

        return AcceptLoop(self._contexts, self._config, listeners, on_event, stop_fd).run(on_turn)


class OpenSslClient:
    """`tlstool.backends.base.Client` on the interpreter's ssl."""

    def __init__(self, config: ClientConfig) -> None:
        from tlstool.backends.openssl.context import client_context

        _refuse(config)
        # With no SNI, OpenSSL can still check an address: Python never sends one (RFC 6066 section 3).
        self._checks_name = config.verify_name is not None and (
            config.sni == config.verify_name or (config.sni is None and is_address(config.verify_name))
        )
        if config.identity and not self._checks_name and not config.insecure:
            # The name would be known to be wrong only after our certificate went out.
            raise Unsupported(
                "unsupported", "the interpreter's ssl cannot verify another name than it sends before we authenticate"
            )
        self._config = config
        self._context = client_context(config, verify_name=self._checks_name)

    def connect(
        self, sock: socket.socket, deadline: Deadline, redial: Callable[[], socket.socket], offer: Offer = NOTHING
    ) -> OpenSslSession:
        """Handshake, and once or twice more to see a chain that does not verify."""
        from tlstool.backends.openssl.client import Handshaker

        return Handshaker(self._config, self._context, self._checks_name, offer).run(sock, deadline, redial)

    def load(self, plan: LoadPlan) -> LoadResult:
        """Handshakes in a closed loop, a thread for each connection under way; `plan.threads` means nothing here."""
        from tlstool.backends.openssl.context import client_context
        from tlstool.backends.openssl.load import Load

        config = self._config
        context = client_context(config, verify=False) if config.insecure else self._context
        return Load(plan, config, context, self._checks_name).run()


def _refuse_site(site: Site) -> None:
    """What Python's ssl has no way to do for a server."""
    lacks = {
        "serve without a certificate": not site.identities and not site.named,
        "choose between certificates": len(site.identities) > 1 or bool(site.named) or site.sni_strict,
        "staple an OCSP response": any(identity.staple is not None for identity in site.identities),
        "show a raw public key": site.raw_public_key,
        "compress certificates": bool(site.cert_compression),
        # It ends the handshake at a bad certificate before that could be read, or never looks at it.
        "tell what is wrong with a client's certificate": site.client_auth is not None,
        "choose how sessions are resumed": site.sessions != Sessions(),
        "give metrics to Prometheus": site.service.metrics,
    }
    if site.service.mode not in ("status", "echo"):
        raise Unsupported("unsupported", f"the OpenSSL backend does not serve --{site.service.mode}")
    _refuse_all(lacks)


def _refuse_all(lacks: Mapping[str, bool]) -> None:
    for what, is_wanted in lacks.items():
        if is_wanted:
            raise Unsupported("unsupported", f"the interpreter's ssl cannot {what}")


def _refuse(config: ClientConfig) -> None:
    """What Python's ssl has no way to do."""
    lacks = {
        "judge certificates as of another time": config.at is not None,
        "choose signature schemes": bool(config.signature_schemes),
        "do Encrypted Client Hello": config.ech is not None,
        "export keying material": "export" in config.uses,
        "send early data": "early_data" in config.uses,
        "update keys": "key_update" in config.uses,
        "capture": config.pcap is not None,
        "judge by TLSA records": bool(config.tlsa),
        "take a server's certificate for another purpose": config.purpose != "server",
        # It would be known to be wrong only after our certificate went out.
        "check a pin before we authenticate": bool(config.identity and config.pins and not config.insecure),
    }
    _refuse_all(lacks)
