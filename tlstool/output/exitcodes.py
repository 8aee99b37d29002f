"""The exit statuses with their meaning, made from the error classes, so that it cannot differ from what happens."""

from __future__ import annotations

import inspect

from tlstool.errors import TlsToolError, subclasses
from tlstool.output.console import Style

ExitStatus = tuple[int, str, tuple[str, ...]]
"""A status, what it means, and the error codes that lead to it."""


def exit_statuses() -> list[ExitStatus]:
    """All of them, by number."""
    found: dict[int, tuple[str, tuple[str, ...]]] = {0: ("Done; all checks are good.", ())}
    for cls in subclasses(TlsToolError)[1:]:
        # Of two classes with one status (UsageError and Unsupported) the first is the general one.
        meaning, codes = found.get(cls.exit_status, (_first_line(cls), ()))
        found[cls.exit_status] = meaning, (*codes, *cls.codes)
    found[141] = ("Nobody reads our output any more.", ())
    return [(status, *found[status]) for status in sorted(found)]


def table(style: Style) -> str:
    """The same for people, in 80 columns."""
    import textwrap

    lines = []
    for status, meaning, codes in exit_statuses():
        words = textwrap.wrap(meaning, 72)
        lines.append(f"{style.strong(f'{status:>4}')}  {words[0]}")
        lines += [f"      {line}" for line in words[1:]]
        lines += [f"      {line}" for line in textwrap.wrap(" ".join(codes), 72, break_on_hyphens=False)]
    return "\n".join(lines)


def _first_line(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
