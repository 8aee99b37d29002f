"""`--assert`: what can be demanded of a report, what is no assertion, and what comes of it."""

from __future__ import annotations

import factories
import pytest

from tlstool import assertions
from tlstool.client import connect
from tlstool.errors import UsageError
from tlstool.model import plain
from tlstool.reports import Assertion, ConnectReport, Problem, VerifyReport
from tlstool.requests import ConnectRequest


def outcome(expression: str, **handshake: object) -> Assertion:
    report = factories.connect_report(handshake=factories.handshake(**handshake))
    return assertions.judged(report, assertions.understand([expression], ConnectReport)).assertions[0]


CHAIN = (
    factories.certificate(subject="CN=leaf", names=("a.test", "b.test"), days_left=14, key_type="ecdsa-p256"),
    factories.certificate(subject="CN=middle", names=(), days_left=900, key_type="rsa-2048"),
)
SEEN = {"tls": "1.2", "suite": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "group": "X25519MLKEM768", "alpn": "h2"}


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("tls==1.2", True),
        ("tls>=1.2", True),
        ("tls<1.3", True),
        ("tls>=1.3", False),
        ("tls==TLSv1.2", True),
        ("tls~^1", True),
        ("handshake.tls!=1.3", True),
        ("alpn==h2", True),
        ("alpn!=h2", False),
        (" alpn == h2 ", True),
        ("group~MLKEM", True),
        ("group~mlkem", False),
        ("group==x25519mlkem768", True),
        ("suite==ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("suite~CBC", False),
        ("days>13", True),
        ("days<=13.5", False),
        ("days_left>21", True),  # of any certificate of the chain
        ("certificates.1.days_left>=900", True),
        ("handshake.certificates[1].key_type==rsa-2048", True),
        ("certificates.2.days_left>0", False),
        ("key==ecdsa-p256", True),
        ("names==b.test", True),
        ("names!=b.test", False),
        ("names!=c.test", True),
        ("certificates.names==b.test", True),
        ("is_ca==false", True),
        ("verdict==good", True),
        ("trust.verdict==bad", False),
        ("phases_ms.handshake<1000", True),
        ("signature~^ecdsa_", True),
    ],
)
def test_an_assertion_holds_or_not(expression: str, met: bool) -> None:
    assert outcome(expression, certificates=CHAIN, **SEEN).met is met


@pytest.mark.parametrize("sign", ["==", "!=", "~"])
def test_what_is_not_known_satisfies_nothing(sign: str) -> None:
    found = outcome(f"alpn{sign}h2", alpn=None)
    assert (found.met, found.actual) == (False, None)


def test_an_assertion_keeps_what_was_found() -> None:
    assert outcome("days>21", certificates=CHAIN) == Assertion("days>21", "handshake.certificates.0.days_left", 14, False)
    assert outcome("names~a", certificates=CHAIN).actual == ("a.test", "b.test")


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("tlsx>=1.3", "there is no field 'tlsx'", "did you mean tls?"),
        ("grup~MLKEM", "there is no field 'grup'", "did you mean group?"),
        ("handshake.alpm==h2", "there is no field 'handshake.alpm'", "did you mean handshake.alpn?"),
        ("pem~x", "there is no field 'pem'", "did you mean"),
        ("zzzzzzzzz==1", "there is no field 'zzzzzzzzz'", "short names are tls, suite"),
        ("tls", "'tls' is no assertion", "such as tls>=1.3"),
        ("tls=1.3", "'tls=1.3' is no assertion", "did you mean ==?"),
        ("tls==", "'tls==' is no assertion", "write a field"),
        ("", "'' is no assertion", "write a field"),
        ("tls>=1.4", "'1.4' is no TLS version", "one of 1.0, 1.1, 1.2, 1.3"),
        ("alpn<h2", "alpn is text, which has no <", "compared by == != ~"),
        ("days~2", "days is a number, which has no ~", "compared by == != <"),
        ("days>soon", "'soon' is none", None),
        ("is_ca>true", "is_ca is true or false, which has no >", "compared by == !="),
        ("is_ca==1", "'1' is neither", None),
        ("kind==fulll", "kind is never 'fulll'", "one of full, full_with_retry, resumed"),
        ("group~(", "is no regular expression", "backslash"),
        ("handshake==x", "handshake is no single value", "such as handshake.tls"),
        ("handshake.certificates.0==x", "is no single value", "subject"),
        ("phases_ms>3", "phases_ms is no single value", "phases_ms.tcp"),
        ("consistent>true", "consistent is true or false", "compared by == !="),
    ],
)
def test_what_makes_no_sense_is_told_at_once(expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        assertions.understand([expression], ConnectReport)
    assert caught.value.message.startswith("--assert: ")
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_the_fields_are_those_of_the_report() -> None:
    assert assertions.understand(["days>21", "verdict==good", "kind==file"], VerifyReport)
    with pytest.raises(UsageError):
        assertions.understand(["tls>=1.3"], VerifyReport)


def test_every_alias_stands_for_a_field_of_the_report_of_connect() -> None:
    for alias in assertions.ALIASES:
        try:
            assertions.understand([f"{alias}~x"], ConnectReport)
        except UsageError as error:
            assert "which has no ~" in error.message  # noqa: PT017 - whether it is known is what counts


def test_the_first_miss_decides_unless_something_did_before() -> None:
    report = factories.connect_report(handshake=factories.handshake(**SEEN))
    demands = assertions.understand(["tls==1.2", "tls>=1.3", "alpn==x"], ConnectReport)
    judged = assertions.judged(report, demands)
    assert judged.exit_status == 15
    assert judged.error is not None
    assert (judged.error.code, judged.error.message) == ("assertion-failed", "tls>=1.3 does not hold: handshake.tls is 1.2")
    bad = factories.connect_report(handshake=None, exit_status=9, error=Problem("self-signed", "certificate", "bad", None, None))
    judged = assertions.judged(bad, demands)
    assert (judged.exit_status, [one.met for one in judged.assertions]) == (9, [False, False, False])


def test_a_report_without_demands_is_left_alone() -> None:
    report = factories.connect_report()
    assert assertions.judged(report, ()) is report
    assert plain(report)["assertions"] == []


@pytest.mark.parametrize(("consistent", "met"), [(True, True), (False, False), (None, False)])
def test_consistency_of_all_addresses_is_demanded_by_a_word(consistent: bool | None, met: bool) -> None:
    report = factories.connect_report(consistent=consistent)
    judged = assertions.judged(report, assertions.understand(["consistent"], ConnectReport))
    assert judged.assertions[0].met is met
    assert (judged.error is None) is met


def test_consistency_of_one_address_is_refused_before_a_packet_is_sent() -> None:
    with pytest.raises(UsageError, match="consistent compares nothing"):
        connect(ConnectRequest(target="localhost:1", assertions=("consistent",)))


def test_no_name_is_proposed_that_this_report_does_not_have() -> None:
    with pytest.raises(UsageError) as caught:
        assertions.understand(["tls>=1.3"], VerifyReport)
    assert caught.value.hint == "fields are those of --json; the short names are " + ", ".join(
        alias for alias, full in assertions.ALIASES.items() if not full.startswith("handshake")
    )
