"""The shape that all commands have: examples under the description, options in panels. Knows nothing of any one command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

_WIDEST = 30  # columns of `--help` for the options themselves, in all panels of a command alike


class Option(click.Option):
    """An option that knows its panel.

    Attributes:
        panel: the heading in `--help` and in the manual page under which it stands.
    """

    def __init__(self, decls: Sequence[str], panel: str = "Output", **attrs: Any) -> None:
        super().__init__(decls, **attrs)
        self.panel = panel


class _Panels(click.Command):
    """What `Command` and `Group` add to click's.

    Attributes:
        examples: command lines without the program's name, each with what it does in a few words.
        from_openssl: options of `openssl s_client` with what says the same here, for hints and for the manual page; asked for
            when one of these is wanted.
        from_others: options of curl, gnutls-cli and their like with what says the same here, for hints.
        files: files of interest, each with what it is, for the manual page.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[tuple[str, str]] = (),
        from_openssl: Callable[[], Mapping[str, str]] | None = None,
        from_others: Mapping[str, str] | None = None,
        files: Sequence[tuple[str, str]] = (),
        **attrs: Any,
    ) -> None:
        super().__init__(*args, **attrs)
        self.examples = tuple(examples)
        self._from_openssl = from_openssl
        self.from_others = dict(from_others or {})
        self.files = tuple(files)

    @property
    def from_openssl(self) -> Mapping[str, str]:
        """See the class."""
        return self._from_openssl() if self._from_openssl else {}

    def panels(self, ctx: click.Context) -> dict[str, list[click.Parameter]]:
        """The visible options by panel, both in the order in which the command declares them; `--help` closes the last one."""
        found: dict[str, list[click.Parameter]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and not param.hidden:
                found.setdefault(param.panel if isinstance(param, Option) else "Output", []).append(param)
        return found

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The description, then the examples."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for command_line, words in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}# {words}\n")
                    formatter.write(f"{'':>{formatter.current_indent}}tlstool {command_line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, one section a panel."""
        panels = {
            panel: [record for param in params if (record := param.get_help_record(ctx))]
            for panel, params in self.panels(ctx).items()
        }
        longest = max(len(spec) for records in panels.values() for spec, _ in records)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl([(f"{spec:<{min(longest, _WIDEST)}}", words) for spec, words in records], col_max=_WIDEST)


class Command(_Panels):
    """A command with examples and panels."""


class Group(_Panels, click.Group):
    """A group with examples and panels, whose commands stand in the order in which they were declared."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In declared order."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What adds a parameter to the function below it."""


def option(*decls: str, panel: str = "Output", **attrs: Any) -> Decorator:
    """A decorator that adds an option to a command, in a panel."""
    return click.option(*decls, cls=Option, panel=panel, **attrs)
