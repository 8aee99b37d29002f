"""`tlstool s_client`: the words of `openssl s_client`, and the line of `tlstool connect` that they become."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import zoo
from peers import require
from runner import LIMIT, tlstool
from tlstool.commands._openssl import FOR_HELP, WORDS
from tlstool.commands.connect import connect
from tlstool.commands.s_client import translated

from tlstool.errors import UsageError

if TYPE_CHECKING:
    from credentials import Credentials


def line(words: str) -> str:
    return " ".join(translated(words.split()).arguments)


@pytest.mark.parametrize(
    ("words", "becomes"),
    [
        ("-connect a.test:443", "a.test:443"),
        ("a.test:443", "a.test:443"),
        ("-host a.test -port 8443", "a.test:8443"),
        ("-host ::1 -port 8443", "[::1]:8443"),
        ("-host a.test", "a.test:4433"),
        ("-unix /run/x.sock", "unix:/run/x.sock"),
        ("--connect a.test:443 --servername b.test", "a.test:443 --sni b.test"),
        ("-connect a:1 -noservername", "a:1 --no-sni"),
        ("-connect a:1 -CAfile ca.pem -CApath certs", "a:1 --ca ca.pem --ca certs"),
        ("-connect a:1 -verify_hostname b -verify_return_error", "a:1 --verify-name b"),
        ("-connect a:1 -verify_ip 192.0.2.1", "a:1 --verify-name 192.0.2.1"),
        ("-connect a:25 -starttls smtp", "a:25 --starttls smtp"),
        ("-connect a:25 -starttls smtp -name me.test", "a:25 --starttls smtp"),
        ("-connect a:5222 -starttls xmpp -xmpphost b", "a:5222 --starttls xmpp --xmpp-to b"),
        ("-connect a:1 -tls1_2", "a:1 --tls 1.2"),
        ("-connect a:1 -tls1_2 -tls1_3", "a:1 --tls 1.2,1.3"),
        ("-connect a:1 -no_ssl3 -no_tls1 -no_tls1_1", "a:1"),
        ("-connect a:1 -no_tls1_3", "a:1 --tls 1.2"),
        ("-connect a:1 -min_protocol TLSv1.2 -max_protocol TLSv1.3", "a:1 --tls-min 1.2 --tls-max 1.3"),
        ("-connect a:1 -min_protocol TLSv1", "a:1 --tls-min 1.0"),
        ("-connect a:1 -cipher AES128-SHA:AES256-SHA", "a:1 --ciphers AES128-SHA:AES256-SHA"),
        ("-connect a:1 -cipher AES128-SHA@SECLEVEL=0", "a:1 --ciphers AES128-SHA"),
        ("-connect a:1 -cipher DEFAULT@SECLEVEL=0 -tls1", "a:1 --tls 1.0"),
        ("-connect a:1 -groups X25519:P-256", "a:1 --groups X25519:P-256"),
        ("-connect a:1 -alpn h2,http/1.1 -status -brief", "a:1 --alpn h2,http/1.1"),
        ("-connect a:1 -showcerts -status", "a:1 --chain -"),
        ("-connect a:1 -msg -debug -state", "a:1 -vv"),
        ("-connect a:1 -quiet", "a:1 --pipe --quiet"),
        ("-connect a:1 -quiet -ign_eof -crlf", "a:1 --pipe --quiet --half-close none --crlf"),
        ("-connect a:1 -proxy p:3128 -proxy_user u", "a:1 --proxy http://u@p:3128"),
        ("-connect a:1 -keymatexport L -keymatexportlen 32", "a:1 --export-keying L:32"),
        ("-connect a:1 -keymatexport L", "a:1 --export-keying L:20"),
        ("-connect a:1 -cert c.pem -key k.pem -pass file:p.txt -certform PEM", "a:1 --cert c.pem --key k.pem --pass-file p.txt"),
        ("-connect a:1 -attime 1767225600", "a:1 --at 2026-01-01T00:00:00Z"),
        ("-connect a:1 -reconnect -early_data f", "a:1 --reconnect 5 --early-data f"),
        ("-connect a:1 -purpose sslserver -4", "a:1 --purpose server -4"),
        ("-connect a:1 -verify 5 -crl_check -CRL l.pem", "a:1 --crl l.pem"),
        ("-connect a:1 --json --ca ca.pem -kv --assert tls>=1.3", "a:1 --json --ca ca.pem -kv --assert tls>=1.3"),
        ("-connect a:1 --ca=ca.pem", "a:1 --ca=ca.pem"),
        ("-connect a:1 --http -CAfile ca.pem", "a:1 --http --ca ca.pem"),
        ("-connect a:1 --http /x -CAfile ca.pem", "a:1 --http /x --ca ca.pem"),
    ],
)
def test_words_of_s_client_become_a_line_of_connect(words: str, becomes: str) -> None:
    assert line(words) == becomes


def test_a_value_may_have_spaces() -> None:
    words = ["-connect", "a:1", "-dane_tlsa_rrdata", "3 1 1 ab12"]
    assert translated(words).arguments == ("a:1", "--tlsa", "3 1 1 ab12")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("", "there is no target", "-connect HOST:PORT"),
        ("-conect a:1", "there is no option -conect", "did you mean -connect?"),
        ("-connect a:1 -nosuchthing", "there is no option -nosuchthing", None),
        ("-connect", "-connect needs a value", None),
        ("-connect a:1 b:2", "two targets: a:1 and b:2", "one word"),
        ("-connect a:1 -psk 00", "-psk has no equivalent here", "external keys"),
        ("-connect a:1 -sess_out f", "-sess_out has no equivalent here", "--reconnect N"),
        ("-connect a:1 -pass pass:secret", "can be read by everybody", "-pass file:FILE"),
        ("-connect a:1 -no_tls1_2 -no_tls1_3", "no version of TLS is left", "-no_tls"),
        ("-connect a:1 -attime tomorrow", "'tomorrow' is no time", "seconds"),
        ("-connect a:1 -purpose crlsign", "-purpose crlsign has no equivalent here", "sslserver"),
        ("-connect a:1 -dtls", "-dtls has no equivalent here", "no DTLS"),
    ],
)
def test_what_cannot_be_translated_is_told_with_what_to_do(words: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        line(words)
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_what_makes_no_difference_is_said_to() -> None:
    assert translated(["-connect", "a:1", "-status", "-bugs"]).notes == ["-status is the default", "-bugs is of no meaning"]


def test_every_option_that_the_table_names_is_one_of_connect() -> None:
    named = {option for word in WORDS.values() for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", word.meaning)}
    ours = {spelling for param in connect.params for spelling in param.opts}
    assert named - ours == set()


def test_every_option_of_the_installed_s_client_is_known() -> None:
    done = subprocess.run([require("openssl"), "s_client", "-help"], capture_output=True, text=True, timeout=LIMIT, check=True)
    offered = re.findall(r"^ (-[\w-]+)", done.stdout + done.stderr, re.MULTILINE)
    assert len(offered) > 100
    exotic = re.compile(
        r"-(help|x|srp_|suiteB|chainCA|ssl_config|ctlogfile|policy|explicit|inhibit|extended_crl|use_deltas|check_ss)"
    )
    rare = {
        "-adv", "-allow_proxy_certs", "-debug_broken_protocol", "-issuer_checks", "-named_curve", "-no_alt_chains",
        "-no_resumption_on_reneg", "-prioritize_chacha", "-propquery", "-provider-path", "-strict", "-verify_name",
    }  # fmt: skip
    assert {name for name in offered if name not in WORDS and not exotic.match(name)} - rare == set()


def test_hints_and_manual_page_leave_out_what_is_refused_or_means_nothing() -> None:
    assert FOR_HELP["-servername NAME"] == "--sni NAME"
    assert FOR_HELP["-verify_return_error"] == "the default"
    refused = {name for name, word in WORDS.items() if word.fate == "refused"}
    assert {spec.split()[0] for spec in FOR_HELP} & refused == set()


# ---- as a command --------------------------------------------------------------------------------


def test_the_line_is_shown_and_run(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        words = ("-connect", peer.target, "-servername", "localhost", "-CAfile", credentials.ca, "-showcerts")
        done = tlstool("s_client", *words)
    assert done.status == 0
    told = done.errors.splitlines()
    assert told[0] == f"tlstool connect {peer.target} --sni localhost --ca {credentials.ca} --chain -"
    assert told[1].startswith("unlike s_client: the certificate")
    assert "Verdict       good" in done.text


@pytest.mark.parametrize("words", [("-showcerts",), (), ("-servername", "localhost", "-prexit")])
def test_what_reads_certificates_from_a_pipe_gets_them(credentials: Credentials, words: tuple[str, ...]) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        done = tlstool("s_client", "-connect", peer.target, "-CAfile", credentials.ca, *words)
    assert done.status == 0, done
    asked = (require("openssl"), "x509", "-noout", "-subject")
    read = subprocess.run(asked, input=done.output, capture_output=True, timeout=LIMIT, check=True)
    assert read.stdout.startswith(b"subject=")


@pytest.mark.parametrize("words", ["-brief", "-quiet", "-ign_eof", "--json", "-kp", "--chain c.pem", "--http"])
def test_nothing_is_added_where_something_else_is_wanted(words: str) -> None:
    found = translated(["-connect", "a:1", *words.split()])
    before = found.arguments
    found.print_certificate()
    assert found.arguments == before


def test_certificates_are_not_mixed_with_the_bytes_of_the_peer() -> None:
    assert line("-connect a:1 -showcerts -ign_eof") == "a:1 --pipe --half-close none"
    assert line("-connect a:1 -showcerts --json") == "a:1 --json"


def test_the_verdict_is_the_exit_status_other_than_with_openssl(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.expired))) as peer:
        assert tlstool("s_client", "-connect", peer.target, "-CAfile", credentials.ca).status == 11


def test_quiet_leaves_all_streams_to_the_peer(credentials: Credentials) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good), zoo.echoes)) as peer:
        done = tlstool("s_client", "-quiet", "-connect", peer.target, "-CAfile", credentials.ca, stdin=b"Q\nR\nhello\n")
    assert (done.status, done.output, done.errors) == (0, b"Q\nR\nhello\n", "")


@pytest.mark.parametrize("word", ["-help", "--help", "-h"])
def test_help_is_help(word: str) -> None:
    done = tlstool("s_client", word)
    assert done.status == 0
    assert "s_client -connect example.com:443" in done.text


def test_no_words_at_all_is_help_and_2() -> None:
    assert tlstool("s_client").status == 2
