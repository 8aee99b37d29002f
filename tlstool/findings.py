"""The faults of a certificate chain in words, for the verifiers that do not say them in ours: OpenSSL's and cryptography's.

The engine has the same faults with the same words (`ChainFault`).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tlstool.errors import rank
from tlstool.model import Certificate, Finding

if TYPE_CHECKING:
    from cryptography import x509

BAD_SIGNATURE = Finding("bad-signature", "a signature of the chain or of the handshake does not verify")
WRONG_PURPOSE = Finding("wrong-purpose", "the certificate is not meant for TLS servers (extendedKeyUsage)")
CA_AS_LEAF = Finding("ca-as-leaf", "the peer's own certificate is that of a certificate authority")
REVOKED = Finding("revoked", "the certificate is revoked")
REVOCATION_UNKNOWN = Finding("revocation-unknown", "no revocation list covers the certificate")

_NAMES_SHOWN = 4


def ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding a code, the one that decides first."""
    by_code: dict[str, Finding] = {}
    for finding in found:
        by_code.setdefault(finding.code, finding)
    return tuple(sorted(by_code.values(), key=lambda finding: rank(finding.code)))


def bad_certificate(why: str) -> Finding:
    """A certificate that cannot be read, or breaks a rule that has no code of its own."""
    return Finding("bad-certificate", f"a certificate cannot be read: {why}")


def unsupported_certificate(why: str) -> Finding:
    """A certificate that is sound, and nothing that the verifier accepts."""
    return Finding("unsupported-certificate", f"a certificate cannot be used: {why}")


def untrusted(certificates: Sequence[Certificate]) -> Finding:
    """Why a chain, leaf first, leads to no anchor, as far as the certificates themselves tell."""
    walk, others = [certificates[0]], list(certificates[1:])
    while walk[-1].subject != walk[-1].issuer:
        issuer = next((one for one in others if one.subject == walk[-1].issuer), None)
        if issuer is None:
            break
        others.remove(issuer)
        walk.append(issuer)
    end = walk[-1]
    if end.subject == end.issuer:
        if len(walk) == 1:
            return Finding("self-signed", f"the certificate of {_quoted(end.subject)} is signed by itself")
    elif others or (len(walk) == 1 and _names_its_issuers_file(end)):
        # An issuer that is on no way from the leaf, or one to be fetched from somewhere: a link between was left out.
        return Finding("missing-intermediate", f"the peer sent no certificate of {_quoted(end.issuer)}, which issued its own")
    return Finding("unknown-issuer", f"the chain ends at {_quoted(end.issuer)}, which is not among the trusted roots")


def name_fault(certificate: Certificate, wanted: str) -> Finding | None:
    """The fault of a certificate that is not for the name or address `wanted`; None if it is for it (RFC 9525 section 6)."""
    from tlstool.certs import load

    dns_names, addresses = alternative_names(load(certificate))
    if is_for(wanted, dns_names, addresses):
        return None
    if not certificate.names:
        return Finding("name-mismatch", f"the certificate is for no name at all, not for {wanted}")
    shown, rest = certificate.names[:_NAMES_SHOWN], len(certificate.names) - _NAMES_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return Finding("name-mismatch", f"the certificate is for {', '.join(shown)}{more}, not for {wanted}")


def is_for(wanted: str, dns_names: Iterable[str], addresses: Iterable[str]) -> bool:
    """Whether one of the subjectAltNames is the name or address `wanted`.

    A wildcard is a whole leftmost label and stands for exactly one (RFC 9525 section 6.3); a DNS name never matches an address.
    """
    try:
        address = ipaddress.ip_address(wanted)
    except ValueError:
        labels = wanted.rstrip(".").lower().split(".")
        return any(_label_match(name.rstrip(".").lower().split("."), labels) for name in dns_names)
    return any(address == ipaddress.ip_address(presented) for presented in addresses)


def date_fault(certificate: Certificate, now: float) -> Finding | None:
    """The fault of a certificate that is outside its validity at `now`, seconds since the epoch; None for none."""
    from tlstool.certs import seconds

    if not certificate.not_after:  # it could not be read
        return None
    if now > seconds(certificate.not_after):
        return Finding("expired", f"the certificate of {_quoted(certificate.subject)} expired at {certificate.not_after}")
    if now < seconds(certificate.not_before):
        return Finding(
            "not-yet-valid", f"the certificate of {_quoted(certificate.subject)} is not valid before {certificate.not_before}"
        )
    return None


def alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """The DNS names and the addresses of the subjectAltName; none if that cannot be read."""
    from cryptography import x509

    from tlstool.certs import extension

    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return [], []
    return names.get_values_for_type(x509.DNSName), [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def _label_match(presented: list[str], wanted: list[str]) -> bool:
    if presented[0] == "*" and len(presented) > 1:
        return bool(wanted[0]) and presented[1:] == wanted[1:]
    return presented == wanted


def _names_its_issuers_file(certificate: Certificate) -> bool:
    """Whether authorityInfoAccess says where the issuer's certificate is (RFC 5280 section 4.2.2.1): it is no root then."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    from tlstool.certs import extension, load

    access = extension(load(certificate), x509.AuthorityInformationAccess)
    return access is not None and any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in access)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
