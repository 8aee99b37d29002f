"""What scripts and monitoring systems get: assertions by their status, a plugin's statuses and line, JSON on one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import factories
import pytest
import zoo
from runner import refused, serving, tlstool

from tlstool.errors import TlsToolError, subclasses
from tlstool.output import exitcodes, monitoring

if TYPE_CHECKING:
    from credentials import Credentials


@pytest.mark.parametrize("command", ["connect", "cert-verify"])
def test_what_is_demanded_and_holds_is_0_and_a_miss_is_15(credentials: Credentials, command: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        base = (command, peer.target, "--ca", credentials.ca)
        good = tlstool(*base, "--assert", "days>3", "--assert", "verdict==good", "--json")
        assert (good.status, [one["met"] for one in good.document["assertions"]]) == (0, [True, True])
        document = refused(*base, "--assert", "days>3", "--assert", "days>3000", status=15, code="assertion-failed")
        assert [one["met"] for one in document["assertions"]] == [True, False]
        people = tlstool(*base, "--assert", "days>3000")
    assert "Demands       MISSED  days>3000" in people.text
    assert people.errors.startswith("error: days>3000 does not hold:")


def test_a_bad_certificate_goes_before_a_missed_assertion_and_insecure_leaves_that_alone(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.expired))) as peer:
        base = ("connect", peer.target, "--ca", credentials.ca, "--assert", "alpn==h2")
        assert refused(*base, status=11, code="expired")["assertions"][0]["met"] is False
        assert refused(*base, "-k", status=15, code="assertion-failed")["assertions"][0]["actual"] is None


def test_a_wrong_assertion_is_told_before_a_packet_is_sent() -> None:
    with zoo.listening(zoo.silent) as peer:
        document = refused("connect", peer.target, "--assert", "tlz>=1.3", status=2, code="usage")
        assert not peer.connected.is_set()
    assert document["error"]["hint"] == "did you mean tls?"


# ---- monitoring ----------------------------------------------------------------------------------


def test_every_status_has_one_for_monitoring() -> None:
    ours = {cls.exit_status for cls in subclasses(TlsToolError)}
    found = {status: exitcodes.MONITORING[exitcodes.monitoring_status(status)] for status in sorted(ours | {0})}
    assert found == {0: "OK", 1: "UNKNOWN", 2: "UNKNOWN", 3: "UNKNOWN", 15: "WARNING", 130: "UNKNOWN"} | dict.fromkeys(
        range(4, 15), "CRITICAL"
    )


@pytest.mark.parametrize(
    ("identity", "more", "status", "begin"),
    [
        ("good", (), 0, "TLS OK - {target}: TLS 1.3, "),
        ("good", ("--assert", "days>3000"), 1, "TLS WARNING - {target}: days>3000 does not hold: "),
        ("expired", (), 2, "TLS CRITICAL - {target}: the leaf, "),
        ("expired", ("--no-fail",), 0, "TLS CRITICAL - {target}: the leaf, "),
        ("good", ("--ca", "/missing"), 3, "TLS UNKNOWN - {target}: "),
    ],
)
def test_a_plugin_says_its_status_in_the_first_line(
    credentials: Credentials, identity: str, more: tuple[str, ...], status: int, begin: str
) -> None:
    with zoo.listening(zoo.tls(zoo.context(getattr(credentials, identity)))) as peer:
        ca = () if "--ca" in more else ("--ca", credentials.ca)
        done = tlstool("connect", peer.target, *ca, *more, "--exit-map", "nagios")
    assert done.status == status
    assert done.text.startswith(begin.format(target=peer.target))
    assert done.text.splitlines()[0].count("|") <= 1


def test_a_plugin_says_what_was_waived(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.expired))) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "-k", "--exit-map", "nagios")
    assert (done.status, ", waived: expired | days=" in done.text.splitlines()[0]) == (0, True)


def test_a_plugin_says_its_status_where_all_else_is_quiet(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = tlstool("cert-verify", peer.target, "--ca", credentials.ca, "-q", "--exit-map=nagios")
    assert (done.status, done.errors) == (0, "")
    assert done.text.startswith(f"TLS OK - {peer.target}: ")
    assert " | days=" in done.text


@pytest.mark.parametrize(
    ("words", "status", "begin"),
    [
        (("--http",), 0, "TLS OK - "),
        (("--send", "GET / HTTP/1.0\\r\\n\\r\\n", "--expect", "200 OK"), 0, "TLS OK - "),
        (("--send", "GET / HTTP/1.0\\r\\n\\r\\n", "--expect", "teapot"), 1, "TLS WARNING - "),
        (("--pipe",), 3, "TLS UNKNOWN - "),
    ],
)
def test_a_plugin_that_moves_data_has_its_line_first_and_nothing_of_the_peer(
    words: tuple[str, ...], status: int, begin: str
) -> None:
    with serving() as server:
        done = tlstool("connect", server.target, "--ca", server.ca_file, *words, "--exit-map", "nagios")
    assert (done.status, done.text.startswith(begin), "<html" in done.text) == (status, True, False)


def test_a_wrong_command_line_is_unknown_to_monitoring() -> None:
    done = tlstool("connect", "localhost", "--tls", "1.4", "--exit-map", "nagios")
    assert (done.status, done.text) == (3, "TLS UNKNOWN - --tls: there is no TLS version '1.4'\n")


def test_json_has_the_status_that_the_process_ends_with(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.expired))) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--exit-map", "nagios", "--json")
    assert (done.status, done.document["exit_status"], done.document["error"]["code"]) == (2, 2, "expired")


def test_what_a_peer_says_adds_no_performance_data() -> None:
    error = factories.problem(message="the peer says | days=9999\x1b[2J")
    shown = monitoring.line(factories.connect_report(handshake=None, exit_status=2, error=error), 2)
    assert shown.startswith("TLS CRITICAL - example.com: the peer says / days=9999\\x1b[2J | handshake=")


# ---- JSON on one line ----------------------------------------------------------------------------


def test_jsonl_is_the_same_document_on_one_line(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--jsonl")
    assert done.text.count("\n") == 1
    assert json.loads(done.text)["handshake"]["trust"]["verdict"] == "good"


def test_jsonl_is_one_line_for_a_wrong_command_line_too() -> None:
    done = tlstool("connect", "localhost", "--tls", "1.4", "--jsonl")
    assert (done.status, done.text.count("\n"), json.loads(done.text)["error"]["code"]) == (2, 1, "usage")
