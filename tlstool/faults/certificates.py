"""The faults of certificates and of what goes with them: each is valid but for that one fault."""

from __future__ import annotations

from datetime import timedelta

from tlstool.events import Promise
from tlstool.faults.blueprint import Issuer
from tlstool.faults.fault import Fault

_DAY = timedelta(days=1)

_ON_OPENSSL = ("--backend", "openssl")
# The interpreter's ssl has no way to ask for a staple.
_UNSEEN = Promise(0, None, _ON_OPENSSL)

CERTIFICATES: tuple[Fault, ...] = (
    Fault(
        name="expired",
        words="the certificate ended yesterday",
        promise=Promise(11, "expired"),
        chain={"valid": (-30 * _DAY, -_DAY)},
    ),
    Fault(
        name="not-yet-valid",
        words="the certificate begins tomorrow",
        promise=Promise(11, "not-yet-valid"),
        chain={"valid": (_DAY, 30 * _DAY)},
    ),
    Fault(
        name="wrong-name",
        words="the certificate is for elsewhere.test alone",
        promise=Promise(10, "name-mismatch"),
        chain={"names": ("elsewhere.test",)},
    ),
    Fault(
        name="no-san",
        words="the name stands in the subject's common name alone, not in a subjectAltName",
        promise=Promise(10, "name-mismatch"),
        chain={"in_alternative_names": False},
    ),
    Fault(
        name="self-signed",
        words="nobody but itself has issued the certificate",
        promise=Promise(9, "self-signed"),
        chain={"issuers": None},
    ),
    Fault(
        name="untrusted-root",
        words="an authority has issued it that nobody knows",
        promise=Promise(9, "unknown-issuer"),
        chain={"issuers": (Issuer(is_stranger=True),)},
    ),
    Fault(
        name="no-intermediate",
        words="the intermediate authority's certificate is not sent",
        promise=Promise(9, "missing-intermediate"),
        # Nobody is there, but clients tell by it that there is an intermediate.
        chain={"issuers": (Issuer(),), "sends": "leaf", "issuer_url": "http://ca.invalid/intermediate.cer"},
    ),
    Fault(
        name="wrong-order",
        words="two intermediate certificates are sent in the wrong order",
        promise=Promise(0, "chain-order"),
        chain={"issuers": (Issuer(), Issuer()), "sends": "upside-down"},
    ),
    Fault(
        name="extra-certs",
        words="a certificate is sent that has nothing to do with the others",
        promise=Promise(0, "extra-certificates"),
        chain={"sends": "more"},
    ),
    Fault(
        name="bad-eku",
        words="the certificate is meant for clients (extendedKeyUsage)",
        promise=Promise(9, "wrong-purpose"),
        chain={"purpose": "client"},
    ),
    Fault(
        name="not-a-ca",
        words="the intermediate certificate is not that of an authority (basicConstraints)",
        promise=Promise(9, "not-a-ca"),
        chain={"issuers": (Issuer(is_authority=False),)},
    ),
    Fault(
        name="path-length",
        words="there is an authority more below one than its pathLenConstraint allows",
        promise=Promise(9, "path-length"),
        chain={"issuers": (Issuer(depth=0), Issuer())},
    ),
    Fault(
        name="name-constraint",
        words="the intermediate authority may issue for example.com alone",
        promise=Promise(9, "name-constraint"),
        chain={"issuers": (Issuer(only_for="example.com"),)},
    ),
    Fault(
        name="weak-key",
        words="the intermediate authority has an RSA key of 1024 bits",
        promise=Promise(9, "weak-key"),
        chain={"issuers": (Issuer("rsa-1024"),)},
    ),
    Fault(
        name="sha1",
        words="the certificate is signed by way of SHA-1",
        promise=Promise(9, "weak-signature"),
        chain={"issuers": (Issuer("rsa-2048"),), "digest": "sha1"},
    ),
    Fault(
        name="bad-signature",
        words="a bit of the certificate's signature is turned",
        promise=Promise(9, "bad-signature"),
        chain={"is_signature_good": False},
    ),
    Fault(
        name="unknown-critical",
        words="the certificate has a critical extension that nobody knows",
        promise=Promise(9, "unknown-critical-extension"),
        chain={"has_unknown_extension": True},
    ),
    Fault(
        name="revoked-staple",
        words="the stapled OCSP response says that the certificate is revoked",
        promise=Promise(12, "revoked"),
        further=(_UNSEEN,),
        chain={"staple": "revoked"},
    ),
    Fault(
        name="expired-staple",
        words="the stapled OCSP response ended yesterday",
        promise=Promise(0, "staple-expired"),
        further=(_UNSEEN,),
        chain={"staple": "expired"},
    ),
    Fault(
        name="unknown-staple",
        words="the stapled OCSP response says that nobody knows the certificate",
        promise=Promise(0, "staple-unknown"),
        further=(_UNSEEN,),
        chain={"staple": "unknown"},
    ),
    Fault(
        name="must-staple-missing",
        words="the certificate demands a stapled OCSP response, and none is sent",
        promise=Promise(9, "must-staple-missing"),
        further=(Promise(0, "staple-not-checked", _ON_OPENSSL),),
        chain={"must_staple": True},
    ),
)
"""In the order of `--fault list`."""
