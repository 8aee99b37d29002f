"""What a server shows at its addresses: what is sound, one faulty thing, or every fault on a port of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tlstool import faults
from tlstool.errors import UsageError
from tlstool.events import FaultShown
from tlstool.faults import Variation
from tlstool.requests import ServeRequest
from tlstool.serving import presenting
from tlstool.serving.listening import listen
from tlstool.serving.presenting import Presentation
from tlstool.sites import Site

if TYPE_CHECKING:
    from tlstool.faults.mint import Mint

MOST_THREADS = 4
"""Workers of a server that shows every fault: each of them watches every port."""


class Exhibition:
    """The sites of a request.

    Attributes:
        name: what the only site does wrong; None for nothing, or for a server with all faults.
        shows_all: the first site is sound, and behind it comes one for each fault.
    """

    def __init__(self, request: ServeRequest) -> None:
        """What the request's faults are.

        Raises:
            UsageError: `unknown-name`, or `usage` where they make no sense together, or with the rest of the request.
        """
        self._request = request
        self.shows_all = faults.ALL in request.faults
        if self.shows_all and len(request.faults) > 1:
            raise UsageError("usage", "all faults and another one cannot be shown together", "write --fault all, and no other")
        if self.shows_all:
            self._shown = tuple(variation for _, variation in faults.everything())
        else:
            self._shown = (faults.variation(request.faults),) if request.faults else ()
        self.name = self._shown[0].name if self._shown and not self.shows_all else None
        self._mint: Mint | None = None
        if any(one.chain for one in self._shown):
            self._refuse_own()

    def presentation(self) -> AbstractContextManager[Presentation]:
        """What the sound site presents."""
        return self._minted() if any(one.chain for one in self._shown) else presenting.presentation(self._request)

    def _refuse_own(self) -> None:
        """What has no say in how a faulty chain is made."""
        request = self._request
        options = ("cert", "key", "sni_dir", "san", "key_types", "staple", "raw_public_key")
        if given := [option for option in options if getattr(request, option)]:
            option = "--key-type" if given[0] == "key_types" else f"--{given[0].replace('_', '-')}"
            what = self.name or "with all faults"
            raise UsageError("usage", f"{what}: the certificate is a throw-away one, made for that", f"leave out {option}")

    @contextmanager
    def _minted(self) -> Iterator[Presentation]:
        from tlstool.faults.blueprint import Blueprint
        from tlstool.faults.mint import Mint

        self._mint = Mint()
        with presenting.published(self._mint.root.certificate_pem(), self._request.ca_out) as ca_file:
            yield Presentation((self._mint.make(Blueprint()),), ca_file=ca_file)

    def sites(self, sound: Site) -> tuple[Site, ...]:
        """All of them, in the order of their listening sockets; inside `presentation`."""
        if not self._shown:
            return (sound,)
        faulty = tuple(self._spoilt(sound, one) for one in self._shown)
        return (replace(sound, name="sound"), *faulty) if self.shows_all else faulty

    def _spoilt(self, sound: Site, shown: Variation) -> Site:
        from tlstool.faults.blueprint import Blueprint

        site = replace(sound, misconduct=shown.misconduct, versions=shown.versions or sound.versions)
        if self.shows_all:
            site = replace(site, name=shown.name)
        if self._mint is None or not shown.chain:
            return site
        return replace(site, identities=(self._mint.make(Blueprint(**dict(shown.chain))),))

    def further_listeners(self, first: socket.socket) -> list[list[socket.socket]]:
        """The sockets of the sites behind the first: on the ports that follow its own, or on free ones if that was a free one.

        Raises:
            UsageError: there are no more ports.
            LocalError: as `listen`.
        """
        if not self.shows_all:
            return []
        address, port = first.getsockname()[:2]
        host = f"[{address}]" if ":" in address else address
        takes_any = int(self._request.listen.rpartition(":")[2]) == 0
        opened: list[list[socket.socket]] = []
        try:
            for number in range(1, len(self._shown) + 1):
                opened.append(listen(f"{host}:{0 if takes_any else port + number}", 1))
        except BaseException:
            for listeners in opened:
                listeners[0].close()
            raise
        return opened

    def events(self, listeners: Sequence[Sequence[socket.socket]], host: str) -> Iterator[FaultShown]:
        """What is shown at each of the further sockets, if there are any, for clients that call the server `host`."""
        if not self.shows_all:
            return
        for fault, own in zip(faults.FAULTS, listeners, strict=True):
            address, port = own[0].getsockname()[:2]
            shown = replace(fault.listed(), fault=fault.shown)
            yield replace(shown, address=address, port=port, url=f"https://{host}:{port}/")
