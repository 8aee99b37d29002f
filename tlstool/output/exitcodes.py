"""The exit statuses with their meaning, made from the error classes, so that it cannot differ from what happens."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TypeVar

from tlstool.errors import InternalError, Interrupted, LocalError, ThresholdError, TlsToolError, UsageError, subclasses
from tlstool.output.console import Style
from tlstool.reports import Report

R = TypeVar("R", bound=Report)

MONITORING = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""What the statuses 0 to 3 of a monitoring plugin are called."""

_OUR_SIDE = tuple(cls.exit_status for cls in (InternalError, UsageError, LocalError, Interrupted))
"""Statuses that say nothing of the peer, nor of the way to it."""

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


def waived(report: R) -> R:
    """The report under `--no-fail`: status 0 for all that is neither ours, nor the caller's, nor Ctrl-C; `error` stays."""
    return report if report.exit_status in _OUR_SIDE else replace(report, exit_status=0)


def mapped(report: R, whose: str) -> R:
    """The report with the exit status that others would have; `whose` is a name of `--exit-map`."""
    assert whose == "nagios", "the command line knows no other"
    return replace(report, exit_status=monitoring_status(report.exit_status))


def monitoring_status(status: int) -> int:
    """A status of ours as that of a monitoring plugin.

    By the guidelines of the Monitoring Plugins, UNKNOWN is for what the plugin itself cannot do, whatever keeps it from the peer
    is CRITICAL, and a threshold that is missed while all works is a WARNING.
    """
    if status == 0:
        return 0
    if status in _OUR_SIDE:
        return 3
    return 1 if status == ThresholdError.exit_status else 2


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
