"""`tlstool completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._command import Command
from ._types import OneWord

if TYPE_CHECKING:
    from tlstool.output.console import Console


@click.command(
    cls=Command,
    examples=(
        ("completions bash > ~/.local/share/bash-completion/completions/tlstool", "bash 4.4 or later"),
        ('completions zsh > "${fpath[1]}/_tlstool"', "zsh"),
        ("completions fish > ~/.config/fish/completions/tlstool.fish", "fish"),
        ("completions powershell >> $PROFILE", "PowerShell"),
    ),
)
@click.argument("shell", type=OneWord(["bash", "zsh", "fish", "powershell"]))
@click.pass_context
def completions(ctx: click.Context, shell: str) -> int:
    """Print the script that completes tlstool in a shell."""
    console: Console = ctx.obj
    console.result(script(ctx.find_root().command, shell))
    return 0


def script(program: click.Command, shell: str) -> str:
    """The completion script of a shell. It asks the program itself at every TAB, so it does not age."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise KeyError(shell)
    completer = made(program, {}, "tlstool", "_TLSTOOL_COMPLETE")
    # Not `source()`: that runs bash to look at its version, and the script may be meant for another machine.
    return (completer.source_template % completer.source_vars()).strip("\n")
