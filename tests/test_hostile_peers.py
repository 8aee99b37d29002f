"""What a peer with a bad certificate, or with words that are commands to a terminal, must not bring about."""

from __future__ import annotations

import os
import ssl
import unicodedata
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import Done, on_both_backends, tlstool

if TYPE_CHECKING:
    from credentials import Credentials

on_bad_chains = pytest.mark.parametrize(("identity", "status"), [("unknown_issuer", 9), ("wrong_name", 10), ("expired", 11)])


@on_both_backends
@on_bad_chains
def test_no_byte_goes_to_or_comes_from_a_peer_with_a_bad_certificate(
    credentials: Credentials, identity: str, status: int, backend: str
) -> None:
    received: list[bytes] = []

    def speak_and_listen(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        received.append(b"a session")
        session.sendall(b"not for stdout")
        while data := session.recv(65536):
            received.append(data)

    bad = zoo.context(getattr(credentials, identity))
    with zoo.listening(zoo.tls(bad, speak_and_listen)) as peer:
        options = ("--ca", credentials.ca, "--backend", backend, "--pipe")
        done = tlstool("connect", peer.target, *options, stdin=os.urandom(1 << 18))
    assert (done.status, done.output) == (status, b"")
    # The backend that has to come twice is turned away by its own check the first time.
    assert set(received) <= {b"a session"}


@on_both_backends
def test_insecure_lets_the_bytes_through(credentials: Credentials, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.expired), zoo.echoes)) as peer:
        options = ("--ca", credentials.ca, "--backend", backend, "--pipe", "--quiet", "--insecure")
        done = tlstool("connect", peer.target, *options, stdin=b"back to me")
    assert (done.status, done.output) == (0, b"back to me")


@on_both_backends
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@on_bad_chains
def test_a_peer_with_a_bad_certificate_does_not_get_to_see_ours(
    *, credentials: Credentials, identity: str, status: int, version: ssl.TLSVersion, backend: str
) -> None:
    seen: list[bytes | None] = []

    def look(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        seen.append(session.getpeercert(binary_form=True))

    curious = zoo.context(getattr(credentials, identity), version=version, client_ca=credentials.client_ca)
    curious.verify_mode = ssl.CERT_OPTIONAL
    ours = ("--cert", credentials.client.cert, "--key", credentials.client.key)
    with zoo.listening(zoo.tls(curious, look)) as peer:
        done = tlstool("connect", peer.target, "--ca", credentials.ca, "--backend", backend, *ours, "--json")
    assert done.status == status, done
    assert set(seen) <= {None}
    assert done.document["handshake"]["client_certificate"] not in ("sent", "accepted")


@on_both_backends
def test_a_hostile_subject_is_shown_escaped(credentials: Credentials, backend: str) -> None:
    hostile = zoo.context(credentials.hostile)
    with zoo.listening(zoo.tls(hostile)) as peer:
        options = ("connect", peer.target, "--ca", credentials.ca, "--backend", backend)
        told = tlstool(*options, "-vv")
        done = tlstool(*options, "--json")
    assert (told.status, done.status) == (9, 9)
    _assert_harmless(told)
    _assert_harmless(done)
    assert "\\x1b" in told.text
    assert [line for line in told.text.splitlines() if line.startswith("Verdict")] != ["Verdict: good"]
    # In JSON the text is whole: what is escaped there is the encoding, not the value.
    assert "evil\\x1b" in done.document["handshake"]["certificates"][0]["subject"].replace("\x1b", "\\x1b")
    assert done.text.isascii()


@on_both_backends
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (zoo.greets(b"SSH-2.0-\x1b[2J\x1b]0;owned\x07\r\n"), "plain-ssh"),
        (zoo.answers(b"HTTP/1.1 200 \x1b[2J\x9b31m\r\n\r\n"), "plain-http"),
        (zoo.greets(b"\x1b[2Jhello\r\nVerdict: good\r\n\xe2\x80\xae"), "not-tls"),
    ],
)
def test_a_hostile_greeting_is_shown_escaped(behaviour: zoo.Behaviour, code: str, backend: str) -> None:
    with zoo.listening(behaviour) as peer:
        told = tlstool("connect", peer.target, "--backend", backend, "-vv")
        done = tlstool("connect", peer.target, "--backend", backend, "--json")
    assert (told.status, done.status, done.document["error"]["code"]) == (7, 7, code)
    _assert_harmless(told)
    _assert_harmless(done)
    assert not any(line.startswith("Verdict") for line in (told.text + told.errors).splitlines())


def _assert_harmless(done: Done) -> None:
    """Nothing that a terminal would obey: no control and no format characters but the ends of our own lines."""
    written = done.text + done.errors
    assert not [c for c in written if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
