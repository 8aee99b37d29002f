"""Which certificate of a chain has the fault that a verifier found: looks of our own, for OpenSSL and cryptography do not say it.

Nothing here says that a chain is good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from tlstool.certs import load
from tlstool.extensions import extension
from tlstool.findings import bad_certificate, ca_as_leaf, forged, purpose_fault, quoted, untrusted, who
from tlstool.model import Certificate, Finding, Purpose

if TYPE_CHECKING:
    from cryptography import x509

Step = tuple[int | None, Certificate]
"""A certificate, and its place among those that were sent; None for one from elsewhere."""

KEYS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519")
"""The types of keys that the engine takes, and OpenSSL too, besides RSA."""

_RSA_BITS = range(2048, 8193)

# Key and extended key usage, names, constraints, and where lists are: what RFC 5280 asks a verifier to know, less policies.
_UNDERSTOOD = frozenset({"2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"})


class Walk:
    """The way from the leaf upwards by the names of the issuers.

    Attributes:
        steps: the certificates on it, leaf first.
        stray: whether there are others that are not on it.
    """

    def __init__(self, chain: Sequence[Certificate], others: Sequence[Certificate] = ()) -> None:
        left: list[Step] = [*enumerate(chain), *((None, one) for one in others)]
        left = [step for step in left if step[1].spki_sha256]
        self.steps: list[Step] = [left.pop(0)]
        while not (end := self.steps[-1][1]).is_self_issued:
            issuer = next((step for step in left if step[1].subject == end.issuer), None)
            if issuer is None:
                break
            left.remove(issuer)
            self.steps.append(issuer)
        self.stray = bool(left)

    @property
    def leaf(self) -> Certificate:
        """The first certificate."""
        return self.steps[0][1]

    def no_path(self) -> Finding:
        """Why it leads to no anchor, as far as the certificates themselves tell."""
        return untrusted(self.steps, stray=self.stray)

    def not_a_ca(self) -> Finding | None:
        """An issuer that is no authority, or whose key is not meant to sign certificates."""
        if self.leaf.is_ca:
            return ca_as_leaf(self.leaf)
        for number, one in self.steps[1:]:
            if not one.is_ca:
                return Finding("not-a-ca", f"{who(number, one)} issued another, and is no certificate authority", number)
            if one.key_usage is not None and "keyCertSign" not in one.key_usage:
                return Finding("not-a-ca", f"{who(number, one)} issued another, and its key is not meant for that", number)
        return None

    def path_length(self) -> Finding | None:
        """An issuer that allows for fewer intermediates below it than there are (RFC 5280 section 4.2.1.9)."""
        for below, (number, one) in enumerate(self.steps[1:]):
            if one.path_length is not None and below > one.path_length:
                words = f"{who(number, one)} allows {one.path_length} intermediates below it, and there are more"
                return Finding("path-length", words, number)
        return None

    def key(self, taken: Sequence[str] = KEYS) -> Finding | None:
        """A key that is too short, or of a kind that the verifier does not take: RSA, and what is `taken` besides."""
        for number, one in self.steps:
            is_rsa = one.key_type.startswith("rsa-")
            if is_rsa and one.key_bits is not None and one.key_bits < _RSA_BITS.start:
                words = f"{who(number, one)} has the key {one.key_type}, which is too short: RSA takes 2048 bits"
                return Finding("weak-key", words, number)
            if one.key_type not in taken and not (is_rsa and one.key_bits in _RSA_BITS):
                return Finding("unsupported-key", f"{who(number, one)} has the key {one.key_type}, which is not accepted", number)
        return None

    def signature(self) -> Finding | None:
        """A certificate below the root that is signed by way of a hash that can be forged."""
        for number, one in self.steps:
            algorithm = one.signature_algorithm
            if not one.is_self_issued and (algorithm.startswith("md5") or "sha1" in algorithm.lower()):
                return Finding("weak-signature", f"{who(number, one)} is signed with {algorithm}, which can be forged", number)
        return None

    def version(self) -> Finding | None:
        """A certificate of version 1 or 2, which has no extensions (RFC 5280 section 4.1.2.1)."""
        for number, one in self.steps:
            if one.version < 3:
                words = f"{who(number, one)} is of X.509 version {one.version}, and 3 is wanted"
                return Finding("certificate-version", words, number)
        return None

    def critical(self) -> Finding | None:
        """A critical extension that verifiers need not know."""
        from cryptography.x509 import DuplicateExtension

        for number, one in self.steps:
            try:
                found = [extension.oid.dotted_string for extension in load(one).extensions if extension.critical]
            except (ValueError, DuplicateExtension):
                continue
            if unknown := [oid for oid in found if oid not in _UNDERSTOOD]:
                words = f"the critical extension {unknown[0]} of {who(number, one)} is not understood"
                return Finding("unknown-critical-extension", words, number)
        return None

    def purpose(self, purpose: Purpose) -> Finding | None:
        """A certificate that is meant for something else."""
        found = (purpose_fault(number, one, purpose) for number, one in self.steps)
        return next((one for one in found if one), None)

    def forged(self, anchors: Sequence[Certificate] = ()) -> Finding | None:
        """A certificate whose signature is not by any that bear its issuer's name."""
        for place, (number, one) in enumerate(self.steps):
            issuers = [above for _, above in self.steps[place + 1 : place + 2]]
            issuers += [anchor for anchor in anchors if anchor.subject == one.issuer]
            if issuers and not any(_signed_by(one, issuer) for issuer in issuers):
                return forged(number, one)
        return None

    def name_constraint(self) -> Finding | None:
        """A name of the leaf that an issuer may not certify (RFC 5280 section 4.2.1.10)."""
        from cryptography import x509

        names = extension(load(self.leaf), x509.SubjectAlternativeName) or ()
        for _, one in self.steps[1:]:
            limits = extension(load(one), x509.NameConstraints)
            if limits is None:
                continue
            for name in names:
                if _is_outside(name, limits):
                    words = f"{name.value} is outside of the names that {quoted(one.subject)} may certify"
                    return Finding("name-constraint", words, 0)
        return None

    def first(self, purpose: Purpose, anchors: Sequence[Certificate], words: str, taken: Sequence[str] = KEYS) -> Finding:
        """The first fault that any of the looks above finds; if none does, what the verifier said, in its `words`."""
        looks: tuple[Callable[[], Finding | None], ...] = (
            self.version,
            self.critical,
            lambda: self.key(taken),
            self.not_a_ca,
            lambda: self.purpose(purpose),
            self.signature,
            lambda: self.forged(anchors),
            self.path_length,
            self.name_constraint,
        )
        return next((found for look in looks if (found := look())), bad_certificate(words))


def _signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        load(certificate).verify_directly_issued_by(load(issuer))
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _is_outside(name: x509.GeneralName, limits: x509.NameConstraints) -> bool:
    permitted = [within for base in limits.permitted_subtrees or () if (within := _within(name, base)) is not None]
    return (bool(permitted) and not any(permitted)) or any(_within(name, base) for base in limits.excluded_subtrees or ())


def _within(name: x509.GeneralName, base: x509.GeneralName) -> bool | None:
    """Whether a name is in a subtree; None if that is of another kind."""
    from cryptography import x509

    if isinstance(name, x509.DNSName) and isinstance(base, x509.DNSName):
        wanted, above = name.value.lower(), base.value.lower()
        return not above or wanted == above or wanted.endswith(f".{above.removeprefix('.')}")
    if isinstance(name, x509.IPAddress) and isinstance(base, x509.IPAddress):
        address, network = name.value, base.value
        if isinstance(address, IPv4Address) and isinstance(network, IPv4Network):
            return address in network
        if isinstance(address, IPv6Address) and isinstance(network, IPv6Network):
            return address in network
    return None
