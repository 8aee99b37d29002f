"""One fault: what it is called, what it does, and what a client of ours says to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlstool.record import Record

Changes = Mapping[str, Any]
"""Fields of a record that are not as usual, with their values."""

Read = Callable[[str], Changes]
"""Makes changes to a `Misconduct` of an argument.

Raises:
    ValueError: there is no such argument; its text says what would be one.
"""


class Verdict(Record):
    """What `tlstool connect` says to a fault when it trusts the authority of the server.

    Attributes:
        exit_status: its exit status.
        code: of the error, or else of the warning that it gives; None where it has nothing to say.
        options: of connect, which it takes to see it.
    """

    exit_status: int
    code: str | None = None
    options: tuple[str, ...] = ()


class Fault(Record, kw_only=True):
    """Something that a server does wrong, or that clients have to bear.

    Attributes:
        name: what `--fault` calls it, without its argument.
        words: what is wrong, in a line.
        verdict: what connect says to it.
        also: what it says when it is asked for more; None where that is the same.
        chain: what it changes of a `Blueprint`; None for nothing.
        site: what it changes of a `Variation` itself; None for nothing.
        wire: what it changes of a `Misconduct`; None for nothing.
        read: what makes more of `wire` of an argument; None where it takes none.
        argument: what the argument is called in a list; in brackets where it can be left out.
        example: an argument; it shows the fault as `verdict` says where it cannot be left out.
    """

    name: str
    words: str
    verdict: Verdict
    also: Verdict | None = None
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

    @property
    def shown(self) -> str:
        """The name, with an argument where it needs one: `close-after=hello`."""
        return f"{self.name}={self.example}" if self.needs_argument else self.name
