"""Each fault of a chain, shown by a real server and judged by both backends: its code, whose it is, and all else besides."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pki
import pytest
import zoo
from conftest import Pki, backend_named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from runner import on_both_backends

from tlstool import connect, verify
from tlstool.reports import ConnectReport
from tlstool.requests import ConnectRequest, VerifyRequest


@dataclass(frozen=True)
class Case:
    """What a server shows, and what is to be said of it: by the engine, and by OpenSSL where that differs."""

    chain: pki.Issued
    code: str
    certificate: int | None
    openssl: str | None = None


Make = Callable[[pki.Issued], Case]


def unknown_critical(oid: str = "1.2.3.4") -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00")


def below(root: pki.Issued, **options: object) -> pki.Issued:
    """A leaf below an intermediate that is made so."""
    return pki.leaf(pki.authority("middle", root, **options))  # type: ignore[arg-type]


def two_below(root: pki.Issued) -> pki.Issued:
    upper = pki.authority("upper", root, path_length=0)
    lower = pki.authority("lower", upper)
    return pki.leaf(lower)


def signed_by_sha1(root: pki.Issued) -> pki.Issued:
    middle = pki.authority("middle", root, key=pki.rsa_key())
    return pki.with_algorithm(pki.leaf(middle), middle, hashes.SHA1())


def constrained(root: pki.Issued) -> pki.Issued:
    return below(root, extensions=(x509.NameConstraints([x509.DNSName("example.com")], None),))


CASES: dict[str, Make] = {
    "not-a-ca": lambda root: Case(below(root, is_ca=False), "not-a-ca", 1),
    "path-length": lambda root: Case(two_below(root), "path-length", 2),
    "name-constraint": lambda root: Case(constrained(root), "name-constraint", 0),
    "critical-leaf": lambda root: Case(pki.leaf(root, extensions=(unknown_critical(),)), "unknown-critical-extension", 0),
    "critical-issuer": lambda root: Case(below(root, extensions=(unknown_critical(),)), "unknown-critical-extension", 1),
    "weak-signature": lambda root: Case(signed_by_sha1(root), "weak-signature", 0),
    "weak-key": lambda root: Case(pki.leaf(root, key=pki.rsa_key(1024)), "weak-key", 0),
    "giant-key": lambda root: Case(pki.below_giant(root), "unsupported-key", 1, "bad-signature"),
    # OpenSSL takes version 1, but there are no names in it.
    "version-1": lambda root: Case(pki.version_1(root), "certificate-version", 0, "name-mismatch"),
    "bad-signature": lambda root: Case(pki.with_bad_signature(pki.leaf(root)), "bad-signature", 0),
    "wrong-purpose": lambda root: Case(pki.leaf(root, usage=pki.CLIENT), "wrong-purpose", 0),
    "self-signed": lambda _: Case(pki.leaf(None), "self-signed", 0),
    "expired-issuer": lambda root: Case(below(root, days=(-9, -1)), "expired", 1),
}


@contextmanager
def showing(issued: pki.Issued, folder: Path, root: pki.Issued) -> Iterator[str]:
    """A server with this chain, whatever it is worth; gives its target. The root's certificate is beside, as ca.pem."""
    (folder / "ca.pem").write_bytes(root.pem)
    (folder / "cert.pem").write_bytes(issued.chain_pem)
    (folder / "key.pem").write_bytes(issued.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with zoo.listening(zoo.tls(context)) as peer:
        yield peer.target


def shown(issued: pki.Issued, folder: Path, root: pki.Issued, **options: object) -> ConnectReport:
    with showing(issued, folder, root) as target:
        given = {"ca": (str(folder / "ca.pem"),), "backend": "rustls"} | options
        backend_named(str(given["backend"]))
        return connect(ConnectRequest(target=target, **given))  # type: ignore[arg-type]


@on_both_backends
@pytest.mark.parametrize("name", CASES)
def test_a_fault_has_its_code_and_its_certificate_and_hides_nothing(name: str, backend: str, tmp_path: Path) -> None:
    root = pki.authority()
    case = CASES[name](root)
    report = shown(case.chain, tmp_path, root, backend=backend)
    code = case.openssl if case.openssl and backend == "openssl" else case.code
    assert report.error is not None
    assert report.error.code == code
    assert report.error.hint
    assert report.handshake is not None
    finding = report.handshake.trust.findings[0]
    assert finding.code == code
    if code == case.code:
        assert finding.certificate == case.certificate
    sent = 1 + len(case.chain.above)
    assert [one.spki_sha256 != "" for one in report.handshake.certificates] == [True] * sent


@pytest.mark.parametrize(
    ("options", "code", "hint"),
    [
        ({"at": 4_000_000_000}, "expired", "that is as of the time of --at"),
        ({"at": 0}, "not-yet-valid", "that is as of the time of --at"),
        ({"purpose": "client"}, "wrong-purpose", "--purpose client wants clientAuth"),
    ],
)
def test_who_asked_for_more_is_told_what_to_leave_out(
    certificates: Pki, tmp_path: Path, options: dict[str, object], code: str, hint: str
) -> None:
    report = shown(certificates.leaf, tmp_path, certificates.root, **options)
    assert report.error is not None
    assert report.error.code == code
    assert (report.error.hint or "").startswith(hint)


def test_a_certificate_whose_only_name_is_its_subject_s_is_told_what_counts(tmp_path: Path) -> None:
    root = pki.authority()
    error = shown(pki.leaf(root, (), subject="localhost"), tmp_path, root).error
    assert error is not None
    assert error.code == "name-mismatch"
    assert (error.hint or "").startswith("only names in subjectAltName count")


@on_both_backends
def test_a_list_that_is_out_of_date_is_told_from_one_that_covers_nothing(backend: str, tmp_path: Path) -> None:
    root, stranger = pki.authority(), pki.authority("stranger")
    for number, (crl, words) in enumerate(
        [
            (pki.crl(root, days=(-9, -1)), "the revocation list that covers the leaf is out of date"),
            (pki.crl(stranger), "no revocation list that was given covers the leaf"),
        ]
    ):
        (file := tmp_path / f"{number}.crl").write_bytes(crl)
        error = shown(pki.leaf(root), tmp_path, root, crl=(str(file),), backend=backend).error
        assert error is not None
        assert (error.code, words in error.message) == ("revocation-unknown", True)


def test_a_revocation_list_is_to_be_had_where_the_certificate_says(tmp_path: Path) -> None:
    root = pki.authority()
    (tmp_path / "old.crl").write_bytes(pki.crl(root, days=(-9, -1)))
    where = x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/a.crl")], None, None, None)
    named = pki.leaf(root, plain_extensions=(x509.CRLDistributionPoints([where]),))
    for leaf, hint in (
        (named, "fetch the current list from http://ca.test/a.crl,"),
        (pki.leaf(root), "the certificate names no list"),
    ):
        error = shown(leaf, tmp_path, root, crl=(str(tmp_path / "old.crl"),)).error
        assert error is not None
        assert error.code == "revocation-unknown"
        assert (error.hint or "").startswith(hint)


def pin_of(issued: pki.Issued) -> bytes:
    return hashlib.sha256(issued.certificate.public_key().public_bytes(*pki.SPKI)).digest()


@on_both_backends
def test_a_pin_is_the_leaf_s_in_every_form_and_no_excuse_for_anything(certificates: Pki, tmp_path: Path, backend: str) -> None:
    leaf, root = certificates.leaf, certificates.root
    digest = pin_of(leaf)
    text = base64.b64encode(digest).decode()
    for pin in (f"sha256/{text}", f"sha256//{text}", digest.hex(), digest.hex(":").upper()):
        assert shown(leaf, tmp_path, root, backend=backend, pin=("sha256/" + "A" * 43 + "=", pin)).exit_status == 0
    wrong = shown(leaf, tmp_path, root, backend=backend, pin=(pin_of(root).hex(),))
    assert wrong.error is not None
    assert (wrong.error.code, wrong.exit_status) == ("pin-mismatch", 9)
    assert f"sha256/{text}" in wrong.error.message
    untrusted = shown(leaf, tmp_path, root, backend=backend, pin=(digest.hex(),), ca=(), roots="none")
    assert untrusted.error is not None
    assert untrusted.error.code == "unknown-issuer"


def test_a_tlsa_record_of_the_leaf_stands_for_trust_and_name(certificates: Pki, tmp_path: Path) -> None:
    leaf, root = certificates.leaf, certificates.root
    good = shown(leaf, tmp_path, root, ca=(), roots="none", verify_name="elsewhere.test", tlsa=(f"3 1 1 {pin_of(leaf).hex()}",))
    assert good.exit_status == 0
    assert good.handshake is not None
    assert good.handshake.trust.store == "the TLSA record 3 1 1"
    bad = shown(leaf, tmp_path, root, tlsa=(f"3 1 1 {pin_of(root).hex()}",))
    assert bad.error is not None
    assert (bad.error.code, bad.exit_status) == ("tlsa-mismatch", 9)


def test_a_certificate_for_clients_is_good_for_the_purpose_that_is_named(certificates: Pki, tmp_path: Path) -> None:
    leaf = pki.leaf(certificates.root, usage=pki.CLIENT)
    for purpose, status in (("client", 0), ("any", 0), ("server", 9)):
        assert shown(leaf, tmp_path, certificates.root, purpose=purpose).exit_status == status


@on_both_backends
def test_an_extra_authority_comes_on_top_of_the_others(certificates: Pki, tmp_path: Path, backend: str) -> None:
    (tmp_path / "other.pem").write_bytes(pki.authority("other").pem)
    (tmp_path / "ca.pem").write_bytes(certificates.root.pem)
    extra = (str(tmp_path / "ca.pem"),)
    for trusted in ({"ca": (str(tmp_path / "other.pem"),)}, {"ca": ()}):
        report = shown(certificates.deep_leaf, tmp_path, certificates.root, backend=backend, extra_ca=extra, **trusted)
        assert report.exit_status == 0, report.error
        assert report.handshake is not None
        assert report.handshake.trust.store.endswith(f", {extra[0]}")


def test_a_leaf_that_demands_a_staple_gets_none_here(certificates: Pki, tmp_path: Path) -> None:
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    leaf = pki.leaf(certificates.root, plain_extensions=(feature,))
    report = shown(leaf, tmp_path, certificates.root)
    assert report.error is not None
    assert (report.error.code, report.exit_status) == ("must-staple-missing", 9)
    # A file has no handshake that could have had one.
    file = verify(VerifyRequest(source=str(tmp_path / "cert.pem"), ca=(str(tmp_path / "ca.pem"),)))
    assert file.exit_status == 0


def test_what_to_do_next_comes_from_the_chain_itself(certificates: Pki, tmp_path: Path) -> None:
    def hint(leaf: pki.Issued) -> str:
        report = shown(leaf, tmp_path, certificates.root)
        assert report.error is not None
        return report.error.hint or ""

    url = "http://ca.example/middle.cer"
    assert url in hint(pki.leaf(pki.authority("middle", certificates.root), issuer_url=url, send_above=False))
    assert "--verify-name localhost.example" in hint(pki.leaf(certificates.root, ("a.test", "localhost.example")))
    assert "newer certificate" in hint(below(certificates.root, days=(-9, -1)))


def test_the_clock_is_told_with_a_date_that_is_wrong(certificates: Pki, tmp_path: Path) -> None:
    leaf = pki.leaf(certificates.root, days=(-9, -1))
    report = shown(leaf, tmp_path, certificates.root)
    assert report.error is not None
    assert "the clock of this machine says 20" in report.error.message
    report = shown(leaf, tmp_path, certificates.root, at=0)
    assert report.error is not None
    assert report.error.message.endswith("it is judged as of 1970-01-01T00:00:00Z")


def test_the_list_that_revokes_is_told_with_its_file_and_time(certificates: Pki, tmp_path: Path) -> None:
    leaf = certificates.deep_leaf
    (tmp_path / "list.crl").write_bytes(pki.crl(certificates.intermediate, [leaf]))
    report = shown(leaf, tmp_path, certificates.root, crl=(str(tmp_path / "list.crl"),))
    assert report.error is not None
    assert report.error.code == "revoked"
    assert f'says the list of "CN=Test Intermediate" in {tmp_path}/list.crl' in report.error.message


def test_an_issuer_on_a_list_is_revoked_too(certificates: Pki, tmp_path: Path) -> None:
    lists = (pki.crl(certificates.root, [certificates.intermediate]), pki.crl(certificates.intermediate))
    (tmp_path / "list.crl").write_bytes(b"".join(lists))
    report = shown(certificates.deep_leaf, tmp_path, certificates.root, crl=(str(tmp_path / "list.crl"),))
    assert report.handshake is not None
    assert [(one.code, one.certificate) for one in report.handshake.trust.findings] == [("revoked", 1)]


def test_both_verifiers_show_the_path(certificates: Pki, tmp_path: Path) -> None:
    for backend in ("rustls", "openssl"):
        handshake = shown(certificates.deep_leaf, tmp_path, certificates.root, backend=backend).handshake
        assert handshake is not None
        path = [(one.subject, one.sent, one.is_anchor) for one in handshake.trust.path or ()]
        assert path == [("CN=leaf", 0, False), ("CN=Test Intermediate", 1, False), ("CN=Test Root", None, True)]
