"""The faults that a server can show, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlstool.events import FaultShown, Promise

_NAME, _CODE = 34, 27


def listed(event: FaultShown) -> str:
    """A fault with the status and the code that `tlstool connect` answers with, and what it is in words."""
    return _line(event, event.words)


def shown(event: FaultShown) -> str:
    """The same with where it is."""
    return _line(event, event.url or "")


def _line(event: FaultShown, last: str) -> str:
    plain, *further = event.promises
    more = "".join(f"; {_further(promise)}" for promise in further)
    return f"{event.fault:<{_NAME}} {plain.exit_status:>2}  {plain.code or '-':<{_CODE}} {last}{more}"


def _further(promise: Promise) -> str:
    code = f" {promise.code}" if promise.code else ""
    return f"{promise.exit_status}{code} with {' '.join(promise.options)}"
