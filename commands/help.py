"""`tlstool help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._command import Command

if TYPE_CHECKING:
    from tlstool.output.console import Console


@click.command(
    cls=Command,
    examples=(
        ("help connect", "the same as tlstool connect --help"),
        ("help exit-codes", "what each exit status means"),
    ),
)
@click.argument("topic", nargs=-1, metavar="[COMMAND|exit-codes]", help="A command, or exit-codes; nothing for the overview.")
@click.pass_context
def help(ctx: click.Context, topic: tuple[str, ...]) -> int:
    """Show the help of a command, or the exit codes."""
    console: Console = ctx.obj
    if topic == ("exit-codes",):
        from tlstool.output import exitcodes

        console.result(exitcodes.table(console.out))
        return 0
    about = ctx.find_root()
    for name in topic:
        command = about.command
        found = command.get_command(about, name) if isinstance(command, click.Group) else None
        if found is None:
            possible = (*command.commands, "exit-codes") if isinstance(command, click.Group) else ()
            raise click.exceptions.NoSuchCommand(name, possibilities=possible, ctx=about)
        about = click.Context(found, info_name=name, parent=about)
    console.result(about.get_help())
    return 0
