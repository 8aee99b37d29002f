"""The faults that a server can show on demand, one entry each: the registry behind `serve --fault`, and what becomes of names.

A fault is a change to the plan of a chain (`blueprint`), to what a server is (`Variation`) or to what it does on the wire
(`Misconduct`). So several can be combined, as long as no two change the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlstool.errors import UsageError
from tlstool.faults.behaviour import BEHAVIOUR
from tlstool.faults.certificates import CERTIFICATES as CERTIFICATES
from tlstool.faults.fault import Changes
from tlstool.faults.fault import Fault as Fault
from tlstool.misconduct import Misconduct
from tlstool.model import TlsVersion
from tlstool.record import Record

FAULTS: tuple[Fault, ...] = (*CERTIFICATES, *BEHAVIOUR)
"""All of them, in the order in which they are listed."""

_BY_NAME = {fault.name: fault for fault in FAULTS}

LIST = "list"
ALL = "all"
"""Words that stand in the place of a fault's name, but are none: to show all, and to serve all."""

_BEFORE_CERTIFICATE = ("accept", "bytes", "hello")
_LATE = {"record_size", "demand_certificate"}


class Variation(Record):
    """What a server is that shows faults. As it stands, it has none.

    Attributes:
        name: what it shows, as it was asked for; several with plus signs between them.
        chain: fields of a `blueprint.Blueprint` that are not as usual; empty for a sound chain, or the server's own.
        versions: the only ones it speaks; empty for those it would speak anyway.
        misconduct: what it does on the wire.
    """

    name: str = ""
    chain: tuple[tuple[str, Any], ...] = ()
    versions: tuple[TlsVersion, ...] = ()
    misconduct: Misconduct = Misconduct()


def variation(names: Sequence[str]) -> Variation:
    """One server that shows all of these faults.

    Raises:
        UsageError: `unknown-name`: there is no such fault, the hint has the nearest; `usage`: an argument makes no sense, or two
            of the faults exclude each other.
    """
    chosen = [_chosen(name) for name in dict.fromkeys(names)]
    chain, site, wire = (_merged([(name, changes[kind]) for name, changes in chosen]) for kind in range(3))
    made = Variation("+".join(name for name, _ in chosen), tuple(chain.items()), misconduct=Misconduct(**wire), **site)
    _require_sense(made, chosen)
    return made


def everything() -> tuple[tuple[Fault, Variation], ...]:
    """Every fault on a server of its own."""
    return tuple((fault, variation((fault.shown,))) for fault in FAULTS)


_Parts = tuple[Changes, Changes, Changes]


def _chosen(text: str) -> tuple[str, _Parts]:
    """A fault as it was asked for, and what it changes: of the chain, of the server, and on the wire."""
    name, equals, argument = (text, "", "") if text.lower() in _BY_NAME else text.partition("=")
    fault = _BY_NAME.get(name.lower())
    if fault is None:
        raise UsageError("unknown-name", f"there is no fault {name!r}", _nearest(name))
    chain, site, wire = fault.chain or {}, fault.site or {}, fault.wire or {}
    if not equals and not fault.needs_argument:
        return fault.name, (chain, site, wire)
    if fault.read is None:
        raise UsageError("usage", f"the fault {fault.name} takes no argument", f"write --fault {fault.name}")
    try:
        changes = fault.read(argument)
    except ValueError as problem:
        words = f"the fault {fault.name} " + (f"knows no {argument!r}" if equals else "lacks its argument")
        raise UsageError("usage", words, f"give it {problem}, as in --fault {fault.name}={fault.example}") from None
    return f"{fault.name}={argument}", (chain, site, {**wire, **changes})


def _merged(changes: Sequence[tuple[str, Changes]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for name, own in changes:
        for field, value in own.items():
            if field in owners:
                raise _excluded(owners[field], name, "show them on two servers, or all of them with --fault all")
            owners[field] = name
            merged[field] = value
    return merged


def _require_sense(made: Variation, chosen: Sequence[tuple[str, _Parts]]) -> None:
    """No fault may hide another one for good."""
    wire = made.misconduct
    if wire.at is None or wire.share[0] < wire.share[1]:
        return
    hider = next(name for name, (_, _, own) in chosen if "at" in own)
    for name, (chain, site, own) in chosen:
        is_late = bool(chain or site) or not _LATE.isdisjoint(own)
        if (is_late and wire.at in _BEFORE_CERTIFICATE) or "truncate" in own:
            raise _excluded(hider, name, f"with {hider}, no client ever comes to see {name}")


def _excluded(one: str, other: str, hint: str) -> UsageError:
    return UsageError("usage", f"the faults {one} and {other} exclude each other", hint)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), [*(fault.name for fault in FAULTS), LIST, ALL], n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "--fault list shows all of them"
