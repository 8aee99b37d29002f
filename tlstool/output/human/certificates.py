"""A chain of certificates, and the verdict on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human.facts import Fact, count, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.model import Certificate, Trust
    from tlstool.reports import Problem

_NAMES_WIDTH = 52
_SOON_DAYS = 21
_LONGEST_CHAIN = 4


def chain(certificates: Sequence[Certificate], style: Style, *, stapled: bool | None) -> list[Fact]:
    """The leaf, and how many others came with it."""
    if not certificates:
        return []
    first = certificates[0]
    staple = {True: ", OCSP response stapled", False: "", None: ""}[stapled]
    return [
        ("Certificate", leaf(first)),
        ("Names", _names(first.names)),
        ("Valid", _validity(first, style)),
        ("Issuer", short(first.issuer) or "no name"),
        ("SHA-256", first.sha256),
        ("Chain", count(len(certificates), "certificate") + staple),
        *_above(certificates[1:], style),
    ]


def _above(certificates: Sequence[Certificate], style: Style) -> list[Fact]:
    """Who signed the one before: a line each, as far as a chain of usual length goes."""
    shown = certificates if len(certificates) <= _LONGEST_CHAIN else certificates[: _LONGEST_CHAIN - 1]
    facts = [("", f"{leaf(one)}, {_days(one.days_left, style)}") for one in shown]
    rest = len(certificates) - len(shown)
    return facts + ([("", f"and {rest} more")] if rest else [])


def leaf(certificate: Certificate) -> str:
    """Whose it is, and with what key."""
    return f"{short(certificate.subject) or 'no subject'}, {certificate.key_type}"


def verifier(trust: Trust, backend: str | None, reason: str | None) -> list[Fact]:
    """Who judged, by which roots, and who spoke."""
    revocation = "" if trust.revocation == "not_checked" else f", revocation: {trust.revocation}"
    judged = f"{trust.verifier}, roots: {safe(trust.store)}{revocation}"
    if backend and reason:
        return [("Verifier", judged), ("Backend", f"{backend}: {safe(reason)}")]
    return [("Verifier", f"{judged}, backend {backend}" if backend else judged)]


def verdict(trust: Trust, error: Problem | None, style: Style) -> list[Fact]:
    """The verdict with all findings, and the hint of the one that decides."""
    if trust.verdict == "good":
        return [("Verdict", style.good("good"))]
    if trust.verdict != "bad":
        return [("Verdict", style.warn("not checked" if trust.verdict == "not_checked" else "unknown"))]
    decided = error is not None and any(finding.code == error.code for finding in trust.findings)
    word = "BAD, but waived" if error is None else "BAD"
    lines = [f"{finding.code}: {short(finding.message)}" for finding in trust.findings] or ["no reason given"]
    facts = [("Verdict", f"{style.bad(word)}  {lines[0]}")]
    facts += [("", f"{'':{len(word)}}  {line}") for line in lines[1:]]
    if decided and error and error.hint:
        facts.append(("Hint", safe(error.hint)))
    return facts


def _names(names: Sequence[str]) -> str:
    if not names:
        return "none"
    shown = short(names[0])
    for number, name in enumerate(names[1:], start=1):
        longer = f"{shown}, {short(name)}"
        if len(longer) > _NAMES_WIDTH:
            return f"{shown} (+{len(names) - number} more)"
        shown = longer
    return shown


def _validity(leaf: Certificate, style: Style) -> str:
    return f"{leaf.not_before[:10]} to {leaf.not_after[:10]}, {_days(leaf.days_left, style)}"


def _days(days: int, style: Style) -> str:
    if days < 0:
        # Whole days are rounded down, so that -1 is the day that began with the end.
        return style.bad(f"ended {count(-days - 1, 'day')} ago" if days < -1 else "ended today")
    left = f"{count(days, 'day')} left"
    return style.warn(left) if days < _SOON_DAYS else left
