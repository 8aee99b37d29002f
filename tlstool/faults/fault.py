"""One fault: what it is called, what it does, and what a client of ours says to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlstool.events import FaultShown, Promise
from tlstool.record import Record

Changes = Mapping[str, Any]
"""Fields of a record that are not as usual, with their values."""

Read = Callable[[str], Changes]
"""Makes changes to a `Misconduct` of an argument.

Raises:
    ValueError: there is no such argument; its text says what would be one.
"""


class Fault(Record, kw_only=True):
    """Something that a server does wrong, or that clients have to bear.

    Attributes:
        name: what `--fault` calls it, without its argument.
        words: what is wrong, in a line.
        promise: what a client of ours answers to it.
        further: what it answers when it is asked for more, where that is something else.
        chain: what it changes of a `Blueprint`; None for nothing.
        site: what it changes of a `Variation` itself; None for nothing.
        wire: what it changes of a `Misconduct`; None for nothing.
        read: what makes more of `wire` of an argument; None where it takes none.
        argument: what the argument is called in a list; in brackets where it can be left out.
        example: an argument; it shows the fault as `promise` says where it cannot be left out.
    """

    name: str
    words: str
    promise: Promise
    further: tuple[Promise, ...] = ()
    chain: Changes | None = None
    site: Changes | None = None
    wire: Changes | None = None
    read: Read | None = None
    argument: str = ""
    example: str | None = None

    @property
    def label(self) -> str:
        """The name with its argument, as a list has it: `slow[=MS]`."""
        return self.name + self.argument

    @property
    def needs_argument(self) -> bool:
        """Whether it is nothing without one."""
        return self.argument.startswith("=")

    def listed(self) -> FaultShown:
        """As a list has it."""
        return FaultShown(self.label, self.words, (self.promise, *self.further))

    @property
    def shown(self) -> str:
        """The name, with an argument where it needs one: `close-after=hello`."""
        return f"{self.name}={self.example}" if self.needs_argument else self.name
