"""The JSON: an envelope round what a use case answered. Exactly one document a run, whatever happens; a server has one a line.

Every key is always there. Only ASCII is written: each other character is escaped, so that no text of a peer reaches a terminal.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any

from tlstool import __version__
from tlstool.errors import TlsToolError
from tlstool.events import Caution, CertificatesMade, FaultShown, Ready, Renewed
from tlstool.figures import CompareReport, LocalBenchReport
from tlstool.model import plain
from tlstool.reports import (
    ConnectReport,
    HandshakeBenchReport,
    Report,
    VerifyReport,
    problem,
)
from tlstool.sites import Connection, ServeTotals

REPORTS: dict[str, type[Report]] = {
    "connect": ConnectReport,
    "bench local": LocalBenchReport,
    "bench handshake": HandshakeBenchReport,
    "bench compare": CompareReport,
    "cert-verify": VerifyReport,
}
"""The commands that answer with one report, and its class."""

ServeEvent = Ready | FaultShown | Connection | ServeTotals | Caution | Renewed | CertificatesMade
"""What a line of `serve --json` is made of, besides errors."""

_VERSION = 1
EVENT_NAMES: dict[type[ServeEvent], str] = {
    Ready: "ready",
    FaultShown: "fault",
    Connection: "connection",
    ServeTotals: "totals",
    Caution: "caution",
    Renewed: "renewed",
    CertificatesMade: "certificates",
}
"""The events of `serve --json`, and what `event` says of each."""


def schema_name(command: str) -> str:
    """The name of a command's schema, with its version: `tlstool.bench-local/1`."""
    return f"tlstool.{command.replace(' ', '-')}/{_VERSION}"


def document(command: str, report: Report) -> dict[str, Any]:
    """The document of a report."""
    envelope = {
        "schema": schema_name(command),
        "version": __version__,
        "ok": report.error is None,
        "exit_status": report.exit_status,
        "error": plain(report.error),
        "warnings": plain(report.warnings),
    }
    return envelope | {key: value for key, value in plain(report).items() if key not in envelope}


def failure(command: str, error: TlsToolError, **known: Any) -> dict[str, Any]:
    """The document of a run that came to no report: the same keys, null where nothing is known."""
    cls = REPORTS[command]
    unknown = {field.name: None for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING}
    return document(command, cls(exit_status=error.exit_status, error=problem(error), **(unknown | known)))


def event(happened: ServeEvent) -> dict[str, Any]:
    """A line of `serve --json`."""
    name = EVENT_NAMES[type(happened)]
    return {"event": name, "schema": schema_name("serve"), **plain(happened)}


def event_failure(error: TlsToolError) -> dict[str, Any]:
    """The line with which a server says why it ends."""
    return {
        "event": "error",
        "schema": schema_name("serve"),
        "exit_status": error.exit_status,
        "error": plain(problem(error)),
    }


def text(document: dict[str, Any]) -> str:
    """A document for people to read, too."""
    return json.dumps(document, indent=2, allow_nan=False)


def line(document: dict[str, Any]) -> str:
    """A document on one line."""
    return json.dumps(document, allow_nan=False)
