"""OCSP responses stapled by real servers: read, checked, and weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pki
import pytest
import runner
from conftest import Pki, backend_named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from foreign import port_in
from peers import require

from tlstool import connect
from tlstool.reports import ConnectReport
from tlstool.requests import ConnectRequest

_ACCEPT = r"ACCEPT 127\.0\.0\.1:(\d+)"

MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])


def response(
    leaf: pki.Issued,
    issuer: pki.Issued,
    *,
    revoked: bool = False,
    days: tuple[float, float] = (-1, 1),
    signer: pki.Issued | None = None,
) -> bytes:
    """What the issuer's responder, or another one, says of a leaf."""
    now = datetime.now(UTC)
    responder = signer or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        this_update=now + timedelta(days=days[0]),
        next_update=now + timedelta(days=days[1]),
        revocation_time=now if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
    if signer is not None:
        builder = builder.certificates([signer.certificate])
    assert isinstance(responder.key, ec.EllipticCurvePrivateKey)
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def stapling(leaf: pki.Issued, staple: bytes, folder: Path) -> Iterator[str]:
    """`openssl s_server` with this leaf and what it staples; gives its target."""
    files = {"cert.pem": leaf.chain_pem, "key.pem": leaf.key_pem(), "staple.der": staple}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = [require("openssl"), "s_server", "-accept", "127.0.0.1:0", "-WWW", "-cert", folder / "cert.pem"]
    command += ["-key", folder / "key.pem", "-status_file", folder / "staple.der"]
    said = folder / "said"
    with said.open("wb") as file, runner.started(command, stdout=file, stderr=file, cwd=folder):
        yield f"localhost:{port_in(said, _ACCEPT)}"


def shown(leaf: pki.Issued, staple: bytes, root: pki.Issued, folder: Path) -> ConnectReport:
    backend_named("rustls")
    (folder / "ca.pem").write_bytes(root.pem)
    with stapling(leaf, staple, folder) as target:
        return connect(ConnectRequest(target=target, ca=(str(folder / "ca.pem"),), backend="rustls"))


def test_a_good_staple_is_decoded_and_checked(certificates: Pki, tmp_path: Path) -> None:
    leaf = pki.leaf(certificates.root, plain_extensions=(MUST_STAPLE,))
    report = shown(leaf, response(leaf, certificates.root), certificates.root, tmp_path)
    assert report.exit_status == 0, report.error
    assert report.handshake is not None
    staple = report.handshake.staple
    assert staple is not None
    assert (staple.status, staple.signature, staple.is_current, staple.problem) == ("good", "good", True, None)
    assert staple.responder == "CN=Test Root"
    assert report.handshake.trust.revocation == "good"


def test_a_staple_that_says_revoked_is_status_12(certificates: Pki, tmp_path: Path) -> None:
    leaf = certificates.leaf
    report = shown(leaf, response(leaf, certificates.root, revoked=True), certificates.root, tmp_path)
    assert report.error is not None
    assert (report.exit_status, report.error.code) == (12, "revoked")
    assert "(keyCompromise), says the stapled OCSP response" in report.error.message


def delegate(issuer: pki.Issued, usage: x509.ObjectIdentifier) -> pki.Issued:
    return pki.leaf(issuer, (), subject="responder", usage=usage)


@pytest.mark.parametrize("must_staple", [False, True])
def test_a_staple_that_does_not_count_is_a_warning_or_a_fault(certificates: Pki, tmp_path: Path, must_staple: bool) -> None:
    root = certificates.root
    leaf = pki.leaf(root, plain_extensions=(MUST_STAPLE,) if must_staple else ())
    cases = {
        "staple-expired": response(leaf, root, days=(-9, -1)),
        "staple-invalid": response(leaf, root, revoked=True, signer=delegate(root, pki.SERVER)),
    }
    for code, staple in cases.items():
        report = shown(leaf, staple, root, tmp_path)
        assert [one.code for one in report.warnings] == [code]
        assert report.exit_status == (9 if must_staple else 0)
        if must_staple:
            assert report.error is not None
            assert report.error.code == "must-staple-missing"


def test_a_delegated_responder_may_sign(certificates: Pki, tmp_path: Path) -> None:
    root, leaf = certificates.root, certificates.leaf
    responder = delegate(root, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.9"))
    report = shown(leaf, response(leaf, root, signer=responder), root, tmp_path)
    assert report.handshake is not None
    assert report.handshake.staple is not None
    assert (report.handshake.staple.signature, report.handshake.staple.responder) == ("good", "CN=responder")
