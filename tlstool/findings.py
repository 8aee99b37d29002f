"""The faults of a certificate chain in words, for the verifiers that do not say them in ours: OpenSSL's and cryptography's.

The engine has the same faults with the same words (`judge/fault.rs`).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Sequence

from tlstool.errors import rank
from tlstool.model import Certificate, Finding, Purpose

REVOCATION_UNKNOWN = Finding("revocation-unknown", "no revocation list that was given covers the leaf", 0)

_NAMES_SHOWN = 4


def ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding a code, the one that decides first."""
    by_code: dict[str, Finding] = {}
    for finding in found:
        by_code.setdefault(finding.code, finding)
    return tuple(sorted(by_code.values(), key=lambda finding: rank(finding.code)))


def bad_certificate(why: str, number: int | None = None) -> Finding:
    """A certificate that cannot be read, or breaks a rule that has no code of its own."""
    return Finding("bad-certificate", f"a certificate is not valid: {why}", number)


def outdated(due: str | None) -> Finding:
    """A list that covers the leaf, and was to be replaced at `due`; None where nobody says when."""
    when = f": the next was due at {due}" if due else ""
    return Finding("revocation-unknown", f"the revocation list that covers the leaf is out of date{when}", 0)


def revoked(leaf: Certificate | None, by: str, at: str | None = None) -> Finding:
    """A leaf that is revoked, by the word of a list."""
    who = "the leaf" if leaf is None else f"the leaf, {quoted(leaf.subject)},"
    return Finding("revoked", f"{who} is revoked{f' since {at}' if at else ''}, says {by}", 0)


def ca_as_leaf(leaf: Certificate) -> Finding:
    """A leaf that is the certificate of an authority."""
    words = f"the peer's own certificate, {quoted(leaf.subject)}, is that of a certificate authority"
    return Finding("ca-as-leaf", words, 0)


def forged(number: int | None, certificate: Certificate) -> Finding:
    """A certificate whose signature is not its issuer's."""
    words = f"the signature on {who(number, certificate)} is not by the key of {quoted(certificate.issuer)}"
    return Finding("bad-signature", words, number)


def untrusted(walk: Sequence[tuple[int | None, Certificate]], *, stray: bool) -> Finding:
    """Why a chain leads to no anchor, as far as the certificates themselves tell.

    `walk` goes from the leaf upwards by the names of the issuers; `stray` says that other certificates were sent besides.
    """
    number, end = walk[-1]
    if end.is_self_issued:
        if len(walk) == 1:
            return Finding("self-signed", f"{who(number, end)} is signed by itself", number)
    elif stray or (len(walk) == 1 and end.ca_issuer_urls):
        # An issuer that is on no way from the leaf, or one to be fetched from somewhere: a link between was left out.
        words = f"the peer sent no certificate of {quoted(end.issuer)}, which issued that of {quoted(end.subject)}"
        return Finding("missing-intermediate", words, number)
    words = f"the chain ends at {quoted(end.issuer)}, which is not among the trusted roots"
    return Finding("unknown-issuer", words, number)


def name_fault(certificate: Certificate, wanted: str) -> Finding | None:
    """The fault of a certificate that is not for the name or address `wanted`; None if it is for it (RFC 9525 section 6)."""
    from tlstool.certs import load
    from tlstool.extensions import alternative_names

    if is_for(wanted, *alternative_names(load(certificate))):
        return None
    if not certificate.names:
        return Finding("name-mismatch", f"the certificate is for no name at all, not for {wanted}", 0)
    shown, rest = certificate.names[:_NAMES_SHOWN], len(certificate.names) - _NAMES_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return Finding("name-mismatch", f"the certificate is for {', '.join(shown)}{more}, not for {wanted}", 0)


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


def date_fault(number: int | None, certificate: Certificate, now: float, *, by_clock: bool = True) -> Finding | None:
    """The fault of a certificate that is outside its validity at `now`, seconds since the epoch; None for none.

    `by_clock` says that `now` is what the clock of this machine says, and not a time that was asked for.
    """
    from tlstool.certs import rfc3339, seconds

    if not certificate.not_after:  # it could not be read
        return None
    clock = f"the clock of this machine says {rfc3339(now)}" if by_clock else f"it is judged as of {rfc3339(now)}"
    if now > seconds(certificate.not_after):
        return Finding("expired", f"{who(number, certificate)} expired at {certificate.not_after}; {clock}", number)
    if now < seconds(certificate.not_before):
        words = f"{who(number, certificate)} is not valid before {certificate.not_before}; {clock}"
        return Finding("not-yet-valid", words, number)
    return None


def purpose_fault(number: int | None, certificate: Certificate, purpose: Purpose) -> Finding | None:
    """The fault of a certificate that is meant for something else (RFC 5280 section 4.2.1.12); None for none."""
    offered = certificate.extended_key_usage
    wanted = {"server": "serverAuth", "client": "clientAuth"}.get(purpose)
    if offered is None or wanted is None or wanted in offered:
        return None
    unfit = f"{who(number, certificate)} is not meant for TLS {purpose}s"
    if not offered:
        return Finding("wrong-purpose", f"{unfit}: its extendedKeyUsage is empty", number)
    return Finding("wrong-purpose", f"{unfit}, but for {', '.join(offered)} (extendedKeyUsage)", number)


def pin_fault(leaf: Certificate, pins: Sequence[str]) -> Finding | None:
    """The fault of a leaf whose key is none of those pinned; None if it is, or none are."""
    if not pins or leaf.spki_sha256 in pins:
        return None
    import binascii

    found = binascii.b2a_base64(bytes.fromhex(leaf.spki_sha256), newline=False).decode()
    return Finding("pin-mismatch", f"the leaf's key is not the pinned one, but sha256/{found}", 0)


def who(number: int | None, certificate: Certificate) -> str:
    """`the leaf, "CN=a",`: which certificate a sentence is about."""
    if number is None:
        return f"the certificate of {quoted(certificate.subject)}"
    if number == 0:
        return f"the leaf, {quoted(certificate.subject)},"
    return f"certificate {number} of the chain, {quoted(certificate.subject)},"


def quoted(text: str) -> str:
    """A name in a sentence."""
    return json.dumps(text, ensure_ascii=False)


def _label_match(presented: list[str], wanted: list[str]) -> bool:
    if presented[0] == "*" and len(presented) > 1:
        return bool(wanted[0]) and presented[1:] == wanted[1:]
    return presented == wanted
