"""Chains that nobody would send in earnest: giant, malformed, with words for a terminal; told all the same, in little memory."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pki
import pytest
import tls13
import zoo
from cryptography import x509
from cryptography.x509.oid import NameOID
from runner import Done, measured, on_both_backends

from tlstool import connect
from tlstool.reports import ConnectReport
from tlstool.requests import ConnectRequest

MEMORY = 64 * 1024
"""KiB that the whole program may hold at any time."""

LARGEST = (1 << 16) - 1
"""Bytes of the largest handshake message that Rustls takes, without its header; OpenSSL takes about 100,000."""

# It clears the screen, sets the title, forges a line, turns the text round, and begins a control sequence of C1.
ESCAPES = "evil\x1b[2J\x1b]0;owned\x07\r\nVerdict: good\u202e\x9b31m"
ESCAPES_IN_ASCII = "evil\x1b[2J\x1b]0;owned\x07\r\nVerdict: good"


def sending(chain: Sequence[bytes], issued: pki.Issued) -> zoo.Behaviour:
    """A server that sends these certificates, and has the key of one."""

    def behave(peer: zoo.Peer, sock: Any) -> None:
        server = tls13.Server(sock)
        server.answer()
        server.say(tls13.encrypted_extensions())
        server.certificate(issued, chain)
        server.finish()
        zoo.silent(peer, sock)

    return behave


def tried(behaviour: zoo.Behaviour, backend: str, ca: Path | None = None, **options: Any) -> ConnectReport:
    roots = {"ca": (str(ca),)} if ca else {"roots": "none"}
    with zoo.listening(behaviour) as peer:
        return connect(ConnectRequest(target=peer.target, backend=backend, **roots, **options))  # type: ignore[arg-type]


def many_names(count: int) -> pki.Issued:
    return pki.leaf(None, tuple(f"{number}.names.test" for number in range(count)))


@pytest.fixture(scope="module")
def leaf() -> pki.Issued:
    return pki.leaf(None)


def told(behaviour: zoo.Behaviour, backend: str, *more: str) -> Done:
    with zoo.listening(behaviour) as peer:
        done = measured("connect", peer.target, "--backend", backend, "--roots", "none", *more)
    assert "Traceback" not in done.errors
    assert done.resident is not None
    assert done.resident < MEMORY
    return done


@on_both_backends
@pytest.mark.parametrize("giant", ["1,000 certificates", "10,000 names"])
def test_a_chain_over_64_kib_is_too_large(giant: str, backend: str, leaf: pki.Issued) -> None:
    sender = many_names(10_000) if giant == "10,000 names" else leaf
    done = told(sending([sender.der] * (1000 if sender is leaf else 1), sender), backend, "--json")
    assert (done.status, done.document["error"]["code"]) == (8, "handshake-too-large")


@on_both_backends
def test_as_many_certificates_as_fit_are_shown(backend: str, leaf: pki.Issued) -> None:
    count = (LARGEST - 4) // (len(leaf.der) + 5)
    done = told(sending([leaf.der] * count, leaf), backend, "--json")
    assert (done.status, done.document["error"]["code"]) == (9, "self-signed")
    assert len(done.document["handshake"]["certificates"]) == count


@on_both_backends
def test_as_many_names_as_fit_are_shown(backend: str) -> None:
    count = 3800
    large = many_names(count)
    assert LARGEST - 2000 < len(large.der) < LARGEST
    done = told(sending([large.der], large), backend, "--json")
    assert (done.status, done.document["error"]["code"]) == (9, "self-signed")
    assert len(done.document["handshake"]["certificates"][0]["names"]) == count


@on_both_backends
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_no_certificate_is_refused_in_words(count: int, backend: str, leaf: pki.Issued) -> None:
    report = tried(sending([b"garbage"] * count, leaf), backend)
    assert report.error is not None
    assert (report.exit_status, report.error.code) == (9, "bad-certificate")
    assert "unknown" not in report.error.message


@on_both_backends
def test_no_certificate_at_all_breaks_the_protocol(backend: str, leaf: pki.Issued) -> None:
    report = tried(sending([], leaf), backend)
    assert report.error is not None
    assert (report.exit_status, report.error.code) == (8, "peer-misbehaved")


@on_both_backends
@pytest.mark.parametrize("fault", ["version 1", "unknown critical extension", "RSA-1024", "below RSA-16384"])
def test_a_leaf_that_verifiers_do_not_read_is_shown_with_its_chain(fault: str, backend: str, tmp_path: Path) -> None:
    root = pki.authority()
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    middle = pki.authority("middle", root)
    leaf = {
        "version 1": lambda: pki.version_1(middle),
        "unknown critical extension": lambda: pki.leaf(middle, extensions=(unknown,)),
        "RSA-1024": lambda: pki.leaf(middle, key=pki.rsa_key(1024)),
        "below RSA-16384": lambda: pki.below_giant(root),
    }[fault]()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(root.pem)
    chain = [leaf.der, *(one.public_bytes(pki.Encoding.DER) for one in leaf.above)]
    assert len(chain) == 2
    report = tried(sending(chain, leaf), backend, ca)
    assert report.error is not None
    assert report.exit_status in (9, 10), report.error
    assert report.handshake is not None
    assert [one.subject for one in report.handshake.certificates] == [
        f"CN={name}" for name in ("leaf", "giant" if "16384" in fault else "middle")
    ]


def assert_harmless(done: Done) -> None:
    written = done.text + done.errors
    assert not [c for c in written if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert not any(line.startswith("Verdict: good") for line in written.splitlines())


@on_both_backends
@pytest.mark.parametrize("place", ["subject", "issuer", "names", "address of the issuer"])
def test_words_for_a_terminal_are_shown_escaped_wherever_they_stand(place: str, backend: str) -> None:
    names: tuple[x509.GeneralName, ...] = (x509.DNSName("localhost"),)
    options: dict[str, Any] = {}
    subject, issuer = "leaf", "issuer"
    match place:
        case "subject":
            subject = ESCAPES
        case "issuer":
            issuer = ESCAPES
        case "names":
            names += (x509.DNSName(ESCAPES_IN_ASCII), x509.RFC822Name(ESCAPES_IN_ASCII))
        case _:
            options["issuer_url"] = "http://ca.test/" + ESCAPES_IN_ASCII
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    sans = x509.SubjectAlternativeName(names)
    made = pki.leaf(pki.authority(issuer), (), subject=name, plain_extensions=(sans,), **options)
    for form in ((), ("-vv",), ("--json",)):
        done = told(sending([made.der], made), backend, *form)
        assert done.status == 9, done
        assert_harmless(done)
