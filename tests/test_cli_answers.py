"""What becomes of the answer of a use case: what is printed where, and the exit status."""

from __future__ import annotations

import json
import os

import factories
import jsonschema
import pytest
import standins

import tlstool
from tlstool.errors import LocalError, UsageError
from tlstool.events import PhaseEvent
from tlstool.model import Finding
from tlstool.output import schema


@pytest.fixture
def use_cases(monkeypatch):
    return standins.install(monkeypatch)


@pytest.fixture
def run(capsys, use_cases):
    """Runs a command line; the answer is status, stdout and stderr."""
    return lambda line: standins.outcome(capsys, line)


# ---- what becomes of an answer -------------------------------------------------------------------


def test_the_report_goes_to_stdout_and_the_status_is_its_own(run, use_cases):
    assert run("connect x") == (0, run("connect x")[1], "")
    use_cases["connect"].answer = factories.bad_connect_report("unknown-issuer")
    status, out, err = run("connect x")
    assert (status, err) == (9, "")
    assert out.splitlines()[-2].startswith("Verdict       BAD  unknown-issuer")


def test_a_failure_before_the_handshake_is_a_cause_and_a_hint_on_stderr(run, use_cases):
    refused = factories.problem("connection-refused", message="refused by \x1b[31m", hint="look there")
    use_cases["connect"].answer = factories.connect_report(exit_status=5, error=refused, address=None, handshake=None)
    assert run("connect x") == (5, "", "error: refused by \\x1b[31m\nhint: look there\n")


def test_quiet_prints_errors_only(run, use_cases):
    assert run("connect x -q") == (0, "", "")
    use_cases["connect"].answer = factories.bad_connect_report("expired", warnings=(Finding("incomplete", "careful"),))
    assert run("connect x -q") == (9, "", "error: the words of expired\nhint: do something\n")


def test_warnings_go_to_stderr(run, use_cases):
    use_cases["connect"].answer = factories.connect_report(warnings=(Finding("incomplete", "careful"),))
    assert run("connect x")[2] == "warning: careful\n"


def test_verbose_traces_the_phases_on_stderr(run, use_cases):
    use_cases["connect"].events = [
        PhaseEvent("dns", "started", "example.com", None),
        PhaseEvent("dns", "done", "192.0.2.7", 1.25),
    ]
    assert run("connect x")[2] == ""
    assert run("connect x -v")[2] == "* dns       started example.com\n* dns       done    192.0.2.7 (1.2 ms)\n"


def test_in_a_relay_stdout_is_the_peers(run, use_cases):
    status, out, err = run("connect x --pipe")
    assert (status, out) == (0, "")
    assert err.splitlines()[-1] == "Verdict       good"
    use_cases["connect"].answer = factories.bad_connect_report("expired")
    assert run("connect x -qp") == (9, "", "error: the words of expired\nhint: do something\n")


@pytest.mark.parametrize("line", ["connect x -p --json", "connect x --pipe --json", "connect x -vp --json --nonsense"])
def test_in_a_relay_the_document_goes_to_stderr(run, use_cases, line):
    status, out, err = run(line)
    assert out == ""
    assert json.loads(err)["exit_status"] == status


def test_no_fail_exits_with_0_but_tells_the_error(run, use_cases):
    use_cases["connect"].answer = factories.bad_connect_report("expired")
    status, out, _ = run("connect x --no-fail --json")
    document = json.loads(out)
    assert (status, document["exit_status"], document["ok"], document["error"]["code"]) == (0, 0, False, "expired")


def test_the_chain_is_written_as_pem(run, use_cases, tmp_path):
    file = tmp_path / "chain.pem"
    assert run(["connect", "x", "--chain", str(file)])[0] == 0
    assert file.read_text() == factories.certificate().pem * 2
    assert os.listdir(tmp_path) == ["chain.pem"]


@pytest.mark.parametrize(("options", "before"), [("", "Verdict       good\n"), (" -q", "")])
def test_the_chain_is_printed_after_the_report(run, use_cases, options, before):
    status, out, _ = run(f"connect x --chain -{options}")
    assert status == 0
    assert out.endswith(before + factories.certificate().pem * 2)
    assert before or out.startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("option", ["--json", "--pipe", "--http"])
def test_the_chain_is_not_printed_where_something_else_is_alone(run, use_cases, option):
    status, out, err = run(f"connect x --chain - {option}")
    assert status == 2
    assert "--chain cannot print to stdout" in out + err
    assert use_cases["connect"].request is None


def test_two_files_are_not_one_that_is_yet_to_be_written(run, use_cases, tmp_path):
    status, _, err = run(["connect", "x", "--pcap", str(tmp_path / "new"), "--chain", str(tmp_path / "." / "new")])
    assert status == 2
    assert "would overwrite" in err
    assert use_cases["connect"].request is None


def test_a_chain_that_cannot_be_written_does_not_hide_the_report(run, use_cases, tmp_path):
    status, out, err = run(["connect", "x", "--chain", str(tmp_path / "missing" / "chain.pem")])
    assert status == 3
    assert out.splitlines()[-1] == "Verdict       good"
    assert err.startswith("error: cannot write ")


def test_no_chain_is_written_without_a_certificate(run, use_cases, tmp_path):
    use_cases["connect"].answer = factories.connect_report(handshake=None)
    _, _, err = run(["connect", "x", "--chain", str(tmp_path / "chain.pem")])
    assert "no certificate was seen" in err
    assert os.listdir(tmp_path) == []


def test_the_chain_overwrites_no_input(run, use_cases, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("secret")
    status, _, err = run(["connect", "x", "--cert", "c.pem", "--key", str(key), "--chain", str(key)])
    assert status == 2
    assert "would overwrite" in err
    assert key.read_text() == "secret"
    assert use_cases["connect"].request is None


@pytest.mark.parametrize("option", ["--send=@{}", "--proxy-pass-file={}", "--pcap={}", "--keylog={}"])
def test_no_two_uses_are_made_of_one_file(run, use_cases, tmp_path, option):
    """Whether it is there already, or not yet."""
    file = tmp_path / "file"
    status, _, err = run(["connect", "x", option.format(file), "--chain", f"{tmp_path}/./file"])
    assert (status, use_cases["connect"].request) == (2, None)
    assert "would overwrite" in err


def test_a_benchmark_shows_its_plan_first(run, use_cases):
    use_cases["bench_handshake"].answer = UsageError("usage", "no")
    _, _, err = run("bench handshake x --count 10")
    assert err.splitlines()[0] == "x: 16 connections on 1 thread for 5 s or 10 handshakes"


@pytest.mark.parametrize(("source", "kind"), [("-", "file"), ("chain.pem", "file"), ("example.com:443", "target")])
def test_what_kind_a_source_is_of_is_told_when_nothing_was_judged(run, use_cases, source, kind):
    use_cases["verify"].answer = UsageError("usage", "no")
    status, out, _ = run(["cert-verify", source, "--json"])
    document = json.loads(out)
    assert (status, document["source"], document["kind"]) == (2, source, kind)


# ---- serve ---------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch, use_cases):
    """A server with one connection in its life; `answer` may be set to what it raises."""

    def serve(request, on_event, stop):
        serve.request = request
        on_event(factories.ready())
        on_event(factories.connection())
        if isinstance(serve.answer, BaseException):
            raise serve.answer
        return serve.answer

    serve.answer = factories.serve_totals()
    monkeypatch.setitem(vars(tlstool), "serve", serve)
    monkeypatch.setitem(vars(tlstool), "Stop", standins.Stop)
    return serve


def test_a_server_prints_ready_and_connections_on_stdout_and_totals_on_stderr(run, server):
    status, out, err = run("serve")
    assert status == 0
    ready, connection = out.splitlines()
    assert ready.startswith("ready")
    assert "127.0.0.1:50312, TLS 1.3" in connection
    assert err == "3 connections, 2 handshakes (1 resumed), 1 failed, 156 B in, 2,048 B out\n"


def test_a_quiet_server_prints_nothing(run, server):
    assert run("serve -q") == (0, "", "")


def test_the_json_of_a_server_is_json_lines(run, server):
    status, out, err = run("serve --json")
    events = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [event["event"] for event in events] == ["ready", "connection", "totals"]
    for event in events:
        jsonschema.validate(event, schema.schema("serve"))


def test_a_server_that_fails_says_so_as_its_last_event(run, server):
    server.answer = LocalError("port-in-use", "127.0.0.1:1 is in use")
    status, out, _ = run("serve --json")
    assert status == 3
    assert json.loads(out.splitlines()[-1])["error"]["code"] == "port-in-use"
    assert run("serve")[2] == "error: 127.0.0.1:1 is in use\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("serve", {"listen": "127.0.0.1:0", "mode": "status", "grace": 5.0}),
        ("serve 4433 --echo --grace 0s", {"listen": "4433", "mode": "echo", "grace": 0.0}),
        ("serve [::1]:1 --status --count 3 --threads 2", {"listen": "[::1]:1", "mode": "status", "count": 3, "threads": 2}),
        ("serve --cert c.pem --key k.pem --alpn h2", {"cert": ("c.pem",), "key": ("k.pem",), "alpn": ("h2",)}),
    ],
)
def test_options_become_the_request_of_a_server(run, server, line, expected):
    assert run(line)[0] == 0
    assert {name: getattr(server.request, name) for name in expected} == expected
