"""What has become of a server's certificates since they were last read."""

from __future__ import annotations

from tlstool.errors import TlsToolError
from tlstool.record import Record


class Changes(Record):
    """What is new, and what is no good.

    Attributes:
        added, replaced, removed: names of hosts, or of files that were given one by one.
        problems: of what could not be taken; it is as it was before.
    """

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[TlsToolError, ...] = ()

    def __or__(self, other: Changes) -> Changes:
        return Changes(
            self.added + other.added,
            self.replaced + other.replaced,
            self.removed + other.removed,
            self.problems + other.problems,
        )

    @property
    def alters(self) -> bool:
        """Whether anything else is to be shown than before."""
        return bool(self.added or self.replaced or self.removed)
