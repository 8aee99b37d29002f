"""Every code of `tlstool.errors`, provoked once. How each looks to a user is told in the tests of its own subject."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benches
import greetings
import pki
import pytest
import shortages
import zoo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448
from starttls_scripts import UNWILLING

from tlstool import authority, backends, certs, connect, echconfig, identities, phases, serve, trust, verify
from tlstool.backends.openssl import OpenSsl
from tlstool.backends.openssl.serving import Serving
from tlstool.errors import TlsToolError, subclasses
from tlstool.judge import judge
from tlstool.model import ClientConfig, Criteria, Roots, Trust
from tlstool.requests import ConnectRequest, Expect, LocalBenchRequest, Send, ServeRequest, VerifyRequest
from tlstool.sites import Connection, ServerLimits, Site

if TYPE_CHECKING:
    from credentials import Credentials, Pair

UNKNOWN_EXTENSION = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
NOBODY = Roots("none", ())
SERVER_HELLO_OF_TLS_1_1 = bytes.fromhex("16 0302 002a 02 000026 0302") + bytes(32) + bytes.fromhex("00 002f 00")  # not offered


@dataclass(frozen=True)
class Scene:
    """What a provocation may need: files, an empty folder, what lives until its end, and what cannot be had but by a patch."""

    files: Credentials
    folder: Path
    held: ExitStack
    patch: pytest.MonkeyPatch

    def file(self, data: bytes, name: str = "file") -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def pair(self, issued: pki.Issued) -> Pair:
        from credentials import Pair  # a plugin: pytest wants to be the first to import it

        return Pair(Path(self.file(issued.chain_pem, "cert.pem")), Path(self.file(issued.key_pem(), "key.pem")))


Provocation = Callable[[Scene], object]


@pytest.fixture
def scene(credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with ExitStack() as held:
        yield Scene(credentials, tmp_path, held, monkeypatch)


def peer(behaviour: zoo.Behaviour, **options: Any) -> Provocation:
    """Connect to a server that does so."""

    def provoke(scene: Scene) -> object:
        target = scene.held.enter_context(zoo.listening(behaviour)).target
        return connect(ConnectRequest(target=target, insecure=True, **options))

    return provoke


def proxied(behaviour: zoo.Behaviour) -> Provocation:
    """Connect through a proxy that does so."""

    def provoke(scene: Scene) -> object:
        port = scene.held.enter_context(zoo.listening(behaviour)).port
        return connect(ConnectRequest(target="some.test", proxy=f"http://127.0.0.1:{port}"))

    return provoke


def demanding(*own: str) -> Provocation:
    """Connect to a server that demands a certificate, with one of ours or none."""

    def provoke(scene: Scene) -> object:
        pairs = [getattr(scene.files, name) for name in own]
        context = zoo.context(scene.files.good, client_ca=scene.files.client_ca)
        options = {"cert": str(pairs[0].cert), "key": str(pairs[0].key)} if pairs else {}
        return peer(zoo.tls(context), **options)(scene)

    return provoke


def unheard_ech(scene: Scene) -> object:
    """Encrypt the hello for a server that cannot decrypt it, and whose certificate is good for the public name."""
    if backends.why_no_fast_path():
        pytest.skip("only Rustls does ECH")
    configs = scene.file(pki.ech_configs("localhost"), "ech")
    return peer(zoo.tls(zoo.context(scene.files.good)), ca=(str(scene.files.ca),), ech=configs)(scene)


def file(name: str, *, crl: bool = False, **options: Any) -> Provocation:
    """Verify a file of the credentials."""

    def provoke(scene: Scene) -> object:
        trusted = {"ca": (str(scene.files.ca),), "crl": (str(scene.files.crl),) if crl else ()}
        source = str(getattr(scene.files, name).cert)
        return verify(VerifyRequest(source=source, verify_name="localhost", **(trusted | options)))

    return provoke


def leaf(make: Callable[[pki.Issued], pki.Issued]) -> Provocation:
    """Verify a certificate made of a trusted root."""

    def provoke(scene: Scene) -> object:
        root = pki.authority()
        ca = scene.file(root.pem, "ca.pem")
        return verify(VerifyRequest(source=scene.file(make(root).chain_pem, "chain.pem"), ca=(ca,)))

    return provoke


def judged(chain: Callable[[], tuple[bytes, bytes]]) -> Provocation:
    """Have cryptography judge a chain with one anchor."""

    def provoke(_scene: Scene) -> object:
        certificates, anchor = chain()
        return judge(certificates, (), Criteria(Roots("test", (anchor,))))[1]

    return provoke


def ed25519_chain() -> tuple[bytes, bytes]:
    identity, ca = authority.throwaway(["localhost"], "ed25519")
    return identity.chain, ca


def constrained(root: pki.Issued) -> pki.Issued:
    elsewhere = x509.NameConstraints([x509.DNSName("example.com")], None)
    return pki.leaf(pki.authority("middle", root, extensions=(elsewhere,)))


def signed_by_sha1(root: pki.Issued) -> pki.Issued:
    middle = pki.authority("middle", root, key=pki.rsa_key())
    return pki.with_algorithm(pki.leaf(middle), middle, hashes.SHA1())


def signed_by_ed448(root: pki.Issued) -> pki.Issued:
    return pki.leaf(pki.authority("middle", root, key=ed448.Ed448PrivateKey.generate()))


def too_long(root: pki.Issued) -> pki.Issued:
    above = root
    for number in range(10):
        above = pki.authority(f"authority {number}", above)
    return pki.leaf(above)


def without_staple(scene: Scene) -> object:
    """A server that staples nothing, with a leaf that demands it."""

    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    root = pki.authority()
    demanding = pki.leaf(root, plain_extensions=(feature,))
    behaviour = zoo.tls(zoo.context(scene.pair(demanding)))
    target = scene.held.enter_context(zoo.listening(behaviour)).target
    return connect(ConnectRequest(target=target, ca=(scene.file(root.pem, "ca.pem"),)))


def key(data: bytes) -> Provocation:
    """Read an identity whose key is in a file with this in it."""
    return lambda scene: identities.read(str(scene.files.good.cert), scene.file(data))


def client(**fields: Any) -> Provocation:
    """Make a client of OpenSSL."""
    return lambda _: OpenSsl().client(ClientConfig("localhost", "localhost", NOBODY, **fields))


def mismatch(scene: Scene) -> object:
    return client(identity=identities.read(str(scene.files.good.cert), str(scene.files.client.key)))(scene)


def resolver(number: int) -> Provocation:
    """Ask a resolver that fails so."""

    def provoke(scene: Scene) -> object:
        def fail(*_args: object, **_options: object) -> None:
            raise socket.gaierror(number, "no")

        scene.patch.setattr(socket, "getaddrinfo", fail)
        return connect(ConnectRequest(target="some.test"))

    return provoke


def no_such_family(scene: Scene) -> object:
    """A kernel without IPv6 refuses the socket itself."""

    def refuse(*_args: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    scene.patch.setattr(socket, "socket", refuse)
    return connect(ConnectRequest(target="[::1]:1"))


def silence(scene: Scene) -> object:
    scene.patch.setitem(phases.LIMITS, "handshake", 0.1)
    return peer(zoo.silent)(scene)


def no_fast_path(scene: Scene) -> object:
    scene.patch.setattr(backends, "why_no_fast_path", lambda: "this build has no Rustls extension")
    return connect(ConnectRequest(target="127.0.0.1:1", backend="rustls"))


def port_in_use(scene: Scene) -> object:
    taken = scene.held.enter_context(socket.create_server(("127.0.0.1", 0)))
    return serve(ServeRequest(listen=str(taken.getsockname()[1])))


def bad_staple(scene: Scene) -> object:
    good = scene.files.good
    return serve(ServeRequest(cert=(str(good.cert),), key=(str(good.key),), staple=(scene.file(b"nonsense"),)))


def no_roots(scene: Scene) -> object:
    class Nowhere:
        cafile = capath = None

    scene.patch.delenv("SSL_CERT_FILE", raising=False)
    scene.patch.delenv("SSL_CERT_DIR", raising=False)
    scene.patch.setattr("ssl.get_default_verify_paths", Nowhere)
    return trust.listed(Roots("system", None))


def moving(says: bytes, **options: Any) -> Provocation:
    """Exchange data with a server that reads once, says this, and closes in order."""

    def answers(_peer: zoo.Peer, session: ssl.SSLSocket) -> None:
        session.recv(65536)
        session.sendall(says)
        session.unwrap()

    def provoke(scene: Scene) -> object:
        null = os.open(os.devnull, os.O_WRONLY)
        scene.held.callback(os.close, null)
        return peer(zoo.tls(zoo.context(scene.files.good), answers), relay=(None, null), **options)(scene)

    return provoke


def truncated(scene: Scene) -> object:
    null = os.open(os.devnull, os.O_RDWR)
    scene.held.callback(os.close, null)
    cutting = zoo.tls(zoo.context(scene.files.good), zoo.cuts(b"half"))
    return peer(cutting, relay=(null, null), strict_close=True)(scene)


def served(*, cut: bool) -> Provocation:
    """A connection of a server that has a bug, here: no context at all; or that is cut off."""

    def provoke(scene: Scene) -> object:
        listener = scene.held.enter_context(socket.create_server(("127.0.0.1", 0)))
        scene.held.enter_context(socket.create_connection(listener.getsockname()))
        serving = Serving(listener.accept()[0], None, Site(()), ServerLimits())  # type: ignore[arg-type]
        if cut:
            serving.cut()
        serving.run()
        return serving.connection()

    return provoke


def large_certificate(scene: Scene) -> object:
    """Connect to a server whose certificate has more names than fit into a handshake message that anyone takes."""

    large = pki.leaf(None, tuple(f"{number}.names.test" for number in range(8000)))
    return peer(zoo.tls(zoo.context(scene.pair(large))))(scene)


PROVOCATIONS: dict[str, Provocation] = {
    "internal-error": served(cut=False),
    "usage": lambda _: benches.bench_local(LocalBenchRequest(rounds=0)),
    "bad-target": lambda _: connect(ConnectRequest(target="a:b:c")),
    "bad-proxy": lambda _: connect(ConnectRequest(target="some.test", proxy="https://proxy.test")),
    "unknown-name": lambda _: backends.get("nosuch"),
    "no-fast-path": no_fast_path,
    "package-missing": lambda scene: benches.package_missing(scene.held, scene.folder),
    "unsupported": client(at=0),
    "file-missing": lambda scene: certs.read_chain(str(scene.folder / "missing")),
    "file-unreadable": lambda scene: certs.read_chain(str(scene.folder)),
    "file-not-written": lambda scene: client(keylog=str(scene.folder / "missing" / "keylog"))(scene),
    "no-certificate": lambda scene: certs.read_chain(scene.file(b"")),
    "bad-certificate-file": lambda scene: certs.read_chain(scene.file(b"nonsense")),
    "no-key": key(b""),
    "bad-key": key(b"nonsense"),
    "key-encrypted": lambda scene: identities.read(str(scene.files.good.cert), str(scene.files.encrypted_key)),
    "wrong-password": lambda scene: identities.read(
        str(scene.files.good.cert), str(scene.files.encrypted_key), scene.file(b"another\n")
    ),
    "key-mismatch": mismatch,
    "bad-staple": bad_staple,
    "bad-crl": lambda scene: trust.crls((scene.file(b"nonsense"),)),
    "bad-ech-config": lambda scene: echconfig.from_file(scene.file(b"nonsense")),
    "no-roots": no_roots,
    "port-in-use": port_in_use,
    "cannot-listen": lambda _: serve(ServeRequest(listen="192.0.2.1:0")),  # an address of nobody (RFC 5737)
    "cannot-bind": lambda _: connect(ConnectRequest(target="127.0.0.1:1", bind="192.0.2.1")),
    "out-of-descriptors": lambda scene: shortages.of_descriptors(scene.held),
    "out-of-threads": lambda scene: shortages.of_threads(scene.patch),
    "too-many-connections": lambda scene: shortages.of_places(scene.held),
    "bad-library": lambda scene: benches.bad_library(scene.file(b"no library")),
    "bad-baseline": lambda scene: benches.bench_local(LocalBenchRequest(baseline=scene.file(b"{}"))),
    "unknown-host": resolver(socket.EAI_NONAME),
    "wrong-family": lambda _: connect(ConnectRequest(target="127.0.0.1:1", family="ipv6")),
    "resolver-failed": resolver(socket.EAI_AGAIN),
    "connection-refused": lambda scene: connect(ConnectRequest(target=f"127.0.0.1:{scene.held.enter_context(zoo.refusing())}")),
    "connection-failed": no_such_family,
    "proxy-auth-required": proxied(zoo.answers(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n")),
    "proxy-refused": proxied(zoo.answers(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")),
    "proxy-failed": proxied(zoo.closes),
    "not-a-proxy": proxied(zoo.answers(b"220 mail.test ESMTP\r\n")),
    "time-limit": silence,
    **{code: peer(zoo.greets(greeting)) for code, greeting in greetings.ONE_EACH.items()},
    **{code: peer(zoo.answers(answer), starttls="postgres") for code, answer in UNWILLING.items()},
    "alert-received": peer(zoo.answers(zoo.HANDSHAKE_FAILURE)),
    "peer-incompatible": peer(zoo.answers(SERVER_HELLO_OF_TLS_1_1), backend="openssl"),
    "peer-misbehaved": peer(zoo.answers(zoo.NONSENSE)),
    "handshake-too-large": large_certificate,
    "connection-closed": peer(zoo.closes),
    "connection-reset": peer(zoo.resets),
    "ech-rejected": unheard_ech,
    "unknown-issuer": file("unknown_issuer"),
    "self-signed": file("self_signed"),
    "missing-intermediate": file("missing_intermediate"),
    "bad-signature": leaf(lambda root: pki.with_bad_signature(pki.leaf(root))),
    "bad-certificate": judged(lambda: (b"\x30\x00", pki.authority().pem)),
    "wrong-purpose": leaf(lambda root: pki.leaf(root, usage=pki.CLIENT)),
    "ca-as-leaf": leaf(lambda root: pki.leaf(root, is_ca=True)),
    "not-a-ca": leaf(lambda root: pki.leaf(pki.authority("middle", root, is_ca=False))),
    "path-length": leaf(lambda root: pki.leaf(pki.authority("lower", pki.authority("upper", root, path_length=0)))),
    "name-constraint": leaf(constrained),
    "unknown-critical-extension": leaf(lambda root: pki.leaf(root, extensions=(UNKNOWN_EXTENSION,))),
    "weak-signature": leaf(signed_by_sha1),
    "unsupported-signature": leaf(signed_by_ed448),
    "weak-key": leaf(lambda root: pki.leaf(root, key=pki.rsa_key(1024))),
    "unsupported-key": judged(ed25519_chain),
    "certificate-version": leaf(pki.version_1),
    "chain-too-complex": leaf(too_long),
    "must-staple-missing": without_staple,
    "pin-mismatch": file("good", pin=("00" * 32,)),
    "tlsa-mismatch": file("good", tlsa=(f"3 1 1 {'00' * 32}",)),
    "name-mismatch": file("wrong_name"),
    "expired": file("expired"),
    "not-yet-valid": file("not_yet_valid"),
    "revoked": file("revoked", crl=True),
    "revocation-unknown": lambda scene: file("client", crl=True, ca=(str(scene.files.client_ca),))(scene),
    "client-certificate-required": demanding(),
    "client-certificate-refused": demanding("unknown_issuer"),
    "truncated": truncated,
    "expires-soon": file("good", min_days=60),
    "expectation-missed": moving(b"hello", steps=(Send(b"x"), Expect(b"goodbye"))),
    "not-http": moving(b"hello", http="/"),
    "assertion-failed": file("good", assertions=("days>60",)),
    "limit-missed": lambda _: benches.missed_limit(),
    "interrupted": served(cut=True),
}


def code_of(found: Any) -> str | None:
    """The code of whatever says what went wrong."""
    if isinstance(found, Trust):
        return found.findings[0].code
    if isinstance(found, Connection):
        return found.error
    return str(found.error.code)


def test_every_code_is_provoked() -> None:
    assert list(PROVOCATIONS) == [code for cls in subclasses() for code in cls.codes]


@pytest.mark.parametrize("code", PROVOCATIONS)
def test_a_code_is_what_its_provocation_ends_with(scene: Scene, code: str) -> None:
    try:
        found = code_of(PROVOCATIONS[code](scene))
    except TlsToolError as error:
        found = error.code
    assert found == code
