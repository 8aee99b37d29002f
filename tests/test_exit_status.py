"""The table of exit statuses, on real sockets and real files: each cause, for people and as JSON."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import on_both_backends, refused, serving, tlstool

if TYPE_CHECKING:
    from credentials import Credentials

BAD_CHAINS = [
    ("self_signed", 9, "self-signed"),
    ("unknown_issuer", 9, "unknown-issuer"),
    ("missing_intermediate", 9, "missing-intermediate"),
    ("wrong_name", 10, "name-mismatch"),
    ("expired", 11, "expired"),
    ("not_yet_valid", 11, "not-yet-valid"),
    ("revoked", 12, "revoked"),
]

on_all_bad_chains = pytest.mark.parametrize(("identity", "status", "code"), BAD_CHAINS, ids=[code for _, _, code in BAD_CHAINS])

Faulty = Callable[[str], AbstractContextManager[zoo.Peer]]


@pytest.fixture
def showing(credentials: Credentials) -> Faulty:
    """A server that shows the certificate that is called so."""

    def start(identity: str) -> AbstractContextManager[zoo.Peer]:
        return zoo.listening(zoo.tls(zoo.context(getattr(credentials, identity))))

    return start


# ---- 0 -------------------------------------------------------------------------------------------


@on_both_backends
def test_a_sound_peer_is_0(showing: Faulty, credentials: Credentials, backend: str) -> None:
    with showing("good") as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--json")
    assert (done.status, done.errors) == (0, "")
    assert (done.document["ok"], done.document["error"], done.document["exit_status"]) == (True, None, 0)


# ---- 2: usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "hint"),
    [
        (("connect", "localhost", "--inscure"), "usage", "--insecure"),
        (("connect", "localhost", "--tls", "1.4"), "usage", "1.3"),
        (("connect", "localhost", "--timeout", "10"), "usage", "10s"),
        (("connect", "localhost", "--groups", "x25591"), "unknown-name", "x25519"),
        (("connect", "localhost:http"), "bad-target", "65535"),
        (("connect", "localhost:443:443"), "bad-target", "[::1]:443"),
        (("connect", "gopher://localhost"), "bad-target", "https://"),
        (("cert-verify", "localhost", "--min-day", "3"), "usage", "--min-days"),
        (("bench", "handshake", "localhost", "--connection", "3"), "usage", "--connections"),
    ],
)
def test_what_makes_no_sense_is_2_and_the_nearest_right_thing_is_named(args: tuple[str, ...], code: str, hint: str) -> None:
    assert hint in refused(*args, status=2, code=code)["error"]["hint"]


@on_both_backends
def test_what_a_backend_cannot_do_is_2_before_anything_is_sent(showing: Faulty, credentials: Credentials, backend: str) -> None:
    wish = {"rustls": ("--tls", "1.1"), "openssl": ("--tls", "1.3", "--ciphers", "TLS_AES_128_GCM_SHA256")}[backend]
    with showing("good") as peer:
        refused("connect", peer.target, "--ca", credentials.ca, "--backend", backend, *wish, status=2, code="unsupported")
        assert not peer.connected.is_set()


# ---- 3: files and ports of our own ---------------------------------------------------------------


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "file.pem"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "file-missing"),
        (b"", "no-certificate"),
        (b"\x00 something else", "bad-certificate-file"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "bad-certificate-file"),
    ],
)
def test_a_ca_file_that_is_no_good_is_3(tmp_path: Path, data: bytes | None, code: str) -> None:
    path = tmp_path / "missing.pem" if data is None else _file(tmp_path, data)
    with zoo.listening(zoo.silent) as peer:
        document = refused("connect", peer.target, "--ca", path, status=3, code=code)
        assert str(path) in document["error"]["message"]
        assert not peer.connected.is_set()


@pytest.mark.parametrize(
    ("cert", "key", "code"),
    [
        ("missing", "good", "file-missing"),
        ("empty", "good", "no-certificate"),
        ("garbage", "good", "bad-certificate-file"),
        ("good", "missing", "file-missing"),
        ("good", "empty", "no-key"),
        ("good", "garbage", "bad-key"),
        ("good", "encrypted", "key-encrypted"),
    ],
)
def test_an_identity_that_is_no_good_is_3(credentials: Credentials, tmp_path: Path, cert: str, key: str, code: str) -> None:
    files: dict[str, tuple[Path, Path]] = {
        "good": (credentials.good.cert, credentials.good.key),
        "encrypted": (credentials.good.cert, credentials.encrypted_key),
        "missing": (tmp_path / "missing", tmp_path / "missing"),
    }
    for name, data in (("empty", b""), ("garbage", b"\x00 something else\n")):
        path = tmp_path / name
        path.write_bytes(data)
        files[name] = (path, path)
    _assert_bad_identity(files[cert][0], files[key][1], code)


@on_both_backends
def test_a_key_of_another_certificate_is_3(credentials: Credentials, backend: str) -> None:
    _assert_bad_identity(credentials.good.cert, credentials.client.key, "key-mismatch", "--backend", backend)


def _assert_bad_identity(cert: Path, key: Path, code: str, *options: str) -> None:
    """For a client before it connects, and for a server."""
    identity: tuple[str | Path, ...] = ("--cert", cert, "--key", key, *options)
    refused("connect", "localhost:1", *identity, status=3, code=code)
    done = tlstool("serve", *identity, "--json")
    assert done.status == 3, done
    assert (done.events[-1]["event"], done.events[-1]["error"]["code"]) == ("error", code)


@pytest.mark.parametrize(
    ("data", "code"), [(None, "file-missing"), (b"", "no-certificate"), (b"\x00 something else", "bad-certificate-file")]
)
def test_a_file_to_verify_that_is_no_good_is_3(tmp_path: Path, data: bytes | None, code: str) -> None:
    path = tmp_path / "missing.pem" if data is None else _file(tmp_path, data)
    refused("cert-verify", path, status=3, code=code)


def test_a_port_in_use_is_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = tlstool("serve", str(port))
        assert (told.status, told.text) == (3, "")
        assert f"127.0.0.1:{port} is in use" in told.errors
        done = tlstool("serve", str(port), "--json")
    assert (done.status, done.events[0]["error"]["code"]) == (3, "port-in-use")


# ---- 4 and 5: no connection ----------------------------------------------------------------------


def test_a_host_that_nobody_knows_is_4() -> None:
    refused("connect", "nosuch.invalid", status=4, code="unknown-host")


@pytest.mark.parametrize("command", [("connect",), ("cert-verify",), ("bench", "handshake")])
def test_a_closed_port_is_5(command: tuple[str, ...]) -> None:
    with zoo.refusing() as port:
        document = refused(*command, f"localhost:{port}", status=5, code="connection-refused")
    assert document["error"]["hint"]


# ---- 7 and 8: no TLS, and no handshake -----------------------------------------------------------


@on_both_backends
@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        (zoo.answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "plain-http", "http://"),
        (zoo.greets(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "plain-ssh", "ssh"),
        (zoo.greets(b"220 mail.test ESMTP\r\n"), "plain-smtp", "--starttls smtp"),
        (zoo.greets(b"* OK IMAP4rev1 ready\r\n"), "plain-imap", "993"),
        (zoo.greets(b"+OK POP3 ready\r\n"), "plain-pop3", "995"),
        (zoo.greets(b"220 FTP server ready\r\n"), "plain-ftp", "990"),
    ],
    ids=["http", "ssh", "smtp", "imap", "pop3", "ftp"],
)
def test_a_peer_that_speaks_something_else_is_7_and_the_hint_says_what_to_do(
    behaviour: zoo.Behaviour, code: str, words: str, backend: str
) -> None:
    with zoo.listening(behaviour) as peer:
        document = refused("connect", peer.target, "-k", "--backend", backend, status=7, code=code)
    assert words in document["error"]["hint"]


@on_both_backends
def test_a_peer_that_speaks_nothing_known_is_7_and_its_words_are_shown(backend: str) -> None:
    with zoo.listening(zoo.greets(b"\x00\x01hello there")) as peer:
        document = refused("connect", peer.target, "-k", "--backend", backend, status=7, code="not-tls")
    assert "hello there" in document["error"]["message"]


@on_both_backends
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (zoo.answers(zoo.HANDSHAKE_FAILURE), "alert-received"),
        (zoo.answers(zoo.NONSENSE), "peer-misbehaved"),
        (zoo.closes, "connection-closed"),
        (zoo.resets, "connection-reset"),
    ],
    ids=["alert", "nonsense", "closes", "resets"],
)
def test_a_handshake_that_the_peer_breaks_off_is_8(behaviour: zoo.Behaviour, code: str, backend: str) -> None:
    with zoo.listening(behaviour) as peer:
        document = refused("connect", peer.target, "-k", "--backend", backend, status=8, code=code)
    assert document["error"]["phase"] == "handshake"
    assert document["error"]["alert"] == ("handshake_failure" if code == "alert-received" else None)


@on_both_backends
def test_no_version_in_common_is_8(credentials: Credentials, backend: str) -> None:
    only_12 = zoo.context(credentials.good, version=ssl.TLSVersion.TLSv1_2)
    options = ("--ca", credentials.ca, "--backend", backend, "--tls", "1.3")
    with zoo.listening(zoo.tls(only_12)) as peer:
        document = refused("connect", peer.target, *options, status=8, code="alert-received")
    assert document["error"]["alert"] == "protocol_version"


# ---- 9 to 12: the certificate --------------------------------------------------------------------


@on_both_backends
@on_all_bad_chains
def test_a_bad_certificate_has_a_status_and_the_whole_report(
    *, showing: Faulty, credentials: Credentials, identity: str, status: int, code: str, backend: str
) -> None:
    options = ("--ca", credentials.ca, "--backend", backend, *_crl(credentials, identity))
    with showing(identity) as peer:
        document = refused("connect", peer.target, *options, status=status, code=code)
    assert document["error"]["phase"] == "certificate"
    handshake = document["handshake"]
    assert handshake["trust"]["verdict"] == "bad"
    assert handshake["trust"]["findings"][0]["code"] == code
    assert handshake["tls"] == "1.3"
    assert handshake["suite"].startswith("TLS_")
    assert handshake["certificates"][0]["pem"].strip() in getattr(credentials, identity).cert.read_text()
    assert document["phases_ms"]["handshake"] > 0


@on_all_bad_chains
def test_a_bad_chain_in_a_file_has_the_same_status(credentials: Credentials, identity: str, status: int, code: str) -> None:
    file = getattr(credentials, identity).cert
    options = ("--ca", credentials.ca, "--verify-name", "localhost", *_crl(credentials, identity))
    document = refused("cert-verify", file, *options, status=status, code=code)
    assert document["trust"]["findings"][0]["code"] == code


@on_both_backends
@pytest.mark.parametrize(
    ("identity", "code"),
    [("unknown_issuer", "unknown-issuer"), ("wrong_name", "name-mismatch"), ("expired", "expired"), ("revoked", "revoked")],
)
def test_insecure_waives_the_certificate_and_still_tells_its_faults(
    showing: Faulty, credentials: Credentials, identity: str, code: str, backend: str
) -> None:
    options = ("--ca", credentials.ca, "--backend", backend, *_crl(credentials, identity))
    with showing(identity) as peer:
        done = tlstool("connect", peer.target, *options, "--insecure", "--json")
    assert done.status == 0, done
    assert done.document["error"] is None
    assert done.document["handshake"]["trust"]["findings"][0]["code"] == code


@on_both_backends
@pytest.mark.parametrize(
    ("identity", "status", "codes"),
    [
        ("expired_and_wrong_name", 10, ["name-mismatch", "expired"]),
        ("unknown_and_expired", 9, ["unknown-issuer", "expired"]),
    ],
)
def test_of_two_faults_the_graver_decides_and_both_are_told(
    *, showing: Faulty, credentials: Credentials, identity: str, status: int, codes: list[str], backend: str
) -> None:
    with showing(identity) as peer:
        document = refused("connect", peer.target, "--ca", credentials.ca, "--backend", backend, status=status, code=codes[0])
    assert [finding["code"] for finding in document["handshake"]["trust"]["findings"]] == codes


@pytest.mark.parametrize("command", ["connect", "cert-verify"])
def test_no_fail_is_0_and_still_tells_the_error(showing: Faulty, credentials: Credentials, command: str) -> None:
    with showing("expired") as peer:
        done = tlstool(command, peer.target, "--ca", credentials.ca, "--no-fail", "--json")
    assert (done.status, done.document["exit_status"]) == (0, 0)
    assert (done.document["ok"], done.document["error"]["code"]) == (False, "expired")


def test_no_fail_waives_no_wrong_command_line() -> None:
    assert tlstool("connect", "localhost", "--no-fail", "--tls", "1.4").status == 2


# ---- 13 to 15 ------------------------------------------------------------------------------------


@on_both_backends
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing_or_refused_is_13(
    credentials: Credentials, version: ssl.TLSVersion, backend: str
) -> None:
    demanding = zoo.context(credentials.good, version=version, client_ca=credentials.client_ca)
    stranger = ("--cert", credentials.unknown_issuer.cert, "--key", credentials.unknown_issuer.key)
    with zoo.listening(zoo.tls(demanding)) as peer:
        options = (peer.target, "--ca", credentials.ca, "--backend", backend)
        document = refused("connect", *options, status=13, code="client-certificate-required")
        assert "--cert" in document["error"]["hint"]
        refused("connect", *options, *stranger, status=13, code="client-certificate-refused")


@on_both_backends
def test_the_servers_own_bad_certificate_goes_before_its_wish_for_ours(credentials: Credentials, backend: str) -> None:
    demanding = zoo.context(credentials.expired, client_ca=credentials.client_ca)
    with zoo.listening(zoo.tls(demanding)) as peer:
        refused("connect", peer.target, "--ca", credentials.ca, "--backend", backend, status=11, code="expired")


@on_both_backends
def test_a_cut_off_is_14_only_where_the_close_has_to_be_strict(credentials: Credentials, backend: str) -> None:
    cutting = zoo.tls(zoo.context(credentials.good), zoo.cuts(b"half a sen"))
    with zoo.listening(cutting) as peer:
        pipe = ("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "--pipe")
        done = tlstool(*pipe, "--strict-close")
        assert (done.status, done.output) == (14, b"half a sen")
        assert "error: the peer ended the connection without close_notify" in done.errors
        done = tlstool(*pipe, "--strict-close", "--json")
        assert (done.status, json.loads(done.errors)["error"]["code"]) == (14, "truncated")
        done = tlstool(*pipe)
        assert (done.status, done.output) == (0, b"half a sen")
        assert "warning: the peer ended without close_notify: what was received may be incomplete" in done.errors
        done = tlstool(*pipe, "--quiet")
        assert (done.status, done.output, done.errors) == (0, b"half a sen", "")


@on_both_backends
def test_an_orderly_close_satisfies_a_strict_one(credentials: Credentials, backend: str) -> None:
    closing = zoo.tls(zoo.context(credentials.good), zoo.says(b"a sentence."))
    with zoo.listening(closing) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, "-p", "-q", "--strict-close")
    assert (done.status, done.output) == (0, b"a sentence.")


@on_both_backends
def test_a_chain_in_a_file_is_judged_by_the_verifier_that_the_report_names(credentials: Credentials, backend: str) -> None:
    done = tlstool("cert-verify", credentials.good.cert, "--ca", credentials.ca, "--backend", backend, "--json")
    verifier = done.document["trust"]["verifier"].split()[0]
    assert (done.status, verifier) == (0, {"rustls": "webpki", "openssl": "cryptography"}[backend])


def test_a_certificate_that_expires_too_soon_is_15(showing: Faulty, credentials: Credentials) -> None:
    trust = ("--ca", credentials.ca, "--verify-name", "localhost")
    refused("cert-verify", credentials.good.cert, *trust, "--min-days", "60", status=15, code="expires-soon")
    with showing("good") as peer:
        refused("cert-verify", peer.target, *trust, "--min-days", "60", status=15, code="expires-soon")
        assert tlstool("cert-verify", peer.target, *trust, "--min-days", "7").status == 0


def test_what_a_server_of_ours_shows_is_judged_like_any(credentials: Credentials) -> None:
    with serving() as server:
        refused("cert-verify", server.target, "--ca", credentials.ca, status=9, code="unknown-issuer")
        assert tlstool("cert-verify", server.target, "--ca", server.ca_file).status == 0


def _crl(credentials: Credentials, identity: str) -> tuple[str | Path, ...]:
    """Revocation is checked where it is the fault; the other chains' authorities have no list to be checked by."""
    return ("--crl", credentials.crl) if identity == "revoked" else ()
