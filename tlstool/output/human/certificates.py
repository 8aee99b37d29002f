"""A chain of certificates, and the verdict on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.chain import SOON_DAYS
from tlstool.output.console import Style, safe
from tlstool.output.human.facts import Fact, count, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlstool.model import Certificate, Staple, Trust
    from tlstool.reports import Problem

# Of a value: what is left of 80 columns beside the label, less a comma.
_WIDTH = 65
_NAMES_LINES = 4
_LONGEST_CHAIN = 4


def chain(certificates: Sequence[Certificate], trust: Trust | None, style: Style) -> list[Fact]:
    """The leaf, how many others came with it, and the path that was verified."""
    if not certificates:
        return []
    first = certificates[0]
    return [
        ("Certificate", leaf(first)),
        *_names(first.names),
        ("Valid", _validity(first, style)),
        ("Issuer", short(first.issuer) or "no name"),
        *_transparency(first),
        ("SHA-256", first.sha256),
        ("Chain", f"{count(len(certificates), 'certificate')} sent"),
        *_above(certificates[1:], style),
        *_path(trust),
    ]


def _above(certificates: Sequence[Certificate], style: Style) -> list[Fact]:
    """Who signed the one before: a line each, as far as a chain of usual length goes."""
    shown = certificates if len(certificates) <= _LONGEST_CHAIN else certificates[: _LONGEST_CHAIN - 1]
    facts = [("", f"{leaf(one)}, {_days(one.days_left, style)}") for one in shown]
    rest = len(certificates) - len(shown)
    return facts + ([("", f"and {rest} more")] if rest else [])


def staple(found: Staple | None, style: Style) -> list[Fact]:
    """What the stapled OCSP response says, if there is one."""
    if found is None or found.status == "absent":
        return []
    if found.problem:
        return [("Staple", style.warn(f"{found.status}, but it does not count: {short(found.problem)}"))]
    shown = {"good": style.good, "revoked": style.bad}.get(found.status, style.warn)(found.status)
    return [("Staple", shown + (f", in force until {found.next_update}" if found.next_update else ""))]


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


def _names(names: Sequence[str]) -> list[Fact]:
    """All names, wrapped; of very many the first ones, and how many there are."""
    if not names:
        return [("Names", "none")]
    lines = _wrapped([short(name) for name in names], ", ")
    if len(lines) > _NAMES_LINES:
        lines = lines[:_NAMES_LINES]
        shown = sum(len(line) for line in lines)
        lines[-1] = [*lines[-1], f"(+{len(names) - shown} more)"]
    return [("" if number else "Names", ", ".join(line)) for number, line in enumerate(lines)]


def _wrapped(parts: Sequence[str], separator: str) -> list[list[str]]:
    """Parts of a value, as many a line as fit."""
    lines: list[list[str]] = [[]]
    for part in parts:
        if lines[-1] and len(separator.join([*lines[-1], part])) > _WIDTH:
            lines.append([])
        lines[-1].append(part)
    return lines


def _transparency(leaf: Certificate) -> list[Fact]:
    """How many logs have promised to publish it."""
    if not leaf.scts:
        return []
    first = min(sct.timestamp for sct in leaf.scts)
    return [("CT", f"{count(len(leaf.scts), 'timestamp')} of logs, the first of {first[:10]}")]


def _path(trust: Trust | None) -> list[Fact]:
    """The issuers, from the leaf's to the anchor."""
    if trust is None or not trust.path:
        return []
    issuers = [short(one.subject) or "no name" for one in trust.path[1:]] or ["the leaf is trusted as it is"]
    if trust.path[-1].sent is None:
        issuers[-1] += " (not sent)"
    return [("" if number else "Path", " < ".join(line)) for number, line in enumerate(_wrapped(issuers, " < "))]


def _validity(leaf: Certificate, style: Style) -> str:
    return f"{leaf.not_before[:10]} to {leaf.not_after[:10]}, {_days(leaf.days_left, style)}"


def _days(days: int, style: Style) -> str:
    if days < 0:
        # Whole days are rounded down, so that -1 is the day that began with the end.
        return style.bad(f"ended {count(-days - 1, 'day')} ago" if days < -1 else "ended today")
    left = f"{count(days, 'day')} left"
    return style.warn(left) if days < SOON_DAYS else left
