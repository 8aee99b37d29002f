"""Wrong command lines, and every way in which a run can end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import pytest
import standins

import tlstool
from tlstool.errors import InternalError, UsageError
from tlstool.output import schema


@pytest.fixture
def use_cases(monkeypatch):
    return standins.install(monkeypatch)


@pytest.fixture
def run(capsys, use_cases):
    """Runs a command line; the answer is status, stdout and stderr."""
    return lambda line: standins.outcome(capsys, line)


# ---- wrong command lines -------------------------------------------------------------------------

WRONG = [
    ("conect x", "there is no command 'conect'", "did you mean connect?"),
    ("bench lokal", "there is no command 'lokal'", "did you mean local?"),
    ("help conect", "there is no command 'conect'", "did you mean connect?"),
    ("connect x --inscure", "there is no option --inscure", "did you mean --insecure?"),
    ("connect x -servername y", "there is no option -servername", "what s_client calls -servername is --sni NAME here"),
    ("connect x --color never", "--color is no option of tlstool connect", "it goes before the command: tlstool --color ..."),
    ("connect x --groups x25518", "there is no key exchange group 'x25518'", "did you mean x25519?"),
    (
        "connect x --ciphers TLS_AES_128_GCM_SHA25",
        "there is no cipher suite 'TLS_AES_128_GCM_SHA25'",
        "did you mean TLS_AES_128_GCM_SHA256?",
    ),
    (
        "connect x --ciphers HIGH:!aNULL",
        "'HIGH' is no cipher suite",
        "OpenSSL's cipher strings are not understood: list the suites by name",
    ),
    ("connect x --tls 1.4", "--tls: there is no TLS version '1.4'", "did you mean 1.3?"),
    ("connect x --backend rustsl", "--backend: 'rustsl' is not known", "did you mean rustls?"),
    ("connect x --roots zzz", "--roots: 'zzz' is not known", "choose from system, certifi, none"),
    ("connect x --timeout 10", "--timeout: '10' has no unit", "did you mean 10s?"),
    ("connect x --timeout soon", "--timeout: 'soon' is no duration", "write a number with its unit: 500ms, 10s, 2m, 1h"),
    ("connect x --timeout 0s", "--timeout: '0s' is no time at all", "leave the option out for no limit"),
    ("connect x --at yesterday", "--at: 'yesterday' is no time", "write 2026-12-24 or 2026-12-24T18:00:00Z"),
    ("connect x --keylog=", "--keylog: the name of the file is empty", "name a file, or leave the option out"),
    ("connect x --ech=", "--ech: the name of the file is empty", "name a file, or leave the option out"),
    ("connect x --alpn ,", "--alpn: the list is empty", "leave the option out for the defaults"),
    ("connect x --sni a --no-sni", "--sni and --no-sni contradict each other", "leave one of them out"),
    ("connect x --key k", "--key needs --cert", "name the key's certificate with --cert FILE"),
    (
        "connect x --pcap -",
        "--pcap cannot write to stdout, where the report goes",
        "give a file",
    ),
    (
        "connect x --half-close none",
        "--half-close is about the end of stdin, which is not read",
        "--pipe or --interactive reads it",
    ),
    (
        "connect x --crlf",
        "--crlf is about lines of stdin or --send, and there are none",
        "--pipe, --interactive or --send",
    ),
    (
        "connect x --strict-close",
        "--strict-close is about the end of the peer's data, which is not read",
        "--pipe, --interactive, --send, --expect or --http reads to it",
    ),
    ("connect", "missing argument 'TARGET'", "tlstool connect --help shows what there is"),
    ("serve a b", "got unexpected extra argument (b)", "tlstool serve --help shows what there is"),
    ("bench local --cert c", "an own chain needs --cert, --key and --ca", "give all three, or none of them"),
    ("bench local --what zzz", "--what: there is no scenario 'zzz'", "choose from handshake, resume, bulk, memory"),
    (
        "bench local --profile today --suite all",
        "--profile today has its own scenarios",
        "leave it out to choose them yourself",
    ),
    ("bench local --export pdf:x", "--export: 'pdf' is no format", "choose from json, md, csv, html, svg, png"),
    ("bench local --export json:", "--export: 'json:' names no file", "write json:FILE"),
    (
        "bench local --write-size 1XB",
        "--write-size: '1XB' is no size",
        "write bytes, or a number with its unit: 512, 64KiB, 1MiB",
    ),
    ("bench local --threads 1,0", "--threads: 0 is out of range", "give a number, from 1 to 1024"),
    ("bench compare a.json", "it takes two reports to compare", "tlstool bench compare OLD.json NEW.json"),
]


@pytest.mark.parametrize(("line", "cause", "hint"), WRONG, ids=[line for line, _, _ in WRONG])
def test_a_wrong_command_line_has_a_cause_and_the_nearest_right_thing(run, use_cases, line, cause, hint):
    assert run(line) == (2, "", f"error: {cause}\nhint: {hint}\n")


@pytest.mark.parametrize(
    "line", [line for line, _, _ in WRONG if line.split()[0] not in ("conect", "help", "serve") and "lokal" not in line]
)
def test_a_wrong_command_line_is_a_whole_document_under_json(run, use_cases, line):
    words = line.split()
    command = " ".join(words[:2]) if words[0] == "bench" else words[0]
    status, out, err = run([*words[: command.count(" ") + 1], "--json", *words[command.count(" ") + 1 :]])
    document = json.loads(out)
    jsonschema.validate(document, schema.schema(command), cls=jsonschema.Draft202012Validator)
    assert (status, document["exit_status"], document["error"]["code"] in UsageError.codes, err) == (2, 2, True, "")


def test_a_word_behind_http_that_is_no_path_is_told_so(run):
    _, _, err = run("connect x --http y")
    assert err == "error: got unexpected extra argument (y)\nhint: a path begins with a slash: --http /index.html\n"


def test_json_may_be_asked_for_in_the_environment(run, use_cases, monkeypatch):
    monkeypatch.setenv("TLSTOOL_CONNECT_JSON", "1")
    assert json.loads(run("connect x")[1])["ok"] is True
    assert json.loads(run("connect x --nonsense")[1])["ok"] is False


def test_a_wrong_command_line_of_a_server_is_one_event(run):
    status, out, _ = run("serve --json --nonsense")
    assert (status, json.loads(out)["event"]) == (2, "error")


# ---- the ways to end -----------------------------------------------------------------------------


@pytest.mark.parametrize("use_case", standins.ANSWERS)
def test_an_error_that_a_use_case_raises_becomes_its_report(run, use_cases, use_case):
    use_cases[use_case].answer = UsageError("bad-target", "that is no target", "give another")
    status, out, err = run(standins.COMMANDS[use_case])
    assert (status, out) == (2, "")
    assert err.endswith("error: that is no target\nhint: give another\n")
    _, out, _ = run(f"{standins.COMMANDS[use_case]} --json")
    document = json.loads(out)
    assert document["error"]["code"] == "bad-target"
    assert document.get("target", document.get("source", "x")) == "x"


@pytest.mark.parametrize("use_case", standins.ANSWERS)
def test_ctrl_c_ends_with_130_without_a_word_but_with_a_document_under_json(run, use_cases, use_case):
    use_cases[use_case].answer = KeyboardInterrupt()
    status, out, err = run(f"{standins.COMMANDS[use_case]}")
    assert (status, out) == (130, "")
    assert "error" not in err
    status, out, _ = run(f"{standins.COMMANDS[use_case]} --json")
    assert (status, json.loads(out)["error"]["code"]) == (130, "interrupted")


def test_a_bug_is_an_apology_with_versions_and_no_traceback(run, use_cases):
    use_cases["connect"].answer = ZeroDivisionError("oops")
    status, out, err = run("connect x")
    assert (status, out) == (1, "")
    assert err.startswith(f"error: sorry, tlstool {tlstool.__version__} (Python 3.")
    assert "ZeroDivisionError: oops" in err
    assert "Traceback" not in err
    status, out, _ = run("connect x --json")
    assert (status, json.loads(out)["error"]["code"]) == (1, InternalError.codes[0])


def test_a_bug_has_a_traceback_under_debug(run, use_cases, monkeypatch):
    use_cases["connect"].answer = ZeroDivisionError("oops")
    assert "Traceback" in run("--debug connect x")[2]
    monkeypatch.setenv("TLSTOOL_DEBUG", "1")
    assert "Traceback" in run("connect x")[2]


def test_a_closed_pipe_inside_a_relay_ends_with_141(run, use_cases):
    use_cases["connect"].answer = BrokenPipeError()
    assert run("connect x --pipe") == (141, "", "")


def ends(*words, stdout, code="from tlstool.cli import main; main()"):
    done = subprocess.run(
        [sys.executable, "-c", code, *words], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@pytest.fixture
def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "words", [("help", "exit-codes"), ("--help",), ("connect", "--help"), ("connect", "--json", "--nonsense")]
)
def test_a_closed_pipe_ends_with_141_and_no_traceback(closed_pipe, words):
    assert ends(*words, stdout=closed_pipe) == (141, "")


def test_a_pipe_that_closes_while_python_ends_makes_no_noise(closed_pipe):
    code = "import sys; from tlstool import cli; cli._run = lambda *_: sys.stdout.write('x') and 0; cli.main()"
    assert ends(stdout=closed_pipe, code=code) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("words", [("help", "exit-codes"), ("--help",), ("connect", "--json", "--nonsense")])
def test_a_full_disk_is_a_local_error(words):
    with open("/dev/full", "w") as full:
        status, err = ends(*words, stdout=full)
    assert status == 3
    assert err == "error: cannot write the output: no space left on device\n"


def test_a_closed_stdout_is_no_reason_to_fail():
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'tlstool', 'help', 'exit-codes'])"
    assert ends(stdout=None, code=code) == (0, "")
