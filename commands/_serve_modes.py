"""What `serve` does for those who come."""

from __future__ import annotations

from typing import Any

import click

from ._command import Decorator, option
from ._options import FILE, all_of
from ._types import Size

_MODES = ("status", "echo", "discard", "source", "files", "respond")


class _SizeOrEndless(Size):
    """A number of bytes; None for no end."""

    name = "size or endless"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes; -1 for no end, since click takes None for an option that was not given."""
        return -1 if value == "endless" else super().convert(value, param, ctx)


def _mode(name: str, words: str, **attrs: Any) -> Decorator:
    return option(f"--{name}", name, panel="Service", help=words, **attrs)


mode_options = all_of(
    _mode("status", "Show what was negotiated, over HTTP (default).", is_flag=True),
    _mode("echo", "Send every byte back.", is_flag=True),
    _mode(
        "discard",
        "Take everything and answer with its length and SHA-256: in a line at the end, or as JSON to PUT and POST.",
        is_flag=True,
    ),
    _mode(
        "source",
        "Send so many bytes: behind an HTTP head to those who ask for it, to others at their first byte or after 500 ms.",
        type=_SizeOrEndless(),
        metavar="SIZE|endless",
    ),
    _mode(
        "files",
        "Serve the files of a folder over HTTP. Links are not followed, private keys not served.",
        type=click.Path(exists=True, file_okay=False),
        metavar="DIR",
    ),
    _mode(
        "respond",
        "Send the bytes of a file as they are, once the client has said something (or the head of a request), and close.",
        type=FILE,
        metavar="FILE",
    ),
)


def take_mode(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of the modes out of `options`: what they are in a `ServeRequest`.

    Raises:
        UsageError: there is more than one mode.
    """
    given = {name: value for name in _MODES if (value := options.pop(name)) not in (None, False)}
    if len(given) > 1:
        from tlstool.errors import UsageError

        first, second, *_ = given
        raise UsageError("usage", f"--{first} and --{second} are two ways to serve", "give one of them")
    mode = next(iter(given), "status")
    size = given.get("source")
    return {
        "mode": mode,
        "size": None if size == -1 else size,
        "folder": given.get("files"),
        "respond": given.get("respond"),
    }
