"""What is to be certified, and how: as data, so that a fault is another value of a field or two."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from tlstool.authority import VALID
from tlstool.record import Record

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""Whom a throw-away certificate is for."""

_HOUR = timedelta(hours=1)


class Issuer(Record):
    """An authority between the root and the leaf. As it stands, it is a sound one.

    Attributes:
        key_type: as in `authority.new_key`.
        is_authority: what its basicConstraints say.
        depth: how many authorities it allows below itself (pathLenConstraint); None for any number.
        only_for: the one domain that it may issue for (RFC 5280 section 4.2.1.10); None for all.
        is_stranger: nobody issued it: it is a root of its own, which no client knows.
    """

    key_type: str = "ecdsa-p256"
    is_authority: bool = True
    depth: int | None = None
    only_for: str | None = None
    is_stranger: bool = False


class Blueprint(Record):
    """A server's chain. As it stands, it is sound: a leaf for localhost that the root has issued.

    Attributes:
        names: whom the leaf is for, DNS names and addresses; the first is its common name.
        in_alternative_names: they stand in a subjectAltName, too.
        valid: when the leaf's validity begins and ends, from now.
        purpose: what its extendedKeyUsage allows.
        issuer_url: where it says that its issuer's certificate is (authorityInfoAccess); None if it does not say.
        has_unknown_extension: one that is critical, and that nobody can know.
        must_staple: it demands a stapled OCSP response (RFC 7633).
        issuers: between the root and the leaf, from the top down; None for a leaf that signs itself.
        digest: the hash of the leaf's signature.
        is_signature_good: False for a signature with a bit turned.
        sends: what a server sends: the leaf with the issuers, the leaf alone, the issuers in the wrong order, or one more
            certificate that leads nowhere.
        staple: what the OCSP response of its issuer says; None for no response.
    """

    names: tuple[str, ...] = LOCAL_NAMES
    in_alternative_names: bool = True
    valid: tuple[timedelta, timedelta] = (-_HOUR, VALID)
    purpose: Literal["server", "client"] = "server"
    issuer_url: str | None = None
    has_unknown_extension: bool = False
    must_staple: bool = False
    issuers: tuple[Issuer, ...] | None = ()
    digest: Literal["sha256", "sha1"] = "sha256"
    is_signature_good: bool = True
    sends: Literal["chain", "leaf", "upside-down", "more"] = "chain"
    staple: Literal["good", "revoked", "expired", "unknown"] | None = None
