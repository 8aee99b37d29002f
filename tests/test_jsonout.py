"""The JSON and its schemas, and the table of exit statuses."""

from __future__ import annotations

import json
import re

import factories
import jsonschema
import pytest

from tlstool.errors import ConnectError, UsageError, subclasses
from tlstool.model import Finding
from tlstool.output import exitcodes, jsonout, schema
from tlstool.output.console import Style
from tlstool.reports import ConnectReport, Phases

REPORTS = {
    "connect": [
        factories.connect_report(),
        factories.bad_connect_report("expired"),
        factories.connect_report(relayed=factories.relayed()),
        factories.connect_report(
            exit_status=5,
            error=factories.problem("connection-refused", phase="tcp"),
            address=None,
            backend=None,
            handshake=None,
            phases_ms=Phases(dns=1.0, total=2.0),
            warnings=(Finding("incomplete", "look out"),),
        ),
    ],
    "bench local": [
        factories.local_bench_report(factories.local_result(), factories.bulk_result()),
        factories.local_bench_report(factories.local_result("BoringSSL", skipped="no reason")),
        factories.local_bench_report(environment=None),
    ],
    "bench handshake": [
        factories.handshake_bench_report(),
        factories.handshake_bench_report(result=factories.load_result(errors={"time-limit": 3}), plan=None),
    ],
    "bench compare": [factories.compare_report()],
    "cert-verify": [
        factories.verify_report(),
        factories.verify_report(exit_status=11, error=factories.problem(), trust=factories.trust("expired")),
    ],
}


@pytest.mark.parametrize(("command", "report"), [(command, report) for command, reports in REPORTS.items() for report in reports])
def test_a_document_is_what_its_schema_says(command, report):
    document = json.loads(jsonout.text(jsonout.document(command, report)))
    jsonschema.validate(document, schema.schema(command), cls=jsonschema.Draft202012Validator)
    assert document["ok"] is (report.error is None)
    assert document["exit_status"] == report.exit_status


@pytest.mark.parametrize("command", list(jsonout.REPORTS))
def test_a_failure_has_the_same_keys_as_a_report(command):
    failure = jsonout.failure(command, UsageError("usage", "no such option"))
    jsonschema.validate(failure, schema.schema(command), cls=jsonschema.Draft202012Validator)
    assert failure.keys() == jsonout.document(command, REPORTS[command][0]).keys()
    assert (failure["ok"], failure["exit_status"], failure["error"]["code"]) == (False, 2, "usage")


def test_a_failure_keeps_what_is_known():
    failure = jsonout.failure("connect", ConnectError("connection-refused", "refused"), target="example.com")
    assert (failure["target"], failure["address"]) == ("example.com", None)


@pytest.mark.parametrize(
    "event",
    [
        factories.ready(),
        factories.connection(),
        factories.serve_totals(),
        factories.caution(),
        factories.renewed(),
        factories.certificates_made(),
    ],
)
def test_a_server_event_is_one_line_of_what_its_schema_says(event):
    line = jsonout.line(jsonout.event(event))
    assert "\n" not in line
    jsonschema.validate(json.loads(line), schema.schema("serve"), cls=jsonschema.Draft202012Validator)


def test_the_last_event_of_a_server_that_fails_is_its_error():
    document = jsonout.event_failure(UsageError("usage", "no such option"))
    jsonschema.validate(document, schema.schema("serve"), cls=jsonschema.Draft202012Validator)
    assert (document["event"], document["exit_status"]) == ("error", 2)


def test_json_is_ascii_and_loses_nothing():
    subject = "CN=" + "".join(map(chr, range(0x100))) + "\u202e\u200b\U000e0041\udc80"
    report = factories.connect_report(handshake=factories.handshake(certificates=(factories.certificate(subject=subject),)))
    text = jsonout.text(jsonout.document("connect", report))
    assert re.fullmatch(r"[\n\x20-\x7e]+", text)
    assert json.loads(text)["handshake"]["certificates"][0]["subject"] == subject


@pytest.mark.parametrize("command", schema.COMMANDS)
def test_schemas_are_valid_and_closed(command):
    made = schema.schema(command)
    jsonschema.Draft202012Validator.check_schema(made)
    objects = [made, *made["$defs"].values(), *made.get("oneOf", ())]
    assert all(found["additionalProperties"] is False for found in objects if found.get("type") == "object")


def test_a_key_that_no_dataclass_has_is_against_the_schema():
    document = jsonout.document("connect", factories.connect_report()) | {"extra": 1}
    with pytest.raises(jsonschema.ValidationError, match="extra"):
        jsonschema.validate(document, schema.schema("connect"), cls=jsonschema.Draft202012Validator)


def test_the_words_of_a_field_come_from_the_docstring():
    words = schema.attribute_words(ConnectReport)
    assert words["target"] == "as it was given, without user and password"
    assert words["exit_status"].startswith("of the process")


@pytest.mark.parametrize(
    ("status", "left"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 0), (5, 0), (9, 0), (13, 0), (15, 0), (130, 130)]
)
def test_no_fail_waives_all_but_bugs_misuse_local_trouble_and_ctrl_c(status, left):
    report = factories.connect_report(exit_status=status, error=factories.problem() if status else None)
    assert exitcodes.waived(report).exit_status == left
    assert exitcodes.waived(report).error == report.error


# ---- exit statuses -------------------------------------------------------------------------------


def test_every_error_class_is_in_the_table_of_exit_statuses():
    known = {status: codes for status, _, codes in exitcodes.exit_statuses()}
    for cls in subclasses()[1:]:
        assert set(cls.codes) <= set(known[cls.exit_status])
    assert {0, 141} <= known.keys()


def test_the_table_of_exit_statuses_fits_80_columns():
    assert all(len(line) <= 80 for line in exitcodes.table(Style(color=False)).splitlines())
