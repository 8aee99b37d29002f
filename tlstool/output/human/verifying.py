"""The report of `cert-verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlstool.output.console import Style, safe
from tlstool.output.human import certificates
from tlstool.output.human.assertions import assertions
from tlstool.output.human.facts import aligned

if TYPE_CHECKING:
    from tlstool.reports import VerifyReport


def verify(report: VerifyReport, style: Style) -> str:
    """What `cert-verify` found; empty if nothing is known."""
    if not report.certificates:
        return ""
    facts = [("Source", safe("standard input" if report.source == "-" else report.source))]
    facts += certificates.chain(report.certificates, report.trust, style)
    if report.trust:
        facts += certificates.verifier(report.trust, None, None)
        facts.append(("Name", "not checked" if report.trust.name is None else safe(report.trust.name)))
        facts += certificates.verdict(report.trust, report.error, style)
    facts += assertions(report.assertions, style)
    return aligned(facts, style)
