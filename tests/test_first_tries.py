"""What newcomers type, and what they are told: slips, habits of other tools, and files that are something else."""

from __future__ import annotations

import io
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import factories
import pytest
import standins
import zoo
from cryptography.hazmat.primitives.serialization import Encoding as Form
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs7, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from runner import COMMAND, on_both_backends, tlstool

from tlstool import endpoint, errors, hints, peer, pem, phases
from tlstool.errors import LocalError, TimeLimitError, UsageError
from tlstool.output.console import Console, Style
from tlstool.output.human import benching, connecting, verifying
from tlstool.requests import ConnectRequest, HandshakeBenchRequest

if TYPE_CHECKING:
    from credentials import Credentials

Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    standins.install(monkeypatch)
    return lambda line: standins.outcome(capsys, line)


# ---- habits of other tools -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cause", "hint"),
    [
        ("connect x --cacert y", "there is no option --cacert", "it is --ca FILE here"),
        ("connect x --tlsv1.3", "there is no option --tlsv1.3", "it is --tls 1.3 here"),
        ("connect x --x509cafile y", "there is no option --x509cafile", "it is --ca FILE here"),
        ("connect --connect x", "there is no option --connect", "what s_client calls -connect is TARGET here"),
        ("connect --servername x y", "there is no option --servername", "what s_client calls -servername is --sni NAME here"),
        ("connect localhost 4433", "got unexpected extra argument (4433)", "host and port are one argument: localhost:4433"),
        ("version", "there is no command 'version'", "what you want is tlstool --version"),
    ],
)
def test_options_of_other_tools_are_translated(run: Run, line: str, cause: str, hint: str) -> None:
    assert run(line) == (2, "", f"error: {cause}\nhint: {hint}\n")


def test_an_option_before_its_command_is_told_its_place(run: Run) -> None:
    _, _, said = run("--no-fail connect x")
    assert said == "error: --no-fail is no option of tlstool\nhint: it goes after the command: tlstool connect --no-fail ...\n"


def test_an_option_without_its_value_points_to_the_help_of_its_command(run: Run) -> None:
    assert run("connect x --sni")[2].endswith("hint: tlstool connect --help shows what there is\n")


@pytest.mark.parametrize(
    ("line", "cause", "hint"),
    [
        ("cert-verify x --min-days soon", "--min-days: 'soon' is no whole number", "give one, 0 or more"),
        ("cert-verify x --min-days -1", "--min-days: -1 is out of range", "give a number, 0 or more"),
        ("serve --threads 0", "--threads: 0 is out of range", "give a number, from 1 to 1024"),
        ("bench handshake x --duration 0s", "--duration: '0s' is no time at all", "leave the option out for its default"),
        (
            "connect x --groups zzz",
            "there is no key exchange group 'zzz'",
            "names are those of IANA or OpenSSL, such as x25519",
        ),
        ("connect x --tls ssl3", "--tls: there is no TLS version 'ssl3'", "choose from 1.0, 1.1, 1.2, 1.3"),
    ],
)
def test_a_wrong_value_is_met_with_a_right_one(run: Run, line: str, cause: str, hint: str) -> None:
    assert run(line) == (2, "", f"error: {cause}\nhint: {hint}\n")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("256.1.1.1", "is no IPv4 address"),
        ("1.2.3", "is no IPv4 address"),
        ("0x7f.1", "is no IPv4 address"),
        ("a" * 300, "at most 253 characters, and this one has 300"),
        ("localhost:1/x", "'1/x' is no port"),
        ("unix:", "the path of a Unix socket begins with / or ."),
        ("unix:run/server.sock", "the path of a Unix socket begins with / or ."),
        ("alice@localhost", "a target has no user"),
    ],
)
def test_a_target_that_cannot_be_is_told_why(target: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        endpoint.parse(target)
    assert caught.value.code == "bad-target"


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("localhost/x", "a path can follow only in a URL: https://host/path"),
        ("localhost:1/x", "a path can follow only in a URL: https://host:port/path"),
        ("localhost 443", "host and port are written host:port"),
        ("b" * 64 + ".example", "between two dots there are at most 63 characters"),
        ("a..b", "a target is host, host:port, [v6]:port, unix:/path or a URL: https://host"),
        ("", "a target is host, host:port, [v6]:port, unix:/path or a URL: https://host"),
    ],
)
def test_a_target_that_is_nearly_right_is_told_what_is_missing(target: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint.parse(target)
    assert caught.value.hint == hint


def test_what_may_be_a_password_is_not_said_again() -> None:
    with pytest.raises(UsageError) as caught:
        endpoint.parse("alice:secret@localhost")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("option", ["--sni", "--verify-name"])
@pytest.mark.parametrize("name", ["a b", "*.example.com", "a..b"])
def test_a_name_that_is_none_is_told_with_its_option(option: str, name: str) -> None:
    done = tlstool("connect", "127.0.0.1:1", f"{option}={name}")
    assert done.status == 2
    assert done.errors.startswith(f"error: {option}: {name!r} is no host name\nhint: write a host's name")


def test_a_name_to_verify_that_is_empty_is_not_passed_over() -> None:
    assert tlstool("connect", "127.0.0.1:1", "--verify-name", "").status == 2


def test_names_in_any_script_are_sent_and_verified_as_the_target_s_are() -> None:
    request = ConnectRequest(target="x", sni="B\u00fccher.example.", verify_name="b\u00fccher.example", roots="none")
    config = peer.client_config(request, endpoint.parse("127.0.0.1"))
    assert (config.sni, config.verify_name) == ("xn--bcher-kva.example", "xn--bcher-kva.example")


# ---- files that are something else ---------------------------------------------------------------


def test_pkcs_12_and_pkcs_7_are_told_from_certificates(credentials: Credentials) -> None:
    certificate = load_pem_x509_certificate(credentials.ca.read_bytes())
    holder = pkcs12.serialize_key_and_certificates(None, None, None, [certificate], NoEncryption())
    with pytest.raises(LocalError, match="is DER, but no certificate") as caught:
        pem.require_certificate(holder, "x.p12")
    assert (caught.value.code, str(caught.value.hint)[:8]) == ("no-certificate", "PKCS#12 ")
    for form, words in ((Form.DER, "is DER, but no certificate"), (Form.PEM, "has no certificate in it, but PKCS7")):
        with pytest.raises(LocalError, match=words) as caught:
            pem.require_certificate(pkcs7.serialize_certificates([certificate], form), "x.p7b")
        assert (caught.value.code, str(caught.value.hint)[:7]) == ("no-certificate", "PKCS#7 ")


def test_a_file_without_a_name_is_told_so() -> None:
    done = tlstool("connect", "127.0.0.1:1", "--ca", "")
    assert (done.status, done.errors.splitlines()[0]) == (2, "error: --ca: the name of the file is empty")


def test_a_certificate_without_its_key_is_told_how_to_name_that(credentials: Credentials) -> None:
    done = tlstool("connect", "127.0.0.1:1", "--cert", credentials.client.cert)
    assert done.status == 3
    assert "hint: --key takes the file with the private key" in done.errors


def test_a_closed_standard_input_is_3(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", f"{shlex.join(COMMAND)} cert-verify - <&-"], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"error: standard input is closed\n")


@on_both_backends
def test_what_the_system_says_comes_without_a_number(tmp_path: Path, backend: str) -> None:
    with zoo.listening(zoo.silent) as peer:
        done = tlstool("connect", peer.target, "--keylog", str(tmp_path), "--timeout", "2s", "--backend", backend)
    assert done.status == 3
    assert done.errors.splitlines()[0].endswith(": is a directory")


def test_a_source_that_is_neither_file_nor_host_is_told_so(tmp_path: Path) -> None:
    done = tlstool("cert-verify", "nosuch.invalid", "--json")
    assert (done.status, done.document["error"]["hint"]) == (4, "there is no file nosuch.invalid either: check the spelling")
    done = tlstool("cert-verify", str(tmp_path), "--json")
    assert (done.status, done.document["error"]["code"]) == (3, "file-unreadable")


def test_a_bundle_that_begins_with_the_root_says_which_certificate_was_judged(credentials: Credentials, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(credentials.ca.read_bytes() + credentials.good.cert.read_bytes())
    done = tlstool("cert-verify", str(bundle), "--ca", credentials.ca)
    assert "warning: only the first certificate is judged, and that is an authority's" in done.errors


def test_a_name_that_was_not_checked_is_told_so() -> None:
    report = factories.verify_report(trust=factories.trust(name=None))
    assert "Name          not checked\n" in verifying.verify(report, Style(color=False))


def test_a_file_that_may_not_be_read_is_3_wherever_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    secret = tmp_path / "secret.pem"
    secret.touch()
    monkeypatch.setattr("os.access", lambda *_args, **_named: False)
    for line in ("connect x --cert {}", "connect x --chain {}", "cert-verify x --untrusted {}", "bench handshake x --ca {}"):
        assert run(line.format(secret))[0] == 0


# ---- peers and servers ---------------------------------------------------------------------------


@on_both_backends
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_server_whose_key_is_not_its_certificates_is_never_ready(credentials: Credentials, backend: str, tls: str) -> None:
    cert, other = credentials.good.cert, credentials.unknown_issuer.key
    done = tlstool("serve", "0", "--cert", cert, "--key", other, "--backend", backend, "--tls", tls, "--json")
    assert done.status == 3
    assert [(event["event"], event["error"]["code"]) for event in done.events] == [("error", "key-mismatch")]


def test_a_server_that_cannot_speak_a_version_is_never_ready() -> None:
    done = tlstool("serve", "0", "--tls", "1.0", "--backend", "rustls", "--json")
    assert (done.status, [event["event"] for event in done.events]) == (2, ["error"])


@pytest.mark.parametrize("phase", ["dns", "tcp", "handshake"])
def test_a_phase_that_ran_out_of_time_says_what_to_look_at(phase: str) -> None:
    with pytest.raises(TimeLimitError) as caught, phases.Trace().phase(phase, "x"):
        raise TimeLimitError("time-limit", "the time limit ran out")
    assert caught.value.hint == hints.HINTS_OF_PHASES[phase]


def test_what_is_interrupted_behind_an_inner_phase_is_the_outer_one() -> None:
    trace = phases.Trace()
    with trace.phase("handshake", "x"):
        with trace.phase("tcp", "again"):
            assert trace.current == "tcp"
        assert trace.current == "handshake"
    assert trace.current is None


def test_an_alert_has_a_hint_of_its_own() -> None:
    error = errors.make("alert-received", "x", alert="protocol_version")
    assert error.hint == hints.HINTS_OF_ALERTS["protocol_version"]
    assert errors.make("alert-received", "x", alert="close_notify").hint is None


def test_an_authority_that_was_given_is_not_asked_for_again(credentials: Credentials) -> None:
    done = tlstool("cert-verify", credentials.good.cert, "--ca", credentials.self_signed.cert, "--json")
    assert (done.status, done.document["error"]["code"]) == (9, "unknown-issuer")
    assert done.document["error"]["hint"].startswith("none of the --ca certificates issued it")


def test_a_plan_counts_the_threads_that_there_will_be() -> None:
    assert "2 connections on 2 threads" in benching.plan(HandshakeBenchRequest(target="x", connections=2, threads=64))


def test_ctrl_c_before_the_program_has_begun_leaves_no_traceback() -> None:
    # An import that takes for ever, in the place of click's.
    slow = (
        "import builtins, sys, time\n"
        "from tlstool.__main__ import main\n"
        "real = builtins.__import__\n"
        "def slow(name, *rest):\n"
        "    if name == 'click':\n"
        "        print('here', flush=True)\n"
        "        time.sleep(30)\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = slow\n"
        "main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (-signal.SIGINT, "")


def test_the_verifier_of_most_people_fits_80_columns() -> None:
    trusted = factories.trust(verifier="platform verifier (webpki on Linux)", store="system")
    shown = connecting.connect(factories.connect_report(handshake=factories.handshake(trust=trusted)), Style(color=False))
    assert max(len(line) for line in shown.splitlines()) == 80


def test_progress_is_gone_at_an_end_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "TERM"):
        monkeypatch.delenv(name, raising=False)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    err = Terminal()
    console = Console(io.StringIO(), err)
    console.progress("1/5")
    console.clear()
    console.clear()
    assert err.getvalue() == "\r\x1b[K1/5\r\x1b[K"
