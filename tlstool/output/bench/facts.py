"""What a reader has to know of the figures of `bench local`: how they were taken, of what, and on which machine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tlstool.output.bench.sections import Clock
from tlstool.output.bench.text import full_name
from tlstool.output.human.facts import count

if TYPE_CHECKING:
    from tlstool.figures import Environment, LocalBenchReport, LocalMethod

UNTOLD = "the system does not tell"


def facts(report: LocalBenchReport, clock: Clock) -> list[tuple[str, str]]:
    """A label and a sentence for each; a label may come more than once."""
    measured = [result for result in report.results if not result.skipped]
    rounds = max((result.rounds for result in measured), default=0)
    by = "the thread's clock" if clock == "cpu" else "the wall's clock"
    found = [("Figures", f"median of {count(rounds, 'round')} by {by}, ± half the range")]
    if report.reference:
        found.append(
            ("Ratios", f"to {report.reference}; those in bold differ from 1 by more than the noise (95% bootstrap interval)")
        )
    if report.since:
        found.append(("Changes", f"since {report.since}; those in bold are more than the noise (95% bootstrap interval)"))
    for name, build in dict.fromkeys((full_name(result), result.library_build) for result in measured):
        found.append(("Library", f"{name}: {build or 'does not tell how it was built'}"))
    found += _machine(report.environment) if report.environment else []
    found += _method(report.method) if report.method else []
    if report.plan and report.plan.left_out:
        found.append(("Left out", "; ".join(report.plan.left_out)))
    return found + [("Warning", warning.message) for warning in report.warnings]


def _machine(machine: Environment) -> list[tuple[str, str]]:
    told = {True: "yes", False: "no", None: UNTOLD}
    return [
        ("CPU", machine.cpu),
        ("Features used", " ".join(machine.cpu_features) or "none of those that matter"),
        ("Cores", f"{machine.cores}, several threads each (SMT): {told[machine.smt]}"),
        ("Governor", machine.governor or UNTOLD),
        ("Virtual machine", told[machine.virtual_machine]),
        ("Load before", UNTOLD if machine.load is None else f"{machine.load:.1f}"),
        ("Kernel", machine.kernel),
        ("Versions", f"tlstool {machine.tlstool}, Python {machine.python}"),
    ]


def _method(method: LocalMethod) -> list[tuple[str, str]]:
    bound = f"on core {method.cpu}" if method.cpu is not None else "on no core of its own"
    found = [("Measured", f"{method.started}, {method.duration_s:g} s a figure, {bound}, seed {method.seed}")]
    if method.command:
        found.append(("Command", shlex.join(method.command)))
    return found + [("Method", rule) for rule in method.rules]
