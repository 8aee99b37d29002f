"""A certificate chain: what it is judged by, and what is said of it. These records are part of `tlstool.model`."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tlstool.record import Record

Verdict = Literal["good", "bad", "unknown", "not_checked"]
Purpose = Literal["server", "client", "any"]

SOON_DAYS = 21
"""A certificate that ends within so many days will soon expire."""


class Roots(Record):
    """Which certificates are trusted as anchors.

    Attributes:
        store: for the report: "system", "certifi", "none", or the names of the files.
        pem: the anchors' files as they are (PEM, or one DER certificate each); None for the system's own store and verifier.
        extra: more of them, on top of the system's.
    """

    store: str
    pem: tuple[bytes, ...] | None
    extra: tuple[bytes, ...] = ()


class Crl(Record):
    """A file with certificate revocation lists.

    Attributes:
        file: its name, for messages.
        data: PEM, or one list in DER.
    """

    file: str
    data: bytes = field(repr=False)


class Tlsa(Record):
    """A TLSA record, as the DNS has it for a service (RFC 6698 section 2.1).

    Attributes:
        usage: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE (RFC 7218 section 2.1).
        selector: 0 for the whole certificate, 1 for its public key.
        matching: 0 for the thing itself, 1 for its SHA-256, 2 for its SHA-512.
        data: what has to match.
    """

    usage: int
    selector: int
    matching: int
    data: bytes


class Criteria(Record):
    """What a chain is judged by, where there is no connection.

    Attributes:
        roots: the anchors.
        crls, purpose, pins, tlsa, at: as in `ClientConfig`.
        verify_name: the DNS name or address that the certificate must have; None checks none.
    """

    roots: Roots
    crls: tuple[Crl, ...] = ()
    purpose: Purpose = "server"
    pins: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    verify_name: str | None = None
    at: int | None = None


class Sct(Record):
    """A signed certificate timestamp: a log's promise to publish the certificate (RFC 6962 section 3).

    Attributes:
        log_id: of the log: the hash of its key, hex.
        timestamp: when it promised, to the second.
    """

    log_id: str
    timestamp: str


class Certificate(Record):
    """One certificate, as the peer sent it. Of one that cannot be parsed there are `sha256` and `pem`, and nothing else.

    Attributes:
        version: of X.509: 3 has extensions; 0 if it cannot be parsed.
        subject, issuer: distinguished names (RFC 4514), empty if the certificate's is empty.
        is_self_issued: whether the two are the same.
        serial: hex.
        not_before, not_after: the validity.
        days_left: whole days until `not_after`, negative once it is over.
        names: DNS names and addresses of the subjectAltName, in order.
        key_type: `ecdsa-p256`, `rsa-2048`, `ed25519` and the like, or the OID of an unknown algorithm.
        key_bits: the size that a key is known by, of its modulus or its curve's field; None for one of an unknown kind.
        signature_algorithm: how the issuer signed, by its registered name (`ecdsa-with-SHA256`), or the OID.
        is_ca: whether basicConstraints says CA.
        path_length: how many intermediates that allows below (RFC 5280 section 4.2.1.9); None for any number.
        key_usage: what its key may do, by the names of RFC 5280 section 4.2.1.3; None if it does not say.
        extended_key_usage: what it is meant for, by the names of section 4.2.1.12 or OIDs; None if it does not say.
        ocsp_urls, ca_issuer_urls: where a responder, and the issuer's certificate, are (authorityInfoAccess).
        crl_urls: where revocation lists that cover it are.
        scts: the timestamps of certificate transparency embedded in it.
        must_staple: whether it demands a stapled OCSP response (RFC 7633).
        sha256: hash of the whole certificate.
        spki_sha256: hash of its public key info, as used for pins.
        pem: the certificate itself.
    """

    version: int
    subject: str
    issuer: str
    is_self_issued: bool
    serial: str
    not_before: str
    not_after: str
    days_left: int
    names: tuple[str, ...]
    key_type: str
    key_bits: int | None
    signature_algorithm: str
    is_ca: bool
    path_length: int | None
    key_usage: tuple[str, ...] | None
    extended_key_usage: tuple[str, ...] | None
    ocsp_urls: tuple[str, ...]
    ca_issuer_urls: tuple[str, ...]
    crl_urls: tuple[str, ...]
    scts: tuple[Sct, ...]
    must_staple: bool
    sha256: str
    spki_sha256: str
    pem: str


class Finding(Record):
    """Something that is wrong, or noteworthy.

    Attributes:
        code: of a fault, one of `tlstool.errors`; of a warning, a word of its own.
        message: the cause in words.
        certificate: which of the certificates as sent it is about, the leaf being 0; None where it is about none, or not known.
        hint: what to do or type next; None where the standing hint of the code says it, or nobody knows.
    """

    code: str
    message: str
    certificate: int | None = None
    hint: str | None = None


class PathCertificate(Record):
    """One certificate of the path that was verified.

    Attributes:
        subject, not_after, key_type, signature_algorithm, sha256: as in `Certificate`.
        sent: its place among the certificates as sent, the leaf being 0; None for one from elsewhere, the store as a rule.
        is_anchor: whether it is the one that is trusted, and so not verified itself.
    """

    subject: str
    not_after: str
    key_type: str
    signature_algorithm: str
    sha256: str
    sent: int | None
    is_anchor: bool


class Trust(Record):
    """Who judged the chain, by what, and how.

    Attributes:
        verdict: `good`, `bad`, or `not_checked` where no certificate was seen.
        name: the name that the certificate had to have; None: no name was checked.
        revocation: by a staple that counts, or by the lists that were given; `not_checked` where there is neither.
        findings: the faults, the one that decides first; empty if the verdict is good.
        path: from the leaf to the anchor, also where names, dates or purposes are wrong; None if none was found, or the verifier
            does not tell.
        verifier: what judged: "webpki", "platform verifier", "OpenSSL 3.0.2 ...".
        store: whose anchors: see `Roots.store`; or the TLSA record that took their place.
    """

    verdict: Verdict
    name: str | None
    revocation: Verdict
    findings: tuple[Finding, ...]
    path: tuple[PathCertificate, ...] | None
    verifier: str
    store: str


class Staple(Record):
    """The OCSP response that a server staples to its handshake (RFC 6066 section 8, RFC 6960).

    Attributes:
        status: what it says of the leaf: `good`, `revoked` or `unknown`; `mismatch` if it is about another certificate,
            `unreadable` if it says nothing, `absent` if there is none.
        signature: whether the issuer signed it, or one to whom it gave the right; `unknown` without the issuer's certificate.
        is_current: whether it is in force; None where it says nothing.
        produced_at, this_update, next_update: its times; None where it has none.
        responder: who signed it: a name, or "key" and the SHA-1 of a key.
        revoked_at, reason: when and why the certificate was revoked (RFC 5280 section 5.3.1).
        problem: why it does not count, in words; None if it does.
    """

    status: Literal["good", "revoked", "unknown", "mismatch", "unreadable", "absent"]
    signature: Verdict
    is_current: bool | None
    produced_at: str | None
    this_update: str | None
    next_update: str | None
    responder: str | None
    revoked_at: str | None
    reason: str | None
    problem: str | None
