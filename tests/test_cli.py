"""The command line: its commands, their help, and what becomes a request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import standins

from tlstool import cli
from tlstool.requests import ConnectRequest, HandshakeBenchRequest, LocalBenchRequest, VerifyRequest


@pytest.fixture
def use_cases(monkeypatch):
    return standins.install(monkeypatch)


@pytest.fixture
def run(capsys, use_cases):
    """Runs a command line; the answer is status, stdout and stderr."""
    return lambda line: standins.outcome(capsys, line)


# ---- commands and help ---------------------------------------------------------------------------


def test_the_table_of_commands_is_the_folder_of_commands():
    folder = Path(cli.__file__).parent.parent / "commands"
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert {name.replace("-", "_") for name in cli.COMMANDS} == files


def test_commands_are_imported_at_the_first_look():
    commands = cli._Commands()
    assert list(commands) == list(cli.COMMANDS)
    assert commands["serve"].name == commands.get("serve").name == "serve"
    assert commands.get("nonsense", "none") == "none"
    assert [name for name, _ in commands.items()] == list(cli.COMMANDS)
    assert len(commands.values()) == len(cli.COMMANDS)


LINES = ["", "connect", "serve", "bench", "bench local", "bench compare", "bench handshake", "cert-verify", "help", "completions"]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help_that_fits_80_columns(run, monkeypatch, line, flag):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run(f"{line} {flag}")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: {' '.join(('tlstool', line))}".rstrip())
    assert all(len(row) <= 80 for row in out.splitlines())


@pytest.mark.parametrize("line", LINES[1:])
def test_help_tells_what_it_does_then_two_to_four_examples_then_options(run, line):
    _, out, _ = run(f"{line} --help")
    examples = out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    commands = [row for row in examples if row.startswith("  tlstool ")]
    assert 2 <= len(commands) <= 4
    assert len(examples) == 2 * len(commands)
    assert out.index("Examples:") < out.index("Output:")


@pytest.mark.parametrize("line", LINES[1:])
def test_the_help_verb_says_the_same(run, line):
    assert run(f"help {line}")[1] == run(f"{line} --help")[1]


@pytest.mark.parametrize("line", ["", "bench"])
def test_no_arguments_are_answered_with_help_and_status_2(run, line):
    status, out, err = run(line)
    assert (status, out) == (2, "")
    assert "Commands:" in err


def test_exit_codes_are_a_topic_of_help(run):
    status, out, _ = run("help exit-codes")
    assert status == 0
    assert "unknown-issuer" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_scripts_are_printed(run, shell):
    status, out, _ = run(f"completions {shell}")
    assert status == 0
    assert "_TLSTOOL_COMPLETE" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tlstool con", "connect"),
        ("tlstool connect x --cip", "--ciphers"),
        ("tlstool connect x --groups x25519,secp3", "x25519,secp384r1"),
        ("tlstool connect x --ciphers TLS_CHA", "TLS_CHACHA20_POLY1305_SHA256"),
        ("tlstool connect x --backend o", "openssl"),
        ("tlstool bench h", "handshake"),
    ],
)
def test_completion_knows_commands_options_and_names(run, monkeypatch, words, expected):
    monkeypatch.setenv("_TLSTOOL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    status, out, _ = run("")
    assert status == 0
    assert f"plain,{expected}" in out.splitlines()


HEAVY = (
    "ssl cryptography truststore certifi rich asyncio importlib.metadata json dataclasses shutil "
    "tlstool._native tlstool.model tlstool.reports tlstool.requests tlstool.client tlstool.backends"
)


@pytest.mark.parametrize("line", LINES)
def test_help_imports_nothing_heavy(line):
    code = (
        "import sys; from tlstool import cli; status = cli.run(sys.argv[2:]); "
        "print(status, *sorted(set(sys.argv[1].split()) & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, HEAVY, *line.split(), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "0\n"


# ---- what becomes a request ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("connect h:1 --ca ca.pem --sni n", ConnectRequest(target="h:1", ca=("ca.pem",), sni="n")),
        ("connect h --no-sni", ConnectRequest(target="h", sni="")),
        ("connect h --pipe -q", ConnectRequest(target="h", relay=(0, 1))),
        ("connect h --tls 1.2 --tls TLSv1.3", ConnectRequest(target="h", tls=("1.2", "1.3"))),
        ("connect h --tls 1.2,1.3", ConnectRequest(target="h", tls=("1.2", "1.3"))),
        ("connect h --alpn h2,http/1.1", ConnectRequest(target="h", alpn=("h2", "http/1.1"))),
        ("connect h --groups X25519:P-256", ConnectRequest(target="h", groups=("x25519", "secp256r1"))),
        (
            "connect h --ciphers ECDHE-RSA-AES128-GCM-SHA256 --ciphers aes128-sha",
            ConnectRequest(target="h", ciphers=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA")),
        ),
        ("connect h --at 2026-01-01", ConnectRequest(target="h", at=1767225600)),
        ("connect h --at 2026-01-01T01:00:00+01:00", ConnectRequest(target="h", at=1767225600)),
        ("connect h --timeout 1.5s", ConnectRequest(target="h", timeout=1.5)),
        ("connect h --timeout 250ms", ConnectRequest(target="h", timeout=0.25)),
        ("connect h --cert c.pem", ConnectRequest(target="h", cert="c.pem")),
        (
            "connect h -k --http --strict-close --backend openssl",
            ConnectRequest(target="h", insecure=True, http="", strict_close=True, relay=(None, 1), backend="openssl"),
        ),
        ("connect h --roots none --crl a --crl b", ConnectRequest(target="h", roots="none", crl=("a", "b"))),
        (
            "cert-verify --ca r.pem --untrusted i.pem --verify-name n l.pem",
            VerifyRequest(source="l.pem", ca=("r.pem",), untrusted=("i.pem",), verify_name="n"),
        ),
        ("cert-verify - --min-days 0", VerifyRequest(source="-", min_days=0)),
        (
            "bench handshake h:1 --ca c --sni n --duration 3s --connections 4 --threads 1 --tls 1.3 --json --resume",
            HandshakeBenchRequest(target="h:1", ca=("c",), sni="n", duration=3.0, connections=4, tls=("1.3",), resume=True),
        ),
        (
            "bench handshake h --count 9 --i-am-authorized",
            HandshakeBenchRequest(target="h", count=9, authorized=True),
        ),
        ("bench local", LocalBenchRequest(profile="quick")),
        ("bench local --profile seed-2024 --plan", LocalBenchRequest(profile="seed-2024", plan_only=True)),
        (
            "bench local --what handshake,resume --mode full,resume --suite all --side server --threads 1,4 --write-size 64KiB",
            LocalBenchRequest(
                what=("handshake", "resume"),
                modes=("full", "ticket"),
                suites=("all",),
                sides=("server",),
                threads=(1, 4),
                write_size=65536,
            ),
        ),
        (
            "bench local --what bulk --warmup 0s --seed 7 --no-pin --fips --client-auth --published-method --relative-to A "
            "--baseline old.json --fail-if ratio<0.95 --against A=/x --clock cpu -v",
            LocalBenchRequest(
                what=("bulk",),
                warm_up=0.0,
                seed=7,
                pin=False,
                fips=True,
                client_auth=True,
                published_method=True,
                relative_to="A",
                baseline="old.json",
                fail_if=("ratio<0.95",),
                against=("A=/x",),
            ),
        ),
        (
            "bench local --what handshake --mode full --suite TLS_AES_128_GCM_SHA256 --groups X25519 --cert c --key k --ca r "
            "--duration 1s --rounds 1 --json",
            LocalBenchRequest(
                what=("handshake",), suites=("TLS_AES_128_GCM_SHA256",), groups=("x25519",), cert="c", key="k", ca="r", rounds=1
            ),
        ),
        (
            "bench local --key-type rsa,ecdsa --against openssl --against /x/libssl.so",
            LocalBenchRequest(key_types=("rsa-2048", "ecdsa-p256"), against=("openssl", "/x/libssl.so")),
        ),
    ],
)
def test_options_become_the_request(run, use_cases, line, expected):
    status, _, _ = run(line)
    assert status == 0
    assert [fake.request for fake in use_cases.values() if fake.request is not None] == [expected]


def test_an_option_can_come_from_the_environment_and_the_command_line_goes_before_it(run, use_cases, monkeypatch):
    monkeypatch.setenv("TLSTOOL_CONNECT_SNI", "from-environment")
    monkeypatch.setenv("TLSTOOL_CONNECT_TLS", "1.2 1.3")
    run("connect h")
    assert (use_cases["connect"].request.sni, use_cases["connect"].request.tls) == ("from-environment", ("1.2", "1.3"))
    run("connect h --sni typed")
    assert use_cases["connect"].request.sni == "typed"
