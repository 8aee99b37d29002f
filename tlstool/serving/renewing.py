"""New certificates for a server that runs: a folder is watched, and on SIGHUP all files are read again.

What was negotiated before stays as it is, and so does what a broken file stood for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty

from tlstool.backends.base import Server
from tlstool.errors import TlsToolError
from tlstool.events import Caution, OnEvent, Renewed
from tlstool.model import Identity
from tlstool.reports import Problem
from tlstool.serving import announcing, cautions
from tlstool.serving.changes import Changes
from tlstool.serving.folder import Folder
from tlstool.serving.given import Given
from tlstool.serving.stopping import Stop
from tlstool.sites import NamedIdentity

# A change is taken in once two looks have found it the same, so within twice that.
_INTERVAL = 0.25

_MOST_UNTOLD = 1000
"""Events that wait for a listener who takes his time; the newest are kept."""


class Sources:
    """The files that a server's identities come from, and what they held when they were last read."""

    def __init__(self, given: Given, folder: Folder | None) -> None:
        self.given = given
        self.folder = folder

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Those that were given one by one."""
        return self.given.identities

    @property
    def named(self) -> tuple[NamedIdentity, ...]:
        """Those of the folder."""
        return self.folder.named if self.folder else ()

    def load(self) -> None:
        """Read all files for the first time, when every one has to be good. Raises LocalError."""
        self.given.load()
        if self.folder:
            self.folder.load()

    def look(self, check: Callable[[Identity], None]) -> Changes:
        """What has changed in the folder; see `Folder.look`."""
        return self.folder.look(check) if self.folder else Changes()

    def reread(self, check: Callable[[Identity], None]) -> Changes:
        """What has changed in any file."""
        given = self.given.reread(check)
        return given | (self.folder.look(check, anew=True) if self.folder else Changes())

    def cautioned(self) -> Iterator[tuple[Identity, str | None]]:
        """All identities, those of the folder with the names that they are for."""
        yield from ((identity, None) for identity in self.identities)
        yield from ((one.identity, one.name) for one in self.named)


@contextmanager
def renewing(sources: Sources, server: Server, on_event: OnEvent, stop: Stop) -> Iterator[Callable[[], None]]:
    """While inside, a thread has `server` present what changes in the files; what it yields tells `on_event` of it.

    That is `Renewed` and `Caution`, in the caller's thread: a listener whose output nobody reads keeps no certificate from being
    shown.

    What ends the thread before its time stops the server, and is raised at the end of the block.
    """
    import threading

    untold: deque[Renewed | Caution] = deque(maxlen=_MOST_UNTOLD)

    def tell() -> None:
        while untold:
            on_event(untold.popleft())

    renewal = _Renewal(sources, server, untold.append, stop)
    thread = threading.Thread(target=renewal.run, name="renewal", daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        stop.renewals.put(False)
        thread.join()
    tell()
    if renewal.raised:
        raise renewal.raised


class _Renewal:
    """The thread's part. Attributes: raised: what ended it before its time."""

    def __init__(self, sources: Sources, server: Server, leave: Callable[[Renewed | Caution], None], stop: Stop) -> None:
        self._sources = sources
        self._server = server
        self._leave = leave
        self._stop = stop
        self._known: set[tuple[Identity, str | None]] = set()
        self.raised: Exception | None = None

    def run(self) -> None:
        """Until False comes out of `Stop.renewals`."""
        try:
            self._caution()
            while (asked := self._wish()) is not False:
                if not asked:
                    self._renew(asked=False)
                    continue
                with announcing.reloading():
                    self._renew(asked=True)
        except Exception as error:  # for the thread that serves, whatever it is
            self.raised = error
            self._stop.request()

    def _wish(self) -> bool | None:
        """What is wished, None if it is time for another look."""
        try:
            return self._stop.renewals.get(timeout=_INTERVAL if self._sources.folder else None)
        except Empty:
            return None

    def _renew(self, *, asked: bool) -> None:
        look = self._sources.reread if asked else self._sources.look
        changes = look(self._server.check)
        if changes.alters:
            try:
                self._server.present(0, self._sources.identities, self._sources.named)
            except TlsToolError as error:
                changes = Changes(problems=(*changes.problems, error))
        if asked or changes.alters or changes.problems:
            problems = tuple(Problem(one.code, one.phase, one.message, one.hint, one.alert) for one in changes.problems)
            self._leave(Renewed(changes.added, changes.replaced, changes.removed, problems))
            self._caution()

    def _caution(self) -> None:
        """About what was not there before."""
        known, self._known = self._known, set(self._sources.cautioned())
        for identity, name in self._sources.cautioned():
            if (identity, name) not in known:
                for caution in cautions.of(identity, name):
                    self._leave(caution)
