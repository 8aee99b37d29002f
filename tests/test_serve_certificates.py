"""What `tlstool serve` presents: throw-away certificates, given ones, several at once, staples, compression, keys alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pki
import pytest
from conftest import Pki
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from peers import require
from runner import LIMIT, Server, refused, run, serving, tlstool
from test_staples import response

from tlstool import cli

if TYPE_CHECKING:
    from credentials import Credentials

pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)


def seen(server: Server, ca: str | Path, *options: str, name: str = "localhost") -> dict[str, Any]:
    """The handshake that `tlstool connect` reports, with a good verdict."""
    done = tlstool("connect", server.target, "--sni", name, "--ca", ca, "--json", *options)
    assert done.status == 0, done
    handshake = done.document["handshake"]
    assert isinstance(handshake, dict)
    return handshake


def leaf(handshake: dict[str, Any]) -> dict[str, Any]:
    """The first certificate of a handshake."""
    certificate = handshake["certificates"][0]
    assert isinstance(certificate, dict)
    return certificate


# ---- made on the spot ----------------------------------------------------------------------------


def test_a_throw_away_certificate_is_for_all_names_that_were_asked_for() -> None:
    with serving("--san", "a.test", "--san", "*.b.test", "--san", "192.0.2.7", "--san", "bücher.test") as server:
        names = leaf(seen(server, server.ca_file, name="a.test"))["names"]
        assert names == ["localhost", "127.0.0.1", "::1", "a.test", "*.b.test", "192.0.2.7", "xn--bcher-kva.test"]
        seen(server, server.ca_file, name="any.b.test")
        assert tlstool("connect", server.target, "--sni", "c.test", "--ca", server.ca_file).status == 10


def test_of_several_kinds_of_key_a_client_is_shown_one_that_it_can_verify(tmp_path: Path) -> None:
    with serving("--key-type", "ecdsa-p384,ed25519", "--key-type", "rsa-2048") as server:
        assert len(server.ready["fingerprints"]) == 3
        for scheme, key_type in (
            ("ecdsa_secp384r1_sha384", "ecdsa-p384"),
            ("ed25519", "ed25519"),
            ("rsa_pss_rsae_sha256", "rsa-2048"),
        ):
            shown = leaf(seen(server, server.ca_file, "--sigalgs", scheme))
            assert (shown["key_type"], shown["sha256"] in server.ready["fingerprints"]) == (key_type, True)
        assert leaf(seen(server, server.ca_file))["sha256"] == server.ready["fingerprint"]
        # In TLS 1.2 the cipher suite decides.
        suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        assert leaf(seen(server, server.ca_file, "--ciphers", suite))["key_type"] == "rsa-2048"
        assert tlstool("connect", server.target, "--ca", server.ca_file, "--sigalgs", "ecdsa_secp256r1_sha256").status == 8


def test_the_authority_is_left_where_it_was_asked_for(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with serving("--ca-out", ca) as server:
        assert server.ca_file == str(ca)
        seen(server, ca)
        assert server.stop().status == 0
    assert ca.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_temporary_authority_is_gone_at_the_end() -> None:
    with serving() as server:
        assert Path(server.ca_file).exists()
        server.stop()
    assert not Path(server.ca_file).exists()


def test_certificates_for_reuse_are_good_for_a_server_and_its_clients(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pki"
    made = tlstool("serve", "--make-certs", folder, "--san", "a.test", "--key-type", "rsa-2048", "--json")
    assert made.status == 0, made
    (event,) = made.events
    assert (event["event"], event["names"][-1]) == ("certificates", "a.test")
    for role in ("ca", "server", "client"):
        assert event[role] == str(folder / f"{role}.pem")
        assert stat.S_IMODE((folder / f"{role}.key").stat().st_mode) == 0o600
    with serving("--cert", event["server"], "--key", event["server_key"]) as server:
        shown = leaf(seen(server, event["ca"], "--cert", event["client"], "--key", event["client_key"], name="a.test"))
        assert (shown["sha256"], shown["key_type"]) == (event["fingerprint"], "rsa-2048")
    purpose = tlstool("cert-verify", event["client"], "--ca", event["ca"], "--purpose", "client")
    assert purpose.status == 0, purpose


def test_certificates_are_not_overwritten_unless_told(tmp_path: Path) -> None:
    assert tlstool("serve", "--make-certs", tmp_path).status == 0
    before = (tmp_path / "server.key").read_bytes()
    (tmp_path / "ca.pem").unlink()
    again = tlstool("serve", "--make-certs", tmp_path)
    assert again.status == 3, again
    assert "is there already" in again.errors
    assert ((tmp_path / "ca.pem").exists(), (tmp_path / "server.key").read_bytes()) == (False, before)
    assert tlstool("serve", "--make-certs", tmp_path, "--overwrite").status == 0
    assert (tmp_path / "server.key").read_bytes() != before


# ---- given ---------------------------------------------------------------------------------------


def test_two_certificates_are_served_at_once(credentials: Credentials) -> None:
    good, rsa = credentials.good, credentials.rsa
    with serving("--cert", good.cert, "--key", good.key, "--cert", rsa.cert, "--key", rsa.key) as server:
        assert leaf(seen(server, credentials.ca))["key_type"] == "ecdsa-p256"
        assert leaf(seen(server, credentials.ca, "--sigalgs", "rsa_pss_rsae_sha256"))["key_type"] == "rsa-2048"
        assert len(seen(server, credentials.ca)["certificates"]) == 2


def test_the_names_of_certificates_decide_before_their_order(certificates: Pki, tmp_path: Path) -> None:
    root = write(tmp_path / "ca.pem", certificates.root.pem)
    made = {name: pki.leaf(certificates.root, (name,)) for name in ("first.test", "*.second.test")}
    options: list[str | Path] = []
    for number, issued in enumerate(made.values()):
        options += ["--cert", write(tmp_path / f"{number}.pem", issued.chain_pem + issued.key_pem())]
    with serving(*options) as server:
        for name in ("first.test", "any.second.test"):
            seen(server, root, name=name)


def test_a_pkcs12_file_and_an_encrypted_key_are_opened_by_one_pass_file(credentials: Credentials, tmp_path: Path) -> None:
    phrase = write(tmp_path / "phrase", b"a pass phrase\n")
    issued = pki.leaf(pki.authority("root"), ("packed.test",))
    packed = pkcs12.serialize_key_and_certificates(
        b"x", issued.key, issued.certificate, None, BestAvailableEncryption(b"a pass phrase")
    )
    container = write(tmp_path / "packed.p12", packed)
    both = ("--cert", credentials.good.cert, "--key", credentials.encrypted_key, "--cert", container, "--key", container)
    with serving(*both, "--pass-file", phrase) as server:
        seen(server, credentials.ca)
        done = tlstool("connect", server.target, "--sni", "packed.test", "-k", "--json")
        assert leaf(done.document["handshake"])["names"] == ["packed.test"]


def test_an_expired_certificate_is_served_with_a_warning(credentials: Credentials) -> None:
    expired = credentials.expired
    with serving("--cert", expired.cert, "--key", expired.key) as server:
        event = server.next_event()
        assert (event["event"], event["code"]) == ("caution", "expired")
        assert str(expired.cert) in event["message"]
        assert tlstool("connect", server.target, "--ca", credentials.ca).status == 11


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cert", "{good}", "--cert", "{rsa}", "--key", "{good_key}"), (2, "usage")),
        (("--key", "{good_key}"), (2, "usage")),
        (("--cert", "-", "--key", "-"), (2, "usage")),
        (("--cert", "{good}", "--key", "{good_key}", "--staple", "auto"), (2, "usage")),
        (("--cert", "{good}", "--key", "{good_key}", "--san", "a.test"), (2, "usage")),
        (("--cert", "{good}", "--key", "{good_key}", "--key-type", "ed25519"), (2, "usage")),
        (("--cert", "{good}", "--key", "{good_key}", "--ca-out", "ca.pem"), (2, "usage")),
        (("--staple", "some.der"), (2, "usage")),
        (("--raw-public-key", "--staple", "auto"), (2, "usage")),
        (("--raw-public-key", "--tls", "1.2"), (2, "unsupported")),
        (("--cert-compression", "zstd"), (2, "usage")),
        (("--cert-compression", "off,zlib"), (2, "usage")),
        (("--key-type", "dsa-1024"), (2, "usage")),
        (("--san", "a b"), (2, "bad-target")),
        (("--overwrite",), (2, "usage")),
        (("--make-certs", "{folder}", "--sni-strict"), (2, "usage")),
        (("--make-certs", "{folder}", "--key-type", "ed25519,rsa-2048"), (2, "usage")),
        (("--make-certs", "{good}/pki"), (3, "file-not-written")),
        (("--ca-out", "{folder}/missing/ca.pem"), (3, "file-not-written")),
        (("--ech", "config.pem"), (2, "unsupported")),
        (("--ech",), (2, "unsupported")),
        (("--cert", "{folder}/missing.pem"), (3, "file-missing")),
        (("--cert", "{good}"), (3, "no-key")),
        (("--cert", "{good}", "--key", "{rsa_key}"), (3, "key-mismatch")),
        (("--cert", "{good}", "--key", "{good_key}", "--cert", "{rsa}", "--key", "{good_key}"), (3, "key-mismatch")),
        (("--cert", "{good}", "--key", "{encrypted}"), (3, "key-encrypted")),
        (("--cert", "{good}", "--key", "{good_key}", "--staple", "{good}"), (3, "bad-staple")),
    ],
)
def test_what_makes_no_sense_or_is_no_good_is_refused_at_once(
    credentials: Credentials,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    expected: tuple[int, str],
) -> None:
    places = {
        "folder": tmp_path,
        "good": credentials.good.cert,
        "good_key": credentials.good.key,
        "rsa": credentials.rsa.cert,
        "rsa_key": credentials.rsa.key,
        "encrypted": credentials.encrypted_key,
    }
    assert refusal(capsys, *(option.format_map(places) for option in options)) == expected


@pytest.mark.parametrize(
    "options",
    [
        ("--key-type", "ecdsa-p256,rsa-2048"),
        ("--staple", "auto"),
        ("--raw-public-key",),
        ("--cert-compression", "zlib"),
        ("--sni-strict",),
    ],
)
def test_what_pythons_ssl_cannot_present_is_refused_before_there_is_a_server(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert refusal(capsys, "--backend", "openssl", *options) == (2, "unsupported")


# ---- read again ----------------------------------------------------------------------------------


def test_hang_up_has_all_files_read_again_and_sessions_are_resumed_across(certificates: Pki, tmp_path: Path) -> None:
    file, root = tmp_path / "server.pem", write(tmp_path / "ca.pem", certificates.root.pem)
    old, new = pki.leaf(certificates.root), pki.leaf(certificates.root)
    write(file, old.chain_pem + old.key_pem())
    with serving("--echo", "--cert", file) as server:
        context = ssl.create_default_context(cafile=root)
        with dialled(server, context) as kept:
            assert echoed(kept)
            session = kept.session
            write(file, new.chain_pem + new.key_pem())
            server.process.send_signal(signal.SIGHUP)
            event = server.next_event()
            assert (event["event"], event["replaced"], event["problems"]) == ("renewed", [str(file)], [])
            assert echoed(kept)
            with dialled(server, context, session) as resumed:
                assert echoed(resumed)
                assert resumed.session_reused
            with dialled(server, context) as fresh:
                assert fresh.getpeercert(binary_form=True) == new.der
        totals = server.stop()
        assert totals.status == 0


def test_a_file_that_is_no_good_any_more_stands_for_what_it_was(certificates: Pki, tmp_path: Path) -> None:
    file, root = tmp_path / "server.pem", write(tmp_path / "ca.pem", certificates.root.pem)
    write(file, certificates.leaf.chain_pem + certificates.leaf.key_pem())
    with serving("--cert", file) as server:
        write(file, certificates.leaf.chain_pem + pki.leaf(None).key_pem())
        server.process.send_signal(signal.SIGHUP)
        event = server.next_event()
        assert (event["replaced"], [problem["code"] for problem in event["problems"]]) == ([], ["key-mismatch"])
        seen(server, root)


def test_hang_up_waits_for_no_pipe(certificates: Pki, tmp_path: Path) -> None:
    file = write(tmp_path / "server.pem", certificates.leaf.chain_pem + certificates.leaf.key_pem())
    with serving("--cert", file) as server:
        file.unlink()
        os.mkfifo(file)
        server.process.send_signal(signal.SIGHUP)
        event = server.next_event()
        assert (event["event"], event["replaced"], event["problems"]) == ("renewed", [], [])
        assert server.stop().status == 0


def test_hang_up_does_nothing_to_a_server_that_has_no_files() -> None:
    with serving("--count", "1") as server:
        server.process.send_signal(signal.SIGHUP)
        seen(server, server.ca_file)
        assert [server.next_event()["event"] for _ in range(2)] == ["connection", "totals"]


def test_pythons_ssl_says_that_it_cannot_renew(certificates: Pki, tmp_path: Path) -> None:
    new = pki.leaf(certificates.root)
    file = write(tmp_path / "server.pem", certificates.leaf.chain_pem + certificates.leaf.key_pem())
    with serving("--backend", "openssl", "--cert", file) as server:
        write(file, new.chain_pem + new.key_pem())
        server.process.send_signal(signal.SIGHUP)
        assert [problem["code"] for problem in server.next_event()["problems"]] == ["unsupported"]
        seen(server, write(tmp_path / "ca.pem", certificates.root.pem))


# ---- what goes with a certificate ----------------------------------------------------------------


def test_the_throw_away_authority_staples_its_word() -> None:
    with serving("--staple", "auto") as server:
        staple = seen(server, server.ca_file)["staple"]
        assert (staple["status"], staple["signature"], staple["is_current"]) == ("good", "good", True)
        trust = ("-CAfile", server.ca_file, "-verify_return_error", "-status")
        done = run([require("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", *trust])
        assert "Cert Status: good" in done.text, done


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_can_verify_no_signature_of_ours_is_told_so_by_an_alert(version: str) -> None:
    with serving() as server:
        at = f"127.0.0.1:{server.port}"
        done = run([require("openssl"), "s_client", "-connect", at, "-sigalgs", "ed25519", version])
        event = server.next_event()
    assert "alert handshake failure" in done.errors, done
    assert (event["error"], event["message"]) == ("peer-incompatible", "no signature scheme is in common")


def test_staples_go_with_their_certificates_and_one_for_another_is_refused(certificates: Pki, tmp_path: Path) -> None:
    root = certificates.root
    first, second = pki.leaf(root), pki.leaf(root, key=pki.rsa_key())
    options: list[str | Path] = []
    for number, issued in enumerate((first, second)):
        options += ["--cert", write(tmp_path / f"{number}.pem", issued.chain_pem + root.pem + issued.key_pem())]
    staples = [write(tmp_path / f"{number}.der", response(issued, root)) for number, issued in enumerate((first, second))]
    with serving(*options, "--staple", staples[0], "--staple", staples[1]) as server:
        for schemes in ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"):
            ca = write(tmp_path / "ca.pem", root.pem)
            assert seen(server, ca, "--sigalgs", schemes)["staple"]["status"] == "good"
    crossed = tlstool("serve", "--json", *options, "--staple", staples[1], "--staple", staples[0])
    error = crossed.events[0]["error"]
    assert (crossed.status, error["code"]) == (3, "bad-staple")
    assert "another certificate" in error["message"]


def test_a_staple_that_the_issuer_did_not_sign_is_refused(certificates: Pki, tmp_path: Path) -> None:
    issued = pki.leaf(certificates.root)
    cert = write(tmp_path / "server.pem", issued.chain_pem + certificates.root.pem + issued.key_pem())
    good = response(issued, certificates.root)
    forged = write(tmp_path / "forged.der", good[:-1] + bytes([good[-1] ^ 1]))
    done = tlstool("serve", "--json", "--cert", cert, "--staple", forged)
    error = done.events[0]["error"]
    assert (done.status, error["code"]) == (3, "bad-staple"), done
    assert "signature" in error["message"]


@pytest.mark.parametrize(("algorithms", "used"), [("brotli", "brotli"), ("zlib", "zlib"), ("zlib,brotli", "zlib"), ("off", None)])
def test_a_chain_is_compressed_as_was_asked_for(algorithms: str, used: str | None) -> None:
    with serving("--cert-compression", algorithms) as server:
        compression = seen(server, server.ca_file)["certificate_compression"]
        assert (compression and compression["algorithm"]) == used


def test_a_client_that_knows_no_raw_public_keys_gets_an_alert_and_the_server_says_why() -> None:
    with serving("--raw-public-key") as server:
        assert (server.ready["ca_file"], len(server.ready["fingerprint"])) == (None, 64)
        document = refused("connect", server.target, "-k", status=8, code="alert-received")
        assert document["error"]["alert"] == "handshake_failure"
        event = server.next_event()
        assert event["error"] == "peer-incompatible"
        assert "raw public key" in event["message"]


# ---- tools ---------------------------------------------------------------------------------------


def write(path: Path, data: bytes) -> Path:
    """A file, in one step: no reader sees half of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    return beside.replace(path)


def dialled(server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    return context.wrap_socket(sock, server_hostname="localhost", session=session)


def echoed(tls: ssl.SSLSocket) -> bool:
    """Whether a byte comes back. What came before it, tickets first of all, has been read then."""
    tls.sendall(b"x")
    return tls.recv(1) == b"x"


def refusal(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Status and code of a server that does not come about; if it did, nobody could listen where it is to."""
    status = cli.run(["serve", "192.0.2.1:0", "--json", *options])
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "error"
    assert event["error"]["hint"] or event["error"]["code"] not in ("usage", "unsupported")
    return status, event["error"]["code"]
