"""What `serve` does wrong on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ._command import option
from ._options import all_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tlstool.output.console import Console


class FaultName(click.ParamType[str]):
    """A fault, with or without its argument; what is wrong with it, the registry says."""

    name = "fault"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        """The names, each with what it is."""
        from click.shell_completion import CompletionItem

        from tlstool.faults import FAULTS

        found = [(fault.name + ("=" if fault.needs_argument else ""), fault.words) for fault in FAULTS]
        found += [("all", "each on a port of its own"), ("list", "say which there are")]
        return [CompletionItem(name, help=words) for name, words in found if name.startswith(incomplete)]


fault_options = all_of(
    option(
        "--fault",
        "faults",
        panel="Server",
        type=FaultName(),
        multiple=True,
        metavar="NAME",
        help="Do something wrong on purpose, such as expired, alert=NAME or silent; list shows all of them, with the status that "
        "connect answers with; all serves each on a port of its own. Repeat it to combine some.",
    ),
)


def list_faults(console: Console, names: Sequence[str], /, *, as_json: bool) -> bool:
    """Print all faults if the list was asked for, and say whether it was."""
    from tlstool import faults
    from tlstool.output import jsonout
    from tlstool.output.human.faults import listed

    if faults.LIST not in names:
        return False
    for fault in faults.FAULTS:
        event = fault.listed()
        console.result(jsonout.line(jsonout.event(event)) if as_json else listed(event))
    return True
