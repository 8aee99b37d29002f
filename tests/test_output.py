"""What is printed: for people, as JSON, in colour and without."""

from __future__ import annotations

import io
import re

import factories
import pytest

from tlstool.output import human
from tlstool.output.console import Console, Style, safe
from tlstool.output.human import benching, connecting, facts, serving
from tlstool.output.human.facts import aligned

PLAIN = Style(color=False)

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
BIDI = ["\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c"]
INVISIBLE = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\U000e0041", "\u2028", "\u2029", "\udc80"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ascii(io.StringIO):
    encoding = "ascii"


@pytest.fixture(autouse=True)
def _no_color_by_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM", "CI"):
        monkeypatch.delenv(name, raising=False)


# ---- safe ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", CONTROLS + BIDI + INVISIBLE, ids=lambda character: f"U+{ord(character):04X}")
def test_safe_escapes_what_could_steer_a_terminal_or_hide(character):
    assert character not in safe(f"a{character}b")
    assert safe(f"a{character}b").isascii()


def test_safe_leaves_readable_text_alone():
    assert safe("CN=Zoë's Bücher, 東京 ok") == "CN=Zoë's Bücher, 東京 ok"


def test_safe_writes_escapes_by_width():
    assert safe("\x1b[2J\u202e\U000e0041") == r"\x1b[2J\u202e\U000e0041"


@pytest.mark.parametrize("field", ["subject", "issuer"])
def test_no_peer_text_steers_the_terminal_in_a_report(field):
    evil = factories.certificate(**{field: "CN=\x1b]0;owned\x07\u202e"}, names=("a\x1b[31m", "\x9bb"))
    report = factories.connect_report(target="x\x1bc", handshake=factories.handshake(alpn="h\x1b2", certificates=(evil,)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", connecting.connect(report, PLAIN))


# ---- colour and streams --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "environment", "on_terminal", "on_file"),
    [
        ("auto", {}, True, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "dumb"}, True, True),
        ("auto", {"TERM": "dumb"}, False, False),
        ("never", {"FORCE_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_colour_is_decided_for_each_stream_by_option_then_environment_then_terminal(
    monkeypatch, choice, environment, on_terminal, on_file
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    console = Console(Terminal(), io.StringIO(), color=choice)
    assert (console.out.color, console.err.color) == (on_terminal, on_file)
    console = Console(io.StringIO(), Terminal(), color=choice)
    assert (console.out.color, console.err.color) == (on_file, on_terminal)


def test_only_results_go_to_stdout():
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, verbose=1)
    console.result("result")
    console.note("note")
    console.warn("careful")
    console.trace("step")
    console.error("cause", "hint")
    assert out.getvalue() == "result\n"
    assert err.getvalue() == "note\nwarning: careful\n* step\nerror: cause\nhint: hint\n"


def test_quiet_leaves_results_and_errors():
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, quiet=True, verbose=1)
    console.note("note")
    console.warn("careful")
    console.trace("step")
    console.result("result")
    console.error("cause")
    assert (out.getvalue(), err.getvalue()) == ("result\n", "error: cause\n")


def test_progress_is_for_terminals_and_gone_before_the_next_line():
    err = Terminal()
    console = Console(io.StringIO(), err, color="never")
    console.progress("1/5 rustls")
    console.error("cause")
    assert err.getvalue() == "\r\x1b[K1/5 rustls\r\x1b[Kerror: cause\n"


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "true")])
def test_no_progress_where_it_could_not_be_rewritten(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    err = Terminal()
    Console(io.StringIO(), err).progress("1/5")
    assert err.getvalue() == ""


def test_no_progress_into_a_file():
    err = io.StringIO()
    Console(io.StringIO(), err).progress("1/5")
    assert err.getvalue() == ""


def test_a_stream_without_unicode_gets_stand_ins():
    out = Ascii()
    Console(out, io.StringIO()).result("288 µs … Bücher")
    assert out.getvalue() == "288 us ... B\\xfccher\n"


# ---- for people ----------------------------------------------------------------------------------


def labels(text: str) -> list[str]:
    return [line[:14].strip() for line in text.splitlines()]


def test_a_full_good_report_fits_a_screen_and_has_the_verdict_last():
    report = factories.connect_report(
        relayed=factories.relayed(), handshake=factories.handshake(client_certificate="sent", kind="resumed")
    )
    text = connecting.connect(report, PLAIN)
    assert len(text.splitlines()) <= 24
    assert text.splitlines()[-1] == "Verdict       good"


def test_a_certificate_of_ours_that_was_refused_is_not_said_to_wait_for_an_answer():
    report = factories.connect_report(
        exit_status=13,
        error=factories.problem("client-certificate-refused"),
        handshake=factories.handshake(client_certificate="sent"),
    )
    assert "\nClient cert   ours was refused\n" in connecting.connect(report, PLAIN)


@pytest.mark.parametrize("columns", [40, 79])
def test_on_a_terminal_a_long_value_goes_on_below_its_beginning(columns):
    words = "BAD  " + "the chain ends at somebody whom nobody trusts " * 3
    lines = aligned([("Verdict", words), ("Hint", "short")], Style(color=False, columns=columns)).splitlines()
    assert len(lines) > 3
    assert all(len(line) <= columns for line in lines)
    assert all(line.startswith(" " * 14) and line[14] != " " for line in lines[1:-1])
    assert lines[-1] == "Hint          short"
    assert "".join(line[14:] + " " for line in lines[:-1]).split() == words.split()


def test_colour_takes_no_column_and_a_file_no_wrapping():
    colored = Style(color=True, columns=40).bad("twenty-six columns of text")
    assert "\n" not in aligned([("", colored)], Style(color=True, columns=40))
    assert "\n" not in aligned([("", "word " * 100)], PLAIN)


def test_a_word_longer_than_a_line_stays_whole():
    assert "ab12" * 16 in aligned([("SHA-256", "ab12" * 16)], Style(color=False, columns=40))


def test_the_chain_is_a_line_for_each_certificate_as_far_as_it_is_usual():
    above = [factories.certificate(subject=f"CN=CA {number}", days_left=900) for number in range(9)]
    handshake = factories.handshake(certificates=(factories.certificate(), *above))
    text = connecting.connect(factories.connect_report(handshake=handshake), PLAIN)
    assert "Chain         10 certificates" in text
    assert "\n              CN=CA 0, ecdsa-p256, 900 days left\n" in text
    assert "\n              and 6 more\n" in text


def test_a_report_fits_80_columns_and_aligns_its_values():
    lines = connecting.connect(factories.connect_report(), PLAIN).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(line[13] == " " and line[14] != " " for line in lines)


def test_a_bad_certificate_gets_the_whole_report_then_all_findings_then_one_hint():
    good = connecting.connect(factories.connect_report(), PLAIN).splitlines()
    bad = connecting.connect(factories.bad_connect_report("unknown-issuer", "expired"), PLAIN).splitlines()
    assert bad[: len(good) - 1] == good[:-1]
    assert [line.strip() for line in bad[len(good) - 1 :]] == [
        "Verdict       BAD  unknown-issuer: the words of unknown-issuer",
        "expired: the words of expired",
        "Hint          do something",
    ]


def test_a_waived_verdict_says_so():
    report = factories.connect_report(handshake=factories.handshake(trust=factories.trust("expired")))
    assert "BAD, but waived  expired" in connecting.connect(report, PLAIN)


def test_an_unchecked_verdict_is_never_called_good():
    report = factories.connect_report(handshake=factories.handshake(trust=factories.trust(verdict="not_checked")))
    assert connecting.connect(report, PLAIN).splitlines()[-1] == "Verdict       not checked"


def test_what_is_known_before_a_handshake_is_printed():
    report = factories.connect_report(handshake=None, exit_status=8, error=factories.problem("alert-received"))
    assert labels(connecting.connect(report, PLAIN)) == ["Peer", "Time"]
    assert connecting.connect(factories.connect_report(handshake=None, address=None), PLAIN) == ""


@pytest.mark.parametrize(
    ("days", "color", "words"), [(21, None, "21 days left"), (20, "33", "20 days left"), (1, "33", "1 day left")]
)
def test_the_days_left_turn_amber_below_three_weeks(days, color, words):
    report = factories.connect_report(handshake=factories.handshake(certificates=(factories.certificate(days_left=days),)))
    expected = f"\x1b[{color}m{words}\x1b[0m" if color else f", {words}\n"
    assert expected in connecting.connect(report, Style(color=True))


@pytest.mark.parametrize(("days", "words"), [(-1, "ended today"), (-2, "ended 1 day ago"), (-4, "ended 3 days ago")])
def test_an_ended_validity_is_red(days, words):
    report = factories.connect_report(handshake=factories.handshake(certificates=(factories.certificate(days_left=days),)))
    assert f"\x1b[1;31m{words}\x1b[0m" in connecting.connect(report, Style(color=True))


def test_many_names_are_counted():
    names = tuple(f"host-{number}.example.com" for number in range(50))
    report = factories.connect_report(handshake=factories.handshake(certificates=(factories.certificate(names=names),)))
    lines = connecting.connect(report, PLAIN).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Names"))
    assert all(line.startswith(" ") for line in lines[start + 1 : start + 4])
    assert "host-10.example.com" in lines[start + 3]
    assert lines[start + 3].endswith("(+38 more)")


def test_a_name_as_long_as_a_peer_likes_is_cut():
    huge = factories.certificate(subject="CN=" + "x" * 10_000, names=("y" * 10_000,))
    report = factories.connect_report(handshake=factories.handshake(certificates=(huge,)))
    assert max(map(len, connecting.connect(report, PLAIN).splitlines())) < 300


def test_the_reason_for_another_backend_is_told():
    report = factories.connect_report(backend="openssl", backend_reason="TLS 1.0 was asked for")
    assert "Backend       openssl: TLS 1.0 was asked for" in connecting.connect(report, PLAIN).splitlines()


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (factories.connect_report(), True),
        (factories.bad_connect_report("expired"), True),
        (factories.bad_connect_report("expired", error=factories.problem("truncated")), False),
        (factories.connect_report(handshake=None, error=factories.problem("connection-refused")), False),
        (factories.verify_report(error=factories.problem("expired"), trust=factories.trust("expired")), True),
        (factories.verify_report(error=factories.problem("expires-soon")), False),
        (factories.handshake_bench_report(error=factories.problem("interrupted")), False),
    ],
)
def test_an_error_line_is_needed_only_where_the_report_does_not_tell(report, told):
    assert human.tells_why(report) is told


def test_a_benchmark_tells_rate_kinds_latency_and_errors_by_kind():
    result = factories.load_result(errors={"time-limit": 3, "connection-reset": 20}, interrupted=True)
    lines = benching.bench_handshake(factories.handshake_bench_report(result=result), PLAIN).splitlines()
    assert lines[-5:] == [
        "Rate          3,420 handshakes/s (17,105 in 5.00 s, ended by Ctrl-C)",
        "Kind          17,105 full, 0 resumed",
        "Latency       p50 4.5 ms, p90 6.0 ms, p99 11.4 ms, max 108 ms",
        "CPU           288 µs a handshake, on this side",
        "Errors        connection-reset 20, time-limit 3",
    ]


def test_a_benchmark_without_a_handshake_has_no_latency():
    nothing = dict.fromkeys(("p50_ms", "p90_ms", "p99_ms", "max_ms", "cpu_us_per_handshake"))
    report = factories.handshake_bench_report(result=factories.load_result(handshakes=0, full=0, **nothing))
    assert not {"Latency", "CPU"} & set(labels(benching.bench_handshake(report, PLAIN)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.312, "0.31 ms"), (4.56, "4.6 ms"), (99.94, "99.9 ms"), (128.4, "128 ms"), (2345.6, "2.35 s")],
)
def test_durations_have_about_three_digits(value, shown):
    assert facts.milliseconds(value) == shown


def test_a_server_has_a_line_a_connection():
    time, _, line = serving.connection(factories.connection(), PLAIN).partition(" ")
    assert len(time) == len("10:00:00")
    assert line == (
        "127.0.0.1:50312, TLS 1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768, full, alpn http/1.1, sni localhost, 1 request, "
        "78 B in, 1,024 B out, 12.3 ms"
    )
    idle = factories.connection(ending="limit")
    assert serving.connection(idle, PLAIN).endswith("12.3 ms, closed for being idle")
    failed = factories.connection(tls=None, sni=None, error="alert-received", message="unknown\x1b\n ca")
    assert serving.connection(failed, PLAIN).endswith(r" 127.0.0.1:50312, 12.3 ms, alert-received: unknown\x1b\x0a ca")


def test_the_table_of_a_server_says_what_its_numbers_are_made_of():
    lines = serving.table(factories.serve_totals(unreported=7), PLAIN).splitlines()
    assert "handshakes    2: TLS 1.2 1, TLS 1.3 1, 1 resumed" in lines
    assert "failed        1: not-tls 1" in lines
    assert "not shown     7 connections, for which the output was too slow" in lines


def test_live_figures_say_how_fast_they_grow():
    live = serving.Live()
    assert "/s" not in live.line(factories.serve_totals(handshakes=10, elapsed_ms=1000.0))
    assert "30 handshakes (40/s)" in live.line(factories.serve_totals(handshakes=30, elapsed_ms=1500.0))


def test_the_totals_of_a_server_own_up_to_lines_that_were_dropped():
    assert serving.totals(factories.serve_totals()).endswith("156 B in, 2,048 B out")
    assert serving.totals(factories.serve_totals(unreported=7)).endswith(", 7 not shown above")


def test_a_server_says_what_has_become_of_its_certificates():
    assert serving.renewed(factories.renewed(replaced=("c.test", "d.test"))) == (
        "certificates: added a.test; replaced c.test, d.test; removed b.test"
    )
    assert serving.renewed(factories.renewed(added=(), removed=())) == "certificates: as before"


def test_certificates_that_were_made_come_with_the_commands_that_use_them():
    text = serving.made(factories.certificates_made(server="my pki/server.pem"))
    assert "tlstool serve --cert 'my pki/server.pem' --key pki/server.key" in text
    assert "--ca pki/ca.pem --cert pki/client.pem --key pki/client.key" in text


def test_every_fingerprint_of_a_server_with_several_certificates_is_told():
    line = serving.ready(factories.ready(ca_file=None, fingerprints=("aa", "bb")), Style(color=False))
    assert line.endswith("with fingerprints (SHA-256) aa, bb")
