"""What to type or do next about a chain's faults, where the chain itself tells more than the standing hint of a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlstool.model import Certificate, Finding, Trust

_NAMELESS = "only names in subjectAltName count, not that of the subject: have the certificate issued anew with its names there"


def advised(trust: Trust, certificates: Sequence[Certificate]) -> Trust:
    """The verdict, with hints for its findings; `certificates` are those that were sent."""
    if not trust.findings:
        return trust
    return replace(trust, findings=tuple(_advised(finding, certificates, trust) for finding in trust.findings))


def nearest(wanted: str, names: Sequence[str]) -> str | None:
    """The name that is most like the wanted one; None if none is much alike."""
    from difflib import get_close_matches

    alike = get_close_matches(wanted.lower(), [name.lower() for name in names], n=1, cutoff=0.5)
    return alike[0] if alike else None


def _advised(finding: Finding, certificates: Sequence[Certificate], trust: Trust) -> Finding:
    number = finding.certificate
    certificate = certificates[number] if number is not None and number < len(certificates) else None
    if certificate is None:
        return finding
    hint = _hint(finding.code, certificate, trust, of_leaf=not number)
    return finding if hint is None else replace(finding, hint=hint)


def _hint(code: str, certificate: Certificate, trust: Trust, *, of_leaf: bool) -> str | None:
    """What the certificate tells of the way out; None if the standing hint says all."""
    hint = None
    match code:
        case "missing-intermediate" if certificate.ca_issuer_urls:
            hint = _fetch(certificate.ca_issuer_urls[0])
        case "name-mismatch" if trust.name and (name := nearest(trust.name, certificate.names)):
            hint = _rename(name)
        case "name-mismatch" if not certificate.names:
            hint = _NAMELESS
        case "revocation-unknown":
            hint = _list(certificate.crl_urls)
        case "expired" if not of_leaf:
            hint = "the authority has a newer certificate: the server should send that one"
        case "wrong-purpose" if not of_leaf:
            hint = "the authority that issued it may not do so for servers: have another one issue it"
    return hint


def _fetch(url: str) -> str:
    return (
        f"the server should send it too; it can be had from {url}: save it, and until then name it with --extra-ca FILE, "
        "or --untrusted FILE of cert-verify"
    )


def _list(urls: Sequence[str]) -> str:
    if not urls:
        return "the certificate names no list: ask its authority for the current one, and give it with --crl FILE"
    return f"fetch the current list from {urls[0]}, and give it with --crl FILE"


def _rename(name: str) -> str:
    if name.startswith("*."):
        return f"the nearest name that it has is {name}: connect by a name of that pattern, or give one with --verify-name NAME"
    return f"the nearest name that it has is {name}: connect to that, or check for it with --verify-name {name}"
