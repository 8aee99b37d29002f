"""The way to a peer in the report of `connect`: its proxy, how often it was tried, and all of its addresses side by side."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.reports import AddressReport, ConnectReport

_LONGEST_SERIAL = 16
_LONGEST_CELL = 24

_COLUMNS = ("serial", "chain", "tls", "group", "alpn", "tickets", "error")
"""Of the table, behind the address. The suite has no room in it, and is named only where it differs."""


def way(report: ConnectReport) -> list[Fact]:
    """What was on the way: a proxy, and tries that failed."""
    facts = [("Proxy", safe(report.proxy))] if report.proxy and report.tries else []
    if report.tries and report.tries > 1:
        facts.append(("Tries", f"{report.tries}; the last one came through" if report.address else str(report.tries)))
    return facts


def table(report: ConnectReport, style: Style) -> list[Fact]:
    """Every address with what it showed; what is not as in most of them is marked."""
    if not report.addresses:
        return []
    different = report.differences or ()
    number = len(report.addresses)
    how = style.warn(f"different in {', '.join(different)}") if different else "all alike"
    facts = [("Addresses", f"{number:,}, {how}" if number > 1 else "1")]
    columns = [name for name in (*_COLUMNS, "suite") if name in different or name in _COLUMNS]
    usual = {name: _usual(report.addresses, name) for name in different}
    lines = [["address", *(f"{name}*" if name in different else name for name in columns)]]
    for one in report.addresses:
        odd = {name for name in different if one.compared(name) not in (None, usual[name], (None,))}
        lines.append([one.address, *(_cell(one, name) + ("*" if name in odd else "") for name in columns)])
    return facts + [("", line) for line in _set(lines, style)]


def _usual(addresses: Sequence[AddressReport], name: str) -> tuple[object] | None:
    """What most of them show, the first of those that are equally common."""
    return Counter(found for one in addresses if (found := one.compared(name))).most_common(1)[0][0]


def _cell(one: AddressReport, name: str) -> str:
    if name == "chain":
        return f"{len(one.chain)}: {one.chain[0][:8]}" if one.chain else "-"
    value = (one.error and one.error.code) if name == "error" else getattr(one, name)
    if value is None:
        return "-"
    text = safe(str(value))
    longest = _LONGEST_SERIAL if name == "serial" else _LONGEST_CELL
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _set(lines: Sequence[Sequence[str]], style: Style) -> list[str]:
    """Lines of cells in columns; a cell that ends in "*" stands out."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]

    def cell(text: str, width: int) -> str:
        padded = f"{text:<{width}}"
        return style.warn(padded) if text.endswith("*") else padded

    return ["  ".join(cell(text, width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
