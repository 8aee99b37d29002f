"""What the reader of a report should know of a handshake and its chain, though it is no reason to refuse them: the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlstool.chain import SOON_DAYS
from tlstool.model import Certificate, Finding, Handshake, Staple, TlsVersion, Trust

WARNINGS: dict[str, str] = {
    "asked-again": "the peer was asked again, with all that OpenSSL has, to see what it speaks",
    "chain-duplicate": "a certificate was sent more than once",
    "chain-order": "the certificates are not in the order in which they were issued",
    "client-certificate-unused": "our certificate was not asked for",
    "cpu-governor": "the frequency governor may slow the machine down",
    "early-data-rejected": "early data was not taken",
    "ech-unavailable": "the hello was not encrypted, as nobody knows how",
    "extra-certificates": "certificates were sent that lead nowhere",
    "few-rounds": "there were too few rounds for a spread",
    "frequency-drift": "the machine changed its speed during the run",
    "incomplete": "the peer ended without close_notify",
    "machine-busy": "others used the machine during the run",
    "name-not-checked": "no name was given to check the certificate by",
    "no-answer": "the peer did not answer what was sent",
    "no-baseline": "rows are in this run and not in the earlier one",
    "no-key-update": "the version has no key update",
    "not-resumed": "no further connection was resumed",
    "not-written": "a file that was asked for was not written",
    "old-tls": "TLS 1.2 was agreed on, though 1.3 was offered",
    "other-library": "a library is not the one that its path promises",
    "other-machine": "the earlier run was on another machine",
    "root-sent": "the root was sent, which everybody has to have anyway",
    "second-connection": "the report is of another connection than the one that was verified",
    "sha1-root": "the root is signed by way of SHA-1 or MD5; it is trusted by itself, so that this does no harm",
    "smt-active": "two threads share a core",
    "soon-to-expire": "a certificate of the chain is about to expire",
    "staple-expired": "the stapled OCSP response is out of date",
    "staple-invalid": "the stapled OCSP response does not count: its signature, or what it is about",
    "staple-not-checked": "the certificate demands a stapled OCSP response, for which the backend cannot ask",
    "staple-unknown": "the stapled OCSP response says that its responder does not know the certificate",
    "virtual-machine": "the figures are of a virtual machine, whose host has other guests",
}
"""What a report says besides its verdict, and what is no reason to fail: each code, and what it means."""

_LIFE_LEFT = 3


def of_handshake(handshake: Handshake, offered: Sequence[TlsVersion]) -> tuple[Finding, ...]:
    """The warnings about a handshake in which these versions were offered, 1.2 and 1.3 if there are none."""
    found = list(of_chain(handshake.certificates, handshake.trust))
    if handshake.tls == "1.2" and (not offered or "1.3" in offered):
        found.append(Finding("old-tls", "the peer speaks TLS 1.2 at most: 1.3 was offered too"))
    if handshake.trust.verdict != "not_checked":
        found += _demanded_unseen(handshake) if handshake.staple is None else _of_staple(handshake.staple)
    return tuple(found)


def of_chain(chain: Sequence[Certificate], trust: Trust | None) -> tuple[Finding, ...]:
    """The warnings about the certificates that were sent, leaf first."""
    readable = [(number, one) for number, one in enumerate(chain) if one.spki_sha256]
    if not readable or readable[0][0] != 0:
        return ()
    return (*_order(readable, trust), *_expiry(readable), *_old_root(trust))


def _order(chain: list[tuple[int, Certificate]], trust: Trust | None) -> Iterable[Finding]:
    """The web's servers send the leaf, then each issuer, and no root (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2)."""
    distinct = {one.sha256: (number, one) for number, one in reversed(chain)}
    single = sorted(distinct.values(), key=lambda step: step[0])
    for number, one in chain:
        if distinct[one.sha256][0] != number:
            words = f"certificate {number} of the chain is the same as certificate {distinct[one.sha256][0]}"
            yield Finding("chain-duplicate", words, number)
    needed = _needed(single, trust)
    extra = [number for number, one in single if number not in needed and not one.is_self_issued]
    if extra:
        yield Finding("extra-certificates", f"{_listed(extra)} of the chain is on no path from the leaf to a root", extra[0])
    if needed != sorted(needed):
        words = "the server sends its certificates out of order: each should be followed by its issuer's"
        yield Finding(
            "chain-order", words, next(number for place, number in enumerate(needed) if number != sorted(needed)[place])
        )
    for number, one in single[1:]:
        if one.is_self_issued:
            words = f"the server sends the root {one.subject!r}: who trusts it has it, and who does not ignores it"
            yield Finding("root-sent", words, number)


def _needed(chain: Sequence[tuple[int, Certificate]], trust: Trust | None) -> list[int]:
    """The places of the certificates that lead from the leaf upwards: on the path that was verified, or else by their names."""
    if trust is not None and trust.path:
        places = [one.sent for one in trust.path if one.sent is not None]
        if len(places) == len(trust.path) or trust.path[-1].sent is None:
            return places
    left = list(chain)
    walk = [left.pop(0)]
    while issuer := next((step for step in left if step[1].subject == walk[-1][1].issuer), None):
        left.remove(issuer)
        walk.append(issuer)
    return [number for number, _ in walk]


def _expiry(chain: Iterable[tuple[int, Certificate]]) -> Iterable[Finding]:
    for number, one in chain:
        if not 0 <= one.days_left < SOON_DAYS:
            continue
        from tlstool.certs import seconds

        life = (seconds(one.not_after) - seconds(one.not_before)) / 86_400
        if one.days_left * _LIFE_LEFT < life:
            which = "the leaf" if number == 0 else f"certificate {number} of the chain"
            yield Finding("soon-to-expire", f"{which} expires at {one.not_after}, {_days(one.days_left)}", number)


def _old_root(trust: Trust | None) -> Iterable[Finding]:
    path = (trust.path if trust else None) or ()
    root = path[-1] if len(path) > 1 else None
    if root and ("sha1" in root.signature_algorithm.lower() or root.signature_algorithm.startswith("md5")):
        words = (
            f"the root {root.subject!r} is signed with {root.signature_algorithm}: it is trusted by itself, so this does no harm"
        )
        yield Finding("sha1-root", words, root.sent)


def _demanded_unseen(handshake: Handshake) -> list[Finding]:
    """Who does not ask gets no staple (RFC 6066 section 8), so that its absence is no fault of the server's, nor is all well."""
    if not (handshake.certificates and handshake.certificates[0].must_staple):
        return []
    words = "the certificate demands a stapled OCSP response (RFC 7633): not checked, as this backend cannot ask for one"
    return [Finding("staple-not-checked", words, 0)]


def _of_staple(staple: Staple) -> list[Finding]:
    if staple.status == "unknown" and staple.problem is None:
        return [Finding("staple-unknown", "the stapled OCSP response says that its responder does not know the certificate")]
    if staple.status == "absent" or staple.problem is None:
        return []
    code = "staple-expired" if staple.is_current is False and staple.signature == "good" else "staple-invalid"
    return [Finding(code, f"the stapled OCSP response does not count: {staple.problem}")]


def _listed(numbers: Sequence[int]) -> str:
    """`certificate 2`, `each of the certificates 2, 4`."""
    shown = ", ".join(map(str, numbers))
    return f"certificate {shown}" if len(numbers) == 1 else f"each of the certificates {shown}"


def _days(days: int) -> str:
    return {0: "in less than a day", 1: "in a day"}.get(days, f"in {days} days")
